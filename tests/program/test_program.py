"""Laws of the program: one straight line of equations that computes what the user's functions compute."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lagrad
from lagrad.precision import float64
from lagrad.primitives.calls import PLAIN
from lagrad.primitives.equations import bind
from lagrad.program.program import numbered
from lagrad.program.trace import trace
from lagrad.tracing import quick

SHARED = lagrad.Problem(
    lambda x, p: jnp.sum(jax.jit(jnp.sin)(x) * p["w"]) + 2.0,
    np.array([0.1, 0.2, 0.4]),
    {
        "a": lagrad.Equality(lambda x, p: x[:2] * np.array([3.0, 4.0])),
        "b": lagrad.Equality(lambda x, p: x[0] ** 2),
    },
    params={"w": np.ones(3), "unused": np.float64(1.0)},
)


def run(program, *arguments):
    """Evaluate the equations one by one."""
    values = dict(program.constants) | dict(zip(program.inputs, arguments, strict=True))
    with float64():
        for equation in program.equations:
            operands = [values[number] for number in equation.inputs]
            values |= dict(zip(equation.outputs, equation.bind(*operands), strict=True))
    return [np.asarray(values[number]) for number in program.outputs]


def test_the_line_computes_objective_and_constraints():
    """Bound one after the other, the equations give f and c; leaves of params come after x, sorted by key."""
    x, unused, w = np.array([0.3, 0.5, 0.7]), np.float64(9.0), np.array([1.0, 2.0, 3.0])
    f, c = run(trace(SHARED), x, unused, w)
    assert f == pytest.approx(np.sin(x) @ w + 2.0, rel=1e-15)
    np.testing.assert_allclose(c, [3 * 0.3, 4 * 0.5, 0.09], rtol=1e-15)


def test_the_function_is_the_same():
    """`function` is f and c for JAX, and both are in float64."""
    program = trace(SHARED)
    arguments = np.array([0.3, 0.5, 0.7]), np.float64(9.0), np.array([1.0, 2.0, 3.0])
    with float64():
        f, c = program.function()(*arguments)
    expected = run(program, *arguments)
    np.testing.assert_array_equal(f, expected[0])
    np.testing.assert_array_equal(c, expected[1])
    assert f.dtype == c.dtype == np.float64


def test_nested_jits_are_inlined():
    """However deep, and applied twice with other operands."""
    twice = jax.jit(jax.jit(lambda x: 2 * x))
    program = trace(lagrad.Problem(lambda x: jnp.sum(twice(x) * twice(x + 1)), np.ones(2)))
    assert not {equation.name for equation in program.equations} & set(PLAIN)
    assert run(program, np.array([1.0, 2.0]))[0] == 2 * 4 + 4 * 6


def test_every_variable_is_made_once_and_before_its_use():
    """Static single assignment."""
    program = trace(SHARED)
    made = {*program.inputs, *program.constants}
    for equation in program.equations:
        assert set(equation.inputs) <= made
        assert not set(equation.outputs) & made
        made |= set(equation.outputs)
    assert set(program.outputs) <= made
    assert len(program.avals) == len(made)


def test_captured_arrays_are_constants():
    """Arrays of a closure, and literals, are known numbers."""
    captured = jnp.arange(3.0)
    program = trace(lagrad.Problem(lambda x: jnp.sum(x * captured) + 5, np.ones(3)))
    sizes = sorted(np.size(value) for value in program.constants.values())
    assert sizes[-1] == 3
    assert any(np.array_equal(value, [0, 1, 2]) for value in program.constants.values())


def test_a_number_that_is_used_again_is_one_constant():
    """And zeros of both signs are two."""
    program = trace(
        lagrad.Problem(lambda x: 3.0 * x[0] + 3.0 * x[1] ** 2 + (x[0] + 0.0) * (x[1] - 0.0), np.ones(2))
    )
    assert [float(value) for value in program.constants.values()].count(3.0) == 1
    with float64():
        program = numbered(
            jax.make_jaxpr(quick(lambda x: [1.0 / (x * 0.0), 1.0 / (x * -0.0)]))(np.float64(1.0))
        )
    assert run(program, np.float64(1.0)) == [np.inf, -np.inf]


def test_small_whole_numbers_of_different_types_are_different_constants():
    """Python keeps one object for 1, whatever its type is in a program."""
    program = numbered(jax.make_jaxpr(lambda x: (x + 1, (x > 1).astype(int) + 1))(np.float32(2.0)))
    assert len({(value.dtype, value.item()) for value in program.constants.values()}) == 2


def test_sizes_are_products_of_shapes():
    """A scalar has one element."""
    program = numbered(jax.make_jaxpr(lambda x: jnp.sum(x))(np.ones((3, 4))))
    assert program.size(program.inputs[0]) == 12
    assert program.size(program.outputs[0]) == 1


def test_an_equation_can_be_bound_to_other_shapes():
    """Elementwise primitives take vectors where scalars were traced."""
    equation = jax.make_jaxpr(lambda x: jnp.sin(x))(1.0).eqns[0]
    np.testing.assert_allclose(bind(equation, np.arange(3.0))[0], np.sin(np.arange(3.0)), rtol=1e-6)


def test_calls_with_rules_can_be_bound():
    """Custom derivative rules and loops survive being bound again, rules included."""
    with float64():
        program = numbered(
            jax.make_jaxpr(lambda x: jax.nn.relu(x) + jax.lax.fori_loop(0, 2, lambda k, y: y * x, x))(1.5)
        )
        assert "custom_jvp_call" in {equation.name for equation in program.equations}
        assert run(program, np.float64(2.0))[0] == 2 + 8
        assert jax.grad(lambda x: run_traced(program, x))(2.0) == 1 + 3 * 4


def run_traced(program, x):
    """Evaluate the equations on a tracer."""
    values = dict(program.constants) | {program.inputs[0]: x}
    for equation in program.equations:
        operands = [values[number] for number in equation.inputs]
        values |= dict(zip(equation.outputs, equation.bind(*operands), strict=True))
    return values[program.outputs[0]]


def test_a_function_that_cannot_be_traced_is_refused():
    """The message is lagrad's, the error a ValueError."""
    with pytest.raises(lagrad.DerivativeError):
        trace(lagrad.Problem(lambda x: float(x[0]) ** 2, np.ones(2)))


def test_choices_by_the_platform_are_made():
    """The diagonal of a matrix, which JAX writes for each platform apart, is what it is on this one."""
    matrix = np.arange(9.0).reshape(3, 3)
    with float64():
        program = numbered(jax.make_jaxpr(lambda x: jnp.diagonal(x) * jnp.diag(x, 1).sum())(matrix))
    assert not {"cond", "switch"} & {equation.name for equation in program.equations}
    np.testing.assert_array_equal(run(program, matrix)[0], [0.0, 24.0, 48.0])
    square = lagrad.Equality(lambda x: jnp.sin(jnp.diag(jnp.outer(x, x))))
    derivatives = lagrad.differentiate(lagrad.Problem(lambda x: jnp.sum(x), np.ones(3), square))
    assert {each.strategy for each in derivatives.jacobian_blocks} == {"elements"}


def test_other_choices_by_the_platform_are_left():
    """Who factors a matrix otherwise on each platform has reasons."""

    def function(x):
        return jax.lax.platform_dependent(x, cpu=jnp.linalg.cholesky, default=lambda x: x)

    with float64():
        program = numbered(jax.make_jaxpr(function)(np.eye(3)))
    assert "cond" in {equation.name for equation in program.equations}

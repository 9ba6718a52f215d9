"""Check that what is written at once is what JAX writes by itself, and that all else is left to it."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.extend
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from jax import lax
from jax.errors import TracerBoolConversionError, UnexpectedTracerError

from lagrad.source_location import line_of
from lagrad.tracing import quick
from lagrad.tracing.forms import sample
from lagrad.tracing.quick import is_known
from tests.tracing.programs import BINARY, function_of, same_results, steps

pytestmark = pytest.mark.usefixtures("x64")
DATA = np.array([1.5, -2.5, 0.25])


def programs(function: Callable, *arguments: object) -> tuple[str, str]:
    """What JAX writes by itself, and what it writes when it is quick."""
    return str(jax.make_jaxpr(function)(*arguments)), str(jax.make_jaxpr(quick(function))(*arguments))


def test_the_installed_jax_is_known():
    assert is_known()


NUMBERS = {
    "two numbers": lambda a, b: [a + b, a - b, a * b, a / b],
    "known numbers": lambda a, b: [a + 2.0, 2.0 - a, a * 0.0, -0.0 + a, 1.0 / a, a / 3.0, sum([a, b])],
    "whole numbers": lambda a, b: [a + 1, 1 - a, a * 2, 2 / a, a * True, a + 2**60],
    "NumPy's numbers": lambda a, b: [a * DATA[0], DATA[1] - a, np.float32(0.1) * a, a / np.int64(3)],
    "powers": lambda a, b: [
        a**0,
        a**1,
        a**2,
        a**-3,
        a**0.5,
        a**2.0,
        2.0**a,
        a**b,
        pow(a, 2),
        a ** np.int64(2),
    ],
    "signs": lambda a, b: [-a, +a, abs(a)],
    "functions": lambda a, b: [jnp.sin(a), jnp.exp(a * b), jnp.log(a) * jnp.log(b), jnp.sqrt(2.0)],
    "special values": lambda a, b: [a * float("inf"), a + float("nan")],
    "comparisons": lambda a, b: [a > b, a <= 1.0, jnp.where(a > 0.0, a, b), a == b],
    "remainders": lambda a, b: [a % 2, a // 2, divmod(a, b)],
    "whole number tracers": lambda a, b: [
        lax.iota(int, 3) * a,
        lax.iota(int, 3) + 1,
        lax.iota(int, 3)[1] * a,
    ],
    "other types": lambda a, b: [a.astype(np.float32) * 2.0, a * (1 + 2j), a.astype(bool) * 2.0, 1j * a * b],
    "weak numbers": lambda a, b: [lax.full((), 2.0) * a, jnp.asarray(2.0) * 3.0 * a],
}
ARRAYS = {
    "two arrays": lambda x: [x + x, x[1:] * x[:-1], x - DATA, DATA * x],
    "an array and a number": lambda x: [2 * x, x / x[0], x[2] * x, x - 1.0, -x, x**2],
    "shapes that are broadcast": lambda x: [x[:, None] * x, x[:1] + x, x.reshape(1, 3) - x.reshape(3, 1)],
    "entries": lambda x: [x[0], x[-1], x[np.int64(1)], x[np.int32(-2)]],
    "no entries": lambda x: [x[3], x[-4]],
    "stretches": lambda x: [x[:2], x[1:], x[-2:], x[2:1], x[0:9], x[np.int64(1) :]],
    "all of it": lambda x: [x[:], x[...], x[()]],
    "steps": lambda x: [x[::2], x[::-1], x[2:0:-1]],
    "other indices": lambda x: [x[None], x[DATA > 0], x[jnp.argmax(x)], x[True], x[..., 0]],
    "places of a matrix": lambda x: (lambda y: [y[0], y[1, 2], y[:, 1], y[-1, 1:], y[0:1, 0:3], y[(1,)]])(
        jnp.outer(x, x)
    ),
    "arrays of numbers": lambda x: [jnp.stack([x[0], x[1]]), jnp.array([x[2], 1.0]), jnp.zeros(3)],
    "products": lambda x: [x @ x, jnp.outer(x, x) @ x, jnp.sum(x), jnp.linalg.norm(x)],
    "a scan": lambda x: lax.scan(lambda c, y: (c * y + x[0], c), x[1], x),
    "branches": lambda x: lax.cond(x[0] > 0.0, lambda: x[0] / x[1], lambda: x[2] * 2.0),
    "a while": lambda x: lax.while_loop(lambda c: c[0] < 9.0, lambda c: c * 2.0 + x[1], x),
    "jit": lambda x: jax.jit(lambda y: y * x[0] + y[1] * 2.0)(x),
    "vmap": lambda x: jax.vmap(lambda y: y * x[0] + 1.0)(x),
    "a gradient": lambda x: jax.grad(lambda y: y[0] * x[1] ** 2 + jnp.sin(y[2]))(x),
    "a second derivative": lambda x: jax.hessian(lambda y: y[0] ** 2 * x[1] * y[2])(x),
    "linearize": lambda x: jax.linearize(lambda y: y * x[0] * 2.0, x)[1](x),
    "checkpoint": lambda x: jax.checkpoint(lambda y: jnp.sin(y * 2.0) * x[0])(x),
    "a rule of its own": lambda x: [jax.nn.relu(x), jnp.logaddexp(x[0], x[1]), jax.nn.softplus(x) * x],
    "known meanwhile": lambda x: x * jnp.float64(np.sum(DATA)) + jnp.asarray(DATA) * 2.0,
    "entries in a loop": lambda x: [value * 2.0 for value in x],
}


@pytest.mark.parametrize("name", NUMBERS)
def test_numbers_are_written_as_jax_writes_them(name):
    usual, found = programs(lambda x: NUMBERS[name](x[0], x[1]), np.arange(3.0))
    assert found == usual


@pytest.mark.parametrize("name", ARRAYS)
def test_arrays_are_written_as_jax_writes_them(name):
    usual, found = programs(ARRAYS[name], np.arange(3.0))
    assert found.count("\n") <= usual.count("\n")
    assert without_repeated_reads(usual) == without_repeated_reads(found)


def without_repeated_reads(program: str) -> str:
    """The shape of a program without its reads, which are written once where JAX repeats them."""
    lines = [line.split("=", 1)[-1].split() for line in program.splitlines()]
    return " ".join(words[0] for words in lines if words and not words[0].startswith(("slice", "squeeze")))


READS = {
    "entries": lambda x: x[np.array([0, 2, 2])],
    "counted from the end": lambda x: x[np.array([-1, 0, -3])],
    "a matrix of places": lambda x: x[np.array([[0, 1], [2, -1]])],
    "few bits": lambda x: x[np.array([2, 0], np.uint8)],
    "JAX's array": lambda x: x[jnp.array([2, -2])],
    "rows": lambda x: jnp.outer(x, x)[np.array([2, -3])],
    "rows of a block": lambda x: (x[:, None, None] * x[:, None] * x)[np.array([[1], [0]])],
    "out of range": lambda x: x[np.array([0, 3])],
    "below the range": lambda x: x[np.array([0, -4])],
    "none": lambda x: x[np.array([], int)],
    "flags": lambda x: x[np.array([True, False, True])],
    "a row and a column": lambda x: jnp.outer(x, x)[np.array([0, 1]), np.array([2, 2])],
    "of what is traced": lambda x: x[jnp.argsort(x)],
    "of a number": lambda x: x[0][None][np.array([0])],
}
WRITES = {
    "set": lambda at, x: at[np.array([0, -1])].set(x[:2] * 2.0),
    "add to one twice": lambda at, x: at[np.array([1, 1, 0])].add(x),
    "add at a matrix of places": lambda at, x: at[np.array([[0, 1], [2, 2]])].add(jnp.outer(x[:2], x[1:])),
    "a number at one place": lambda at, x: at[2].set(3.0),
    "a tracer at one place": lambda at, x: at[-2].add(x[0] * x[1]),
    "NumPy's array": lambda at, x: at[np.array([2, 1])].add(np.array([0.5, 4.0])),
    "one number at several": lambda at, x: at[np.array([2, 1])].set(7.0),
    "out of range": lambda at, x: at[np.array([1, 5])].add(x[:2]),
    "one out of range": lambda at, x: at[9].set(1.0),
    "from a stretch": lambda at, x: at[1:].set(x[:2]),
    "other operations": lambda at, x: (
        at[np.array([0, 1])].multiply(x[1:], unique_indices=True) + at[0].get() + at[1].max(0.5)
    ),
    "with options": lambda at, x: at[np.array([0, 4])].set(x[:2], mode="drop"),
    "a known jump": lambda at, x: at[np.int64(1)].set(x[0]),
    "whole numbers": lambda at, x: at[np.array([0])].set(np.array([2])),
    "a vector into one": lambda at, x: at[1].set(x[1:2][0]),
}


@pytest.mark.parametrize("name", READS)
def test_what_is_read_at_known_places_is_what_jax_reads(name):
    same_values(READS[name])


@pytest.mark.parametrize("name", WRITES)
def test_what_is_written_at_known_places_is_what_jax_writes(name):
    same_values(lambda x: WRITES[name]((x * 1.0).at, x))
    same_values(lambda x: WRITES[name](jnp.zeros(3).at, x))


def same_values(function: Callable) -> None:
    """Compare values and derivatives with those of JAX's own trace, exactly."""
    for each in (function, jax.jacfwd(quick(function)), jax.jacrev(quick(function))):
        usual, found = jax.jit(each)(jnp.asarray(DATA)), jax.jit(quick(each))(jnp.asarray(DATA))
        assert jax.tree.structure(found) == jax.tree.structure(usual)
        jax.tree.map(np.testing.assert_array_equal, found, usual)
    program = jax.make_jaxpr(quick(function))(DATA)
    slopes = jax.jit(jax.jacfwd(jax.extend.core.jaxpr_as_fun(program)))(jnp.asarray(DATA))
    np.testing.assert_array_equal(slopes[0], jax.jit(jax.jacfwd(function))(jnp.asarray(DATA)))


def test_places_are_those_of_the_time_of_the_trace():
    places = np.array([0, 1])
    program = jax.make_jaxpr(quick(lambda x: x[places]))(DATA)
    places[:] = 2
    np.testing.assert_array_equal(jax.extend.core.jaxpr_as_fun(program)(jnp.asarray(DATA))[0], DATA[:2])


def test_a_shape_that_does_not_fit_is_jaxs_error():
    for function in (lambda x: x.at[np.array([0, 1])].set(x), lambda x: x + DATA[:2]):
        for run in (function, quick(function)):
            with pytest.raises((ValueError, TypeError), match="(?i)incompatible|broadcast"):
                jax.make_jaxpr(run)(DATA)


def test_operands_and_results_can_be_pytrees():
    def function(tree):
        return {"sum": tree["a"][0] + tree["b"], "none": None, "rest": (tree["a"], 2.0)}

    usual, found = programs(function, {"a": DATA, "b": 2.0})
    assert found == usual


def test_what_is_read_again_is_read_once():
    program = jax.make_jaxpr(quick(lambda x: x[1] * x[1] + x[1] ** 2 + x[1:2][0]))(DATA)
    assert [equation.primitive.name for equation in program.eqns].count("slice") == 2


def test_a_branch_keeps_what_is_read_in_it():
    def function(x):
        outside = x[0] * 2.0
        return lax.cond(outside > 0.0, lambda: x[0] / x[1], lambda: x[1])

    usual, found = programs(function, DATA)
    assert found == usual


@given(steps(len(BINARY)))
@settings(max_examples=60, deadline=None)
def test_random_programs_have_the_same_values(plan):
    function = function_of(plan, BINARY)
    same_results(quick(function), function, DATA)


def test_without_64_bits_it_is_as_ever():
    with jax.enable_x64(False):
        usual, found = programs(sample, DATA.astype(np.float32))
    assert found == usual


def test_a_tracer_that_leaks_is_told():
    kept = []
    jax.make_jaxpr(quick(lambda x: kept.append(x[0]) or x))(DATA)
    with pytest.raises(UnexpectedTracerError):
        jax.jit(lambda x: x * kept[0])(DATA)


def test_leaks_are_not_made():
    with jax.checking_leaks():
        jax.make_jaxpr(quick(lambda x: x[0] * x[1]))(DATA)


def test_a_branch_in_python_is_told_with_the_operations():
    with pytest.raises(TracerBoolConversionError, match="depends on the value of the argument x"):
        jax.make_jaxpr(quick(lambda x: x if x[0] > 0.0 else -x))(DATA)


def test_an_equation_has_the_users_line():
    program = jax.make_jaxpr(quick(lambda x: 2.0 * x[0]))(DATA)
    assert [line_of(equation, "?").count("quick(lambda x: 2.0 * x[0])") for equation in program.eqns] == [
        1,
        1,
        1,
    ]


def test_an_equation_has_the_users_names():
    def function(x):
        with jax.named_scope("outer"):
            return x[0] * 2.0

    stacks = [
        [str(equation.source_info.name_stack) for equation in jax.make_jaxpr(run)(DATA).eqns]
        for run in (function, quick(function))
    ]
    assert stacks == [3 * ["outer"]] * 2


def test_outside_of_a_trace_nothing_is_different():
    np.testing.assert_array_equal(quick(lambda x: x * 2.0)(jnp.asarray(DATA)), DATA * 2.0)
    assert quick(jax.grad(lambda x: x**2))(3.0) == 6.0
    np.testing.assert_array_equal(jax.vmap(quick(lambda x: x * x))(jnp.asarray(DATA)), DATA * DATA)


def test_quick_in_quick():
    usual, _ = programs(sample, DATA)
    assert str(jax.make_jaxpr(quick(quick(sample)))(DATA)) == usual

"""Laws of states as variables: they are a fixed point, at which the program gives what it gave before."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lagrad
from lagrad.elements.classification import read
from lagrad.precision import float64
from lagrad.program.cse import tidy
from lagrad.program.lifting import lifted
from lagrad.program.loop_states import lift
from lagrad.program.program import numbered
from lagrad.program.roll.repeats import in_loops
from lagrad.program.trace import trace
from tests.condensing.models import MODELS


def lifted_model(model):
    """The model's program, and the same with states."""
    problem = lagrad.Problem(
        model.objective, np.zeros(model.size), lagrad.Equality(model.rows), params=model.params
    )
    program = trace(problem)
    looped = tidy(in_loops(program))
    found = lifted(looped, read(looped).values)
    assert found is not None
    return program, found


@pytest.mark.parametrize("name", MODELS)
def test_states_are_a_fixed_point(name):
    """Each evaluation puts the states of one step more right, whatever they were; then f and c are right."""
    model = MODELS[name]()
    program, found = lifted_model(model)
    count = sum(size for each in found.recurrences for size in each.blocks)
    blocks = sum(len(each.blocks) for each in found.recurrences)
    with float64():
        leaves = jax.tree.leaves(jax.tree.map(jnp.asarray, model.params))
        x = jnp.linspace(-0.4, 0.5, model.size)
        run = jax.jit(
            lambda point: [found.program.values((point, *leaves))[i] for i in found.program.outputs]
        )
        point = jnp.concatenate([x, jnp.ones(count)])
        for _ in range(blocks):
            f, c = run(point)
            point = jnp.concatenate([x, c[found.m :]])
        f, c = run(point)
        np.testing.assert_array_equal(c[found.m :], point[model.size :])
        expected = program.function()(x, *leaves)
    np.testing.assert_allclose(f, expected[0], rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(c[: found.m], expected[1], rtol=1e-12, atol=1e-12)


LOOPS = {
    "a sum of states": (lambda z, u: (jnp.sin(z[0]) + u, z[1] + z[0]), 1),
    "the step before": (lambda z, u: (jnp.sin(z[0]) + z[1], z[0] * u), 2),
    "one by the other": (lambda z, u: (z[1] * u, jnp.cos(z[0])), 2),
    "two apart": (lambda z, u: (jnp.sin(z[0]), jnp.cos(z[1]) * u), 2),
}


@pytest.mark.parametrize("name", LOOPS)
def test_no_more_carries_are_taken_than_are_made_of_themselves(name):
    """What is a sum, or the step before, of others that are known is said by these."""
    step, expected = LOOPS[name]
    with float64():
        program = numbered(
            jax.make_jaxpr(lambda x: jax.lax.scan(lambda z, u: (step(z, u), None), (0.1, 0.2), x)[0])(
                np.ones(5)
            )
        )
    (equation,) = (each for each in program.equations if each.name == "scan")
    found = lift(equation, [program.constants.get(i) for i in equation.inputs])
    assert found is not None and len(found.carries) == expected


def test_states_of_other_types_are_left():
    """Whole numbers that are made of themselves are no variables."""
    with float64():
        program = numbered(
            jax.make_jaxpr(lambda x: jax.lax.scan(lambda z, u: (z * z % 7 + 1, u * z), 3, x))(np.ones(5))
        )
    (equation,) = (each for each in program.equations if each.name == "scan")
    assert lift(equation, [None] * len(equation.inputs)) is None

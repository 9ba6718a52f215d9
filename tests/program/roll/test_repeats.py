"""Laws of equal steps: written one after the other or as a loop, they compute the same."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.extend import core as jex

from lagrad.precision import float64
from lagrad.program.program import Program, numbered
from lagrad.program.roll import repeats


@pytest.fixture(autouse=True)
def short_programs(monkeypatch):
    """Programs that would stay as they are written are searched here."""
    monkeypatch.setattr(repeats, "FEWEST_EQUATIONS", 0)
    monkeypatch.setattr(repeats, "SHORTEST", 3)


def steps(x, count=5, kept=False):
    """Explicit steps of a pendulum between other equations, the state before each one if `kept`."""
    z, u, seen = jnp.cos(x[:2]), x[2], []
    for _ in range(count):
        seen.append(z)
        z = z + 0.1 * jnp.stack([z[1], u * jnp.sin(z[0])])
    return jnp.concatenate([jnp.exp(z), *(seen if kept else ())])


def program_of(function) -> Program:
    """A traced function of three numbers."""
    with float64():
        return numbered(jax.make_jaxpr(function)(np.ones(3)))


REFERENCES = np.random.default_rng(3).normal(size=(9, 2))


def shooting(x, seen=()):
    """Explicit steps, each with a control and a reference of its own; states that are kept on the way."""
    z, cost, kept = jnp.zeros(2), 0.0, []
    for k in range(9):
        z = z + 0.1 * jnp.stack([z[1] + x[k], jnp.sin(z[0]) * x[9]])
        cost = cost + jnp.sum((z - REFERENCES[k]) ** 2)
        kept.append(z)
    return jnp.concatenate([z, cost[None], *(kept[k] for k in seen)])


def twice(x):
    """The same steps in two places, as an objective and a constraint have them."""
    return jnp.concatenate([shooting(x), shooting(x, (2, 3, 8))])


LOOSE = {
    "controls": (shooting, 10),
    "states": (lambda x: shooting(x, range(9)), 10),
    "twice": (twice, 10),
    "one after the other": (lambda x: steps(shooting(x)[:3]), 10),
    "params in steps": (lambda x: steps(x, kept=True), 3),
}


@pytest.mark.parametrize("name", LOOSE)
def test_loose_loops_compute_what_their_steps_do(name):
    """Controls, references, states on the way: values and derivatives by JAX are those of the function."""
    function, n = LOOSE[name]
    x, move = np.linspace(0.3, 1.2, n), np.cos(np.arange(n))
    with float64():
        program = numbered(jax.make_jaxpr(function)(x))
        found = repeats.in_loops(program, 20)
        assert any(equation.name == "scan" for equation in found.equations)
        assert len(found.equations) < len(program.equations) / 2
        run = jex.jaxpr_as_fun(found.closed)
        for one, other in zip(
            jax.jvp(function, (x,), (move,)), jax.jvp(lambda x: run(x)[0], (x,), (move,)), strict=True
        ):
            np.testing.assert_allclose(other, one, rtol=1e-13, atol=1e-14)


def test_short_programs_stay_as_they_are():
    """Where the steps are few there is no loop."""
    program = program_of(steps)
    assert repeats.in_loops(program, 1000) is program


def test_a_loop_computes_what_its_steps_do():
    """One equation in place of all steps, and the same numbers."""
    program = program_of(steps)
    found = repeats.looped(program)
    assert found is not None
    assert [equation.name for equation in found.equations].count("scan") == 1
    assert len(found.equations) < len(program.equations) / 2
    x = np.array([0.3, 0.7, 1.2])
    with float64():
        (one,), (other,) = (jex.jaxpr_as_fun(each.closed)(x) for each in (program, found))
    np.testing.assert_allclose(other, one, rtol=1e-15)


def test_steps_whose_states_are_used_stay_as_they_are():
    """What a step on the way gives is not there behind a loop."""
    assert repeats.looped(program_of(lambda x: steps(x, kept=True))) is None


def test_steps_that_differ_stay_as_they_are():
    """Each step has a constant of its own."""

    def function(x):
        for number in range(5):
            x = x + jnp.sin(x) * np.float64(0.1 + number) / jnp.cosh(x)
        return x

    assert repeats.looped(program_of(function)) is None

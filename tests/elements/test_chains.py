"""Laws of chains: loops of equal steps have exact derivatives and patterns, and the code of one step."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lagrad
from lagrad.compile import parts
from lagrad.elements import chains
from lagrad.elements.split import partially_separable
from lagrad.program.roll import repeats
from lagrad.program.trace import trace

WEIGHT = 0.7


@pytest.fixture(autouse=True)
def short_loops(monkeypatch):
    """Loops that would be written out are chains here."""
    monkeypatch.setattr(chains, "FEWEST_EQUATIONS", 0)


def pendulum(z, u):
    """Angle, speed, and a distance that nothing else depends on."""
    return jnp.stack([z[1], u[0] - 0.3 * jnp.sin(z[0]) * z[1], z[0] * z[1]])


def steps(z, u, count=4):
    """Explicit midpoint rule."""

    def step(_, z):
        return z + 0.1 * pendulum(z + 0.05 * pendulum(z, u), u)

    return jax.lax.fori_loop(0, count, step, z)


def shooting(x, scale=1.0):
    """Five intervals, one control each."""
    z, u = x[:18].reshape(6, 3), x[18:].reshape(5, 1)
    return (z[1:] - jax.vmap(lambda z, u: steps(z, scale * u))(z[:-1], u)).ravel()


def two_arrays(x):
    """A carry of two arrays, one a scalar a row; the speed is halved in each step."""

    def step(_, carry):
        place, speed = carry
        return place + 0.1 * jnp.sin(place) * speed[0], 0.5 * speed * jnp.cos(speed)

    rows = x.reshape(4, 3)
    place, speed = jax.vmap(lambda row: jax.lax.fori_loop(0, 3, step, (row[0], row[1:])))(rows)
    return jnp.concatenate([place, speed.ravel()])


def single(x):
    """One row, of five variables in all."""
    return steps(x[:3] * x[3], x[4:], 7)


def fixed_start(x):
    """From a known start, so that only controls are variables."""
    return jax.vmap(lambda u: steps(jnp.array([0.3, 0.1, 0.0]), u))(x.reshape(4, 1)).ravel()


def repeated_input(x):
    """One variable in two places of the step."""
    return jax.vmap(lambda a: steps(jnp.stack([a, a, 2.0 * a]), a[None]))(x)[:, 1]


def inside(x):
    """A result that is no row of its own, but inside of a function."""
    return jnp.exp(0.1 * shooting(x)) * x[:15]


def equal_results(x):
    """Steps that hand on one number twice, and one as it came."""

    def step(_, z):
        angle = z[0] + 0.1 * jnp.sin(z[1]) * z[2]
        return jnp.stack([angle, angle, z[2]])

    return jax.vmap(lambda z: jax.lax.fori_loop(0, 3, step, z))(x.reshape(4, 3)).ravel()


def sums_of_controls(x):
    """Steps that take controls in sums only, one of them into a state that nothing else depends on."""

    def step(z, u):
        lift = u[0] + u[1] + u[2]
        return z + 0.1 * jnp.stack([jnp.sin(z[1]) * lift, lift * z[0] - 0.2 * z[1], u[0] - u[1] + u[2]])

    rows = jax.vmap(lambda z, u: jax.lax.fori_loop(0, 3, lambda _, z: step(z, u), z))
    return rows(x[:12].reshape(4, 3), x[12:].reshape(4, 3)).ravel()


SEEN = np.random.default_rng(0).normal(size=(7, 3))


def measured(x, reverse=False, count=7):
    """A fit of a simulation: data of its own in each step, a sum handed on with the state."""

    def step(carry, seen):
        z, total = carry
        z = z + 0.1 * pendulum(z, x[3:4] * seen[0])
        return (z, total + jnp.sum((z - seen) ** 2 * x[4])), None

    z, total = jax.lax.scan(step, (x[:3], 0.0), SEEN[:count], reverse=reverse)[0]
    return jnp.concatenate([z, total[None]])


def measured_rows(x):
    """The same data for all rows, one number a step."""

    def step(z, weight):
        return z + 0.1 * weight * jnp.stack([jnp.sin(z[1]), z[0] * z[1]]), None

    return jax.vmap(lambda z: jax.lax.scan(step, z, SEEN[:, 1])[0])(x.reshape(4, 2)).ravel()


CASES = {
    "data": (measured, 5),
    "data, backwards": (lambda x: measured(x, True), 5),
    "data of all rows": (measured_rows, 8),
    "sums of controls": (sums_of_controls, 24),
    "equal results": (equal_results, 12),
    "shooting": (shooting, 23),
    "two arrays": (two_arrays, 12),
    "single": (single, 5),
    "fixed start": (fixed_start, 4),
    "repeated input": (repeated_input, 6),
    "inside": (inside, 23),
}


def problem(rows, n):
    """A problem with these rows."""
    return lagrad.Problem(lambda x: jnp.sum(x**3), np.linspace(0.2, 0.9, n), lagrad.Equality(rows))


def exact(rows, n, multipliers):
    """J and H by dense JAX."""
    x = np.linspace(0.2, 0.9, n)
    with jax.enable_x64(True):
        lagrangian = lambda x: WEIGHT * jnp.sum(x**3) + multipliers @ rows(x)  # noqa: E731
        return np.asarray(jax.jacfwd(rows)(x)), np.asarray(jax.jacfwd(jax.grad(lagrangian))(x))


def found_chains(problem) -> set:
    """The chains that a problem's split finds."""
    return set(partially_separable(trace(problem)).classification.chains.values())


@pytest.mark.parametrize("name", CASES)
def test_chains_are_exact(name):
    """Values, J and H as dense JAX has them."""
    rows, n = CASES[name]
    declared = problem(rows, n)
    x, multipliers = declared.start, np.cos(np.arange(declared.m))
    assert len(found_chains(declared)) == 1
    derivatives = lagrad.differentiate(declared)
    assert {each.compiler for each in derivatives.hessian_blocks} == {"machine code"}
    J, H = exact(rows, n, multipliers)
    with jax.enable_x64(True):
        values = np.asarray(rows(x))
    np.testing.assert_allclose(derivatives.constraints(x), values, rtol=1e-13, atol=1e-14)
    np.testing.assert_allclose(derivatives.jacobian(x).toarray(), J, rtol=1e-11, atol=1e-13)
    hessian = derivatives.hessian(x, multipliers, WEIGHT).toarray()
    np.testing.assert_allclose(hessian, H, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("name", ["inside", "data", "data of all rows"])
def test_chains_evaluated_by_xla_are_exact(monkeypatch, name):
    """As on devices other than the CPU."""
    monkeypatch.setattr(parts, "on_cpu", lambda: False)
    rows, n = CASES[name]
    derivatives = lagrad.differentiate(problem(rows, n))
    assert {each.compiler for each in derivatives.hessian_blocks} == {"XLA"}
    x, multipliers = derivatives.problem.start, np.cos(np.arange(derivatives.m))
    J, H = exact(rows, n, multipliers)
    np.testing.assert_allclose(derivatives.jacobian(x).toarray(), J, rtol=1e-11, atol=1e-13)
    hessian = derivatives.hessian(x, multipliers, WEIGHT).toarray()
    np.testing.assert_allclose(hessian, H, rtol=1e-11, atol=1e-13)


def test_patterns_of_chains_are_those_of_their_steps():
    """Nothing depends on the distance but itself, and nothing is curved in it."""
    derivatives = lagrad.differentiate(problem(shooting, 23))
    J, H = exact(shooting, 23, np.ones(15))
    rows, columns = derivatives.jacobian_structure
    assert len(set(zip(rows.tolist(), columns.tolist(), strict=True))) == np.count_nonzero(J)
    assert derivatives.hessian(derivatives.problem.start, np.ones(15)).nnz == np.count_nonzero(H)


def test_data_that_differ_from_row_to_row_are_those_of_one_row():
    """A chain takes the same numbers for all rows: few rows are one, of all states."""

    def rows(x):
        step = lambda z, weight: (z + 0.1 * weight * jnp.sin(z), None)  # noqa: E731
        many = jax.vmap(lambda z, weights: jax.lax.scan(step, z, weights)[0])
        return many(x.reshape(3, 2), jnp.stack([SEEN[:, :2], SEEN[:, 1:], SEEN[:, ::2]])).ravel()

    (chain,) = found_chains(problem(rows, 6))
    assert chain.rows == 1
    J, H = exact(rows, 6, np.ones(6))
    derivatives = lagrad.differentiate(problem(rows, 6))
    x = derivatives.problem.start
    np.testing.assert_allclose(derivatives.jacobian(x).toarray(), J, rtol=1e-11)
    np.testing.assert_allclose(derivatives.hessian(x, np.ones(6), WEIGHT).toarray(), H, rtol=1e-11)


def test_a_python_loop_over_data_is_a_chain(monkeypatch):
    """Found among equations, as a scan is."""
    monkeypatch.setattr(repeats, "FEWEST_EQUATIONS", 0)

    def rows(x):
        z, total = x[:3], 0.0
        for seen in SEEN:
            z = z + 0.1 * pendulum(z, x[3:4] * seen[0])
            total = total + jnp.sum((z - seen) ** 2 * x[4])
        return jnp.concatenate([z, total[None]])

    declared = problem(rows, 5)
    assert len(found_chains(declared)) == 1
    derivatives = lagrad.differentiate(declared)
    J, H = exact(rows, 5, np.cos(np.arange(4)))
    x = declared.start
    np.testing.assert_allclose(derivatives.jacobian(x).toarray(), J, rtol=1e-11, atol=1e-13)
    hessian = derivatives.hessian(x, np.cos(np.arange(4)), WEIGHT).toarray()
    np.testing.assert_allclose(hessian, H, rtol=1e-11, atol=1e-13)


def test_params_are_shared_by_all_steps():
    """A parameter is an input of the step like a control, without a derivative."""
    declared = lagrad.Problem(
        lambda x, scale: jnp.sum(x**2),
        np.linspace(0.2, 0.9, 23),
        lagrad.Equality(lambda x, scale: shooting(x, scale)),
        params=1.5,
    )
    derivatives, x, multipliers = lagrad.differentiate(declared), declared.start, np.cos(np.arange(15))
    for scale in (1.5, 0.5):
        with jax.enable_x64(True):
            J = jax.jacfwd(lambda x, scale=scale: shooting(x, scale))(x)
        np.testing.assert_allclose(derivatives.jacobian(x, params=scale).toarray(), J, rtol=1e-11, atol=1e-13)
    assert derivatives.hessian(x, multipliers).shape == (23, 23)


def test_a_counter_makes_no_chain():
    """Steps that differ by their number are left to other ways."""

    def rows(x):
        return jax.lax.fori_loop(0, 3, lambda k, z: z + 0.1 * jnp.sin(z) * k, x)

    assert not found_chains(problem(rows, 4))
    J, _ = exact(rows, 4, np.ones(4))
    derivatives = lagrad.differentiate(problem(rows, 4))
    np.testing.assert_allclose(derivatives.jacobian(derivatives.problem.start).toarray(), J, rtol=1e-11)

"""NumPy's own values of traced programs: there for all that suites are made of, and right."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import lagrad
import lagrad_problems
from lagrad.derivatives.verification import differences
from lagrad.derivatives.verification.differences import values_agree
from lagrad.derivatives.verification.listed_values import listed_values
from lagrad.derivatives.verification.numpy_rows import ELEMENTWISE
from lagrad.derivatives.verification.numpy_values import LARGE, numpy_values, one_at_a_time
from lagrad.precision import float64
from lagrad.primitives.calls import CALLS
from lagrad.program.program import numbered

SUITE = {
    "cart_pole": {"intervals": 10},
    "clnlbeam": {"intervals": 10},
    "elliptic_control": {"grid": 5},
    "ac_opf": {"buses": 10, "seed": 1},
    "chained_rosenbrock": {"n": 10},
    "gather_network": {"nodes": 30},
}


def told(problem: lagrad.Problem) -> None:
    """Check that NumPy tells the values, and that they are those of the functions."""
    reference = lagrad.differentiate(problem, check=False).reference
    found = numpy_values(numbered(reference.closed, CALLS), problem.start, [])
    with float64():
        x = jnp.asarray(problem.start)
        expected = np.append(problem.flat_objective(x), problem.flat_constraints(x))
    assert found is not None
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", SUITE)
def test_families_of_the_suite_need_no_compiler(name):
    """Pytrees of variables included: a missing row costs a second of compilation at every set-up."""
    told(lagrad_problems.get(name, **SUITE[name]).problem)


def test_scalar_loops_need_no_compiler():
    """Stacks of scalars: XLA would take a minute over what NumPy does at once."""
    rows = lagrad.Equality(lambda x: jnp.stack([x[i + 1] - jnp.sin(x[i]) for i in range(100)]))
    told(lagrad.Problem(lambda x: sum(x[i] ** 2 for i in range(101)), np.linspace(0.1, 1.0, 101), rows))


def large(x):
    """Arrays used twice, kept as outputs, and squared in place of themselves."""
    y = jnp.sin(x)
    z = y * y + x
    return y - z * z


def test_large_arrays_are_freed_and_no_sooner():
    """What is used again, or is an output, stays; a long chain holds a few arrays only."""
    size = LARGE + 1
    told(lagrad.Problem(lambda x: large(x) @ x, np.linspace(0.1, 1.0, size), lagrad.Equality(jnp.sin)))

    def chain(x):
        for _ in range(40):
            x = jnp.cos(x)
        return jnp.sum(x)

    program = lagrad.differentiate(lagrad.Problem(chain, np.ones(size)), check=False).reference.written_out
    tracemalloc.start()
    numpy_values(program, np.ones(size), [])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 6 * 8 * size


LACKING = {
    "special functions": lambda x: jnp.sum(jax.scipy.special.erf(x) + jax.scipy.special.gammaln(1.0 + x)),
    "loops": lambda x: jax.lax.fori_loop(0, 5, lambda k, s: s + jnp.sin(x[k] * s), 0.3),
    "sorting": lambda x: jnp.sort(x) @ jnp.arange(6.0),
    "branches": lambda x: jax.lax.cond(x[0] > 0.5, jnp.sum, jnp.prod, x),
    "coarse numbers": lambda x: jnp.sum(jnp.sin(x.astype(jnp.bfloat16)).astype(float) * x),
    "rows of places": lambda x: jnp.sum(jnp.take_along_axis(x.reshape(2, 3), np.array([[2], [1]]), 1) ** 2),
    "keys": lambda x: x @ jax.random.normal(jax.random.key(3), 6),
    "no index": lambda x: jnp.sum(jnp.nan_to_num(x[jnp.array([1, 9])])) + x[0],
    "systems": lambda x: jnp.sum(jnp.linalg.solve(x[:4].reshape(2, 2) + 3 * jnp.eye(2), x[4:])),
}


@pytest.mark.parametrize("objective", LACKING.values(), ids=LACKING)
def test_jax_tells_what_numpy_lacks(objective):
    """One equation at a time: nothing is left out for a primitive that has no row."""
    x = np.random.default_rng(0).uniform(0.1, 1.0, 6)
    reference = lagrad.differentiate(lagrad.Problem(objective, x), check=False).reference
    found = numpy_values(numbered(reference.closed, CALLS), x, [], one_at_a_time(60, 100))
    with float64():
        np.testing.assert_allclose(found, [float(objective(jnp.asarray(x)))], rtol=1e-13)


def special_loop(count: int) -> lagrad.Problem:
    """A long program of scalars with a function whose row is taken out of the table."""
    special = jax.scipy.special.erf
    return lagrad.Problem(
        lambda x: sum(special(x[k]) * x[k + 1] for k in range(count)), np.linspace(0.1, 1.0, count + 1)
    )


def test_long_programs_are_looked_at(monkeypatch):
    """A wrong value shows where 1500 equations have rows and some hundred have none; the report is silent."""
    monkeypatch.delitem(ELEMENTWISE, "erf")
    derivatives = lagrad.differentiate(special_loop(300))
    assert derivatives.unseen == [] and "not looked at" not in derivatives.report()
    values_at = derivatives.functions["values"]
    wrong = replace(
        derivatives,
        functions=derivatives.functions.replaced(
            {"values": lambda x: [values_at(x)[0] * 1.000001, values_at(x)[1]]}
        ),
    )
    assert values_agree(wrong, derivatives.problem.start) is False


def test_a_look_that_was_not_taken_is_told(monkeypatch):
    """Where each of many equations would have to be compiled, the report says that nobody looked."""
    monkeypatch.delitem(ELEMENTWISE, "erf")
    monkeypatch.setattr(differences, "MOST_APPLIED", 10)
    derivatives = lagrad.differentiate(special_loop(300))
    assert "not looked at" in derivatives.report() and "verify()" in derivatives.report()


LOOPS = {
    "table": lambda x: jnp.interp(x, jnp.linspace(-2.0, 2.0, 9), jnp.arange(9.0) ** 2) * x,
    "rows of places": lambda x: jnp.take_along_axis(
        jnp.outer(x, x), np.arange(36).reshape(6, 6) % 5, 1
    ).ravel(),
    "added in rows": lambda x: jax.vmap(lambda a, i: jnp.zeros(4).at[i].add(a))(
        x.reshape(3, 2), np.array([[0, 2], [3, 3], [1, 0]])
    ).ravel(),
    "carried": lambda x: lax.scan(lambda c, u: (0.5 * c * u + 1.0, c - u), 1.0, x)[1],
    "backwards": lambda x: lax.scan(lambda c, u: (0.5 * c * u + 1.0, c - u), 1.0, x, reverse=True)[1],
    "counted": lambda x: lax.fori_loop(0, 5, lambda k, s: s * jnp.cos(x + k), x),
    "of another loop": lambda x: lax.fori_loop(
        0, 2, lambda k, s: lax.scan(lambda c, u: (c * u, c), x[0], s)[1] + x, x
    ),
    "complex": lambda x: jnp.abs(jnp.exp(1j * x) * jnp.conj(x + 2j) / (1 + 1j * x)) ** 2 + jnp.angle(x + 1j),
    "complex matrix": lambda x: jnp.real((np.arange(36.0).reshape(6, 6) * 1j + 1) @ (x + 1j * x**2)),
}


@pytest.mark.parametrize("name", LOOPS)
def test_loops_and_complex_numbers_need_no_compiler(name):
    """A few steps in NumPy take a hundredth of the time in which XLA compiles them."""
    start = np.linspace(-1.5, 1.5, 6)
    told(lagrad.Problem(lambda x: jnp.sum(x**2), start, lagrad.Equality(LOOPS[name])))


def matrices(x):
    """Four matrices, in no order of size that needs no pivots."""
    return jnp.outer(x, x)[::-1].reshape(4, 3, 3) + jnp.sin(jnp.arange(36.0)).reshape(4, 3, 3)


def definite(x):
    """Four positive definite ones."""
    return jax.vmap(lambda a: a @ a.T + jnp.eye(3))(matrices(x))


def triangles(**options):
    """Solutions by triangles, with matrices on the right."""
    right = np.arange(24.0).reshape(4, 3, 2)
    solve = jax.vmap(lambda a, b: jax.scipy.linalg.solve_triangular(a, b, **options))
    return lambda x: solve(matrices(x) + 3 * jnp.eye(3), right * x[0]).ravel()


def substituted(**options):
    """The same from the right."""
    solve = jax.vmap(lambda a, b: lax.linalg.triangular_solve(a, b, **options))
    return lambda x: solve(matrices(x) + 3 * jnp.eye(3), jnp.arange(24.0).reshape(4, 2, 3) * x[0]).ravel()


SYSTEMS = {
    "vectors": lambda x: jnp.linalg.solve(matrices(x), matrices(x)[:, :1].swapaxes(1, 2)).ravel(),
    "matrices": lambda x: jnp.linalg.solve(matrices(x), definite(x)).ravel(),
    "one": lambda x: jnp.linalg.solve(matrices(x)[0], x[:3]),
    "inverses": lambda x: jnp.linalg.inv(matrices(x)).ravel(),
    "determinants": lambda x: jax.vmap(jnp.linalg.det)(jnp.sin(jnp.outer(x[:4], x[:4])).reshape(4, 2, 2)),
    "factors": lambda x: jnp.linalg.cholesky(definite(x)).ravel(),
    "definite": lambda x: jax.scipy.linalg.cho_solve(jax.scipy.linalg.cho_factor(definite(x)[1]), x[:3]),
    **{
        f"triangles {lower} {trans} {unit}": triangles(lower=lower, trans=trans, unit_diagonal=unit)
        for lower in (False, True)
        for trans in (0, 1)
        for unit in (False, True)
    },
    **{
        f"from the right {lower} {transposed}": substituted(lower=lower, transpose_a=transposed)
        for lower in (False, True)
        for transposed in (False, True)
    },
}


@pytest.mark.parametrize("name", SYSTEMS)
def test_systems_need_no_compiler(name):
    """LAPACK tells what ours solve by formulas."""
    start = np.linspace(-1.5, 1.6, 6)
    told(lagrad.Problem(lambda x: jnp.sum(x**2), start, lagrad.Equality(SYSTEMS[name])))


@pytest.mark.parametrize(
    "function",
    [
        lambda x: jnp.linalg.cholesky(matrices(x) - 9 * jnp.eye(3)).ravel(),
        lambda x: jnp.linalg.solve(jnp.zeros((2, 2)) * x[0], x[:2]),
        lambda x: jnp.real(jnp.linalg.solve(matrices(x) + 1j * jnp.eye(3), 1j * jnp.ones((4, 3, 1)))).ravel(),
    ],
    ids=["not definite", "singular", "complex"],
)
def test_systems_without_solution_and_of_complex_numbers_are_left(function):
    """XLA says nan, which is no number to compare."""
    problem = lagrad.Problem(lambda x: jnp.sum(x**2), np.linspace(-1.5, 1.6, 6), lagrad.Equality(function))
    reference = lagrad.differentiate(problem, check=False).reference
    assert numpy_values(numbered(reference.closed, CALLS), problem.start, []) is None


@pytest.mark.parametrize(
    "function",
    [
        lambda x: lax.fori_loop(0, 20_000, lambda k, s: jnp.sin(s) + jnp.cos(x), x),
        lambda x: lax.scan(lambda c, u: (jax.scipy.special.i0e(c * u), c), 1.0, x)[1],
        lambda x: jnp.real(jnp.sqrt(x + 1j)),
        lambda x: jnp.real(jnp.exp(1e3 * (x + 2j))),
    ],
    ids=["long", "no row inside", "no complex row", "infinite"],
)
def test_other_loops_and_complex_numbers_are_left(function):
    """To JAX, as a whole."""
    problem = lagrad.Problem(lambda x: jnp.sum(x**2), np.ones(6), lagrad.Equality(function))
    reference = lagrad.differentiate(problem, check=False).reference
    assert numpy_values(numbered(reference.closed, CALLS), problem.start, []) is None


SINGLE_NUMBERS = {
    "arithmetic": lambda x, k: x[k] * x[k + 1] / (1.0 + x[k] ** 2) - 3.0 ** x[k] + x[k] ** -2 - abs(-x[k]),
    "functions": lambda x, k: (
        jnp.sin(x[k]) * jnp.exp(x[k + 1]) + jnp.log(x[k]) * jnp.sqrt(x[k]) + jnp.tanh(x[k])
    ),
    "other functions": lambda x, k: jnp.hypot(x[k], x[k + 1]) * jnp.arctan2(x[k], 0.5) + jnp.log1p(x[k]),
    "choices": lambda x, k: jnp.where(x[k] > 0.5, x[k + 1], 2.0) * jnp.minimum(x[k], 0.7) % 0.3,
    "special": lambda x, k: jax.scipy.special.erf(x[k]) + jax.scipy.special.gammaln(x[k] + 1.0),
    "vectors": lambda x, k: (x[k : k + 2] * np.array([2.0, 0.5])) @ x[k : k + 2] + jnp.sum(x[k : k + 3]),
    "matrices": lambda x, k: jnp.stack([x[k], x[k + 1]]).reshape(1, 2)[0, 1] * x[::3][0],
    "infinite": lambda x, k: 1.0 / (x[k] - x[k]) + jnp.exp(1000.0 * x[k]),
    "nan": lambda x, k: jnp.log(-x[k]) + jnp.sqrt(x[k] - 2.0) * x[k + 1],
    "too large": lambda x, k: (1e200 * x[k]) ** 2 * 0.5,
}


@pytest.mark.parametrize("name", SINGLE_NUMBERS)
def test_lists_of_single_numbers_have_the_values_of_jax(name):
    """By Python's arithmetic where it raises no error, and by NumPy's where it does."""
    rows = lambda x: [SINGLE_NUMBERS[name](x, k) for k in range(20)]  # noqa: E731
    problem = lagrad.Problem(lambda x: x[0] * x[1], np.linspace(0.1, 0.9, 24), lagrad.Equality(rows))
    origin = lagrad.differentiate(problem, check=False).reference.program.origin
    with float64():
        expected = np.append(problem.flat_objective(problem.start), problem.flat_constraints(problem.start))
    found = listed_values(origin, problem.start, [], one_at_a_time(10, 1000))
    np.testing.assert_allclose(found, expected, rtol=1e-13, atol=1e-13)


def test_what_numpy_does_not_have_is_left(monkeypatch):
    """To whom takes it, one equation at a time; nobody is no value."""
    monkeypatch.delitem(ELEMENTWISE, "erf")
    problem = special_loop(40)
    origin = lagrad.differentiate(problem, check=False).reference.program.origin
    assert listed_values(origin, problem.start, []) is None
    found = listed_values(origin, problem.start, [], one_at_a_time(10, 1000))
    with float64():
        np.testing.assert_allclose(found, [problem.flat_objective(problem.start)], rtol=1e-13)


@jax.custom_vjp
def doubled(z):
    return 2.0 * z


doubled.defvjp(lambda z: (2.0 * z, None), lambda kept, given: (2.0 * given,))

CALLED = {
    "branch that holds": lambda x: lax.cond(x[0] > 0, lambda x: x[1] ** 2, lambda x: jnp.sin(x[1]), x),
    "branch that does not": lambda x: lax.cond(x[0] < 0, lambda x: x[1] ** 2, lambda x: jnp.sin(x[1]), x),
    "beyond the last": lambda x: lax.switch((8 * x[0]).astype(int), [jnp.sin, jnp.cos, jnp.exp], x[1]),
    "before the first": lambda x: lax.switch((-8 * x[0]).astype(int), [jnp.sin, jnp.cos, jnp.exp], x[1]),
    "forward rule": lambda x: jax.nn.relu(x[0]) - jax.nn.relu(-x[1]),
    "reverse rule": lambda x: doubled(x[0]) * doubled(x)[1],
    "one in the other": lambda x: lax.cond(x[0] > 0, lambda x: doubled(x[0]), lambda x: jax.nn.relu(x[1]), x),
}


@pytest.mark.parametrize("name", CALLED)
def test_branches_and_functions_with_rules_need_no_compiler(name):
    """JAX would compile each call of a loop by itself: their programs are other ones each time."""
    x, function = np.array([0.5, -0.7]), CALLED[name]
    with float64():
        program, expected = numbered(jax.make_jaxpr(function)(x)), function(jnp.asarray(x))
    assert program.names & {"cond", "custom_jvp_call", "custom_vjp_call"}
    np.testing.assert_allclose(numpy_values(program, x, []), [expected], rtol=1e-15)

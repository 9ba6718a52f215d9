"""Hold models that read tables at places that depend on x against dense JAX."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from jax.scipy.interpolate import RegularGridInterpolator
from jax.scipy.ndimage import map_coordinates

import lagrad
from lagrad.elements.lookups import Table
from lagrad.elements.searches import searches
from lagrad.elements.split import partially_separable
from lagrad.precision import float64
from tests.sparsity.tracing import program_of

N = 24
RANDOM = np.random.default_rng(0)
KNOTS, HEIGHTS = np.sort(RANDOM.uniform(-3, 3, 30)), RANDOM.normal(size=30)
CUBICS = RANDOM.normal(size=(29, 4))
ROWS, COLUMNS = np.linspace(-2, 2, 9), np.array([-2.0, -1.4, -0.3, 0.2, 0.9, 1.1, 2.0])
SURFACE = RANDOM.normal(size=(9, 7))


def table(numbers=HEIGHTS):
    """A known array that JAX's tracers may index."""
    return jnp.asarray(numbers)


def place(x, scale=4.0, last=29, dtype=int):
    """A place in a table."""
    return jnp.clip((x * scale + 9).astype(dtype), 0, last)


def spline(side, **mode):
    """Cubics between knots, a row of coefficients each."""

    def function(x):
        i = jnp.clip(jnp.searchsorted(table(KNOTS), x, side=side) - 1, 0, 28)
        rows = table(CUBICS).at[i].get(**mode) if mode else table(CUBICS)[i]
        d = x - table(KNOTS)[i]
        return rows[:, 0] + d * (rows[:, 1] + d * (rows[:, 2] + d * rows[:, 3]))

    return function


def surface(**options):
    """Values on a grid, between which SciPy's way interpolates."""

    def function(x):
        grid = RegularGridInterpolator((table(ROWS), table(COLUMNS)), table(SURFACE), **options)
        return grid(jnp.stack([x, x[::-1]], 1)) * x

    return function


def image(**options):
    """Values on a grid of whole numbers."""
    return lambda x: map_coordinates(table(SURFACE), [x + 3, x[::-1] + 3], order=1, **options) * x


def window(a):
    """Three neighbours of a table."""
    return lax.dynamic_slice(table(), (place(a, 4, 26),), (3,))


def shooting(x):
    """Steps of an integrator whose force is a table."""
    force = lambda s: jnp.stack([s[1], -jnp.interp(s[0], KNOTS, HEIGHTS)])  # noqa: E731
    step = lambda s, _: (s + 0.1 * force(s + 0.05 * force(s)), None)  # noqa: E731
    return jax.vmap(lambda s: lax.scan(step, s, None, length=3)[0])(x.reshape(-1, 2)).ravel()


MODELS = {
    "interp": lambda x: jnp.interp(x, KNOTS, HEIGHTS) * x,
    "interp with ends": lambda x: jnp.interp(x, KNOTS, HEIGHTS, left=-1.0, right=2.0) * x,
    "interp that goes on": lambda x: jnp.interp(x, KNOTS, HEIGHTS, left="extrapolate") * x,
    "interp of an angle": lambda x: jnp.interp(x, np.linspace(0, 5, 30), HEIGHTS, period=6.0) * x,
    "interp with jumps": lambda x: jnp.interp(x, np.repeat(KNOTS[::3], 2), HEIGHTS[:20]) * x,
    "interp of interp": lambda x: jnp.interp(jnp.interp(x, KNOTS, HEIGHTS), KNOTS, HEIGHTS) * x,
    "interp under vmap": lambda x: jax.vmap(lambda a, b: jnp.interp(a, KNOTS, HEIGHTS) * b)(x, x[::-1]),
    "interp of two knots": lambda x: jnp.interp(x, KNOTS[:2], HEIGHTS[:2]) * x,
    "interp of many": lambda x: jnp.interp(x, np.linspace(-3, 3, 5001), np.sin(np.arange(5001.0))) * x,
    "spline, left": spline("left"),
    "spline, right": spline("right"),
    "spline, filled": spline("left", mode="fill", fill_value=0.5),
    "spline, clipped": spline("right", mode="clip"),
    "surface": surface(bounds_error=False, fill_value=0.3),
    "surface that goes on": surface(bounds_error=False, fill_value=None),
    "surface, nearest": surface(bounds_error=False, fill_value=None, method="nearest"),
    "image": image(mode="nearest"),
    "image that repeats": image(mode="wrap"),
    "image with an end": image(mode="constant", cval=0.2),
    "uniform knots": lambda x: table()[place(x)] * x + table()[place(x) - 1] * x**2,
    "short numbers": lambda x: table()[place(x, dtype=np.int32)] * x,
    "unsigned numbers": lambda x: table()[place(jnp.abs(x), dtype=np.uint32)] * x,
    "from the end": lambda x: table()[-1 - place(x)] * x,
    "beyond the ends": lambda x: table()[jnp.floor(9 * x).astype(int)] * x,
    "remainders": lambda x: table()[jnp.mod(jnp.floor(x * 7).astype(int), 30)] * x,
    "quotients": lambda x: table()[jnp.clip(jnp.floor(x * 9).astype(int) // 3 + 9, 0, 29)] * x,
    "strides": lambda x: table()[jnp.clip(jnp.floor(x).astype(int) * 3 + 9, 0, 29)] * x,
    "two axes": lambda x: table(SURFACE)[place(x, 2, 8), place(x[::-1], 1, 6)] * x,
    "taken and wrapped": lambda x: jnp.take(table(), jnp.floor(x * 20).astype(int), mode="wrap") * x,
    "places in a table": lambda x: table()[table(np.arange(30)[::-1].copy())[place(x)]] * x,
    "truths in a table": lambda x: jnp.where(table(np.arange(30) % 3 == 0)[place(x)], x**2, jnp.sin(x)),
    "whole numbers in a table": lambda x: table(np.arange(30) % 7)[place(x)] * x**2,
    "windows": lambda x: jax.vmap(lambda a: jnp.sum(window(a) * a**2))(x),
    "counts": lambda x: jnp.searchsorted(table(KNOTS), x) * x**2 + jnp.digitize(x, table(KNOTS)),
    "in steps": shooting,
    "in a branch": lambda x: jnp.where(x > 0, jnp.interp(x, KNOTS, HEIGHTS), x**3),
}
# Right, but no elements.
COLORED = {
    "compared with all": lambda x: jnp.searchsorted(table(KNOTS), x, method="compare_all") * x**2,
    "places in x": lambda x: x[place(x, 4, N - 1)] * x,
    "nearest": lambda x: jax.vmap(lambda a: table()[jnp.argmin(jnp.abs(a - KNOTS))] * a)(x),
    "narrow numbers": lambda x: table()[place(x, dtype=np.int8)] * x,
}


@pytest.mark.parametrize("strategy", ["auto", "elements"])
@pytest.mark.parametrize("name", MODELS | COLORED)
def test_derivatives_are_those_of_dense_jax(name, strategy):
    """At places inside, at the ends, far away."""
    if strategy == "elements" and name in COLORED:
        pytest.skip("no elements")
    rows, start = (MODELS | COLORED)[name], np.random.default_rng(1).uniform(-3.3, 3.3, N)
    problem = lagrad.Problem(lambda x: jnp.sum(x**2), start, lagrad.Equality(rows))
    derivatives = lagrad.differentiate(problem, strategy=strategy)
    weights = np.linspace(1.0, 2.0, derivatives.m)
    lagrangian = lambda x: jnp.sum(x**2) + weights @ rows(x)  # noqa: E731
    for x in (start, 0.3 * start, 9.0 * start, 1e10 * start):
        with float64():
            values, jacobian = rows(jnp.asarray(x)), jax.jacfwd(rows)(x)
            hessian = jax.jacfwd(jax.jacfwd(lagrangian))(x)
        size = 1.0 + np.abs(values).max()
        np.testing.assert_allclose(derivatives.constraints(x), values, rtol=1e-12, atol=1e-13 * size)
        np.testing.assert_allclose(derivatives.jacobian(x).toarray(), jacobian, rtol=1e-12, atol=1e-12 * size)
        found = derivatives.hessian(x, weights).toarray()
        np.testing.assert_allclose(found, hessian, rtol=1e-12, atol=1e-12 * size)


@pytest.mark.parametrize("name", MODELS)
def test_they_are_elements(name):
    """Nothing is left over."""
    assert not partially_separable(program_of(MODELS[name], N)).rest


def found_in(function):
    """The searches behind the outputs of the loop of a function."""
    program = program_of(function, 8)
    (scan,) = (each for each in program.equations if each.name == "scan")
    with float64():
        values = partially_separable(program).classification.values
    return searches(scan.source, [values.get(i) for i in scan.inputs])


def halving(better):
    """A loop like a search, by some comparison."""

    def function(x, knots=KNOTS):
        def step(ends, _):
            low, high = ends
            middle = low + (high - low) // 2
            left = better(x, table(knots)[middle])
            return (jnp.where(left, low, middle), jnp.where(left, middle, high)), None

        ends = jnp.zeros(8, int), jnp.full(8, 30)
        return lax.scan(step, ends, None, length=6)[0][1] * x

    return function


def test_searches_are_known_by_what_they_give():
    """JAX's own, and the user's."""
    ours = found_in(lambda x: jnp.searchsorted(table(KNOTS), x, side="right") * x)
    assert "right" in [each.side for each in ours if each is not None]
    assert found_in(halving(lambda x, knot: x <= knot))[1] is not None


@pytest.mark.parametrize(
    "function",
    [
        halving(lambda x, knot: x <= knot + 0.01),
        halving(lambda x, knot: x[::-1] <= knot),
        halving(lambda x, knot: knot <= x),
        lambda x: halving(lambda x, knot: x <= knot)(x, KNOTS[::-1].copy()),
    ],
)
def test_other_loops_are_not(function):
    """Another comparison, elements that meet one another, a table that is not sorted."""
    assert found_in(function)[1] is None


def test_tables_are_equal_by_their_numbers():
    """Their types included."""
    assert Table.of(np.zeros(3)) == Table.of(np.zeros(3)) != Table.of(np.zeros(3, int))
    assert hash(Table.of(np.arange(3.0))) == hash(Table.of(np.arange(3.0)))


def test_tables_of_params_are_read_again():
    """Numbers that change between solves are left to XLA, and right."""
    start, weights = np.linspace(-2.5, 2.5, 6), np.ones(6)
    rows = lambda x, p: jnp.interp(x, KNOTS, p) * x  # noqa: E731
    problem = lagrad.Problem(lambda x, p: jnp.sum(x**2), start, lagrad.Equality(rows), params=HEIGHTS)
    derivatives = lagrad.differentiate(problem)
    for params in (HEIGHTS, -2.0 * HEIGHTS):
        with float64():
            expected = jax.jacfwd(lambda x: rows(x, params))(start)  # noqa: B023
        found = derivatives.jacobian(start, params=params).toarray()
        np.testing.assert_allclose(found, expected, atol=1e-13)
        assert np.isfinite(derivatives.hessian(start, weights, params=params).toarray()).all()


def test_an_optimum_between_knots_is_found():
    """The cheapest point of a sum of tables lies on a knot or where straight lines balance a parabola."""
    problem = lagrad.Problem(
        lambda x: jnp.sum((x - 0.3) ** 2 + 0.1 * jnp.interp(x, KNOTS, KNOTS)), np.zeros(3)
    )
    solution = lagrad.solve(problem)
    np.testing.assert_allclose(solution.x, 0.25, atol=1e-6)

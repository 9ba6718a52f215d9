"""Derivatives of solutions against hand solutions, against each other, and against solving again."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lagrad
from lagrad import Equality, Inequality, Problem, solution_map

TIGHT = {"tol": 1e-10}


@pytest.fixture(autouse=True, scope="module")
def double():
    """Derivatives are compared to ten digits."""
    before = jax.config.read("jax_enable_x64")
    jax.config.update("jax_enable_x64", True)
    yield
    jax.config.update("jax_enable_x64", before)


def clipped(**options):
    """x = clip(p, 0, 1), with bound multiplier 2 (p - x)."""
    problem = Problem(lambda x, p: (x[0] - p) ** 2, [0.5], bounds=(0.0, 1.0), params=0.5)
    return solution_map(problem, **TIGHT, **options)


def projection():
    """The point of the plane a'z = b, z >= 0, that is nearest to q; a pytree with shapes (3,) and ()."""

    def plane(z, p):
        return p["a"] @ z["head"] + z["tail"] - p["b"]

    def distance(z, p):
        return jnp.sum((z["head"] - p["q"]) ** 2) + (z["tail"] - 1.0) ** 2

    return Problem(
        distance,
        {"head": np.zeros(3), "tail": 0.0},
        {"plane": Equality(plane), "cap": Inequality(lambda z, p: z["head"][0] ** 2, upper=0.25)},
        bounds=(0.0, None),
        params={"a": np.ones(3), "b": 2.0, "q": np.array([2.0, 0.3, -3.0])},
    )


@pytest.fixture(scope="module")
def nearest():
    """The projection's map, compiled once."""
    return solution_map(projection(), tol=1e-11)


@pytest.fixture(scope="module")
def clip():
    """The clip's map, compiled once."""
    return clipped()


@pytest.mark.parametrize("p, slope", [(0.3, 1.0), (1.7, 0.0), (-2.0, 0.0)])
def test_bounds_hold_or_let_go(clip, p, slope):
    """dx/dp of clip(p, 0, 1) in both modes; where x stands still, the bound's multiplier 2 |p - x| moves."""
    np.testing.assert_allclose(jax.jacrev(clip)(p), [slope], atol=1e-12)
    np.testing.assert_allclose(jax.jacfwd(clip)(p), [slope], atol=1e-12)
    multipliers = jax.jacobian(lambda p: clip.optimum(p).bound_multipliers)(p)
    np.testing.assert_allclose(multipliers.upper, [2.0 * (p > 1.0)], atol=1e-12)
    np.testing.assert_allclose(multipliers.lower, [-2.0 * (p < 0.0)], atol=1e-12)


def test_kinks_are_named_or_take_a_side():
    """At p = 1 the clip has slopes 1 and 0; without a choice the variable is named."""
    with pytest.raises(lagrad.DerivativeError, match=r"the bound of x\[0\]"):
        jax.grad(lambda p: clipped()(p)[0])(1.0)
    assert jax.grad(lambda p: clipped(kinks="inactive")(p)[0])(1.0) == pytest.approx(1.0)
    assert jax.grad(lambda p: clipped(kinks="active")(p)[0])(1.0) == pytest.approx(0.0)


def test_derivatives_agree_with_solving_again(nearest):
    """Central differences of re-solves, for point and multipliers, with an active row, bound and equality."""
    params = jax.tree.map(jnp.asarray, projection().params)
    direction = {"a": jnp.array([0.3, -0.2, 0.5]), "b": jnp.asarray(0.7), "q": jnp.array([0.1, 0.4, 0.2])}
    step = 1e-4

    def moved(sign):
        return nearest.optimum(jax.tree.map(lambda p, d: p + sign * step * d, params, direction))

    _, found = jax.jvp(nearest.optimum, (params,), (direction,))
    expected = jax.tree.map(lambda after, before: (after - before) / (2 * step), moved(1), moved(-1))
    assert abs(expected.multipliers["cap"]) > 1e-3
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-6), found, expected)


def test_reverse_mode_is_the_transpose_of_forward_mode(nearest):
    """y'(J p) = (J'y)'p."""
    params = jax.tree.map(jnp.asarray, projection().params)
    forward, backward = jax.jacfwd(nearest)(params), jax.jacrev(nearest)(params)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-11), forward, backward)


def test_second_derivatives_by_hand():
    """min x^3 / 3 - p x has x = sqrt(p), whose second derivative is -p^-1.5 / 4."""
    problem = Problem(lambda x, p: x[0] ** 3 / 3 - p * x[0], [1.0], bounds=(0.1, 9.0), params=1.0)
    root = solution_map(problem, tol=1e-11)
    assert jax.grad(jax.grad(lambda p: root(p)[0]))(4.0) == pytest.approx(-1 / 32, abs=1e-7)


def test_jit_and_vmap_change_nothing(clip):
    """Compiled and batched maps and derivatives equal plain ones."""
    points = jnp.array([0.2, 1.5])
    np.testing.assert_allclose(jax.vmap(clip)(points)[:, 0], [0.2, 1.0], atol=1e-8)
    slope = jax.grad(lambda p: clip(p)[0])
    np.testing.assert_allclose(jax.vmap(slope)(points), [1.0, 0.0], atol=1e-12)
    assert jax.jit(slope)(0.2) == pytest.approx(1.0)


def test_bounds_may_depend_on_params():
    """x = min(p0, p1) where p1 is the upper bound."""
    problem = Problem(lambda x, p: (x[0] - p[0]) ** 2, [0.5], params=np.array([0.5, 1.0]))
    smaller = solution_map(problem, bounds=lambda p: (None, p[1]), **TIGHT)
    np.testing.assert_allclose(jax.jacobian(smaller)(np.array([3.0, 1.0])), [[0.0, 1.0]], atol=1e-12)
    np.testing.assert_allclose(jax.jacobian(smaller)(np.array([0.3, 1.0])), [[1.0, 0.0]], atol=1e-12)


def test_dependent_rows_are_named():
    """Two equal active rows have no unique multipliers: no LICQ."""
    rows = {"first": Equality(lambda x, p: x[0] - p), "again": Equality(lambda x, p: 2 * (x[0] - p))}
    position = solution_map(Problem(lambda x, p: x @ x, [0.0, 0.0], rows, params=1.0), "trust-constr")
    with pytest.raises(lagrad.DerivativeError, match="depend on one another.*(first|again)"):
        jax.jacobian(position)(1.0)


def test_failed_solves_give_nan():
    """No point satisfies x^2 = -p; value and derivative are nan, with a warning."""
    row = Equality(lambda x, p: x[0] ** 2 + p)
    position = solution_map(Problem(lambda x, p: x[0], [1.0], row, params=1.0), max_iterations=5)
    with pytest.warns(lagrad.LagradWarning, match="gives nan"):
        value, slope = jax.value_and_grad(lambda p: position(p)[0])(1.0)
    assert np.isnan(value) and np.isnan(slope)


def test_single_precision_is_served():
    """Where JAX is set to float32, values and derivatives are float32."""
    jax.config.update("jax_enable_x64", False)
    try:
        position = clipped()
        slope = jax.jacobian(position)(0.25)
        assert slope.dtype == np.float32
        np.testing.assert_allclose(slope, [1.0], atol=1e-5)
    finally:
        jax.config.update("jax_enable_x64", True)


def test_problems_without_params_are_refused():
    """There is nothing to differentiate by."""
    with pytest.raises(lagrad.ProblemError, match="`params`"):
        solution_map(Problem(lambda x: x @ x, [1.0]))


def test_maps_are_made_inside_jit():
    """Set-up computes at once; only what is traced outside cannot be captured."""
    problem = Problem(lambda x, p: jnp.sum((x - p) ** 2), [3.0, 3.0], params=np.ones(2))
    found = jax.jit(lambda p: solution_map(problem)(p))(np.array([1.0, 2.0]))
    np.testing.assert_allclose(found, [1.0, 2.0], atol=1e-7)

    def captures(q):
        return solution_map(Problem(lambda x, p: jnp.sum((x - q * p) ** 2), [3.0], params=1.0))(1.0)

    with pytest.raises(lagrad.DerivativeError, match="Pass it as params"):
        jax.jit(captures)(2.0)


@pytest.mark.parametrize("method", ["auto", "batched"])
@pytest.mark.parametrize(
    "p, lower, upper", [(2.0, (1.75, 3.0), (0.0, 0.0)), (0.25, (0.0, 0.0), (0.4375, 0.5))]
)
def test_what_presses_a_fixed_variable_has_derivatives(method, p, lower, upper):
    """With x1 = 1/2 its pull is p^2 - p - 1/4, through the objective and through a row."""
    problem = Problem(
        lambda x, p: (x[0] - p) ** 2 + x[0] * x[1] + x[2] ** 2,
        np.array([0.0, 0.5, 0.0]),
        Equality(lambda x, p: x[2] + p * x[1], value=1.0),
        bounds=([-np.inf, 0.5, -np.inf], [np.inf, 0.5, np.inf]),
        params=1.0,
    )
    bounds = lambda p: solution_map(problem, method, tol=1e-10).optimum(p).bound_multipliers  # noqa: E731
    values, slopes = jax.jvp(bounds, (p,), (1.0,))
    for side, (value, slope) in (("lower", lower), ("upper", upper)):
        np.testing.assert_allclose(getattr(values, side), [0.0, value, 0.0], atol=1e-7)
        np.testing.assert_allclose(getattr(slopes, side), [0.0, slope, 0.0], atol=1e-6)

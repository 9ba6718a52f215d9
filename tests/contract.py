"""Hold a problem, its derivatives and solutions to the laws that every one must obey.

The oracle is dense JAX on the declared functions; nothing of lagrad's engine is used in it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np

import lagrad
from lagrad_problems import Entry

# Both sides evaluate the same formula in another order: 1e-10 of the largest entry leaves room for rounding.
DERIVATIVE_TOLERANCE = 1e-10
# Solvers stop at 1e-8 in their own scaling; multipliers of active bounds have fewer digits.
KKT_TOLERANCE = 1e-5
# Some of the suite's rows are so large that 1e-8 in a solver's scaling is more than lagrad calls optimal.
CONTENT = (lagrad.Status.OPTIMAL, lagrad.Status.ACCEPTABLE)


@dataclass(frozen=True, eq=False)
class FirstOrder:
    """f, gradient (n,), c (m,) and Jacobian (m, n) at one point."""

    objective: np.ndarray
    gradient: np.ndarray
    constraints: np.ndarray
    jacobian: np.ndarray


@cache
def compiled_first_order(problem: lagrad.Problem):
    """Function x -> f, gradient, c, Jacobian, by plain JAX; compiled once a problem."""
    return jax.jit(
        lambda x: (
            *jax.value_and_grad(problem.flat_objective)(x),
            problem.flat_constraints(x),
            jax.jacfwd(problem.flat_constraints)(x),
        )
    )


def first_order(problem: lagrad.Problem, x: np.ndarray) -> FirstOrder:
    """Values and first derivatives by plain JAX."""
    with jax.enable_x64(True):
        return FirstOrder(*map(np.asarray, compiled_first_order(problem)(jnp.asarray(x))))


def dense_hessian(problem: lagrad.Problem):
    """Function x, multipliers, objective weight -> Hessian of the Lagrangian (n, n), by plain JAX."""

    def lagrangian(x, multipliers, weight):
        return weight * problem.flat_objective(x) + multipliers @ problem.flat_constraints(x)

    compiled = jax.jit(jax.hessian(lagrangian))

    def at(x: np.ndarray, multipliers: np.ndarray, weight: float) -> np.ndarray:
        with jax.enable_x64(True):
            return np.asarray(compiled(jnp.asarray(x), jnp.asarray(multipliers), weight))

    return at


def points(problem: lagrad.Problem, count: int, seed: int = 0) -> Iterator[np.ndarray]:
    """The start, then points near it and within the bounds, shape (n,) each."""
    random = np.random.default_rng(seed)
    yield problem.start
    for _ in range(count - 1):
        step = 0.1 * (1 + abs(problem.start)) * random.normal(size=problem.n)
        yield np.clip(problem.start + step, problem.lower, problem.upper)


def check_derivatives(derivatives: lagrad.Derivatives, count: int = 3, seed: int = 0) -> None:
    """f, c, gradient, Jacobian, Hessian and its products are those of dense JAX, at several points."""
    problem, random = derivatives.problem, np.random.default_rng(seed)
    hessian_at = dense_hessian(problem)
    for x in points(problem, count, seed):
        multipliers, vector, weight = (
            random.normal(size=problem.m),
            random.normal(size=problem.n),
            random.normal(),
        )
        expected, hessian = first_order(problem, x), hessian_at(x, multipliers, weight)
        assert_close("objective", derivatives.objective(x), expected.objective)
        # At a feasible start all rows vanish, by cancellation of terms of this size.
        terms = np.maximum(abs(expected.constraints), abs(expected.jacobian) @ abs(x))
        assert_close("constraints", derivatives.constraints(x), expected.constraints, terms)
        assert_close("gradient", derivatives.gradient(x), expected.gradient)
        assert_close("jacobian", derivatives.jacobian(x).toarray(), expected.jacobian)
        assert_close("hessian", derivatives.hessian(x, multipliers, weight).toarray(), hessian)
        product = derivatives.hvp(x, multipliers, vector, weight)
        assert_close("hvp", product, hessian @ vector, abs(hessian) @ abs(vector))


def assert_close(name: str, found, expected, scale=None) -> None:
    """Equal to 1e-10 of the largest entry, or of `scale`."""
    scale = abs(expected) if scale is None else scale
    largest = np.max(scale, initial=1e-10)
    error = np.max(abs(np.asarray(found) - expected), initial=0.0)
    assert error <= DERIVATIVE_TOLERANCE * largest, f"{name}: off by {error:.1e} of {largest:.1e}"


def check_optimum(entry: Entry, solution: lagrad.Solution) -> None:
    """The solver stops content, at a known minimum."""
    assert solution.status in CONTENT, f"{entry.name}: {solution.message}"
    known = (entry.optimum, *entry.other_optima)
    assert entry.is_optimum(solution.objective), (
        f"{entry.name}: {solution.objective!r}, expected one of {known}"
    )


def check_conditions(problem: lagrad.Problem, solution: lagrad.Solution) -> None:
    """Karush, Kuhn and Tucker's conditions hold with lagrad's signs, by dense derivatives."""
    x = problem.variables.flatten(solution.x)
    multipliers = np.concatenate(
        [
            np.ravel(leaf)
            for name in problem.constraints
            for leaf in jax.tree.leaves(solution.multipliers[name])
        ]
        or [np.zeros(0)]
    )
    lower, upper = (problem.variables.flatten(side) for side in solution.bound_multipliers)
    here = first_order(problem, x)
    residual = here.gradient + here.jacobian.T @ multipliers + upper - lower
    size = max(1.0, abs(here.gradient).max(), (abs(here.jacobian).T @ abs(multipliers)).max(initial=0.0))
    assert abs(residual).max() <= KKT_TOLERANCE * size, (
        f"stationarity {abs(residual).max():.1e} of {size:.1e}"
    )
    assert (lower >= 0).all() and (upper >= 0).all()
    check_side("bounds", x - problem.lower, lower, size)
    check_side("bounds", problem.upper - x, upper, size)
    check_side("rows", here.constraints - problem.constraint_lower, np.maximum(-multipliers, 0), size)
    check_side("rows", problem.constraint_upper - here.constraints, np.maximum(multipliers, 0), size)


def check_side(name: str, distance: np.ndarray, multiplier: np.ndarray, size: float) -> None:
    """No distance is negative, and a multiplier is zero where there is a distance."""
    assert (distance >= -KKT_TOLERANCE * size).all(), f"{name}: violated by {-distance.min():.1e}"
    loose = np.minimum(distance, 1.0) * multiplier
    assert (loose <= KKT_TOLERANCE * size).all(), (
        f"{name}: a multiplier of {loose.max():.1e} away from its side"
    )

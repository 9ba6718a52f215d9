"""Map params to the solution, with derivatives in both modes.

Legend: y = (x, v, w) holds the point, the multipliers of the rows and those of the bounds, w = upper - lower.
At a solution r(y, p) = 0, where a row or bound is either active or not:

    r1 = grad_x f(x, p) + grad_x v'c(x, p) + w      v only of active rows, w only of active bounds
    r2 = c(x, p) - side          on active rows,    v on the others
    r3 = x - bound(p)            on active bounds,  w on the others

K = dr/dy is symmetric, so y_dot = -K^-1 (dr/dp p_dot) and p_bar = -(dr/dp)' K^-1 y_bar need the same
factors. Products with dr/dp are JAX's; K is assembled from the sparse Hessian and Jacobian, and factored
once a point.

Toy version: min x^2 - 2 p x has x = p. r1 = 2 x - 2 p, K = 2, dr/dp = -2, hence dx/dp = 1.

Source: Fiacco (1976), Sensitivity analysis for nonlinear programming using penalty methods; Pirnay,
Lopez-Negrete and Biegler (2012), Optimal sensitivity based on IPOPT.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import jax
import jax.core
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt

from lagrad.annotations import Pytree
from lagrad.errors import ProblemError
from lagrad.problem.layout import Layout
from lagrad.problem.multipliers import named_rows
from lagrad.problem.problem import Problem, problem_of
from lagrad.sensitivity.active import INACTIVE, WEAK
from lagrad.sensitivity.host import Host
from lagrad.sensitivity.traced import traced_map
from lagrad.solution.solution import BoundMultipliers

KINKS = ("raise", "inactive", "active")


class Optimum(NamedTuple):
    """A solution as JAX arrays that can be differentiated.

    Args:
        x: pytree like x0.
        multipliers: name of each constraint -> multipliers in the shape of its value.
        bound_multipliers: `lower` and `upper`, nonnegative pytrees like x0.
    """

    x: Any
    multipliers: dict[str, Any]
    bound_multipliers: BoundMultipliers


@dataclass(frozen=True, eq=False)
class SolutionMap:
    """The map params -> x of a problem; see `solution_map`.

    Args:
        problem: what is solved.
        bounds: None, or a function params -> (lower, upper).
        run: (leaves of params, lower, upper) -> flat x, multipliers, bound multipliers and active sides.
        host: solves and factors, outside of JAX; None where JAX does it all.
    """

    problem: Problem
    bounds: Callable[..., Any] | None
    run: Callable[..., Any] = field(repr=False)
    host: Host | None = field(repr=False)

    def __call__(self, params: Pytree) -> Pytree:
        """x at the solution for these params: a pytree like x0."""
        return self.optimum(params).x

    def optimum(self, params: Pytree) -> Optimum:
        """Point and multipliers for these params, all differentiable."""
        tree, leaves = read_leaves(self.problem, params)
        x, rows, w, *_ = self.run(leaves, *flat_bounds(self.problem, self.bounds, tree))
        unflatten = self.problem.variables.unflatten
        named = named_rows(self.problem, rows)
        pressing = BoundMultipliers(unflatten(jnp.maximum(-w, 0.0)), unflatten(jnp.maximum(w, 0.0)))
        return Optimum(unflatten(x), named, pressing)


def solution_map(
    problem: Any,
    method: str = "auto",
    *,
    bounds: Callable[..., Any] | None = None,
    kinks: str = "raise",
    **options: Any,
) -> SolutionMap:
    """The map from params to the solution, differentiable by jax.grad, jax.jacobian and jax.jvp.

    Each new value of params is one solve; each derivative at it one sparse factorisation and a pair of
    triangular solves a direction, whatever the number of params. It also works inside jax.jit and jax.vmap
    (one solve an element), and can be differentiated again. It computes in the precision JAX is set to:
    `jax.config.update("jax_enable_x64", True)` for double.

    What the derivative is: which rows and bounds are active is taken to stay as it is at the solution. Where
    a side is weakly active (no multiplier and no distance) that is true to one side only: `kinks` decides. A
    solve that fails gives nan and a warning; so do its derivatives.

    Args:
        problem: a Problem with params, or its Derivatives.
        method: as in `lagrad.solve`; or "batched" for `lagrad.batched`, which stays on the device: jit and
            vmap run many at once, kinks are smooth transitions, and options are those of that.
        bounds: a JAX function params -> (lower, upper), each None, a number, an array or a pytree like x0,
            for bounds that depend on params; None for the problem's own.
        kinks: what derivatives do at a weakly active side: "raise" an error that names it, or take it for
            "inactive" or "active", which gives the derivative of one side of the kink.
        options: further arguments of `lagrad.solve`, such as x0, tol, options or warm_start.

    Returns:
        SolutionMap: called with params it gives x; its method `optimum` gives the multipliers, too.

    Raises:
        ProblemError: the problem has no params, or an argument is unknown.
        DerivativeError: from derivatives only: a weakly active side, active rows that depend on one another,
            or a solution that is not unique. Under jax.jit it comes inside JAX's own error.

    Source: Fiacco (1976); Pirnay, Lopez-Negrete and Biegler (2012).

    >>> problem = lagrad.Problem(lambda x, p: (x[0] - p) ** 2, [0.0], bounds=(0.0, 1.0), params=0.0)
    >>> position = solution_map(problem, "trust-constr")
    >>> slope = jax.jacobian(position)
    >>> round(float(slope(0.5)[0]), 6), round(float(slope(3.0)[0]), 6)
    (1.0, 0.0)
    """
    if kinks not in KINKS:
        raise ProblemError(f"`kinks`: {kinks!r}, expected one of {', '.join(map(repr, KINKS))}.")
    if not problem_of(problem).has_params:
        raise ProblemError(
            "`params`: the problem has none. Declare it with params, to differentiate by them."
        )
    if method == "batched":
        if bounds is not None:
            raise ProblemError("`bounds`: a function, but 'batched' has fixed bounds. Write them as rows.")
        declared, run = traced_map(problem, **options)
        return SolutionMap(declared, None, run, None)
    host = Host.of(problem, method, kinks, options)
    declared = host.derivatives.problem
    return SolutionMap(declared, bounds, flat_map(declared, host, kinks), host)


def read_leaves(problem: Problem, params: Pytree) -> tuple[Pytree, list[jax.Array]]:
    """Params as a pytree of JAX arrays, and its leaves.

    Raises:
        ProblemError: another structure or shape than the problem's params.
    """
    layout = Layout.of(problem.params, "params")
    if jax.tree.structure(params) != layout.treedef:
        params = problem.read_params(params)
    layout.require_same(params)
    dtypes = [leaf.dtype for leaf in jax.tree.leaves(problem.params)]
    leaves = [as_declared(leaf, dtype) for leaf, dtype in zip(jax.tree.leaves(params), dtypes, strict=True)]
    return layout.treedef.unflatten(leaves), leaves


def as_declared(leaf: npt.ArrayLike, dtype: np.dtype[Any]) -> jax.Array:
    """A leaf of params as a JAX array of the kind of number it was declared with."""
    if jnp.issubdtype(dtype, np.floating):
        return jnp.asarray(leaf, jnp.result_type(float))
    return jnp.asarray(leaf)


def flat_bounds(
    problem: Problem, bounds: Callable[..., Any] | None, params: Pytree
) -> tuple[jax.Array, jax.Array]:
    """Bounds for these params, flat, two arrays of shape (n,)."""
    if bounds is None:
        return jnp.asarray(problem.lower), jnp.asarray(problem.upper)
    sides = bounds(params)
    if not isinstance(sides, tuple | list) or len(sides) != 2:
        raise ProblemError(f"`bounds`: the function returns {type(sides).__name__}, expected (lower, upper).")
    return flat_side(problem, sides[0], -jnp.inf), flat_side(problem, sides[1], jnp.inf)


def flat_side(problem: Problem, side: Pytree, default: float) -> jax.Array:
    """One side as a flat array: None, a number, an array or a pytree like x."""
    layout, shape = problem.variables, getattr(side, "shape", None)
    if side is None or isinstance(side, int | float) or shape == ():
        return jnp.full(layout.size, default if side is None else side, jnp.result_type(float))
    if shape == (layout.size,):
        return jnp.asarray(side, jnp.result_type(float))
    layout.require_same(side)
    return layout.ravel(side)


def flat_map(problem: Problem, host: Host, kinks: str) -> Callable[..., Any]:
    """(leaves, lower, upper) -> (x, v, w, active rows, active bounds), with its derivative rule."""
    residual = residual_of(problem, kinks)
    places = [problem.n, problem.n + problem.m]

    def split(y: jax.Array) -> tuple[jax.Array, ...]:
        return tuple(jnp.split(y, places))

    @jax.custom_jvp
    def run(leaves: list[jax.Array], lower: jax.Array, upper: jax.Array) -> tuple[jax.Array, ...]:
        return on_host(host.solve, host.shapes(), "sequential", *leaves, lower, upper)

    @run.defjvp
    def rule(
        primals: tuple[Any, ...], tangents: tuple[Any, ...]
    ) -> tuple[tuple[jax.Array, ...], tuple[jax.Array, ...]]:
        *y, rows, bounds = run(*primals)
        sides = rows, bounds

        def at(y: Sequence[jax.Array], given: tuple[Any, ...]) -> jax.Array:
            return jnp.concatenate(residual(y, sides, *given))

        moved = jax.jvp(lambda *given: at(y, given), primals, tangents)[1]
        state = [*y, *sides, *primals[0]]
        if are_known(state):
            # Here an error reaches the user as it is, and nothing but NumPy is left for the callback.
            host.kkt([np.asarray(array) for array in state])
        # One vector: JAX transposes a solve only if all parts of its right side depend on the direction.
        change = jax.lax.custom_linear_solve(
            lambda move: jax.jvp(lambda y: at(y, primals), (y,), ([*split(move)],))[1],
            -moved,
            lambda _, b: on_host(host.solve_kkt, b, "expand_dims", *state, b),
            symmetric=True,
        )
        return (*y, *sides), (*split(change), *map(jnp.zeros_like, sides))

    return run


def residual_of(problem: Problem, kinks: str) -> Callable[..., Any]:
    """r of ((x, v, w), active sides, leaves, lower, upper), compiled when first used."""
    treedef = jax.tree.structure(problem.params)

    @jax.jit
    def residual(
        y: Sequence[jax.Array],
        sides: tuple[jax.Array, jax.Array],
        leaves: list[jax.Array],
        lower: jax.Array,
        upper: jax.Array,
    ) -> tuple[jax.Array, ...]:
        (x, v, w), params = y, jax.tree.unflatten(treedef, leaves)
        rows, bounds = (counts(side, kinks) for side in sides)

        def lagrangian(x: jax.Array) -> tuple[jax.Array, jax.Array]:
            values = problem.flat_constraints(x, params) if problem.m else jnp.zeros(0)
            return problem.flat_objective(x, params) + jnp.where(rows, v, 0.0) @ values, values

        slope, values = jax.grad(lagrangian, has_aux=True)(x)
        bound = jnp.where(sides[1] > 0, upper, lower)
        return (
            slope + jnp.where(bounds, w, 0.0),
            jnp.where(rows, values, v),
            jnp.where(bounds, x - jnp.where(bounds, bound, 0.0), w),
        )

    return residual


def counts(side: jax.Array, kinks: str) -> jax.Array:
    """Which sides count as active."""
    strongly = (side != INACTIVE) & (abs(side) != WEAK)
    return strongly | (abs(side) == WEAK) if kinks == "active" else strongly


def are_known(arrays: Iterable[object]) -> bool:
    """Whether all arrays have values, none is being traced."""
    return not any(isinstance(array, jax.core.Tracer) for array in arrays)


def on_host(fun: Callable[..., Any], like: Pytree, vmap_method: str, *args: npt.ArrayLike) -> Pytree:
    """Call a function of NumPy arrays: at once where the arguments are known, else when the program runs."""
    shapes = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype), like)
    if not are_known(args):
        return jax.pure_callback(fun, shapes, *args, vmap_method=vmap_method)
    with jax.ensure_compile_time_eval():
        results = fun(*map(np.asarray, args))
        return jax.tree.map(lambda value, shape: jnp.asarray(value, shape.dtype), results, shapes)

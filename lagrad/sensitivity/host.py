"""Solve and factor outside of JAX, keeping the last of each."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt

from lagrad.annotations import Pytree
from lagrad.derivatives import Derivatives
from lagrad.display.text import listed
from lagrad.errors import DerivativeError
from lagrad.problem.multipliers import flat_multipliers
from lagrad.sensitivity.active import INACTIVE, WEAK, find_sides
from lagrad.sensitivity.kkt import Kkt, factor
from lagrad.solution.solution import Solution
from lagrad.solvers.solve import prepare, solve
from lagrad.source_location import warn_user

# So many points are remembered, so that a gradient after a value solves nothing twice.
KEPT = 4
DEFAULT_TOLERANCE = 1e-8


@dataclass(frozen=True, eq=False)
class Memory:
    """The last few results by their arguments; safe between threads."""

    kept: OrderedDict[bytes, Any] = field(default_factory=OrderedDict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def recall(self, arrays: list[np.ndarray], compute: Callable[[], Any]) -> Any:
        """What was computed for these arrays before, or is now."""
        key = b"|".join(array.tobytes() for array in arrays)
        with self.lock:
            if key in self.kept:
                return self.kept[key]
        result = compute()
        with self.lock:
            self.kept[key] = result
            while len(self.kept) > KEPT:
                self.kept.popitem(last=False)
        return result

    def forget(self) -> None:
        """Drop everything."""
        with self.lock:
            self.kept.clear()


@dataclass(frozen=True, eq=False)
class Host:
    """What a solution map does outside of JAX.

    Args:
        derivatives: of the problem, compiled once.
        method: of `lagrad.solve`.
        kinks: what to do about weakly active sides.
        options: further arguments of `lagrad.solve`.
    """

    derivatives: Derivatives
    method: str
    kinks: str
    options: Mapping[str, Any]
    solved: Memory = field(default_factory=Memory, repr=False)
    factored: Memory = field(default_factory=Memory, repr=False)

    @classmethod
    def of(cls, problem: Any, method: str, kinks: str, options: Mapping[str, Any]) -> Host:
        """Differentiate the problem unless that was done."""
        return cls(cast(Derivatives, prepare(problem)[0]), method, kinks, options)

    def shapes(self) -> tuple[jax.ShapeDtypeStruct, ...]:
        """What `solve` returns: x, multipliers, bound multipliers, active rows, active bounds."""
        n, m = self.derivatives.n, self.derivatives.m
        return tuple(jax.ShapeDtypeStruct((size,), jnp.result_type(float)) for size in (n, m, n, m, n))

    def solve(self, *arrays: npt.ArrayLike) -> tuple[np.ndarray, ...]:
        """Solve for (leaves of params, lower, upper): x, v, w, active rows, active bounds."""
        known = [np.asarray(array) for array in arrays]
        return self.solved.recall(known, lambda: self._solve(*known))

    def _solve(self, *arrays: np.ndarray) -> tuple[np.ndarray, ...]:
        *leaves, lower, upper = arrays
        params = self.params(leaves)
        bounds = np.asarray(lower, np.float64), np.asarray(upper, np.float64)
        given = {"params": params, "bounds": bounds} | dict(self.options)
        solution = solve(self.derivatives, self.method, **given)
        if not solution.success:
            warn_user(f"solution_map: the solve failed and gives nan: {solution.message}")
            return tuple(np.full(shape.shape, np.nan) for shape in self.shapes())
        return self.read(solution, params, bounds)

    def read(self, solution: Solution, params: Pytree, bounds: Any) -> tuple[np.ndarray, ...]:
        """Flat point, multipliers and active sides of a solution."""
        problem = self.derivatives.problem.replace(x0=solution.x, bounds=bounds)
        x = problem.variables.flatten(solution.x)
        v = flat_multipliers(problem, solution.multipliers)
        lower, upper = (problem.variables.flatten(part) for part in solution.bound_multipliers)
        size = float(np.abs(self.derivatives.gradient(x, params)).max())
        kink = float(np.sqrt(self.options.get("tol", DEFAULT_TOLERANCE)))
        values = self.derivatives.constraints(x, params)
        return x, v, upper - lower, *find_sides(problem, x, values, (v, lower, upper), size, kink)

    def params(self, leaves: list[np.ndarray]):
        """Params of a call from their leaves."""
        return jax.tree.unflatten(jax.tree.structure(self.derivatives.problem.params), leaves)

    def solve_kkt(self, *arrays: npt.ArrayLike) -> np.ndarray:
        """K^-1 b for (x, v, w, active rows, active bounds, leaves of params, b), b of shape (n + m + n,).

        All arrays may have leading axes, of length 1 where nothing varies along them.

        Raises:
            DerivativeError: K is singular, or a side is weakly active and `kinks` is "raise".
        """
        *state, b = map(np.asarray, arrays)
        axes = b.ndim - 1
        lead = np.broadcast_shapes(*(array.shape[:axes] for array in (*state, b)))
        full = [np.broadcast_to(array, lead + array.shape[axes:]) for array in (*state, b)]
        if axes and any(np.prod(array.shape[:axes]) != 1 for array in state):
            each = [self.solve_kkt(*(array[place] for array in full)) for place in np.ndindex(*lead)]
            return np.stack(each).reshape(*lead, -1)
        kkt = self.kkt([array.reshape(array.shape[axes:]) for array in state])
        right = full[-1].reshape(-1, b.shape[-1]).T.astype(np.float64)
        return (kkt.solve(right) if kkt else right * np.nan).T.reshape(full[-1].shape).astype(b.dtype)

    def kkt(self, state: list[np.ndarray]) -> Kkt | None:
        """Factors at a point, None where the solve failed."""
        with jax.ensure_compile_time_eval():
            return self.factored.recall(state, lambda: self._kkt(*state))

    def _kkt(
        self,
        x: np.ndarray,
        v: np.ndarray,
        w: np.ndarray,
        rows: np.ndarray,
        bounds: np.ndarray,
        *leaves: np.ndarray,
    ) -> Kkt | None:
        if not np.isfinite(x).all():
            return None
        x, v, params = x.astype(np.float64), v.astype(np.float64), self.params(list(leaves))
        if self.kinks == "raise":
            self.refuse_kinks(rows, bounds)
        active = [counted(side, self.kinks) for side in (rows, bounds)]
        hessian = self.derivatives.hessian(x, np.where(active[0], v, 0.0), 1.0, params)
        try:
            return factor(hessian, self.derivatives.jacobian(x, params), *active)
        except DerivativeError as error:
            raise self.explained(error) from error

    def refuse_kinks(self, rows: np.ndarray, bounds: np.ndarray) -> None:
        """Raise DerivativeError if a side is weakly active."""
        problem = self.derivatives.problem
        names = [problem.describe_row(int(i)) for i in np.flatnonzero(np.abs(rows) == WEAK)]
        names += [
            f"the bound of {problem.variables.describe(int(i))}"
            for i in np.flatnonzero(np.abs(bounds) == WEAK)
        ]
        if names:
            raise DerivativeError(
                f"solution_map: weakly active at the solution: {listed(names)}. Multiplier and distance are "
                'both zero, so the solution has a kink here. Give kinks="inactive" or kinks="active" for the '
                "derivative of one side, or a smaller tol if this is no kink."
            )

    def explained(self, error: DerivativeError) -> DerivativeError:
        """The same error with names of rows."""
        problem, found = self.derivatives.problem, getattr(error, "dependent", np.zeros(0, int))
        if len(found):
            names = listed([problem.describe_row(int(i)) for i in found])
            return DerivativeError(
                f"solution_map: {error} These follow from others: {names}. Drop them, or merge what they say."
            )
        return DerivativeError(
            f"solution_map: {error} The solution is not unique nearby, expected an isolated one. Add "
            "curvature to the objective, or constraints that single one out."
        )


def counted(side: np.ndarray, kinks: str) -> np.ndarray:
    """Which sides count as active, bool."""
    size = np.abs(side)
    return (size != INACTIVE) & ((size != WEAK) | (kinks == "active"))

"""Make `lagrad.batched`: a pure JAX function from params and a start to a solution."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import jax
import jax.numpy as jnp

from lagrad.batched.answer import Answer, Solved
from lagrad.batched.kkt import EXACT
from lagrad.batched.layer import layer
from lagrad.batched.model import Model, model_of
from lagrad.batched.queue import run_queue
from lagrad.batched.settings import Settings
from lagrad.derivatives.traceable import require_double, traceable
from lagrad.problem.multipliers import named_rows
from lagrad.problem.problem import Problem
from lagrad.solution.solution import BoundMultipliers


@dataclass(frozen=True, eq=False)
class BatchedSolver:
    """The function (params, x0) -> Solved of a problem; see `lagrad.batched`.

    Args:
        model: functions, bounds and algebra.
        settings: constants of the method.
    """

    model: Model = field(repr=False)
    settings: Settings

    @property
    def problem(self) -> Problem:
        """What is solved."""
        return self.model.derivatives.problem

    def __call__(self, params: Any = None, x0: Any = None) -> Solved:
        """Solve one problem; `jax.vmap` of this solves many side by side.

        Args:
            params: pytree like the problem's; None for these.
            x0: pytree like the problem's, or a flat array (n,); None for the problem's.
        """
        params, x = self._read(params), self._start(x0)
        # Steps to the last digit end alike on one device and on many, whatever code each compiles.
        exact = replace(self.settings, accuracy=EXACT)
        return self.shaped(layer(self.model, exact)(params, x))

    def many(self, params: Any = None, x0: Any = None) -> Solved:
        """Solve a batch on slots that are refilled, so that nobody waits for a slow one.

        Args:
            params: like the problem's with an axis of length k in front of each array; None for one for all.
            x0: starts, (k, n), or a pytree with an axis of length k in front; None for one for all.

        Returns:
            Solved with an axis of length k in front of each array; not differentiable.
        """
        return jax.vmap(self.shaped)(self.flat_many(params, x0))

    def flat_many(self, params: Any = None, x0: Any = None, count: Any = None) -> Answer:
        """The same as flat arrays; only the first `count` problems are solved if that is given."""
        require_double()
        size = jnp.shape(jax.tree.leaves(x0 if params is None else params)[0])[0]

        def spread(leaf):
            return jnp.broadcast_to(leaf, (size, *jnp.shape(leaf)))

        read = jax.tree.map(spread, self._read(None)) if params is None else self._read(params)
        starts = spread(self._start(None)) if x0 is None else jax.vmap(self._start)(x0)
        return run_queue(self.model, self.settings, read, starts, count)

    def shaped(self, answer: Answer) -> Solved:
        """An answer in the shapes of the declaration."""
        unflatten = self.problem.variables.unflatten
        return Solved(
            unflatten(answer.x),
            named_rows(self.problem, answer.multipliers),
            BoundMultipliers(unflatten(answer.lower), unflatten(answer.upper)),
            *answer[4:],
        )

    def _read(self, params: Any) -> Any:
        """Params as JAX arrays of the declared kinds."""
        require_double()
        own = self.problem.params
        return jax.tree.map(
            lambda leaf, own: jnp.asarray(leaf, own.dtype), own if params is None else params, own
        )

    def _start(self, x0: Any) -> jax.Array:
        """A start as a flat array."""
        layout = self.problem.variables
        if x0 is None:
            return jnp.asarray(self.problem.start)
        if getattr(x0, "shape", None) == (layout.size,):
            return jnp.asarray(x0, jnp.float64)
        layout.require_same(x0)
        return layout.ravel(x0)


def batched(
    problem: Any, *, tol: float = 1e-8, max_iterations: int = 300, algebra: str = "auto"
) -> BatchedSolver:
    """A pure JAX function that solves a problem: jit it, vmap it, differentiate it, shard it.

    A primal-dual interior-point method with a filter line search after Waechter and Biegler (2006), in double
    precision, with exact derivatives; see `lagrad/batched/README.md` for what it can and cannot do.

    Args:
        problem: a Problem, or its Derivatives.
        tol: tolerance on the scaled optimality error.
        max_iterations: matrices that one problem may have factored.
        algebra: how Newton systems are factored: "dense", "staged" for problems along a chain such as optimal
            control, or "auto" for what the pattern says.

    Returns:
        BatchedSolver: called with (params, x0), both optional, it gives arrays: x, multipliers,
        bound_multipliers, status, iterations, errors. `jax.vmap` of it solves many at once, its method `many`
        a long queue of them. Derivatives by params are those of the solution.

    Raises:
        ProblemError: no Problem, an unknown algebra, a problem that is no chain where "staged" is asked for,
            or JAX set to float32.

    Source: Waechter and Biegler (2006), On the implementation of an interior-point filter line-search
    algorithm for large-scale nonlinear programming.

    >>> problem = lagrad.Problem(lambda x, p: (x[0] - p) ** 2, [0.0], bounds=(0.0, 1.0), params=0.0)
    >>> with jax.enable_x64(True):
    ...     solved = jax.vmap(batched(problem))(np.array([0.5, 3.0]))
    >>> solved.x.round(6).tolist(), solved.status.tolist()
    ([[0.5], [1.0]], [1, 1])
    """
    derivatives = traceable(problem)
    return BatchedSolver(model_of(derivatives, algebra), Settings(tol=tol, max_iterations=max_iterations))

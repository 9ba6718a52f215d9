"""Map params to a solution without leaving JAX, differentiably."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from lagrad.batched.batched import batched
from lagrad.batched.layer import layer
from lagrad.batched.statuses import ACCEPTABLE, OPTIMAL
from lagrad.problem.problem import Problem


def traced_map(problem: Any, **options: Any) -> tuple[Problem, Callable[..., Any]]:
    """The problem, and (leaves of params, lower, upper) -> x, multipliers, bound multipliers.

    Args:
        problem: a Problem with params, or its Derivatives; its bounds are those of the declaration.
        options: of `lagrad.batched`.
    """
    solver = batched(problem, **options)
    answer = layer(solver.model, solver.settings)
    declared = solver.problem

    def run(leaves: list[jax.Array], lower: jax.Array, upper: jax.Array) -> tuple[jax.Array, ...]:
        params = jax.tree.unflatten(jax.tree.structure(declared.params), leaves)
        found = answer(params, jnp.asarray(declared.start))
        good = (found.status == OPTIMAL) | (found.status == ACCEPTABLE)
        pressing = found.upper - found.lower
        return tuple(jnp.where(good, part, jnp.nan) for part in (found.x, found.multipliers, pressing))

    return declared, run

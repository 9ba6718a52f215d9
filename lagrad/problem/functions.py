"""Take a problem's functions apart: the objective and each constraint, as functions of flat x."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from lagrad.annotations import Pytree
from lagrad.problem.problem import Problem
from lagrad.problem.user_functions import function

OBJECTIVE = "objective"


def functions(problem: Problem) -> dict[str, Callable[..., Any]]:
    """The problem's functions apart: name -> function of (flat x, *leaves of params), rows raveled.

    Returns:
        dict with "objective" first, then each constraint by name as `constraints['name']` has it.
    """
    structure = jax.tree.structure(problem.params)

    def row_function(name: str) -> Callable[..., Any]:
        # Not a slice of all rows: in reverse, a zero adjoint times infinity elsewhere would be nan.
        apply = function(problem.constraints[name].fun, problem.has_params)

        def rows(x: jax.Array, *leaves: jax.Array) -> jax.Array:
            value = apply(problem.variables.unflatten(x), jax.tree.unflatten(structure, leaves))
            return problem.row_layouts[name].ravel(value)

        return rows

    def objective(x: jax.Array, *leaves: jax.Array) -> jax.Array:
        return problem.flat_objective(x, jax.tree.unflatten(structure, leaves)).reshape(1)

    return {OBJECTIVE: objective} | {name: row_function(name) for name in problem.constraints}


def arguments(problem: Problem, x: np.ndarray, params: Pytree = None) -> list[Any]:
    """x and the leaves of params, as the functions of `functions` take them."""
    return [x, *jax.tree.leaves(problem.read_params(params))]

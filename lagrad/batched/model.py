"""Prepare what the method needs of a Problem: derivatives as arrays, bounds, algebra."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from lagrad.batched.barrier import Box
from lagrad.batched.dense import Dense
from lagrad.batched.staged import Staged
from lagrad.batched.stages import stages_of
from lagrad.derivatives.traceable import Traceable
from lagrad.errors import ProblemError

ALGEBRAS = ("auto", "dense", "staged")
# Stages are used where they have at most this share of the work of a dense factorisation.
WORTHWHILE = 0.25
# From any variable, those that it couples with and the rest are two: that is no chain yet.
FEWEST_STAGES = 3


@dataclass(frozen=True, eq=False)
class Model:
    """Functions and static facts of a problem.

    Args:
        derivatives: pure JAX functions of (x, params).
        algebra: how Newton systems are factored.
        box: bounds of v = (x, s), unscaled.
    """

    derivatives: Traceable
    algebra: Any
    box: Box

    @property
    def n(self) -> int:
        """Number of variables."""
        return self.derivatives.problem.n

    @property
    def m(self) -> int:
        """Number of rows."""
        return self.derivatives.problem.m


class Values(NamedTuple):
    """Values at a point; the objective and the rows may be scaled.

    Args:
        objective: f.
        rows: c, (m,).
    """

    objective: jax.Array
    rows: jax.Array


class Slopes(NamedTuple):
    """First derivatives at a point.

    Args:
        gradient: of f, 0 for fixed variables, (n,).
        jacobian: of c, as the algebra holds it, 0 in the columns of fixed variables.
        steepness: largest entry of each row of J, (m,).
    """

    gradient: jax.Array
    jacobian: Any
    steepness: jax.Array


def model_of(derivatives: Traceable, algebra: str = "auto") -> Model:
    """The model of a problem.

    Args:
        derivatives: as JAX functions.
        algebra: "dense", "staged" or "auto".

    Raises:
        ProblemError: another word, or "staged" for a problem that is no chain.
    """
    problem = derivatives.problem
    if algebra not in ALGEBRAS:
        raise ProblemError(f"`algebra`: {algebra!r}, expected one of {', '.join(map(repr, ALGEBRAS))}.")
    lower = np.concatenate([problem.lower, problem.constraint_lower])
    upper = np.concatenate([problem.upper, problem.constraint_upper])
    return Model(derivatives, algebra_of(derivatives, algebra), Box.of(lower, upper))


def algebra_of(derivatives: Traceable, kind: str) -> Any:
    """Dense or staged algebra, as the pattern says where nobody else does."""
    problem, shape = derivatives.problem, (derivatives.m, derivatives.n)
    structures = derivatives.jacobian_structure, derivatives.hessian_structure
    if kind == "dense":
        return Dense.of(*structures, shape)
    moves = problem.lower < problem.upper
    stages = stages_of(*structures, shape, moves)
    if kind == "staged" and stages.count < FEWEST_STAGES:
        found = f"{problem!r} has no stages: its variables form no chain"
        raise ProblemError(f"`algebra`: 'staged', but {found}. Leave `algebra` out.")
    if kind == "staged" or stages.work < WORTHWHILE:
        return Staged.of(stages, *structures, shape, moves)
    return Dense.of(*structures, shape)


def values_at(model: Model, params, x, objective_scale, row_scale) -> Values:
    """Scaled values at x."""
    f, c = model.derivatives.values(x, params)
    return Values(objective_scale * f, row_scale * c)


def slopes_at(model: Model, params, x) -> Slopes:
    """First derivatives at x, not scaled."""
    moves = model.box.free[: model.n]
    gradient = jnp.where(moves, model.derivatives.gradient(x, params), 0.0)
    rows, columns = model.derivatives.jacobian_structure
    entries = model.derivatives.jacobian_values(x, params) if model.m else jnp.zeros(0)
    entries = jnp.where(moves[columns], entries, 0.0)
    steepness = jax.ops.segment_max(jnp.abs(entries), rows, model.m) if model.m else jnp.zeros(0)
    return Slopes(gradient, entries, jnp.maximum(steepness, 0.0))


def scaled_jacobian(model: Model, slopes: Slopes, row_scale) -> Any:
    """J with scaled rows, as the algebra holds it."""
    rows, _ = model.derivatives.jacobian_structure
    return model.algebra.jacobian(slopes.jacobian * row_scale[rows] if model.m else slopes.jacobian)


def hessian_at(model: Model, params, x, objective_weight, multipliers) -> Any:
    """Hessian of objective_weight f + multipliers c, as the algebra holds it; 0 for fixed variables."""
    low, high = model.derivatives.hessian_structure
    moves = model.box.free[: model.n]
    entries = model.derivatives.hessian_values(x, multipliers, objective_weight, params)
    return model.algebra.hessian(jnp.where(moves[low] & moves[high], entries, 0.0))

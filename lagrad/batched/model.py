"""Evaluate what the method needs of many problems at once: values and derivatives, bounds, algebra.

Vectors have the batch as their last axis, B in shapes, so that the arithmetic of the method is loops over
contiguous numbers; params have it as their first, as they come.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from lagrad.batched.barrier import Box
from lagrad.batched.dense import Dense
from lagrad.batched.evaluation import Evaluation, evaluation_of
from lagrad.batched.places import spread, taken
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
        derivatives: pure JAX functions of (x, params) of one problem.
        evaluation: the same for many points.
        algebra: how Newton systems are factored.
        box: bounds of v = (x, s), unscaled; s are the values of rows that are no equalities.
        sliding: these rows, (k,).
        sides: value of each equality, 0 for other rows, (m, 1).
    """

    derivatives: Traceable
    evaluation: Evaluation
    algebra: Any
    box: Box
    sliding: np.ndarray
    sides: np.ndarray

    @property
    def n(self) -> int:
        """Number of variables."""
        return self.derivatives.problem.n

    @property
    def m(self) -> int:
        """Number of rows."""
        return self.derivatives.problem.m

    @property
    def moves(self) -> np.ndarray:
        """Which variables are not fixed, (n, 1)."""
        return np.asarray(self.box.free)[: self.n]


class Values(NamedTuple):
    """Values at a point; the objective and the rows may be scaled.

    Args:
        objective: f, (B,).
        rows: c, (m, B).
    """

    objective: jax.Array
    rows: jax.Array


class Slopes(NamedTuple):
    """Values and first derivatives at a point.

    Args:
        objective: f, (B,).
        rows: c, (m, B).
        gradient: of f, 0 for fixed variables, (n, B).
        entries: of J, 0 in the columns of fixed variables, (nnz, B).
        steepness: largest entry of each row of J, (m, B).
    """

    objective: jax.Array
    rows: jax.Array
    gradient: jax.Array
    entries: jax.Array
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
    if not isinstance(algebra, str) or algebra not in ALGEBRAS:
        raise ProblemError(f"`algebra`: {algebra!r}, expected one of {', '.join(map(repr, ALGEBRAS))}.")
    below, above = problem.constraint_lower, problem.constraint_upper
    sliding = np.flatnonzero(below < above)
    box = Box.of(
        np.concatenate([problem.lower, below[sliding]]), np.concatenate([problem.upper, above[sliding]])
    )
    chosen = algebra_of(derivatives, algebra)
    sides = np.where(below < above, 0.0, below)[:, None]
    return Model(derivatives, evaluation_of(derivatives), chosen, box, sliding, sides)


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
    """Scaled values at x, (n, B)."""
    f, c = model.evaluation.values(params, x)
    return Values(objective_scale * f, row_scale * c)


def slopes_at(model: Model, params, x) -> Slopes:
    """Values and first derivatives at x, not scaled."""
    f, c, gradient, entries = model.evaluation.first(params, x)
    rows, columns = model.derivatives.jacobian_structure
    entries = jnp.where(model.moves[columns], entries, 0.0)
    # A row without entries has -inf as its largest.
    steepness = jnp.maximum(jax.ops.segment_max(jnp.abs(entries), rows, model.m), 0.0)
    return Slopes(f, c, jnp.where(model.moves, gradient, 0.0), entries, steepness)


def scaled_jacobian(model: Model, slopes: Slopes, row_scale) -> Any:
    """J with scaled rows, as the algebra holds it."""
    rows, _ = model.derivatives.jacobian_structure
    return model.algebra.jacobian(slopes.entries * row_scale[rows])


def hessian_at(model: Model, params, x, objective_weight, multipliers) -> Any:
    """Hessian of objective_weight f + multipliers c, as the algebra holds it; 0 for fixed variables."""
    low, high = model.derivatives.hessian_structure
    entries = model.evaluation.second(params, x, multipliers, objective_weight)
    return model.algebra.hessian(jnp.where(model.moves[low] & model.moves[high], entries, 0.0))


def residual_of(model: Model, rows: jax.Array, slacks: jax.Array, row_scale: jax.Array) -> jax.Array:
    """c(x) - s of scaled rows, (m, B); where a row is an equality, s is its side."""
    of_slacks = spread(slacks, model.sliding, model.m) if model.sliding.size else 0.0
    return rows - (of_slacks + model.sides * row_scale)


def box_of(model: Model, row_scale: jax.Array) -> Box:
    """Bounds of x and of the scaled slacks."""
    if not model.sliding.size:
        return model.box
    unscaled = jnp.ones((model.n, row_scale.shape[1]))
    return model.box.scaled(jnp.concatenate([unscaled, taken(row_scale, model.sliding)]))

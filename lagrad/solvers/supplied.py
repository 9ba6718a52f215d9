"""Wrap functions with the user's own derivatives in the interface of Derivatives.

Each piece, the objective or a constraint, is differentiated either by its owner (NumPy callables) or by
lagrad (JAX). Where a piece's second derivatives are to be had from neither, solvers approximate.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import scipy.sparse as sp
from scipy.sparse.linalg import LinearOperator

from lagrad.annotations import Pytree
from lagrad.derivatives import differentiate
from lagrad.derivatives.triplets import Triplets, rows_and_columns
from lagrad.errors import ProblemError
from lagrad.precision import float64
from lagrad.problem.constraints import Inequality
from lagrad.problem.problem import Problem
from lagrad.problem.user_functions import scalar_shape, trace_functions
from lagrad.solvers.slopes import wrong_slope

PROBES = 2
OBJECTIVE = "objective"


@dataclass(frozen=True, eq=False)
class Given:
    """A function with derivatives by its owner, NumPy's or JAX's; the latter computes in float64.

    Args:
        name: for error messages.
        fun: x -> value of k entries.
        jac: x -> (k, n), dense or sparse; a vector counts as one row.
        hess: (x, v) -> (n, n), dense, sparse or a LinearOperator; None if there is none.
    """

    name: str
    fun: Callable[..., Any]
    jac: Callable[..., Any]
    hess: Callable[..., Any] | None

    def values(self, x: np.ndarray) -> np.ndarray:
        """The function's value, shape (k,)."""
        with float64():
            return np.atleast_1d(np.asarray(self.fun(x.copy()), float)).ravel()

    def jacobian(self, x: np.ndarray) -> Any:
        """The Jacobian, (k, n), dense or sparse."""
        with float64():
            return two_dimensional(self.jac(x.copy()), x.size, f"{self.name}: jac")

    def hessian(self, x: np.ndarray, v: np.ndarray) -> Any:
        """Sum of v[i] times the Hessian of entry i, (n, n), dense or sparse."""
        if self.hess is None:
            return np.zeros((x.size, x.size))
        with float64():
            return two_dimensional(self.hess(x.copy(), v.copy()), x.size, f"{self.name}: hess")


@dataclass(frozen=True, eq=False)
class Traced:
    """A function of JAX, differentiated by lagrad.

    Args:
        derivatives: of a problem with this function as its only constraint, and the objective 0.
    """

    derivatives: Any

    def values(self, x: np.ndarray) -> np.ndarray:
        """The function's value, shape (k,)."""
        return self.derivatives.values(x)[1]

    def jacobian(self, x: np.ndarray) -> Any:
        """The Jacobian, (k, n), sparse."""
        problem, structure = self.derivatives.problem, rows_and_columns(self.derivatives.jacobian_structure)
        entries = self.derivatives.first_order(x)[1]
        return Triplets.of(*structure, (problem.m, problem.n)).matrix(entries)

    def hessian(self, x: np.ndarray, v: np.ndarray) -> Any:
        """Sum of v[i] times the Hessian of entry i, (n, n), sparse."""
        structure = rows_and_columns(self.derivatives.hessian_structure)
        return Triplets.symmetric(*structure, x.size).matrix(self.derivatives.hessian_values(x, v, 0.0))


def two_dimensional(matrix: Any, n: int, name: str) -> Any:
    """A derivative as a dense or CSR matrix with n columns.

    Raises:
        ProblemError: another number of columns.
    """
    if isinstance(matrix, LinearOperator):
        # Vector by vector: an operator need not know how to take a matrix.
        matrix = np.column_stack([matrix.matvec(unit) for unit in np.eye(n)])
    matrix = sp.csr_array(matrix) if sp.issparse(matrix) else np.atleast_2d(np.asarray(matrix, float))
    if matrix.ndim != 2 or matrix.shape[1] != n:
        raise ProblemError(f"`{name}`: returned shape {matrix.shape}, expected {n} columns.")
    return matrix


def traced(fun: Callable[..., Any], x0: np.ndarray, name: str) -> Traced:
    """A function differentiated by lagrad.

    Raises:
        DerivativeError: it cannot be traced; the message has this name.
    """
    if name == OBJECTIVE:
        scalar_shape(trace_functions({"objective": fun}, False, (x0, None)).values["objective"])
    row = {name: Inequality(fun, lower=-1e19)}
    return Traced(differentiate(Problem(lambda x: 0.0 * jnp.sum(x), x0, row)))


def untraced(fun: Callable[..., Any], x0: np.ndarray) -> Callable[..., Any]:
    """The same function to be declared in a Problem, which only asks for the shape of its value."""
    shape = np.shape(fun(x0.copy()))
    found = jax.ShapeDtypeStruct(shape, np.float64)
    return lambda x: jax.pure_callback(lambda value: np.asarray(fun(np.asarray(value)), float), found, x)


class SuppliedDerivatives:
    """Derivatives of a problem put together from pieces.

    Args:
        problem: declares bounds, sides and names; its functions are never run.
        pieces: the objective, then each constraint.
        full: whether every entry counts as one that can be nonzero, whatever sparse matrices store.
    """

    def __init__(self, problem: Problem, pieces: Sequence[Given | Traced], full: bool = False):
        self.problem, self.n, self.m = problem, problem.n, problem.m
        self.pieces = list(pieces)
        self.timings: dict[str, float] = {}
        self.has_hessian = all(isinstance(piece, Traced) or piece.hess is not None for piece in pieces)
        self._slices = [problem.rows(name) for name in problem.constraints]
        points, self._read = probes(problem), every_entry if full else pattern
        blocks = [self._read([piece.jacobian(x) for x in points]) for piece in self.pieces[1:]]
        self._blocks = blocks
        offsets = [part.start for part in self._slices]
        self.jacobian_structure = (
            np.concatenate([np.zeros(0, int), *(b[0] + o for b, o in zip(blocks, offsets, strict=True))]),
            np.concatenate([np.zeros(0, int), *(block[1] for block in blocks)]),
        )
        self.hessian_structure = self._hessian_pattern(points)

    def bind(self, params: Pytree) -> SuppliedDerivatives:
        """Refuse: params belong to functions that lagrad differentiates.

        Raises:
            ProblemError: always.
        """
        raise ProblemError(
            "`params`: found some, expected none: functions with derivatives of their own have no params."
        )

    def values(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        """f(x) and c(x)."""
        parts = [piece.values(x) for piece in self.pieces[1:]]
        return float(self.pieces[0].values(x)[0]), np.concatenate([np.zeros(0), *parts])

    def first_order(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """grad f(x) and the values of J(x)."""
        gradient = dense(self.pieces[0].jacobian(x)).ravel()
        matrices = [piece.jacobian(x) for piece in self.pieces[1:]]
        names = list(self.problem.constraints)
        parts = [entries(*part) for part in zip(matrices, self._blocks, names, strict=True)]
        return gradient, np.concatenate([np.zeros(0), *parts])

    def hessian_values(
        self, x: np.ndarray, multipliers: np.ndarray, objective_weight: float = 1.0
    ) -> np.ndarray:
        """Values of the Lagrangian's Hessian, lower triangle."""
        return entries(
            sp.tril(self._hessian(x, multipliers, objective_weight)), self.hessian_structure, "hess"
        )

    def hvp(
        self,
        x: np.ndarray,
        multipliers: np.ndarray,
        vector: np.ndarray,
        objective_weight: float = 1.0,
    ) -> np.ndarray:
        """The Lagrangian's Hessian times a vector."""
        return self._hessian(x, multipliers, objective_weight) @ vector

    def wrong_slopes(self, x: np.ndarray) -> list[str]:
        """A sentence for each function whose `jac` is not its derivative near x."""
        found = []
        for piece in self.pieces:
            if not isinstance(piece, Given):
                continue
            try:
                slopes = wrong_slope(piece.values, piece.jacobian, x)
            except Exception:  # beside x a user's function may fail in any way
                continue
            if slopes is not None:
                found.append(
                    f"`{piece.name}`: `jac` is not the derivative of `fun`: along a direction it is "
                    f"{slopes[0]:.6g}, differences give {slopes[1]:.6g}. Leave `jac` out if the function is "
                    "written with jax.numpy."
                )
        return found

    def _hessian(self, x: np.ndarray, multipliers: np.ndarray, weight: float) -> Any:
        weights = [np.array([weight]), *(multipliers[part] for part in self._slices)]
        parts = (piece.hessian(x, v) for piece, v in zip(self.pieces, weights, strict=True))
        return sum((sp.csr_array(part) for part in parts), sp.csr_array((self.n, self.n)))

    def _hessian_pattern(self, points: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        if not self.has_hessian:
            return np.zeros(0, int), np.zeros(0, int)
        # Random weights: with equal ones, entries of two rows may cancel.
        random = np.random.default_rng(1)
        sizes = [1, *(part.stop - part.start for part in self._slices)]
        weights = [random.uniform(0.5, 1.5, size) for size in sizes]
        each = zip(self.pieces, weights, strict=True)
        found = [self._read([piece.hessian(x, v) for x in points]) for piece, v in each]
        rows, cols = (np.concatenate(part) for part in zip(*found, strict=True))
        places = np.unique((np.maximum(rows, cols)) * self.n + np.minimum(rows, cols))
        return places // self.n, places % self.n


def probes(problem: Problem) -> list[np.ndarray]:
    """The start and a few points near it, where patterns are read."""
    random = np.random.default_rng(0)
    near = [problem.start * (1 + 1e-3 * random.random(problem.n)) + 1e-4 for _ in range(PROBES)]
    return [problem.start, *(np.clip(x, problem.lower, problem.upper) for x in near)]


def pattern(matrices: list[Any]) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of all entries that sparse matrices store, or of all there are in dense ones."""
    if not sp.issparse(matrices[0]):
        return every_entry(matrices)
    stored = [sp.coo_array(matrix) for matrix in matrices]
    n = stored[0].shape[1]
    places = np.unique(np.concatenate([m.row.astype(np.int64) * n + m.col for m in stored]))
    return places // n, places % n


def every_entry(matrices: list[Any]) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of all places of a matrix."""
    rows, cols = np.indices(matrices[0].shape)
    return rows.ravel(), cols.ravel()


class PatternGrown(ProblemError):
    """A sparse matrix of the user's has nonzeros where it stored nothing at first."""


def entries(matrix: Any, structure: tuple[np.ndarray, np.ndarray], name: str) -> np.ndarray:
    """Entries of a matrix at the places of a structure.

    Raises:
        PatternGrown: it has nonzeros elsewhere.
    """
    if not sp.issparse(matrix):
        return matrix[structure]
    found = np.asarray(sp.csr_array(matrix)[structure]).ravel() if structure[0].size else np.zeros(0)
    if np.count_nonzero(found) != matrix.count_nonzero():
        raise PatternGrown(
            f"`{name}`: nonzeros where there were none at the start. Store zeros too, or return it dense."
        )
    return found


def dense(matrix: Any) -> np.ndarray:
    """A dense array."""
    return matrix.toarray() if sp.issparse(matrix) else np.asarray(matrix)


def choose_piece(name: str, fun: Callable[..., Any], jac: Any, hess: Any, x0: np.ndarray) -> Given | Traced:
    """A piece with its owner's derivatives where given, else lagrad's.

    Args:
        name: for error messages.
        fun: x -> value.
        jac: x -> Jacobian, or None.
        hess: (x, v) -> weighted Hessian, or None.
        x0: shape (n,).

    Raises:
        DerivativeError: no derivatives are given, and the function cannot be traced by JAX.
    """
    if jac is None:
        return traced(fun, x0, name)
    if hess is not None:
        return Given(name, fun, jac, hess)
    try:
        return Given(name, fun, jac, traced(fun, x0, name).hessian)
    except Exception:
        # With its own jac a function may be anything, and fail in any way when JAX traces it.
        return Given(name, fun, jac, None)

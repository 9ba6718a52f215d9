"""Give SciPy and cyipopt callbacks with exact sparse derivatives of a Problem."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
from scipy.optimize import Bounds, NonlinearConstraint

from lagrad.derivatives import Derivatives, differentiate
from lagrad.derivatives.triplets import Triplets, never_empty, rows_and_columns
from lagrad.problem.problem import Problem, problem_of
from lagrad.solvers.evaluation import Evaluation
from lagrad.solvers.inside import finite_start
from lagrad.solvers.ipopt.options import ALWAYS
from lagrad.solvers.model import Model, as_model
from lagrad.solvers.solver import Start
from lagrad.source_location import warn_user

# Jacobians of at most so many entries are handed to SciPy dense, so that its dense methods work too.
DENSE_ENTRIES = 10_000


def to_scipy(problem: Problem | Derivatives) -> dict[str, Any]:
    """Keyword arguments of scipy.optimize.minimize, with exact derivatives.

    Meant for method="trust-constr", which uses all of them; SLSQP works on small problems and ignores `hess`.

    Args:
        problem: a Problem, or its Derivatives. x is flat throughout; see `problem.variables.unflatten`.

    Returns:
        dict with fun, x0, jac, hess, bounds, constraints: equality rows, then inequality rows.

    >>> import scipy.optimize
    >>> line = lagrad.Equality(lambda x: x[0] + x[1], 1.0)
    >>> problem = lagrad.Problem(lambda x: x[0] ** 2 + x[1] ** 2, [3.0, 1.0], line)
    >>> scipy.optimize.minimize(**to_scipy(problem), method="trust-constr").x.round(6)
    array([0.5, 0.5])
    """
    callbacks = Callbacks(derivatives_of(problem))
    finite = np.isfinite(callbacks.lb).any() or np.isfinite(callbacks.ub).any()
    return {
        "fun": callbacks.objective,
        "x0": callbacks.x0.copy(),
        "jac": callbacks.gradient,
        "hess": lambda x: callbacks.lagrangian_hessian(x, np.zeros(callbacks.m), 1.0),
        "bounds": Bounds(callbacks.lb, callbacks.ub) if finite else None,  # pyright: ignore
        "constraints": [
            callbacks.rows(kind) for kind in (callbacks.equalities, ~callbacks.equalities) if kind.any()
        ],
    }


def to_cyipopt(problem: Problem | Derivatives) -> Callbacks:
    """The callbacks of cyipopt.Problem, with exact sparse derivatives.

    Args:
        problem: a Problem, or its Derivatives. x is flat throughout.

    Returns:
        Callbacks: pass it as `problem_obj` to cyipopt.Problem together with its n, m, lb, ub, cl and cu; or
        `minimize_arguments()` to cyipopt.minimize_ipopt. Left alone, Ipopt obeys a file ipopt.opt in the
        working directory, libraries to load included, and crashes on NaN in a Jacobian: set the options in
        `safe_options`, name -> value, to end both.

    Warns:
        LagradWarning: there is such a file now.
    """
    if Path("ipopt.opt").exists():
        warn_user(
            f"`to_cyipopt`: Ipopt will obey {Path('ipopt.opt').absolute()}, whoever wrote it. Pass the "
            "callbacks' `safe_options` on to cyipopt, or remove the file."
        )
    return Callbacks(derivatives_of(problem))


def derivatives_of(problem: Problem | Derivatives) -> Model:
    """Derivatives of a problem, or those that were given."""
    problem_of(problem)
    return as_model(differentiate(problem) if isinstance(problem, Problem) else problem)


class Callbacks:
    """What cyipopt calls: one evaluation a point, shared among the callbacks.

    Args:
        derivatives: compiled functions.

    Attributes:
        n: number of variables.
        m: number of constraint rows.
        x0: start, shape (n,); off its bounds where functions are not finite there, as IPOPT moves it itself.
        lb, ub: bounds, shape (n,).
        cl, cu: sides of the rows, shape (m,).
        equalities: whether each row is an equality, shape (m,).
        safe_options: Ipopt's options that a file or a NaN can do no harm with.
    """

    def __init__(self, derivatives: Model):
        problem = derivatives.problem
        self.n, self.m = problem.n, problem.m
        self.x0 = finite_start(derivatives, problem, Start(problem.start.copy())).x
        self.lb, self.ub = problem.lower, problem.upper
        self.cl, self.cu = problem.constraint_lower, problem.constraint_upper
        self.equalities = self.cl == self.cu
        self.safe_options = dict(ALWAYS)
        self._evaluation = Evaluation(derivatives, problem)
        self._jacobian = never_empty(derivatives.jacobian_structure, self.m)
        self._hessian = rows_and_columns(derivatives.hessian_structure)
        self._symmetric = Triplets.symmetric(*self._hessian, self.n)

    def __repr__(self) -> str:
        return f"Callbacks(n={self.n}, m={self.m})"

    def objective(self, x: np.ndarray) -> float:
        """f(x)."""
        return self._evaluation.objective(np.asarray(x, float))

    def gradient(self, x: np.ndarray) -> np.ndarray:
        """grad f(x), shape (n,)."""
        return np.array(self._evaluation.gradient(np.asarray(x, float)))

    def constraints(self, x: np.ndarray) -> np.ndarray:
        """c(x), shape (m,)."""
        return np.array(self._evaluation.constraints(np.asarray(x, float)))

    def jacobian(self, x: np.ndarray) -> np.ndarray:
        """Values of J(x) in the order of `jacobianstructure`."""
        values = self._evaluation.jacobian(np.asarray(x, float))
        return np.array(values) if values.size else np.zeros(len(self._jacobian[0]))

    def jacobianstructure(self) -> tuple[np.ndarray, np.ndarray]:
        """Rows and columns of the values of J."""
        return self._jacobian

    def hessian(self, x: np.ndarray, multipliers: np.ndarray, objective_weight: float) -> np.ndarray:
        """Values of the Lagrangian's Hessian in the order of `hessianstructure`."""
        x, multipliers = np.asarray(x, float), np.asarray(multipliers, float)
        return np.array(self._evaluation.hessian(x, multipliers, objective_weight))

    def hessianstructure(self) -> tuple[np.ndarray, np.ndarray]:
        """Rows and columns of the values of the Hessian, lower triangle."""
        return self._hessian

    def intermediate(self, *state: object) -> bool:
        """Called by IPOPT each iteration; goes on. Override it to watch."""
        return True

    def lagrangian_hessian(
        self, x: np.ndarray, multipliers: np.ndarray, objective_weight: float
    ) -> sp.csr_array:
        """The Lagrangian's Hessian, both triangles."""
        return self._symmetric.matrix(self.hessian(x, multipliers, objective_weight))

    def rows(self, kept: np.ndarray) -> NonlinearConstraint:
        """Some of the rows as SciPy's constraint.

        Args:
            kept: Boolean mask of shape (m,).
        """
        every = Triplets.of(*self._jacobian, (self.m, self.n)).restricted(kept, np.ones(self.n, bool))
        is_small = every.shape[0] * self.n <= DENSE_ENTRIES

        def jacobian(x: np.ndarray) -> Any:
            matrix = every.matrix(self.jacobian(x))
            return matrix.toarray() if is_small else matrix

        def hessian(x: np.ndarray, v: np.ndarray) -> sp.csr_array:
            return self.lagrangian_hessian(x, spread(v, kept), 0.0)

        sides = self.cl[kept], self.cu[kept]
        return NonlinearConstraint(lambda x: self.constraints(x)[kept], *sides, jac=jacobian, hess=hessian)  # pyright: ignore

    def minimize_arguments(self) -> dict[str, Any]:
        """Keyword arguments of cyipopt.minimize_ipopt: sparse, two-sided rows as two inequalities."""
        above, below = np.isfinite(self.cl) & ~self.equalities, np.isfinite(self.cu) & ~self.equalities
        kinds = (
            ("eq", self.equalities, self.cl, 1.0),
            ("ineq", above, self.cl, 1.0),
            ("ineq", below, self.cu, -1.0),
        )
        return {
            "fun": self.objective,
            "x0": self.x0.copy(),
            "jac": self.gradient,
            "hess": lambda x: sp.coo_array(self.lagrangian_hessian(x, np.zeros(self.m), 1.0)),
            "bounds": list(zip(self.lb, self.ub, strict=True)),
            "constraints": [self._one_sided(*kind) for kind in kinds if kind[1].any()],
        }

    def _one_sided(self, kind: str, kept: np.ndarray, side: np.ndarray, sign: float) -> dict[str, Any]:
        every = Triplets.of(*self._jacobian, (self.m, self.n)).restricted(kept, np.ones(self.n, bool))
        return {
            "type": kind,
            "fun": lambda x: sign * (self.constraints(x) - side)[kept],
            "jac": lambda x: sp.coo_array(every.matrix(sign * self.jacobian(x))),
            "hess": lambda x, v: sp.coo_array(self.lagrangian_hessian(x, sign * spread(v, kept), 0.0)),
        }


def spread(v: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """Multipliers of some rows as multipliers of all, zero elsewhere."""
    multipliers = np.zeros(kept.size)
    multipliers[kept] = v
    return multipliers

"""The adapter of trust-constr: barrier parameter, fixed variables, Hessian products, sparse or dense."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

from lagrad.problem.constraints import Equality
from lagrad.problem.problem import Problem
from lagrad.solvers import solve
from tests.solvers import cases
from tests.solvers.cases import derivatives
from tests.solvers.dense import DenseDerivatives


def test_convergence_needs_a_small_barrier_parameter():
    """SciPy's own test stops HS71 at a relative error of 1e-6; here it is 1e-8."""
    solution = solve(derivatives(cases.hs71), "trust-constr")
    assert solution.history.mu[-1] <= 1e-8
    np.testing.assert_allclose(solution.objective, 17.01401729, rtol=1e-8)


@pytest.mark.parametrize(
    "options", [{"sparse_jacobian": True}, {"sparse_jacobian": False}, {"hessian_products": True}]
)
@pytest.mark.parametrize("make", [cases.hs71, cases.partly_fixed, cases.pushed])
def test_every_form_of_derivatives_gives_the_same_point(make, options):
    """Sparse, dense, and products without a matrix; with fixed variables, too."""
    plain = solve(derivatives(make), "trust-constr")
    other = solve(derivatives(make), "trust-constr", options=options)
    assert other.success
    np.testing.assert_allclose(other.x, plain.x, rtol=1e-5, atol=1e-6)
    if "hessian_products" in options:
        assert other.evaluations["hvp"] > 0 and other.evaluations["hessian"] == 0


def test_more_rows_than_variables_are_solved_if_they_agree():
    """Dependent rows go through a singular value decomposition."""

    rows = Equality(lambda x: np.array([[1.0, 1.0], [1.0, -1.0], [1.0, 0.0]]) @ x, np.array([2.0, 0.0, 1.0]))
    solution = solve(DenseDerivatives(Problem(lambda x: x @ x, [1.0, 2.0], rows)), "trust-constr")
    assert solution.success
    np.testing.assert_allclose(solution.x, [1.0, 1.0], rtol=1e-8)


def test_a_warm_start_begins_at_its_point_and_barrier():
    """Fewer iterations from the solution."""
    cold = solve(derivatives(cases.hs71), "trust-constr")
    warm = solve(derivatives(cases.hs71), "trust-constr", warm_start=cold)
    assert warm.success and warm.iterations < cold.iterations


@pytest.mark.parametrize(("verbose", "lines"), [(0, 0), (1, 2), (2, 3)])
def test_what_is_printed_tells_why_the_solve_ended(verbose, lines, capsys):
    """Not how lagrad stopped SciPy; at 2 there is a line an iteration, too."""
    problem = Problem(lambda x: jnp.sum((x - 1.5) ** 4), [0.5, 0.2])
    solve(problem, "trust-constr", options={"verbose": verbose})
    printed = capsys.readouterr().out
    assert "StopIteration" not in printed and printed.count("\n") >= lines
    assert ("converged" in printed) == (verbose > 0) and ("radius" in printed) == (verbose > 1)

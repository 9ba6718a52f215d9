"""to_scipy and to_cyipopt: what they hand out solves the same problems to the same answers."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest
import scipy.optimize as so

import lagrad
from lagrad.solvers.interop import to_cyipopt, to_scipy
from tests.solvers import cases
from tests.solvers.cases import derivatives

CASES = {cases.hs71: 17.0140173, cases.hs28: 0.0, cases.lifted: 2.0, cases.pushed: 2.0, cases.corner: 2.5}


@pytest.mark.parametrize("make", CASES)
@pytest.mark.parametrize("method", ["trust-constr", "SLSQP"])
@pytest.mark.filterwarnings(
    "ignore::RuntimeWarning", "ignore::scipy.optimize.OptimizeWarning", "ignore::UserWarning"
)
def test_to_scipy_feeds_scipys_methods(make, method):
    """trust-constr with everything, SLSQP with first derivatives."""
    result = so.minimize(**to_scipy(derivatives(make)), method=method, tol=1e-9)
    # SciPy's trust-constr stops however large its barrier parameter is, hence the wide tolerance.
    tolerance = 1e-3 if method == "trust-constr" else 1e-6
    np.testing.assert_allclose(result.fun, CASES[make], rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("make", CASES)
def test_to_cyipopt_feeds_cyipopt(make):
    """As problem_obj of cyipopt.Problem, and as arguments of minimize_ipopt."""
    cyipopt = pytest.importorskip("cyipopt")
    callbacks = to_cyipopt(derivatives(make))
    sides = {"lb": callbacks.lb, "ub": callbacks.ub, "cl": callbacks.cl, "cu": callbacks.cu}
    nlp = cyipopt.Problem(n=callbacks.n, m=callbacks.m, problem_obj=callbacks, **sides)
    nlp.add_option("print_level", 0)
    _, end = nlp.solve(callbacks.x0)
    assert end["status"] == 0
    np.testing.assert_allclose(end["obj_val"], CASES[make], rtol=1e-6, atol=1e-6)
    result = cyipopt.minimize_ipopt(**callbacks.minimize_arguments(), options={"print_level": 0})
    assert result.success and result.nit < 30
    np.testing.assert_allclose(result.fun, CASES[make], rtol=1e-6, atol=1e-6)


@pytest.mark.filterwarnings("ignore::RuntimeWarning", "ignore::scipy.optimize.OptimizeWarning")
def test_starts_on_a_bound_where_nothing_is_finite_are_moved_inside():
    """-log x from 0: the callbacks' own start is the one to pass, to cyipopt and to SciPy."""
    cyipopt = pytest.importorskip("cyipopt")
    total = lagrad.Equality(lambda x: jnp.sum(x), 1.0)
    problem = lagrad.Problem(lambda x: -jnp.sum(jnp.log(x)), [0.0, 0.0], total, (0.0, 1.0))
    callbacks = to_cyipopt(problem)
    nlp = cyipopt.Problem(
        n=2, m=1, problem_obj=callbacks, lb=callbacks.lb, ub=callbacks.ub, cl=callbacks.cl, cu=callbacks.cu
    )
    nlp.add_option("print_level", 0)
    np.testing.assert_allclose(nlp.solve(callbacks.x0)[0], 0.5, rtol=1e-6)
    np.testing.assert_allclose(so.minimize(**to_scipy(problem), method="SLSQP").x, 0.5, rtol=1e-6)


def test_the_hessian_is_the_slope_of_the_lagrangians_gradient():
    """Central differences of weight grad f + J' multipliers."""
    callbacks = to_cyipopt(derivatives(cases.hs71))
    x, multipliers, step = callbacks.x0 + 0.1, np.array([0.3, -0.7]), 1e-6
    hessian = callbacks.lagrangian_hessian(x, multipliers, 2.0).toarray()

    def slope(x):
        jacobian = np.zeros((callbacks.m, callbacks.n))
        np.add.at(jacobian, callbacks.jacobianstructure(), callbacks.jacobian(x))
        return 2.0 * callbacks.gradient(x) + multipliers @ jacobian

    difference = np.stack([(slope(x + step * e) - slope(x - step * e)) / (2 * step) for e in np.eye(4)])
    np.testing.assert_allclose(hessian, difference, atol=1e-6)


def test_returned_arrays_are_the_callers_own():
    """Changing what came back changes nothing inside."""
    callbacks = to_cyipopt(derivatives(cases.hs71))
    first = callbacks.gradient(callbacks.x0)
    kept = first.copy()
    first[:] = 0.0
    np.testing.assert_array_equal(callbacks.gradient(callbacks.x0), kept)

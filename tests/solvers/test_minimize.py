"""scipy.optimize.minimize with method=lagrad.ipopt and lagrad.trust_constr on the classical problems."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest
import scipy.optimize as so
import scipy.sparse as sp

from lagrad.errors import DerivativeError, LagradWarning, ProblemError
from lagrad.solvers.minimize import ipopt, trust_constr
from tests.solvers.cases import rosenbrock

both = pytest.mark.parametrize("method", [ipopt, trust_constr])


def maratos(x):
    """On the unit circle smallest at (1, 0), where it is -1."""
    return 2.0 * (x[0] ** 2 + x[1] ** 2 - 1.0) - x[0]


def energy(x):
    """Of unit charges, x holding their coordinates one axis after the other."""
    points = x.reshape(3, -1)
    i, j = np.triu_indices(points.shape[1], 1)
    return jnp.sum(1.0 / jnp.sqrt(jnp.sum((points[:, i] - points[:, j]) ** 2, axis=0)))


circle = so.NonlinearConstraint(lambda x: x[0] ** 2 + x[1] ** 2, 1.0, 1.0)
CHARGES = np.random.default_rng(0).normal(size=12)
START = [0.5, np.sqrt(0.75)]
below = so.LinearConstraint([[1.0, 2.0]], -np.inf, 1.0)
line = so.LinearConstraint([2.0, 1.0], 1.0, 1.0)
hyperbola = so.NonlinearConstraint(lambda x: 1.0 / (x[0] + 1.0) - x[1], 0.25, np.inf)
sphere = so.NonlinearConstraint(lambda x: jnp.sum(x.reshape(3, -1) ** 2, axis=0), 1.0, 1.0)

CLASSICS = {
    "Maratos": (maratos, START, circle, None, [1.0, 0.0], -1.0),
    "Maratos, old-style dict": (
        maratos, START, {"type": "eq", "fun": lambda x: x[0] ** 2 + x[1] ** 2 - 1.0}, None, [1.0, 0.0], -1.0,
    ),
    "hyperbolic inequality": (
        lambda x: 0.5 * (x[0] - 2.0) ** 2 + 0.5 * (x[1] - 0.5) ** 2,
        [0.0, 0.0], hyperbola, so.Bounds(0.0, np.inf), [1.952823, 0.088659], None,
    ),
    "Rosenbrock": (rosenbrock, [-2.0, 1.0], (), None, [1.0, 1.0], 0.0),
    "Rosenbrock, inequality": (rosenbrock, [-1.0, -0.5], below, None, [0.5022, 0.2489], None),
    "Rosenbrock, inequality and equality": (
        rosenbrock, [-1.0, -0.5], [below, line], None,
        [0.41494, 0.17011], None,
    ),
    "Rosenbrock in a box": (rosenbrock, [-0.2, 0.2], (), [(-2.0, 0.0), (0.0, 2.0)], [0.0, 0.0], 1.0),
    "four charges on a sphere": (energy, CHARGES, sphere, None, None, 3.674234614),
}  # fmt: skip


@both
@pytest.mark.parametrize("name", CLASSICS)
def test_classical_problems_are_solved(method, name):
    """Known point, known value, feasible, all standard fields there."""
    fun, x0, constraints, bounds, x, value = CLASSICS[name]
    result = so.minimize(fun, x0, method=method, constraints=constraints, bounds=bounds)
    assert result.success and result.status == 0 and isinstance(result.message, str)
    if x is not None:
        np.testing.assert_allclose(result.x, x, atol=2e-5)
    if value is not None:
        np.testing.assert_allclose(result.fun, value, atol=1e-7)
    assert result.constr_violation < 1e-6 and result.optimality < 1e-5
    for field in (
        "jac",
        "hess",
        "nfev",
        "njev",
        "nhev",
        "nit",
        "maxcv",
        "constr",
        "constr_nfev",
        "constr_njev",
        "constr_nhev",
        "v",
        "execution_time",
        "solution",
    ):
        assert field in result
    assert result.jac.shape == result.x.shape and result.hess.shape == (result.x.size,) * 2
    assert np.abs(result.lagrangian_grad).max() == pytest.approx(result.optimality, abs=1e-12)


def charges(x):
    """`energy`, by NumPy with an array that is filled in place: nothing that JAX could trace."""
    points, total = x.reshape(3, -1), np.zeros(1)
    for i in range(points.shape[1]):
        for j in range(i):
            total[0] += 1.0 / np.sqrt(np.sum((points[:, i] - points[:, j]) ** 2))
    return total[0]


def charges_slope(x):
    """Gradient of `charges`: minus the sum of (p_i - p_j) / |p_i - p_j|^3."""
    points, slope = x.reshape(3, -1), np.zeros((3, x.size // 3))
    for i in range(points.shape[1]):
        for j in set(range(points.shape[1])) - {i}:
            apart = points[:, i] - points[:, j]
            slope[:, i] -= apart / np.linalg.norm(apart) ** 3
    return slope.ravel()


def on_sphere(hess):
    """Each charge at distance 1, by NumPy, with one of SciPy's ways to say how the Hessian comes about."""

    def fun(x):
        rows = np.zeros(x.size // 3)
        rows[:] = np.sum(np.asarray(x).reshape(3, -1) ** 2, axis=0)
        return rows

    def jac(x):
        return np.hstack([np.diag(2.0 * part) for part in x.reshape(3, -1)])

    def exact(x, v):
        return 2.0 * np.diag(np.tile(v, 3))

    return so.NonlinearConstraint(fun, 1.0, 1.0, jac=jac, hess=exact if hess == "exact" else hess)


@both
@pytest.mark.parametrize("hess", ["exact", "2-point", so.BFGS(), so.SR1()], ids=str)
def test_problems_in_numpy_are_solved_with_their_gradients(method, hess):
    """SciPy's charges on a sphere as its users write them; Hessians given, or anything that SciPy takes."""
    start = np.random.default_rng(0).normal(size=6)
    result = so.minimize(charges, start, jac=charges_slope, method=method, constraints=on_sphere(hess))
    assert result.success
    np.testing.assert_allclose(result.fun, 0.5, atol=1e-6)


@both
def test_args_reach_the_objective_and_its_derivatives(method):
    """SciPy's Maratos problem with args, by its own derivatives and by lagrad's."""

    def fun(x, name, number):
        assert (name, number) == ("a", 234)
        return maratos(x)

    def jac(x, name, number):
        assert (name, number) == ("a", 234)
        return np.array([4.0 * x[0] - 1.0, 4.0 * x[1]])

    for given in ({}, {"jac": jac, "hess": lambda x, name, number: 4.0 * np.eye(2)}):
        result = so.minimize(fun, START, args=("a", 234), method=method, constraints=circle, **given)
        np.testing.assert_allclose(result.x, [1.0, 0.0], atol=1e-6)


@both
def test_more_equalities_than_variables_are_told(method):
    """Three contradictory rows in two variables: no exception, and the counts in the message."""
    rows = so.LinearConstraint(np.arange(6.0).reshape(3, 2), [1.0, 2.0, 4.0], [1.0, 2.0, 4.0])
    result = so.minimize(rosenbrock, [1.0, 1.0], method=method, constraints=rows)
    assert not result.success and "3 equality rows but only 2 free variables" in result.message


@both
def test_functions_without_derivatives_learn_of_the_other_way(method):
    """NumPy without jac cannot be traced; the note says that giving jac is enough."""
    with pytest.raises(DerivativeError, match="`objective`: cannot be traced") as caught:
        so.minimize(charges, CHARGES, jac="3-point", method=method, constraints=sphere)
    assert any("if their derivatives are given: jac=" in note for note in caught.value.__notes__)


@both
@pytest.mark.parametrize("second_order", ["hess", "hessp", "none"])
def test_derivatives_of_the_user_are_used(method, second_order):
    """SciPy's own NumPy functions, which JAX cannot trace; without a Hessian the solver approximates."""
    calls = {"jac": 0, "second": 0}

    def jac(x):
        calls["jac"] += 1
        return so.rosen_der(x)

    def count(function):
        def counted(*arguments):
            calls["second"] += 1
            return function(*arguments)

        return counted

    given = {
        "hess": {"hess": count(so.rosen_hess)},
        "hessp": {"hessp": count(so.rosen_hess_prod)},
        "none": {},
    }
    result = so.minimize(so.rosen, [-1.2, 1.0, 0.7], jac=jac, method=method, **given[second_order])
    assert result.success and calls["jac"] > 0 and (calls["second"] > 0) == (second_order != "none")
    np.testing.assert_allclose(result.x, 1.0, rtol=1e-5)


@both
@pytest.mark.parametrize("wrap", [np.asarray, sp.csr_array], ids=["dense", "sparse"])
def test_derivatives_of_constraints_by_the_user_are_used(method, wrap):
    """A NumPy constraint with jac and hess beside a JAX objective without."""
    constraint = so.NonlinearConstraint(
        lambda x: [float(x[0]) ** 2 + float(x[1]) ** 2],
        1.0,
        1.0,
        jac=lambda x: wrap([[2.0 * float(x[0]), 2.0 * float(x[1])]]),
        hess=lambda x, v: wrap(2.0 * v[0] * np.eye(2)),
    )
    result = so.minimize(maratos, START, method=method, constraints=constraint)
    assert result.success
    np.testing.assert_allclose(result.x, [1.0, 0.0], atol=1e-6)
    np.testing.assert_allclose(result.v[0], [-1.5], rtol=1e-6)


@both
def test_jac_true_means_fun_returns_both(method):
    """SciPy's shorthand."""
    result = so.minimize(
        lambda x: (so.rosen(x), so.rosen_der(x)), [-1.2, 1.0], jac=True, hess=so.rosen_hess, method=method
    )
    assert result.success
    np.testing.assert_allclose(result.x, 1.0, rtol=1e-5)


@both
def test_args_reach_functions_and_constraints(method):
    """Behind x, in the objective and in a dict constraint."""
    rows = {"type": "ineq", "fun": lambda x, least: x[0] - least, "args": (3.0,)}
    result = so.minimize(
        lambda x, a, b: (x[0] - a) ** 2 + b, [9.0], args=(1.0, 2.0), constraints=rows, method=method
    )
    np.testing.assert_allclose([result.x[0], result.fun], [3.0, 6.0], rtol=1e-6)


@both
def test_callbacks_in_every_signature(method):
    """By keyword, with x, and with x and state, as SciPy's methods have them."""
    seen = {"keyword": [], "x": [], "state": []}
    callbacks = (
        lambda intermediate_result: seen["keyword"].append(intermediate_result.fun),
        lambda xk: seen["x"].append(xk.copy()),
        lambda x, state: seen["state"].append(state.nit),
    )
    for callback in callbacks:
        result = so.minimize(rosenbrock, [-1.2, 1.0], method=method, callback=callback)
    assert len(seen["keyword"]) == len(seen["x"]) == len(seen["state"]) == result.nit + 1
    assert seen["state"] == list(range(result.nit + 1)) and seen["keyword"][-1] == pytest.approx(result.fun)


@both
@pytest.mark.parametrize("by_exception", [True, False])
def test_callbacks_stop(method, by_exception):
    """StopIteration or True: no success, the best point."""

    def callback(intermediate_result):
        if intermediate_result.nit >= 2 and by_exception:
            raise StopIteration
        return intermediate_result.nit >= 2

    result = so.minimize(rosenbrock, [-1.2, 1.0], method=method, callback=callback)
    assert not result.success and result.nit == 2 and result.solution.status == "interrupted"


@both
def test_options_reach_the_solver(method, capsys):
    """tol, maxiter, disp and the solver's own; a wrong name is named."""
    result = so.minimize(
        rosenbrock, [-1.2, 1.0], method=method, tol=1e-3, options={"maxiter": 2, "disp": True}
    )
    assert result.nit == 2 and "iteration_limit" in capsys.readouterr().out
    with pytest.raises(ProblemError, match="'max_itr' is unknown"):
        so.minimize(rosenbrock, [-1.2, 1.0], method=method, options={"max_itr": 2})


def test_what_cannot_be_read_is_named():
    """An unknown type, something else than a constraint, keep_feasible, a function without derivatives."""
    with pytest.raises(ProblemError, match=r"`constraints\[0\]`: .*expected 'type': 'eq' or 'ineq'"):
        so.minimize(rosenbrock, [0.0, 0.0], method=ipopt, constraints={"type": "le", "fun": rosenbrock})
    with pytest.raises(ProblemError, match=r"`constraints\[0\]`: a int"):
        so.minimize(rosenbrock, [0.0, 0.0], method=ipopt, constraints=[5])
    with pytest.warns(LagradWarning, match="keep_feasible=True has no effect"):
        kept = so.LinearConstraint([1.0, 2.0], -np.inf, 1.0, keep_feasible=True)
        so.minimize(rosenbrock, [-1.0, -0.5], method=ipopt, constraints=kept)
    with pytest.raises(DerivativeError):
        so.minimize(
            so.rosen, [0.0, 0.0], method=ipopt, constraints={"type": "ineq", "fun": lambda x: float(x[0])}
        )


def test_a_jacobian_that_changes_its_pattern_is_refused():
    """A sparse matrix that grows an entry later would be a silently wrong answer."""
    constraint = so.NonlinearConstraint(
        lambda x: [float(x[0]) + (float(x[1]) if x[0] > 0.5 else 0.0)],
        1.0,
        1.0,
        jac=lambda x: sp.csr_array([[1.0, float(x[0] > 0.5)]]),
        hess=lambda x, v: np.zeros((2, 2)),
    )
    with pytest.raises(ProblemError, match="nonzeros where there were none"):
        so.minimize(lambda x: (x[0] - 3.0) ** 2 + x[1] ** 2, [0.1, 0.1], method=ipopt, constraints=constraint)

"""scipy.optimize.minimize with method=lagrad.ipopt and lagrad.trust_constr on the classical problems."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.optimize as so
import scipy.sparse as sp
from scipy.sparse.linalg import LinearOperator

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
@pytest.mark.parametrize(
    "hess", ["exact", "2-point", so.BFGS(), so.SR1()], ids=["exact", "2-point", "BFGS", "SR1"]
)
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


def test_a_jacobian_that_grows_an_entry_is_taken_as_full():
    """Left out without a word, the entry would be a silently wrong answer."""
    constraint = so.NonlinearConstraint(
        lambda x: [float(x[0]) + (float(x[1]) - 0.2 if x[0] > 0.5 else 0.0)],
        1.0,
        1.0,
        jac=lambda x: sp.csr_array([[1.0, float(x[0] > 0.5)]]),
        hess=lambda x, v: np.zeros((2, 2)),
    )
    with pytest.warns(LagradWarning, match="nonzeros where there were none"):
        found = so.minimize(
            lambda x: (x[0] - 3.0) ** 2 + x[1] ** 2, [0.1, 0.1], method=ipopt, constraints=constraint
        )
    np.testing.assert_allclose(found.x, [2.1, -0.9], atol=1e-5)


def test_dicts_with_jac_true_return_both():
    """cyipopt's word: the function gives its value and its Jacobian."""
    both_at_once = {"type": "ineq", "fun": lambda x: (4.0 - x[0] ** 2, -2.0 * x[0]), "jac": True}
    found = so.minimize(lambda x: -x[0], [0.5], method=ipopt, constraints=both_at_once)
    np.testing.assert_allclose(found.x, [2.0], atol=1e-6)

    def numpy_only(x):
        return np.array([4.0 - float(x[0]) ** 2]), [[-2 * x[0]]]

    rows = {"type": "ineq", "fun": numpy_only, "jac": True}
    gradient = lambda x: np.array([-1.0])  # noqa: E731
    found = so.minimize(lambda x: -x[0], [0.5], jac=gradient, method=ipopt, constraints=rows)
    np.testing.assert_allclose(found.x, [2.0], atol=1e-6)


@both
def test_dicts_pass_args_and_kwargs(method):
    """Behind x, to fun, jac and hess alike."""
    least = {"type": "ineq", "fun": lambda x, shift, least=0.0: x[0] + shift - least, "args": (1.0,)}
    found = so.minimize(
        lambda x: x @ x, [5.0, 1.0], method=method, constraints=least | {"kwargs": {"least": 4.0}}
    )
    np.testing.assert_allclose(found.x, [3.0, 0.0], atol=1e-5)


def test_hessians_in_dicts_are_used():
    """As in a NonlinearConstraint of the same functions: quadratic convergence, not thousands of steps."""
    rows = {
        "fun": lambda x: np.array([10 - x[1] ** 2 - x[2], 100 - x[4] ** 2]),
        "jac": lambda x: np.array([[0, -2 * x[1], -1, 0, 0], [0, 0, 0, 0, -2 * x[4]]]),
        "hess": lambda x, v: np.diag([0, -2 * v[0], 0, 0, -2 * v[1]]),
    }
    start, own = 1.1 * np.ones(5), {"jac": so.rosen_der, "hess": so.rosen_hess}
    found = so.minimize(so.rosen, start, method=ipopt, constraints={"type": "ineq"} | rows, **own)
    same = so.NonlinearConstraint(rows["fun"], 0, np.inf, jac=rows["jac"], hess=rows["hess"])
    expected = so.minimize(so.rosen, start, method=ipopt, constraints=same, **own)
    assert found.nit == expected.nit < 15
    np.testing.assert_allclose(found.x, np.ones(5), atol=1e-6)


def test_unknown_keys_of_dicts_are_refused_by_name():
    """What would be ignored is an error."""
    with pytest.raises(ProblemError, match=r"`constraints\[0\]`: \['jacobian'\], expected keys"):
        so.minimize(
            lambda x: x @ x, [1.0], method=ipopt, constraints={"type": "eq", "fun": maratos, "jacobian": None}
        )


@both
def test_linear_operators_serve_as_hessians(method):
    """SciPy's tutorial gives them for the objective and for constraints; matvec takes vectors only."""

    def product(x, p):
        assert np.ndim(p) == 1
        return so.rosen_hess_prod(x, p)

    def hessian(x):
        return LinearOperator((2, 2), matvec=lambda p: product(x, p))

    def bent(x, v):
        return LinearOperator((2, 2), matvec=lambda p: v[0] * np.array([2 * p[0], 0.0]))

    row = so.NonlinearConstraint(
        lambda x: x[0] ** 2 + x[1], -np.inf, 3.0, jac=lambda x: [[2 * x[0], 1.0]], hess=bent
    )
    found = so.minimize(so.rosen, [0.5, 0], jac=so.rosen_der, hess=hessian, method=method, constraints=row)
    np.testing.assert_allclose(found.x, [1.0, 1.0], atol=1e-5)


def cancelling(hess_of_objective) -> so.OptimizeResult:
    """Two rows whose second derivatives cancel at equal multipliers, with sparse Hessians of the user's."""
    rows = so.NonlinearConstraint(
        lambda x: np.array([x[0] * x[1], x[1] ** 2 - x[0] * x[1]]), [-np.inf, -1], [3, np.inf],
        jac=lambda x: np.array([[x[1], x[0]], [-x[1], 2 * x[1] - x[0]]]),
        hess=lambda x, v: sp.csr_matrix([[0, v[0] - v[1]], [v[0] - v[1], 2 * v[1]]]),
    )  # fmt: skip
    return so.minimize(
        lambda x: (x[0] - 3) ** 2 + (x[1] - 1.5) ** 2, [2.0, 1.5], jac=lambda x: 2 * (x - [3, 1.5]),
        hess=hess_of_objective, constraints=rows, method=ipopt,
    )  # fmt: skip


def test_entries_that_cancel_at_equal_multipliers_are_seen():
    """The first look has random weights."""
    found = cancelling(lambda x: sp.csr_matrix(2 * np.eye(2)))
    np.testing.assert_allclose(found.x, [2.12132, 1.41421], atol=1e-4)


def test_a_pattern_that_grows_is_met_once():
    """A sparse Hessian that stores more away from the start: all entries count, with a warning."""

    def hessian(x):
        return sp.csr_matrix(np.diag([12 * (x[0] - 2) ** 2 if abs(x[0] - 1) > 0.3 else 0.0, 2.0]))

    def start_flat(x):
        return (x[0] - 2.0) ** 4 + x[1] ** 2

    def slope(x):
        return np.array([4 * (x[0] - 2) ** 3, 2 * x[1]])

    with pytest.warns(LagradWarning, match="nonzeros where there were none.*begins again"):
        found = so.minimize(
            start_flat,
            [1.0, 1.0],
            jac=lambda x: np.array([4 * (x[0] - 2) ** 3, 2 * x[1]]),
            hess=hessian,
            method=ipopt,
        )
    assert found.fun < 1e-6


def test_derivatives_of_jax_compute_in_float64():
    """Whatever jax_enable_x64 is: jac and hess of the user's own, written with jax.numpy."""
    assert not jax.config.jax_enable_x64
    gradient, hessian = jax.grad(rosenbrock), jax.hessian(rosenbrock)
    found = so.minimize(rosenbrock, [-1.2, 1.0], jac=gradient, hess=hessian, method=ipopt)
    assert found.success and found.nit < 40
    np.testing.assert_allclose(found.x, [1.0, 1.0], atol=1e-7)


@both
def test_callbacks_see_what_trust_constr_gives(method):
    """Every field of SciPy's state, with the shapes of SciPy's."""
    fields: dict[str, set] = {}

    def note(name):
        def callback(xk, state):
            fields[name] = set(state)
            assert state.lagrangian_grad.shape == xk.shape and state.v[-1].shape == xk.shape
            assert len(state.jac) == len(state.constr) == len(state.v) == 2

        return callback

    so.minimize(
        so.rosen, [0.5, 0.2], jac=so.rosen_der, hess=so.rosen_hess, method="trust-constr",
        bounds=[(0, 2)] * 2, constraints=so.LinearConstraint([[1, 1]], -np.inf, 3), callback=note("scipy"),
    )  # fmt: skip
    so.minimize(
        rosenbrock, [0.5, 0.2], method=method, bounds=[(0, 2)] * 2,
        constraints=so.LinearConstraint([[1, 1]], -np.inf, 3), callback=note("lagrad"),
    )  # fmt: skip
    assert fields["scipy"] <= fields["lagrad"] | {"success", "message"}, fields["scipy"] - fields["lagrad"]

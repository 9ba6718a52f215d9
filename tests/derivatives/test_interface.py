"""Laws of the object: shapes, forms of x, params, precision and threads."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.sparse as sp

import lagrad
from tests.derivatives.oracle import check, dense

START = {"a": np.linspace(0.3, 0.9, 4), "b": np.full((2, 3), 0.5)}
PARAMS = {"scale": np.linspace(1.0, 2.0, 4), "count": np.array(3)}


def objective(x, p):
    """Couples both parts."""
    return jnp.sum(p["scale"] * jnp.sin(x["a"])) * jnp.sum(x["b"] ** 2) + p["count"]


def rows(x, p):
    """Five rows of products, two of them linear."""
    return {"products": x["a"][:3] * x["b"][0] * p["scale"][0], "sums": jnp.sum(x["b"], axis=1)}


@cache
def derivatives() -> lagrad.Derivatives:
    """One object for all laws: n = 10, m = 6."""
    constraints = {
        "rows": lagrad.Equality(rows),
        "norm": lagrad.Inequality(lambda x, p: x["a"] @ x["a"], upper=4.0),
    }
    return lagrad.differentiate(lagrad.Problem(objective, START, constraints, params=PARAMS))


X = np.linspace(0.2, 1.1, 10)
MULTIPLIERS = np.linspace(-1.0, 1.0, 6)


def test_everything_is_that_of_dense_jax():
    """A pytree of variables, several constraints, params; products too."""
    check(derivatives(), products=True)


def test_shapes_and_types_are_as_promised():
    """NumPy float64 and csr_array, whatever the problem."""
    d = derivatives()
    assert (d.n, d.m) == (10, 6)
    assert isinstance(d.objective(X), float)
    for found, shape in ((d.gradient(X), (10,)), (d.constraints(X), (6,)), (d.hvp(X, MULTIPLIERS, X), (10,))):
        assert type(found) is np.ndarray and found.shape == shape and found.dtype == np.float64
    for matrix, shape in ((d.jacobian(X), (6, 10)), (d.hessian(X, MULTIPLIERS), (10, 10))):
        assert isinstance(matrix, sp.csr_array) and matrix.shape == shape and matrix.dtype == np.float64


def test_triplets_add_up_to_the_matrices():
    """Structure and values in one order; the Hessian's are on and below the diagonal."""
    d = derivatives()
    jacobian = sp.coo_array((d.jacobian_values(X), d.jacobian_structure), shape=(6, 10)).toarray()
    np.testing.assert_allclose(jacobian, d.jacobian(X).toarray(), rtol=1e-15)
    lower, columns = d.hessian_structure
    assert (lower >= columns).all()
    found = sp.coo_array((d.hessian_values(X, MULTIPLIERS, 0.5), (lower, columns)), shape=(10, 10)).toarray()
    full = d.hessian(X, MULTIPLIERS, 0.5).toarray()
    np.testing.assert_allclose(found, np.tril(full), rtol=1e-15)
    np.testing.assert_array_equal(full, full.T)
    gradient, values = d.first_order(X)
    np.testing.assert_array_equal(gradient, d.gradient(X))
    np.testing.assert_array_equal(values, d.jacobian_values(X))


def test_x_may_be_flat_or_a_pytree():
    """Lists, float32 and JAX arrays too; the same numbers."""
    d = derivatives()
    tree = d.problem.variables.unflatten(X)
    narrow = jax.tree.map(lambda leaf: np.asarray(leaf, np.float32), tree)
    np.testing.assert_array_equal(d.constraints(tree), d.constraints(X))
    np.testing.assert_array_equal(d.constraints(X.tolist()), d.constraints(X))
    np.testing.assert_array_equal(d.jacobian(narrow).toarray(), d.jacobian(X.astype(np.float32)).toarray())
    np.testing.assert_array_equal(
        d.constraints(jnp.asarray(X, jnp.float32)), d.constraints(X.astype(np.float32))
    )
    assert d.constraints(narrow).dtype == np.float64


def test_x_is_not_written_to_and_results_are_new():
    """A result may be changed by its owner without harm to the next."""
    d, x = derivatives(), X.copy()
    x.flags.writeable = False
    first = d.jacobian_values(x)
    kept = first.copy()
    first *= np.nan
    np.testing.assert_array_equal(d.jacobian_values(x), kept)


@pytest.mark.parametrize("wrong", [np.ones(9), np.ones((10, 1)), {"a": np.ones(4)}, 1.0])
def test_other_shapes_of_x_are_refused(wrong):
    """The message names x."""
    with pytest.raises(ValueError, match="`?x"):
        derivatives().gradient(wrong)


@pytest.mark.parametrize("count", [0, 5, 7])
def test_a_wrong_number_of_multipliers_is_refused(count):
    """Found and expected are in the message."""
    with pytest.raises(ValueError, match=f"`multipliers`: {count} entries, expected 6"):
        derivatives().hessian(X, np.ones(count))
    with pytest.raises(ValueError, match="`multipliers`"):
        derivatives().hvp(X, np.ones(count), X)


def test_other_params_need_no_compilation():
    """Values and derivatives follow; the problem's own come back without."""
    d = derivatives()
    before = d.gradient(X)
    other = {"scale": np.full(4, -2.0), "count": np.array(1)}
    check(d, params=other)
    np.testing.assert_array_equal(d.gradient(X), before)
    with pytest.raises(lagrad.ProblemError, match="params"):
        d.gradient(X, params={"scale": np.ones(3), "count": np.array(1)})


def test_an_objective_weight_of_zero_leaves_the_constraints():
    """And multipliers of zero leave the objective."""
    d, at = derivatives(), dense(derivatives().problem)
    for multipliers, weight in ((MULTIPLIERS, 0.0), (np.zeros(6), 2.0)):
        expected = at(X, multipliers, weight).hessian
        np.testing.assert_allclose(d.hessian(X, multipliers, weight).toarray(), expected, atol=1e-12)


def test_precision_is_double_and_the_users_setting_stays():
    """Whether JAX's global setting is off, as here, or on."""
    assert not jax.config.jax_enable_x64
    problem = lagrad.Problem(lambda x: jnp.sum(x**3), np.float32([0.1, 0.7]))
    found = lagrad.differentiate(problem).gradient(np.array([1 / 3, 2 / 3]))
    np.testing.assert_allclose(found, [1 / 3, 4 / 3], rtol=1e-15)
    assert not jax.config.jax_enable_x64
    assert jnp.ones(1).dtype == np.float32
    with jax.enable_x64(True):
        np.testing.assert_array_equal(derivatives().gradient(X), derivatives().gradient(X))
        assert jax.config.jax_enable_x64


def test_threads_get_the_answers_of_one():
    """Calls at different points at once, the first use of hvp among them, agree with calls one by one."""
    problem = derivatives().problem
    fresh = lagrad.differentiate(problem, check=False)
    points = [X * (1 + 0.01 * k) for k in range(24)]

    def everything(x):
        return [
            fresh.values(x)[1],
            fresh.gradient(x),
            fresh.jacobian(x).toarray(),
            fresh.hessian(x, MULTIPLIERS).toarray(),
            fresh.hvp(x, MULTIPLIERS, X),
        ]

    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(everything, points))
    for found, x in zip(together, points, strict=True):
        for one, other in zip(found, everything(x), strict=True):
            np.testing.assert_array_equal(one, other)


def test_problems_without_rows_have_empty_matrices():
    """m = 0: shapes stay; a linear objective has no Hessian entries."""
    d = lagrad.differentiate(lagrad.Problem(lambda x: 2.0 * jnp.sum(x), np.ones(3)))
    assert d.jacobian(np.ones(3)).shape == (0, 3)
    assert d.constraints(np.ones(3)).shape == (0,)
    assert d.hessian(np.ones(3), []).nnz == 0
    assert d.hessian_values(np.ones(3), []).shape == (0,)


def test_the_report_names_sizes_and_strategies():
    """In words a user can read."""
    text = derivatives().report()
    for word in ("variables", "10", "constraint rows", "6", "Jacobian", "Hessian", "set-up"):
        assert word in text


def test_patterns_hold_every_entry_of_the_matrices():
    """The Jacobian's, and both triangles of the Hessian; the object prints as its report."""
    d = derivatives()
    jacobian, hessian = d.jacobian(X), d.hessian(X, MULTIPLIERS)
    assert d.jacobian_pattern.contains(lagrad.SparsityPattern.from_scipy(jacobian))
    assert d.hessian_pattern.contains(lagrad.SparsityPattern.from_scipy(hessian))
    assert d.hessian_pattern.is_symmetric() and d.jacobian_pattern.shape == (6, 10)
    assert str(d) == d.report() and "<pre" in d._repr_html_()


@pytest.mark.parametrize("wrong", [{"strategy": "best"}, {"memory_limit": 0}])
def test_unknown_choices_are_refused(wrong):
    """Before anything is compiled."""
    (name,) = wrong
    with pytest.raises(lagrad.ProblemError, match=f"`{name}`"):
        lagrad.differentiate(derivatives().problem, **wrong)


def test_multipliers_may_be_named_as_in_a_solution():
    """A dict by constraint and the flat vector give the same Hessian; another name is an error."""
    d = derivatives()
    named = {"rows": {"products": MULTIPLIERS[:3], "sums": MULTIPLIERS[3:5]}, "norm": MULTIPLIERS[5]}
    np.testing.assert_array_equal(d.hessian(X, named).toarray(), d.hessian(X, MULTIPLIERS).toarray())
    np.testing.assert_array_equal(d.hessian_values(X, named), d.hessian_values(X, MULTIPLIERS))
    with pytest.raises(lagrad.ProblemError, match=r"`multipliers`: constraints .* Give one array for each"):
        d.hessian(X, {"rows": named["rows"]})
    with pytest.raises(lagrad.ProblemError, match="`multipliers`: 5 entries, expected 6"):
        d.hessian(X, MULTIPLIERS[:5])


def test_multipliers_may_be_left_out_only_without_constraints():
    """A Hessian of f alone needs none; that of a Lagrangian does."""
    free = lagrad.differentiate(lagrad.Problem(lambda x: jnp.sum(x**3), [1.0, 2.0]))
    np.testing.assert_array_equal(free.hessian([1.0, 2.0]).toarray(), np.diag([6.0, 12.0]))
    with pytest.raises(lagrad.ProblemError, match="`multipliers`: None, expected 6 numbers"):
        derivatives().hessian(X)


def test_vjp_is_the_transposed_jacobian():
    """J' v, v flat or by constraint."""
    d = derivatives()
    np.testing.assert_allclose(d.vjp(X, MULTIPLIERS), d.jacobian(X).T @ MULTIPLIERS, rtol=1e-13, atol=1e-14)
    with pytest.raises(lagrad.ProblemError, match="`vector`"):
        d.vjp(X, X)


def test_bound_params_are_those_of_the_call():
    """`bind` gives what `params=` gives, and leaves the original as it was."""
    d, before = derivatives(), derivatives().objective(X)
    other = {"scale": np.linspace(2.0, 5.0, 4), "count": np.array(-1)}
    bound = d.bind(other)
    assert bound.objective(X) == d.objective(X, params=other) != before == d.objective(X)
    np.testing.assert_array_equal(bound.jacobian(X).toarray(), d.jacobian(X, params=other).toarray())
    with pytest.raises(lagrad.ProblemError):
        d.bind({"scale": np.zeros(3), "count": np.array(0)})


def test_matrices_share_nothing():
    """What a user does to one matrix does not show in the next."""
    d = derivatives()
    first, expected = d.jacobian(X), d.jacobian(X).toarray()
    first.data[:], first.indices[:] = 0.0, 0
    np.testing.assert_array_equal(d.jacobian(X).toarray(), expected)

"""A Problem makes of its declaration: start, bounds, rows, flat functions, copies."""

from __future__ import annotations

import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from jax.flatten_util import ravel_pytree

import lagrad
from lagrad.errors import DerivativeError, LagradWarning, ProblemError
from lagrad.precision import float64
from lagrad.problem.modules import how_to_partition
from lagrad.problem.problem import Problem
from tests.strategies import problems, starts

INF = np.inf


def cost(x):
    """An objective at the top of a module: it can be pickled."""
    return jnp.sum(ravel_pytree(x)[0] ** 2)


def product(x):
    """A constraint at the top of a module."""
    return x[0] * x[1]


def message(call, *arguments, **keywords) -> str:
    """Text of the ProblemError that a call raises."""
    with pytest.raises(ProblemError) as caught:
        call(*arguments, **keywords)
    return str(caught.value)


# What x0 may be


@pytest.mark.parametrize(
    ("x0", "start"),
    [
        ([1.0, 5.0], [1, 5]),
        ((1, 5), [1, 5]),
        (np.array([[1, 2, 3], [4, 5, 6]], np.int8), [1, 2, 3, 4, 5, 6]),
        (jnp.array([0.5, 1.5]), [0.5, 1.5]),
        (np.array([0.5], np.float16), [0.5]),
        (jnp.array([True, False]), [1, 0]),
        (3, [3]),
        (np.float32(3), [3]),
        ({"b": [1, 2], "a": 3.0}, [3, 1, 2]),
        ([np.ones(2), [3, 4]], [1, 1, 3, 4]),
    ],
)
def test_start_is_float64_whatever_x0_is(x0, start):
    """Lists, arrays, numbers and pytrees of any real dtype."""
    problem = Problem(cost, x0)
    np.testing.assert_array_equal(problem.start, np.array(start, np.float64))
    assert problem.start.dtype == np.float64 and problem.n == len(start)
    assert all(leaf.dtype == np.float64 for leaf in jax.tree.leaves(problem.x0))


def test_conversions_are_noted():
    """Per leaf, with the dtype that the user gave; float64 needs no note."""
    x0 = {"a": [1, 2], "b": jnp.ones(2, jnp.float32), "c": np.ones(2), "d": True}
    assert Problem(cost, x0).notes == (
        "`x0['a']`: int64 converted to float64.",
        "`x0['b']`: float32 converted to float64.",
        "`x0['d']`: bool converted to float64.",
    )


FINITE = "expected a finite number. Give a start inside the functions' domain."
NUMBERS = "expected numbers. Give an array of numbers."
NONE = "`x0`: no variables, expected at least one. Give an array or a pytree of arrays."


@pytest.mark.parametrize(
    ("x0", "text"),
    [
        ([], NONE),
        ({}, NONE),
        (None, NONE),
        (np.zeros((3, 0)), NONE),
        ([1.0, np.nan, 3.0], f"`x0`: x[1] is nan, {FINITE}"),
        ([1.0, -INF, INF], f"`x0`: x[1] is -inf (and 1 more), {FINITE}"),
        ({"a": 1.0, "b": np.full((2, 3), np.nan)}, f"`x0`: x['b'][0, 0] is nan (and 5 more), {FINITE}"),
        (np.nan, f"`x0`: x is nan, {FINITE}"),
        ([1j, 2], "`x0`: dtype complex128, expected real numbers. Give real and imaginary parts apart."),
        ("abc", f"`x0`: str of dtype <U3, {NUMBERS}"),
        (np.array([1, 2], object), f"`x0`: ndarray of dtype object, {NUMBERS}"),
        ({"a": cost}, f"`x0['a']`: function of dtype object, {NUMBERS}"),
        ([1, [2, 3]], "`x0`: rows of different lengths. Give rows of equal length."),
        (np.array(["2020-01-01"], "M8[D]"), f"`x0`: ndarray of dtype datetime64[D], {NUMBERS}"),
    ],
)
def test_other_starts_are_refused(x0, text):
    """Nothing, NaN, infinity, complex, text, objects, ragged lists: each named."""
    assert message(Problem, cost, x0) == text


def test_a_problem_is_not_declared_under_a_trace():
    """x0 must be numbers."""
    text = message(jax.jit(lambda x: Problem(cost, x).start), np.ones(2))
    assert text == "`x0`: a traced value, expected numbers. Stay outside of jax.jit, jax.grad and jax.vmap."


def test_a_name_is_a_string():
    """Reports print it."""
    assert message(Problem, cost, [1.0], name=3) == "`name`: int, expected a string. Give a name or None."


# Start and bounds


def test_a_start_outside_the_bounds_is_moved_onto_them():
    """Said once, with the first entry; x0 itself stays as declared."""
    with pytest.warns(LagradWarning) as caught:
        problem = Problem(cost, {"a": [0.0, 5.0], "b": -7.0}, bounds=(1, 4))
    assert [str(warning.message) for warning in caught] == [
        "`x0`: 3 of 3 entries outside the bounds, the first x['a'][0] = 0, not in [1, 4]. "
        "They start on the nearest bound; give an x0 within the bounds to choose."
    ]
    np.testing.assert_array_equal(problem.start, [1, 4, 1])
    np.testing.assert_array_equal(problem.x0["a"], [0, 5])


def test_a_start_on_the_bounds_stays_in_silence():
    """Fixed variables too."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        problem = Problem(cost, [0.0, 1.0, 2.0], bounds=([0, 0, 2], [1, 1, 2]))
    np.testing.assert_array_equal(problem.start, [0, 1, 2])


def test_bounds_can_be_given_back():
    """`bounds` is what Problem made of them, and says the same again; for two variables as well."""
    problem = Problem(cost, [1.0, 2.0], bounds=[(None, 5), (2, 2)])
    again = Problem(cost, problem.x0, bounds=problem.bounds)
    np.testing.assert_array_equal(again.lower, [-INF, 2])
    np.testing.assert_array_equal(again.upper, [5, 2])


# Rows


def test_rows_are_named_in_declared_order():
    """Each constraint has its slice, each row its name."""
    problem = Problem(
        cost,
        {"a": np.zeros((2, 3)), "b": 0.0},
        {
            "flow": lagrad.Inequality(lambda x: x["a"], upper=np.arange(6.0).reshape(2, 3)),
            "none": lagrad.Equality(lambda x: x["a"][:, :0]),
            "balance": lagrad.Equality(lambda x: {"p": x["b"], "q": x["a"][0]}, {"p": 1, "q": [2, None, 3]}),
        },
    )
    assert problem.m == 10 and list(problem.constraints) == ["flow", "none", "balance"]
    assert [problem.rows(name) for name in problem.constraints] == [slice(0, 6), slice(6, 6), slice(6, 10)]
    names = [problem.describe_row(i) for i in range(10)]
    assert names[5:8] == ["flow[1, 2]", "balance['p']", "balance['q'][0]"] and len({*names}) == 10
    np.testing.assert_array_equal(problem.constraint_lower, [-INF] * 6 + [1, 2, 0, 3])
    np.testing.assert_array_equal(problem.constraint_upper, [0, 1, 2, 3, 4, 5, 1, 2, 0, 3])


def test_names_of_unnamed_constraints():
    """A single one is "constraint", a sequence counts."""
    one = lagrad.Equality(product)
    assert Problem(cost, [1.0, 2.0], one).describe_row(0) == "constraint"
    assert Problem(cost, [1.0, 2.0], [one, one]).describe_row(1) == "constraints[1]"


def test_rows_beyond_the_last_are_refused():
    """No row, no name; no constraint, no rows."""
    problem = Problem(cost, [1.0, 2.0], {"flow": lagrad.Equality(product)})
    with pytest.raises(IndexError, match=r"^`constraints`: row 1, expected 0 to 0\.$"):
        problem.describe_row(1)
    assert message(problem.rows, "glow") == "`constraints`: no constraint 'glow'. Give one of ['flow']."


# Flat functions


@given(problems())
@settings(max_examples=8)
def test_flat_functions_are_the_users_on_the_pytree(problem):
    """Objective and constraints of the flat vector against the user's own functions, raveled by JAX."""
    x = np.linspace(-1.0, 1.0, problem.n)
    tree = problem.variables.unflatten(x)
    with float64():
        rows = [ravel_pytree(constraint.fun(tree))[0] for constraint in problem.constraints.values()]
        assert float(problem.flat_objective(x)) == float(problem.objective(tree))
        np.testing.assert_array_equal(problem.flat_constraints(x), np.concatenate([np.zeros(0), *rows]))
    assert problem.constraint_lower.shape == problem.constraint_upper.shape == (problem.m,)


@given(problems())
@settings(max_examples=15)
def test_flat_functions_are_traced_in_float64(problem):
    """One scalar, one vector of m rows, nothing but float64."""
    with float64():
        f = jax.eval_shape(problem.flat_objective, problem.start)
        c = jax.eval_shape(problem.flat_constraints, problem.start)
    assert (f.shape, c.shape) == ((), (problem.m,))
    assert f.dtype == c.dtype == np.float64


@given(starts())
@settings(max_examples=15)
def test_a_problem_of_any_pytree_starts_at_x0(tree):
    """Without bounds the start is x0, raveled."""
    problem = Problem(cost, tree)
    np.testing.assert_array_equal(problem.start, np.concatenate([np.ravel(a) for a in jax.tree.leaves(tree)]))


def test_an_objective_of_one_entry_is_a_scalar():
    """(1,) is accepted and made ()."""
    with float64():
        assert Problem(lambda x: x[:1] * 2, [3.0]).flat_objective(np.array([3.0])).shape == ()


def test_declaring_leaves_the_global_setting():
    """Shapes are found in float64 whatever the user's setting, which stays."""
    for users in (False, True):
        with jax.enable_x64(users):
            Problem(cost, [1.0], lagrad.Equality(lambda x: x))
            assert jax.config.jax_enable_x64 == users


def test_functions_are_never_run_on_numbers():
    """Declaring traces each function once and computes nothing."""
    seen = []
    Problem(lambda x: seen.append(x) or jnp.sum(x), [1.0], lagrad.Equality(lambda x: seen.append(x) or x))
    assert len(seen) == 2 and all(isinstance(x, jax.core.Tracer) for x in seen)


def test_a_function_cannot_alter_x():
    """What it does to its argument stays in its own trace."""

    def spoils(x):
        x["a"] = x["a"] + 1.0
        x["extra"] = 1.0
        return jnp.sum(x["a"])

    problem = Problem(spoils, {"a": [1.0, 2.0]}, lagrad.Equality(lambda x: x["a"]))
    assert problem.n == 2 and problem.m == 2
    np.testing.assert_array_equal(problem.x0["a"], [1, 2])


def test_errors_of_functions_name_the_argument():
    """The objective, or the constraint as it was declared."""
    fails = lagrad.Equality(lambda x: np.sin(x))
    declared = {"constraints": fails, "constraints[0]": [fails], "constraints['a']": {"a": fails}}
    for where, constraints in declared.items():
        with pytest.raises(DerivativeError) as caught:
            Problem(cost, [1.0], constraints)
        assert str(caught.value).startswith(f"`{where}`: cannot be traced at {__file__}, line ")
    assert message(Problem, lambda x: x, [1.0, 2.0]).startswith("`objective`: returns shape (2,)")
    assert (
        message(Problem, None, [1.0]) == "`objective`: NoneType, expected a function. Give a function f(x)."
    )


def test_modules_of_flax_are_taken_apart_by_their_kind():
    """The parameters of linen come from `init`, the arrays of nnx from `split`."""
    linen = type("Dense", (), {"__module__": "flax.linen.linear"})()
    nnx = type("Linear", (), {"__module__": "flax.nnx.nn.linear"})()
    assert "module.init(key, inputs)" in how_to_partition([linen])
    assert "flax.nnx.split" in how_to_partition({"net": nnx})
    assert not how_to_partition(type("Other", (), {"__module__": "flaxen"})())


def test_a_module_with_more_than_arrays_is_refused_with_the_line_that_partitions_it():
    """Equinox: what the message says to do works, and the module comes back from a file."""
    equinox = pytest.importorskip("equinox")
    module = equinox.nn.MLP(1, 1, 3, 1, activation=jnp.tanh, key=jax.random.key(0))
    with pytest.raises(ProblemError, match=r"x0.activation.*equinox.partition\(module, .*equinox.combine"):
        Problem(lambda x: 0.0, module)
    with pytest.raises(ProblemError, match="equinox.partition"):
        Problem(lambda x: 0.0, {"net": module})
    arrays, rest = equinox.partition(module, equinox.is_inexact_array)
    problem = Problem(lambda x: equinox.combine(x, rest)(jnp.ones(1))[0] ** 2, arrays)
    assert problem.n == 10 and problem.variables.describe(0) == "x.layers[0].weight[0, 0]"

"""Bounds in every form against the same bounds written out, and a message for every fault."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.optimize
from hypothesis import given

import lagrad
from lagrad.errors import LagradWarning, ProblemError
from lagrad.problem.bounds import read_bounds, spread
from lagrad.problem.layout import Layout
from tests.strategies import bounds, starts

INF = np.inf
VECTOR = Layout.of(np.zeros(3), "x")
TWO = Layout.of(np.zeros(2), "x")
MATRIX = Layout.of(np.zeros((2, 3)), "x")
TREE = Layout.of({"a": np.zeros((2, 2)), "b": [np.zeros(2), np.zeros(())]}, "x")


def assert_bounds(found, lower, upper):
    """Both sides, entry by entry, float64."""
    np.testing.assert_array_equal(found[0], np.array(lower, np.float64))
    np.testing.assert_array_equal(found[1], np.array(upper, np.float64))
    assert found[0].dtype == found[1].dtype == np.float64


@given(starts().flatmap(lambda tree: bounds(tree)))
def test_pytrees_and_flat_vectors_and_pairs_say_the_same(sides):
    """Three ways to write the same bounds."""
    layout = Layout.of(sides[0], "x")
    lower, upper = (layout.flatten(side) for side in sides)
    assert_bounds(read_bounds(sides, layout), lower, upper)
    assert_bounds(read_bounds((lower, upper), layout), lower, upper)
    assert_bounds(read_bounds([*zip(lower, upper, strict=True)], layout), lower, upper)
    assert_bounds(read_bounds(scipy.optimize.Bounds(lower, upper), layout), lower, upper)


@pytest.mark.parametrize(
    ("written", "lower", "upper"),
    [
        (None, [-INF] * 3, [INF] * 3),
        ((0, 9), [0, 0, 0], [9, 9, 9]),
        ([0, 9], [0, 0, 0], [9, 9, 9]),
        ((None, 9), [-INF] * 3, [9, 9, 9]),
        (([0, None, 2], (None, 8, np.float32(9))), [0, -INF, 2], [INF, 8, 9]),
        (([True, False, True], np.array([1, 2, 3])), [1, 0, 1], [1, 2, 3]),
        (scipy.optimize.Bounds(0, 9), [0, 0, 0], [9, 9, 9]),
        (scipy.optimize.Bounds(ub=[7, 8, 9]), [-INF] * 3, [7, 8, 9]),
        ([(0, 7), (None, 8), [1, None]], [0, -INF, 1], [7, 8, INF]),
        (((0, 7), (None, 8), (1, None)), [0, -INF, 1], [7, 8, INF]),
        (np.array([[0, 7], [1, 8], [2, 9]]), [0, 1, 2], [7, 8, 9]),
        ((-1e20, 1e20), [-INF] * 3, [INF] * 3),
        ((-9.9e19, 9.9e19), [-9.9e19] * 3, [9.9e19] * 3),
        (([1, 2, 3], [1, 2, 3]), [1, 2, 3], [1, 2, 3]),
    ],
)
def test_bounds_of_a_vector(written, lower, upper):
    """Numbers, arrays, SciPy's Bounds and pairs; None and 1e20 for no bound; equal sides fix a variable."""
    assert_bounds(read_bounds(written, VECTOR), lower, upper)


@pytest.mark.parametrize(
    ("written", "lower", "upper"),
    [
        ([(0, 7), (1, None)], [0, 1], [7, INF]),
        (([0, 1], [7, 8]), [0, 1], [7, 8]),
        ((np.array([0, 1]), np.array([7, 8])), [0, 1], [7, 8]),
        ([np.array([0, 1]), np.array([7, 8])], [0, 1], [7, 8]),
        ((0, [7, 8]), [0, 0], [7, 8]),
        (((0, 1), (1, 2)), [0, 1], [1, 2]),
    ],
)
def test_bounds_of_two_variables(written, lower, upper):
    """Tuples in a list are pairs, lists in a tuple and arrays are sides; where both agree, either."""
    assert_bounds(read_bounds(written, TWO), lower, upper)


@pytest.mark.parametrize("written", [((0, 9), (0, 9)), [[0, 9], [0, 9]]])
def test_two_by_two_bounds_are_not_guessed(written):
    """Two readings that differ are an error, not a choice."""
    with pytest.raises(ProblemError) as caught:
        read_bounds(written, TWO)
    assert str(caught.value) == (
        f"`bounds`: {written} can mean (lower, upper), or one (lower, upper) pair for each of the two "
        "variables. Give (np.array(lower), np.array(upper)) or scipy.optimize.Bounds(lower, upper)."
    )


@pytest.mark.parametrize(
    "written", [(0, 9), [(0, 9)], ([0], [9]), scipy.optimize.Bounds(0, 9), (np.zeros(1), 9)]
)
@pytest.mark.parametrize("x0", [np.zeros(()), np.zeros(1), np.zeros((1, 1))])
def test_bounds_of_one_variable(written, x0):
    """A number and an array of one entry are the same."""
    assert_bounds(read_bounds(written, Layout.of(x0, "x")), [0], [9])


@pytest.mark.parametrize(
    ("lower", "expected"),
    [
        (None, [-INF] * 7),
        (0, [0] * 7),
        (jax.numpy.float32(2), [2] * 7),
        ({}, [-INF] * 7),
        ({"a": 1}, [1, 1, 1, 1, -INF, -INF, -INF]),
        ({"a": [[1, 2], [3, None]], "b": 5}, [1, 2, 3, -INF, 5, 5, 5]),
        ({"b": [[1, None], 3]}, [-INF] * 4 + [1, -INF, 3]),
        ({"a": None, "b": [None, np.array([3])]}, [-INF] * 6 + [3]),
        (np.arange(7), range(7)),
    ],
)
def test_one_side_of_a_pytree(lower, expected):
    """A part of the tree is enough; a number stands for all entries below it."""
    assert_bounds(read_bounds((lower, None), TREE), [*expected], [INF] * 7)


def test_two_scalars_in_a_tuple_take_tuples_as_sides():
    """A side may always be a pytree like x0, even where pairs would fit."""
    two = Layout.of((np.zeros(()), np.zeros(())), "x")
    assert_bounds(read_bounds(((0, 1), (2, 3)), two), [0, 1], [2, 3])
    assert_bounds(read_bounds([(0, 1), (2, 3)], two), [0, 2], [1, 3])


def test_a_matrix_takes_matrices_and_flat_vectors():
    """The flat order is row by row."""
    assert_bounds(read_bounds((np.arange(6).reshape(2, 3), np.arange(6) + 1), MATRIX), range(6), range(1, 7))


def test_bounds_are_copies():
    """What the user does to an array afterwards changes nothing."""
    mine = np.zeros(3)
    lower, _ = read_bounds((mine, None), VECTOR)
    mine[:] = 5
    np.testing.assert_array_equal(lower, np.zeros(3))


def test_keep_feasible_is_answered():
    """What SciPy's Bounds ask for and lagrad does not do is said."""
    with pytest.warns(LagradWarning) as caught:
        read_bounds(scipy.optimize.Bounds(0, 1, keep_feasible=True), VECTOR)
    assert [str(warning.message) for warning in caught] == [
        "`bounds`: keep_feasible=True has no effect: bounds always hold. Leave it out."
    ]


def test_a_dict_of_pairs_bounds_a_dict():
    """Names as keys, as people write them; what has no key has no bound, and arrays may stand in pairs."""
    layout = Layout.of({"T": 1.0, "u": np.zeros(2), "v": np.zeros(2)}, "x")
    lower, upper = read_bounds({"u": (-1, [1, 2]), "T": (None, 5.0)}, layout)
    np.testing.assert_array_equal(lower, [-INF, -1, -1, -INF, -INF])
    np.testing.assert_array_equal(upper, [5, 1, 2, INF, INF])


NO_BOUND = "Use None for no bound."
WHOLE = "expected (lower, upper). Give None, a number, an array or a pytree like x0 for each."
LENGTH = "expected (lower, upper) or 3 pairs. Give the two sides, or one pair for each variable."
NEVER = f"which nothing can satisfy (1e20 and beyond count as infinite). {NO_BOUND}"
LEAVES = "but the value is a pytree with leaves ['a'], ['b'][0], ['b'][1]"
TREE_FORMS = "Give a number, a pytree like it, or shape (7,)."
FAULTS = [
    (VECTOR, 5, f"`bounds`: int, {WHOLE}"),
    (VECTOR, {"x": (0, 1)}, f"`bounds`: dict, {WHOLE}"),
    (TREE, {"a": 0}, f"`bounds`: dict, {WHOLE}"),
    (TREE, {"z": (0, 1)}, f"`bounds`: `lower` has ['z'], expected ['a'], ['b']. {NO_BOUND}"),
    (VECTOR, "ab", f"`bounds`: str, {WHOLE}"),
    (VECTOR, (), f"`bounds`: length 0, {LENGTH}"),
    (VECTOR, (0, 1, 2), f"`bounds`: length 3, {LENGTH}"),
    (VECTOR, [(0, 1)] * 4, f"`bounds`: length 4, {LENGTH}"),
    (
        VECTOR,
        ([0, 1], 9),
        "`bounds`: `lower` has shape (2,) but x0 has shape (3,). Give a scalar or shape (3,).",
    ),
    (
        VECTOR,
        (0, np.ones((3, 1))),
        "`bounds`: `upper` has shape (3, 1) but x0 has shape (3,). Give a scalar or shape (3,).",
    ),
    (
        VECTOR,
        ([0, np.nan, np.nan], 1),
        f"`bounds`: `lower` of x[1] is nan (and 1 more), expected a number. {NO_BOUND}",
    ),
    (VECTOR, (0, [1, 1, np.nan]), f"`bounds`: `upper` of x[2] is nan, expected a number. {NO_BOUND}"),
    (VECTOR, ([0, INF, 0], None), f"`bounds`: `lower` of x[1] is inf, {NEVER}"),
    (VECTOR, (1e20, None), f"`bounds`: `lower` of x[0] is inf (and 2 more), {NEVER}"),
    (VECTOR, (None, -INF), f"`bounds`: `upper` of x[0] is -inf (and 2 more), {NEVER}"),
    (
        VECTOR,
        ([0, 2.5, 5], [1, 2, 4]),
        "`bounds`: x[1] has lower 2.5 above upper 2 (and 1 more). Exchange or widen them.",
    ),
    (VECTOR, (9, 0), "`bounds`: x[0] has lower 9 above upper 0 (and 2 more). Exchange or widen them."),
    (
        VECTOR,
        (0j, 1),
        "`bounds.lower`: dtype complex128, expected real numbers. Give real and imaginary parts apart.",
    ),
    (VECTOR, (0, "a"), "`bounds.upper`: str of dtype <U1, expected numbers. Give an array of numbers."),
    (VECTOR, (0, [1, [2, 3]]), "`bounds.upper`: rows of different lengths. Give rows of equal length."),
    (TREE, ({"z": 0}, None), f"`bounds`: `lower` has ['z'], expected ['a'], ['b']. {NO_BOUND}"),
    (TREE, ([0, 9], None), f"`bounds`: `lower` has [0], expected ['a'], ['b']. {NO_BOUND}"),
    (TREE, (None, {"b": [0]}), f"`bounds`: `upper['b']` has length 1, expected [0], [1]. {NO_BOUND}"),
    (TREE, (None, {"b": {"c": 0}}), f"`bounds`: `upper['b']` has ['c'], expected [0], [1]. {NO_BOUND}"),
    (TREE, (np.zeros(6), None), f"`bounds`: `lower` has shape (6,), {LEAVES}. {TREE_FORMS}"),
    (TREE, ("s", None), f"`bounds`: `lower` has type str, {LEAVES}. {TREE_FORMS}"),
    (
        TREE,
        ({"a": [1, 2, 3]}, None),
        "`bounds`: `lower['a']` has shape (3,) but x0['a'] has shape (2, 2). Give a scalar or shape (2, 2).",
    ),
    (
        TREE,
        ({"b": [0, 5]}, {"b": 4}),
        "`bounds`: x['b'][1] has lower 5 above upper 4. Exchange or widen them.",
    ),
]


@pytest.mark.parametrize(("layout", "written", "message"), FAULTS)
def test_faulty_bounds_are_named(layout, written, message):
    """Which side and which entry, what was found, what to do."""
    with pytest.raises(ProblemError) as caught:
        read_bounds(written, layout)
    assert str(caught.value) == message


def test_a_side_of_a_constraint_speaks_of_the_function():
    """A constraint's shape comes from its function, not from x0."""
    layout = Layout.of({"p": np.zeros(10)}, "flow")
    with pytest.raises(ProblemError) as caught:
        spread({"p": np.zeros(12)}, layout, INF, "constraints['flow']", "upper")
    assert str(caught.value) == (
        "`constraints['flow']`: `upper['p']` has shape (12,) but the function['p'] returns shape (10,). "
        "Give a scalar or shape (10,)."
    )


@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("kind", [np.array, jnp.array, np.float64, float])
def test_one_number_is_a_side_whatever_its_type(kind, n):
    """Arrays without axes, as reductions give them, are numbers: as sides, and in pairs."""
    start = np.full(n, 0.5)
    for both in ((kind(0.0), kind(1.0)), [kind(0.0), kind(1.0)], [(kind(0.0), kind(1.0))] * n):
        problem = lagrad.Problem(lambda x: jnp.sum(x**2), start, bounds=both)
        np.testing.assert_array_equal([problem.lower, problem.upper], [[0.0] * n, [1.0] * n])


def test_one_number_alone_is_no_pair_of_bounds():
    """It could be either side."""
    with pytest.raises(lagrad.ProblemError, match=r"`bounds`.*expected \(lower, upper\)"):
        lagrad.Problem(lambda x: jnp.sum(x**2), [0.5, 0.5], bounds=np.array(3.0))

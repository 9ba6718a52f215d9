"""Constraints in every form: their names, their sides, and a message for every fault."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.optimize

from lagrad.errors import LagradWarning, ProblemError
from lagrad.problem.constraints import Equality, Inequality, argument, named, sides
from lagrad.problem.layout import Layout

INF = np.inf
VECTOR = Layout.of(np.zeros(3), "flow")
TREE = Layout.of({"a": np.zeros(2), "b": np.zeros(())}, "flow")
WHERE = "constraints['flow']"
WRAP = "Wrap it: lagrad.Equality(fun, value) or lagrad.Inequality(fun, lower, upper)."


def same(x):
    """A constraint function."""
    return x


ONE, TWO = Equality(same), Inequality(same, 0)


@pytest.mark.parametrize(
    ("written", "names"),
    [
        (None, []),
        ([], []),
        ({}, []),
        (ONE, ["constraint"]),
        ([ONE, TWO], ["constraints[0]", "constraints[1]"]),
        ((TWO,), ["constraints[0]"]),
        ({"flow": TWO, "balance": ONE}, ["flow", "balance"]),
    ],
)
def test_names_stand_in_declared_order(written, names):
    """A dict's own names, else the place in the declaration."""
    assert list(named(written)) == names


def test_an_argument_is_written_as_the_user_wrote_it():
    """Messages quote the declaration, not our name for it."""
    found = [argument(name) for name in ("constraint", "constraints[2]", "flow")]
    assert found == ["constraints", "constraints[2]", "constraints['flow']"]


SCIPY = (
    "as SciPy takes it, expected lagrad.Equality or lagrad.Inequality. "
    "To keep it, call scipy.optimize.minimize(..., method=lagrad.ipopt)."
)
NOT_A_NAME = "expected a non-empty string. Rename the constraint."


@pytest.mark.parametrize(
    ("written", "message"),
    [
        (same, f"`constraints`: a plain function (same), expected a constraint. {WRAP}"),
        ([ONE, same], f"`constraints[1]`: a plain function (same), expected a constraint. {WRAP}"),
        ({"flow": same}, f"`constraints['flow']`: a plain function (same), expected a constraint. {WRAP}"),
        (scipy.optimize.NonlinearConstraint(same, 0, 1), f"`constraints`: NonlinearConstraint {SCIPY}"),
        ([scipy.optimize.LinearConstraint(np.eye(2), 0, 1)], f"`constraints[0]`: LinearConstraint {SCIPY}"),
        ({"type": "eq", "fun": same}, f"`constraints`: dict {SCIPY}"),
        ([{"type": "eq", "fun": same}], f"`constraints[0]`: dict {SCIPY}"),
        (3.0, f"`constraints`: float, expected a constraint. {WRAP}"),
        ({"flow": None}, f"`constraints['flow']`: NoneType, expected a constraint. {WRAP}"),
        ({7: ONE}, f"`constraints`: name 7, {NOT_A_NAME}"),
        ({"": ONE}, f"`constraints`: name '', {NOT_A_NAME}"),
    ],
)
def test_what_is_no_constraint_is_named(written, message):
    """A plain function is wrapped, SciPy's constraints have a way of their own."""
    with pytest.raises(ProblemError) as caught:
        named(written)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("constraint", "layout", "lower", "upper"),
    [
        (Equality(same), VECTOR, [0, 0, 0], [0, 0, 0]),
        (Equality(same, [1, None, 3]), VECTOR, [1, 0, 3], [1, 0, 3]),
        (Equality(same, {"a": 4}), TREE, [4, 4, 0], [4, 4, 0]),
        (Inequality(same, 1), VECTOR, [1, 1, 1], [INF] * 3),
        (Inequality(same, None, [1, 2, None]), VECTOR, [-INF] * 3, [1, 2, INF]),
        (Inequality(same, -1e20, 5), VECTOR, [-INF] * 3, [5, 5, 5]),
        (Inequality(same, 2, 2), VECTOR, [2, 2, 2], [2, 2, 2]),
        (Inequality(same, {"b": [7]}, {"a": [8, 9]}), TREE, [-INF, -INF, 7], [8, 9, INF]),
        (Inequality(same, np.arange(1, 4), np.arange(4, 7)), TREE, [1, 2, 3], [4, 5, 6]),
    ],
)
def test_sides_of_rows(constraint, layout, lower, upper):
    """Numbers, arrays and parts of pytrees; None for no side."""
    found = sides(constraint, layout, WHERE)
    np.testing.assert_array_equal(found[0], np.array(lower, np.float64))
    np.testing.assert_array_equal(found[1], np.array(upper, np.float64))


COUNTS = "(1e20 and beyond count as infinite)"
FAULTS = [
    (
        Inequality(same, upper=np.zeros(12)),
        "`upper` has shape (12,) but the function returns shape (3,). Give a scalar or shape (3,).",
    ),
    (
        Equality(same, [1, 2]),
        "`value` has shape (2,) but the function returns shape (3,). Give a scalar or shape (3,).",
    ),
    (
        Equality(same, [1, INF, -INF]),
        f"`value` of flow[1] is inf (and 1 more), expected a finite number {COUNTS}. "
        "Use lagrad.Inequality for one side.",
    ),
    (
        Equality(same, [0, 0, np.nan]),
        "`value` of flow[2] is nan, expected a number. Give one.",
    ),
    (
        Inequality(same, np.nan, 0),
        "`lower` of flow[0] is nan (and 2 more), expected a number. Use None for no bound.",
    ),
    (
        Inequality(same, INF),
        f"`lower` of flow[0] is inf (and 2 more), which nothing can satisfy {COUNTS}. Use None for no bound.",
    ),
    (
        Inequality(same, None, [0, -INF, 0]),
        f"`upper` of flow[1] is -inf, which nothing can satisfy {COUNTS}. Use None for no bound.",
    ),
    (Inequality(same, 5, [6, 4, 7]), "flow[1] has lower 5 above upper 4. Exchange or widen them."),
]


@pytest.mark.parametrize(("constraint", "message"), FAULTS)
def test_faulty_sides_are_named(constraint, message):
    """The constraint, the side and the row, and what was found."""
    with pytest.raises(ProblemError) as caught:
        sides(constraint, VECTOR, WHERE)
    assert str(caught.value) == f"`constraints['flow']`: {message}"


@pytest.mark.parametrize("constraint", [Inequality(same), Inequality(same, -1e20, np.full(3, INF))])
def test_a_constraint_without_sides_is_answered(constraint):
    """It constrains nothing; data may make that so, a slip as well."""
    with pytest.warns(LagradWarning) as caught:
        sides(constraint, VECTOR, WHERE)
    assert str(caught[0].message) == (
        "`constraints['flow']`: neither `lower` nor `upper` is finite, so it constrains nothing. "
        "Give one, or leave the constraint out."
    )


def test_one_finite_side_is_enough():
    """Some rows may be free without a word."""
    lower, upper = sides(Inequality(same, [None, 1, None]), VECTOR, WHERE)
    assert np.isinf(lower).sum() == 2 and np.isinf(upper).all()

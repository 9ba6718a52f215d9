"""Faults 1 to 13: starts, bounds, sides and counts that do not fit, and those that only look so."""

from __future__ import annotations

import warnings
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.optimize

import lagrad
from lagrad import Equality, Inequality, Problem
from lagrad.errors import LagradWarning, ProblemError
from lagrad.solution.status import Status
from tests.faults.cases import METHODS

INF, NAN = np.inf, np.nan
both = pytest.mark.parametrize("method", METHODS)


def square(x):
    """Smallest at 0."""
    return jnp.sum(x**2)


def distance(x):
    """Smallest at 2, and no two variables meet."""
    return jnp.sum((x - 2.0) ** 2)


@cache
def pair():
    """Two variables, compiled once."""
    return lagrad.differentiate(Problem(square, [1.0, 2.0]))


@pytest.mark.parametrize(
    ("given", "x0", "parts"),
    [
        ("x0 with nan", [1.0, NAN, 3.0], ["x[1] is nan", "finite", "domain"]),
        ("x0 with inf, twice", [1.0, -INF, INF], ["x[1] is -inf", "1 more"]),
        ("nan in a pytree", {"a": 1.0, "b": np.array([[0.0, NAN]])}, ["x['b'][0, 1] is nan"]),
    ],
)
def test_01_start_not_finite(given, x0, parts, refused):
    with refused(given, ProblemError, "`x0`", *parts):
        Problem(lambda x: 0.0, x0)


def test_01_start_of_a_solve_not_finite(refused):
    with refused("solve(x0=...) with nan", ProblemError, "`x0`", "x[0] is nan", "finite"):
        lagrad.solve(pair(), x0=[NAN, 1.0])


@pytest.mark.parametrize(
    ("given", "x0", "parts"),
    [
        ("solve(x0=...) of the wrong length", np.zeros(3), ["(3,)", "(2,)"]),
        ("solve(x0=...) as a column", np.zeros((2, 1)), ["(2, 1)", "(2,)", "flat vector"]),
        ("solve(x0=...) a number for two variables", 1.0, ["()", "(2,)"]),
        ("solve(x0=...) empty", np.zeros(0), ["(0,)", "(2,)"]),
        ("solve(x0=...) a dict for an array", {"a": 1.0}, ["leaves ['a']", "shape (2,)"]),
    ],
)
def test_02_start_of_another_shape(given, x0, parts, refused):
    with refused(given, ProblemError, "`x`", "expected", *parts):
        lagrad.solve(pair(), x0=x0)


@pytest.mark.parametrize("x0", [[], np.zeros((3, 0)), None, {}])
def test_02_no_variables(x0, refused):
    with refused("x0 = [], zeros((3, 0)), None or {}", ProblemError, "`x0`: no variables", "at least one"):
        Problem(square, x0)


def test_02_column_and_number_are_shapes_of_their_own(record):
    """A declared column stays a column; a number is n = 1."""
    column = lagrad.solve(Problem(distance, np.zeros((3, 1))))
    number = lagrad.solve(Problem(distance, 0.0))
    assert column.x.shape == (3, 1) and np.shape(number.x) == () and float(number.x) == pytest.approx(2.0)
    record("x0 declared as a column, or as a number", "kept as declared: x comes back in shape (3, 1), ()")


@pytest.mark.parametrize("dtype", ["int64", "bool", "float32", "float16"])
def test_03_start_in_another_kind_of_number(dtype, record):
    """All is computed in float64, and a note says what was converted."""
    seen = []
    problem = Problem(lambda x: seen.append(x.dtype) or distance(x), np.ones(2, dtype))
    solution = lagrad.solve(problem)
    assert problem.notes == (f"`x0`: {dtype} converted to float64.",)
    assert {str(each) for each in seen} == {"float64"} and solution.x.dtype == np.float64
    record(f"x0 of {dtype}", f"computed in float64; `problem.notes`: {problem.notes[0]}")


def test_03_lower_precision_is_promoted_on_the_device(record):
    with jax.enable_x64(False):
        solution = lagrad.solve(Problem(distance, jnp.ones(2)), tol=1e-12)
    np.testing.assert_allclose(solution.x, 2.0, rtol=1e-14)
    record("x0 a float32 array of JAX's, jax_enable_x64 off", "float64 all the same: 14 digits are right")


@pytest.mark.parametrize(
    ("given", "x0", "parts"),
    [
        ("x0 complex", [1j, 2.0], ["complex128", "real", "apart"]),
        ("x0 of strings", ["a", "b"], ["str", "expected numbers"]),
        ("x0 of objects", np.array([1, None], object), ["object", "expected numbers"]),
        ("x0 of ragged lists", [1, [2, 3]], ["different lengths"]),
        ("x0 with masked entries", np.ma.array([1.0, 2.0], mask=[0, 1]), ["masked"]),
        ("x0 of dates", np.array(["2020-01-01"], "M8[D]"), ["datetime64", "expected numbers"]),
    ],
)
def test_04_start_of_no_real_numbers(given, x0, parts, refused):
    with refused(given, ProblemError, "`x0", *parts):
        Problem(square, x0)


@both
def test_05_start_outside_the_bounds(method, record):
    with pytest.warns(LagradWarning) as caught:
        problem = Problem(distance, [-3.0, 0.5], bounds=(0.0, 1.0))
    (warning,) = caught
    assert all(part in str(warning.message) for part in ("1 of 2", "x[0] = -3", "[0, 1]", "nearest bound"))
    solution = lagrad.solve(problem, method)
    assert solution.success and solution.history.objective[0] == pytest.approx(6.25, rel=0.1)
    np.testing.assert_allclose(solution.x, 1.0, atol=1e-6)
    record("x0 outside the bounds", f"{solution.status}; warning: {warning.message}")


@both
def test_05_start_on_a_bound(method, record):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        solution = lagrad.solve(Problem(distance, [0.0, 1.0], bounds=(0.0, 1.0)), method)
    assert solution.success and (solution.x <= 1.0).all()
    np.testing.assert_allclose(solution.x, 1.0, atol=1e-6)
    record("x0 exactly on its bounds", solution)


def flow(lower, upper):
    """A constraint of two rows."""
    return {"flow": Inequality(lambda x: x * 2.0, lower, upper)}


@pytest.mark.parametrize(
    ("given", "bounds", "rows", "parts"),
    [
        ("lb > ub", ([0.0, 3.0], [1.0, 2.0]), None, ["`bounds`", "x[1]", "lower 3", "upper 2"]),
        ("cl > cu", None, flow([0.0, 3.0], 2.0), ["`constraints['flow']`", "flow[1]", "lower 3", "upper 2"]),
    ],
)
def test_06_crossed_sides(given, bounds, rows, parts, refused):
    with refused(given, ProblemError, *parts):
        Problem(square, [1.0, 1.0], rows, bounds)


def test_06_crossed_bounds_given_to_solve(refused):
    with refused("lb > ub in solve(bounds=...)", ProblemError, "`bounds`", "x[1]", "lower 3", "upper 2"):
        lagrad.solve(pair(), bounds=([0.0, 3.0], [1.0, 2.0]))


@pytest.mark.parametrize(
    ("given", "bounds", "rows", "parts"),
    [
        ("nan in lb", (np.array([0.0, NAN]), None), None, ["`bounds`", "`lower` of x[1] is nan", "None"]),
        ("nan in ub", (None, NAN), None, ["`bounds`", "`upper` of x[0] is nan", "1 more"]),
        ("nan in cl", None, flow([NAN, 0.0], None), ["`constraints['flow']`", "`lower` of flow[0] is nan"]),
        ("nan in cu", None, flow(None, NAN), ["`constraints['flow']`", "`upper` of flow[0] is nan"]),
        (
            "nan as an equality's value",
            None,
            {"flow": Equality(square, NAN)},
            ["`constraints['flow']`", "`value` of flow is nan"],
        ),
    ],
)
def test_07_nan_in_sides(given, bounds, rows, parts, refused):
    with refused(given, ProblemError, *parts):
        Problem(square, [1.0, 1.0], rows, bounds)


@pytest.mark.parametrize(
    ("given", "bounds", "rows", "parts"),
    [
        ("lb = inf", (INF, None), None, ["`bounds`", "`lower` of x[0] is inf", "nothing can satisfy"]),
        ("ub = -inf", (None, [1.0, -INF]), None, ["`bounds`", "`upper` of x[1] is -inf"]),
        ("cl = 1e20", None, flow(1e20, None), ["`constraints['flow']`", "1e20 and beyond count as infinite"]),
        ("value = inf", None, Equality(square, INF), ["`value`", "finite", "lagrad.Inequality"]),
    ],
)
def test_08_infinite_on_the_wrong_side(given, bounds, rows, parts, refused):
    with refused(given, ProblemError, *parts):
        Problem(square, [1.0, 1.0], rows, bounds)


def test_08_1e20_is_infinite(record):
    problem = Problem(square, [1.0, 1.0], flow(-1e20, 3.0), bounds=([-1e20, -1e19], [1e30, 1e19]))
    np.testing.assert_array_equal(problem.lower, [-INF, -1e19])
    np.testing.assert_array_equal(problem.upper, [INF, 1e19])
    np.testing.assert_array_equal(problem.constraint_lower, -INF)
    record("bounds of -1e20, 1e30 and 1e19", "infinite, infinite, and 1e19 as given; documented in `Problem`")


@both
def test_09_some_variables_fixed(method, record):
    """A value that no binary fraction is comes back to the last bit."""
    value = 0.1 + 0.2
    problem = Problem(distance, [1.0, value, 1.0], bounds=([-9.0, value, -9.0], [9.0, value, 9.0]))
    solution = lagrad.solve(problem, method)
    assert solution.success and solution.x[1] == value
    np.testing.assert_allclose(solution.x[[0, 2]], 2.0, atol=1e-6)
    record("lb == ub for some variables", f"{solution.status}; the fixed value is exact")


@both
@pytest.mark.parametrize(("total", "status"), [(3.0, Status.OPTIMAL), (4.0, Status.INFEASIBLE)])
def test_09_all_variables_fixed(total, status, method, record):
    rows = {"sum": Equality(jnp.sum, total)}
    solution = lagrad.solve(Problem(square, [1.0, 2.0], rows, ([1.0, 2.0], [1.0, 2.0])), method)
    assert solution.status is status and solution.success is (status is Status.OPTIMAL)
    np.testing.assert_array_equal(solution.x, [1.0, 2.0])
    record(f"all variables fixed, their sum 3, asked for {total:g}", solution)


@pytest.mark.parametrize(
    "bounds",
    [
        (0.0, 1.0),
        ([0.0, 0.0, 0.0], np.ones(3)),
        [(0, 1), (0, 1), (0, 1)],
        [(0, None), (None, 1), (0, 1)],
        scipy.optimize.Bounds(0.0, 1.0),
        (None, jnp.ones(3)),
    ],
    ids=["numbers", "arrays", "pairs", "pairs with None", "Bounds", "None and an array"],
)
def test_10_bounds_in_every_form(bounds, record):
    """What is not None is the same in all of them."""
    problem = Problem(distance, [0.5, 0.5, 0.5], bounds=bounds)
    assert set(problem.lower) <= {0.0, -INF} and set(problem.upper) <= {1.0, INF}
    np.testing.assert_array_equal(problem.upper[[1, 2]], 1.0)
    record("bounds as numbers, arrays, pairs with and without None, Bounds", "accepted, equal arrays inside")


def test_10_a_form_with_two_readings(refused):
    """[[a, b], [c, d]] for two variables: sides or pairs? Only where the readings differ."""
    with refused("bounds that can be read in two ways", ProblemError, "(lower, upper)", "np.array", "Bounds"):
        Problem(square, [1.0, 1.0], bounds=[[0.0, 1.0], [2.0, 3.0]])
    assert Problem(square, [1.0, 1.0], bounds=[[0.0, 1.0], [1.0, 3.0]]).upper.tolist() == [1.0, 3.0]


@pytest.mark.parametrize(
    ("given", "bounds", "rows", "parts"),
    [
        ("lb too long", (np.zeros(3), None), None, ["`bounds`", "`lower`", "(3,)", "(2,)", "scalar"]),
        ("ub too short", (None, [1.0]), None, ["`bounds`", "`upper`", "(1,)", "(2,)"]),
        ("three sides", (0.0, 1.0, 2.0), None, ["`bounds`", "length 3", "(lower, upper)", "2 pairs"]),
        ("cl too long", None, flow(np.zeros(3), None), ["`constraints['flow']`", "`lower`", "(3,)", "(2,)"]),
        ("value too long", None, Equality(square, np.zeros(2)), ["`constraints`", "`value`", "(2,)", "()"]),
        ("a name that x has not", ({"a": 0.0}, None), None, ["bounds.lower", "dict", "expected numbers"]),
    ],
)
def test_11_sides_of_another_length(given, bounds, rows, parts, refused):
    with refused(given, ProblemError, *parts):
        Problem(square, [1.0, 1.0], rows, bounds)


def nothing(x):
    """No rows."""
    return x[:0]


def two_ones(x):
    """Two rows without any variable."""
    return jnp.ones(2)


DEGENERATE = {
    "m = 0 rows in a constraint": (lambda: Problem(distance, [1.0, 1.0], Equality(nothing)), 2.0),
    "a constant objective": (lambda: Problem(lambda x: 3.0, [1.0, 1.0], bounds=(1.0, 3.0)), None),
    "rows without variables, kept": (lambda: Problem(distance, [1.0, 1.0], Equality(two_ones, 1.0)), 2.0),
    "an inequality without variables": (lambda: Problem(distance, [1.0, 1.0], Inequality(two_ones, 0)), 2.0),
    "a variable in nothing": (lambda: Problem(lambda x: (x[0] - 2.0) ** 2, [1.0, 1.0]), None),
}


@both
@pytest.mark.parametrize("given", DEGENERATE)
def test_12_nothing_where_something_is_expected(given, method, record):
    make, expected = DEGENERATE[given]
    solution = lagrad.solve(make(), method)
    assert solution.success
    if expected is not None:
        np.testing.assert_allclose(solution.x, expected, atol=1e-6)
    record(given, solution)


def test_12_no_variables_in_any_constraint_is_diagnosed(record):
    problem = Problem(square, [1.0, 1.0], {"none": Equality(two_ones, 1.0)})
    (finding,) = lagrad.diagnose(problem).of("constant_rows")
    assert finding.names == ("none[0]", "none[1]")
    record("rows without variables, to diagnose", finding.message)


def overdetermined(last):
    """Three rows for two variables; the third follows from the others or contradicts them."""
    rows = {"three": Equality(lambda x: jnp.stack([x[0], x[1], x[0] + x[1]]), np.array([1.0, 1.0, last]))}
    return Problem(square, [1.0, 2.0], rows)


@both
@pytest.mark.parametrize("last", [2.0, 3.0], ids=["consistent", "contradictory"])
def test_13_more_equalities_than_free_variables(last, method, record):
    """The point is found if there is one; else the message counts them."""
    solution = lagrad.solve(overdetermined(last), method)
    assert solution.success is (last == 2.0)
    assert solution.success or all(part in solution.message for part in ("3 equality rows", "2 free", "drop"))
    record(f"3 equalities for 2 variables, {'consistent' if last == 2.0 else 'contradictory'}", solution)


def test_13_rows_that_contradict_are_named(record):
    found = lagrad.diagnose(overdetermined(3.0))
    (finding,) = found.of("contradictory_rows")
    assert not found.ok and set(finding.names) == {"three[0]", "three[1]", "three[2]"}
    record("3 contradictory equalities, to diagnose", finding.message)


@both
def test_13_duplicated_rows(method, record):
    """As many rows as variables, but one direction is free."""
    rows = {name: Equality(lambda x: x[0] + x[1], 1.0) for name in ("one", "two")}
    solution = lagrad.solve(Problem(lambda x: (x[0] - 1.0) ** 2 + 3.0 * x[1] ** 2, [1.0, 2.0], rows), method)
    assert solution.success
    np.testing.assert_allclose(solution.x, [1.0, 0.0], atol=1e-6)
    record("the same equality twice, 2 variables", solution)


@both
def test_13_zero_times_x_is_one(method, record):
    solution = lagrad.solve(Problem(square, [1.0, 2.0], {"row": Equality(lambda x: 0.0 * x[0], 1.0)}), method)
    assert solution.status is Status.INFEASIBLE and "1.00e+00, of row" in solution.message
    record("0 x = 1", solution)

"""What `solve` takes and refuses: the short form, wrong arguments, words of others, names of methods."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest

import lagrad
from lagrad.errors import ProblemError
from lagrad.problem.constraints import Equality, Inequality
from lagrad.solvers import methods, solve
from tests.solvers import cases
from tests.solvers.cases import derivatives

CLOSE = {"rtol": 1e-5, "atol": 2e-6}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"method": "slsqp"}, "`method`: 'slsqp' is a method of SciPy"),
        ({"tol": -1.0}, "`tol`: -1.0, expected a positive number"),
        ({"tol": math.nan}, "`tol`: nan"),
        ({"max_iterations": 2.5}, "`max_iterations`: 2.5, expected a whole number"),
        ({"max_iterations": -1}, "`max_iterations`: -1"),
        ({"time_limit": -1}, "`time_limit`: -1, expected seconds"),
        ({"time_limit": math.nan}, "`time_limit`: nan"),
        ({"callback": 5}, "`callback`: a int, expected a function"),
        ({"warm_start": 5}, "`warm_start`: a int, expected a Solution"),
    ],
)
def test_wrong_arguments_are_named(arguments, words):
    """Before anything is evaluated."""
    with pytest.raises(ProblemError) as caught:
        solve(derivatives(cases.banana), **arguments)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ((lambda x: x @ x,), "or give a start after the function"),
        ((lambda x: x @ x, "ipopt"), "`problem`: a function"),
        ((5,), "`problem`: a int"),
        ((cases.banana(), [1.0, 2.0]), "after the problem, expected a method's name at most"),
        ((lambda x: x @ x, [1.0], "ipopt", 5), "('ipopt', 5) after the problem"),
    ],
)
def test_something_else_than_a_problem_is_named(given, words):
    """A function without a start is no problem, a start after a problem no method."""
    with pytest.raises(ProblemError) as caught:
        solve(*given)
    assert words in str(caught.value)


def test_an_objective_and_a_start_are_a_problem(method):
    """The short form declares what the long one does."""
    rows = {"sum": Inequality(lambda z, p: z["x"] + z["y"], upper=3.0)}
    start, bounds = {"x": 0.0, "y": 3.0}, ({"x": -5.0, "y": 2.5}, {"x": 5.0, "y": 4.0})
    solution = solve(
        lambda z, p: (z["x"] - p) ** 2 + (z["y"] - 3.0) ** 2,
        start,
        method,
        constraints=rows,
        bounds=bounds,
        params=2.0,
    )
    np.testing.assert_allclose([solution.x["x"], solution.x["y"]], [0.5, 2.5], **CLOSE)
    np.testing.assert_allclose(solution.multipliers["sum"], 3.0, **CLOSE)


@pytest.mark.parametrize(
    ("word", "words"),
    [
        ("maxiter", "`max_iterations=...`"),
        ("verbose", "`progress=True`"),
        ("jac", "lagrad finds derivatives itself"),
        ("gtol", "`tol=...`"),
    ],
)
def test_words_of_scipy_are_refused_with_where_they_belong(word, words):
    """Not in silence, and not as something unknown."""
    with pytest.raises(ProblemError) as caught:
        solve(cases.banana(), **{word: 5})
    assert f"`{word}`" in str(caught.value) and words in str(caught.value)


def test_constraints_of_a_problem_are_its_own():
    """They are declared with it."""
    with pytest.raises(ProblemError, match="`constraints`: .*A Problem has its own"):
        solve(cases.banana(), constraints=[Equality(lambda x: x[0])])


def test_an_unknown_word_is_a_type_error_with_the_nearest():
    """As Python's own."""
    with pytest.raises(TypeError, match="'max_iteration'. Did you mean 'max_iterations'"):
        solve(cases.banana(), max_iteration=5)


@pytest.mark.parametrize("name", ["IPOPT", "Trust-Constr", "trust_constr"])
def test_names_of_methods_have_no_case(name):
    """As SciPy and others write them."""
    assert solve(derivatives(cases.hs28), name).method == name.lower().replace("_", "-")


def test_without_ipopt_the_next_best_solves_and_says_so(monkeypatch):
    """The default method is always there; IPOPT by its name is an error then."""

    def missing():
        raise ImportError("no Ipopt")

    monkeypatch.setitem(methods.METHODS, "ipopt", SimpleNamespace(load=missing))
    solution = solve(derivatives(cases.hs28))
    assert solution.success and solution.method != "ipopt" and "since ipopt is not there" in solution.message
    with pytest.raises(ImportError, match="no Ipopt"):
        solve(derivatives(cases.hs28), "ipopt")


def test_a_callback_of_another_kind_is_refused_before_the_solve():
    """cyipopt's eleven arguments, or none: the message says what it will be given."""
    problem = lagrad.Problem(lambda x: x @ x, [1.0])
    for callback in (lambda mode, iteration, f, *rest: True, lambda: True):
        with pytest.raises(lagrad.ProblemError, match="one Iterate, which has the iteration"):
            lagrad.solve(problem, callback=callback)


def test_words_of_solve_among_the_options_are_sent_back():
    """`maxiter` is no option of IPOPT that is misspelt."""
    with pytest.raises(lagrad.ProblemError, match="Give solve `max_iterations"):
        lagrad.solve(lambda x: x @ x, [1.0], method="ipopt", options={"maxiter": 5})


def test_what_is_no_problem_is_named_although_a_start_follows():
    """An object with cyipopt's methods is no function."""
    with pytest.raises(lagrad.ProblemError, match="`problem`: a object"):
        lagrad.solve(object(), [1.0, 2.0])

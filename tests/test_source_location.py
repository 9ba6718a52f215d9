"""Whose line it is."""

from __future__ import annotations

import json
import sys
import warnings
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.optimize

from lagrad.errors import LagradWarning
from lagrad.problem.problem import Problem
from lagrad.source_location import is_called_from, is_users, line_of, users_line, warn_user


@pytest.mark.parametrize(
    ("filename", "mine"),
    [
        (__file__, True),
        ("<stdin>", True),
        ("<ipython-input-3-abc>", True),
        (pytest.__file__, True),
        ("<string>", False),
        ("<frozen importlib._bootstrap>", False),
        (warn_user.__code__.co_filename, False),
        (jax.__file__, False),
        (np.__file__, False),
        (json.__file__, False),
    ],
)
def test_files_of_libraries_are_not_the_users(filename, mine):
    """lagrad, JAX, NumPy, SciPy and Python are not; prompts and other packages are."""
    assert is_users(filename) == mine


def test_the_deepest_line_of_the_user_is_quoted():
    """Below it there may be any number of JAX's frames."""

    def inner():
        return jnp.ones(3) + jnp.ones(4)

    def outer():
        return inner()

    with pytest.raises(TypeError) as caught:
        outer()
    line = inner.__code__.co_firstlineno + 1
    assert users_line(caught.value) == f"{__file__}, line {line}: `return jnp.ones(3) + jnp.ones(4)`"


def test_a_function_of_scipys_own_is_quoted_where_it_stands():
    """Nothing of the user's is on the way, so SciPy's line is the next best."""
    with pytest.raises(jax.errors.TracerArrayConversionError) as caught:
        jax.eval_shape(scipy.optimize.rosen, jnp.ones(2))
    frames = caught.value.__traceback__.tb_next
    assert "scipy" in users_line(caught.value.with_traceback(frames)).partition(", line")[0]


def test_a_long_line_is_cut():
    """A message quotes, it does not reprint."""
    with pytest.raises(ZeroDivisionError) as caught:
        _ = [1 / 0, "a long line", "a long line", "a long line", "a long line", "a long line", "a long line"]
    quoted = users_line(caught.value).partition("`")[2]
    assert quoted.endswith("...`") and len(quoted) < 100


def test_an_exception_without_a_line_of_the_user_has_an_unknown_one():
    """One that was never raised, for instance."""
    assert users_line(ValueError()) == "an unknown line"


def test_a_warning_points_at_the_users_line():
    """However deep in lagrad it arose."""
    with pytest.warns(LagradWarning) as caught:
        Problem(lambda x: jnp.sum(x), [5.0], bounds=(0, 1))
    assert caught[0].filename == __file__
    assert caught[0].lineno == test_a_warning_points_at_the_users_line.__code__.co_firstlineno + 3


def test_a_warning_can_be_an_error():
    """`-W error` stops at the user's line."""
    with warnings.catch_warnings(), pytest.raises(LagradWarning, match="^mine$"):
        warnings.simplefilter("error")
        warn_user("mine")


def test_callers_are_known_by_their_package():
    """The frame itself counts, and so do its callers."""
    frame = sys._getframe()
    assert is_called_from(frame, frozenset({"_pytest"}))
    assert not is_called_from(frame, frozenset({"pytes", "nobody"}))
    assert not is_called_from(None, frozenset({"_pytest"}))


def test_an_equation_knows_the_line_that_wrote_it():
    """The user's, not JAX's; an equation that nobody wrote has what is said in its stead."""
    equation = jax.make_jaxpr(lambda x: jnp.sin(x))(1.0).eqns[0]
    assert line_of(equation, "nowhere").startswith(f"{__file__}, line ")
    assert line_of(SimpleNamespace(source_info=None), "nowhere") == "nowhere"

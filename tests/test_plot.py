"""Plots draw the numbers they are given; without Matplotlib they say how to get it."""

from __future__ import annotations

import sys

import jax.numpy as jnp
import numpy as np
import pytest
import scipy.sparse as sp

import lagrad
from lagrad import Equality, Problem, plot

matplotlib = pytest.importorskip("matplotlib")


@pytest.fixture(autouse=True, scope="module")
def no_window():
    """Draw into memory; close all figures at the end."""
    matplotlib.use("agg")
    yield
    plot.pyplot().close("all")


@pytest.fixture(scope="module")
def derivatives():
    """3 variables, 2 rows."""
    rows = Equality(lambda x: jnp.stack([x[0] + x[1], x[1] * x[2]]), np.array([1.0, 0.5]))
    return lagrad.differentiate(Problem(lambda x: jnp.sum(x**2), [1.0, 1.0, 1.0], rows, name="small"))


@pytest.fixture(scope="module")
def solution(derivatives):
    """Of the small problem, by the solver that is always there."""
    return lagrad.solve(derivatives, "trust-constr")


def test_convergence_draws_each_history(solution):
    """A line a solve in both panels, with the history's values; the title is the finding."""
    top, bottom = plot.convergence({"first": solution, "second": solution})
    np.testing.assert_allclose(top.lines[1].get_ydata(), np.maximum(solution.history.infeasibility, 1e-16))
    np.testing.assert_array_equal(bottom.lines[0].get_xdata(), solution.history.iteration)
    assert top.get_title().startswith("2 of 2 solved")
    assert (
        plot.convergence(solution)[0].get_title() == f"small: optimal after {solution.iterations} iterations"
    )


def test_objectives_are_hollow_where_they_are_infeasible(solution):
    """A line a solve, its iterates divided into those outside and those inside the constraints."""
    panel = plot.objective([solution, solution])
    line, outside, inside = panel.lines[:3]
    np.testing.assert_array_equal(line.get_ydata(), solution.history.objective)
    expected = solution.history.infeasibility > solution.certificate.tolerance
    np.testing.assert_array_equal(outside.get_xdata(), solution.history.iteration[expected])
    assert outside.get_markerfacecolor() == "white" and 0 < len(inside.get_xdata()) < len(line.get_xdata())
    assert len(panel.lines) == 6 and len(panel.get_legend().get_texts()) == 2


def test_convergence_keeps_equal_names_apart(solution):
    """Three solves of one problem are three lines."""
    assert len(plot.convergence([solution] * 3)[0].lines) == 3


def test_sparsity_draws_each_nonzero():
    """Black cells are the entries, for patterns and matrices alike."""
    matrix = np.array([[1.0, 0.0, 2.0, 0.0], [0.0, 3.0, 0.0, 0.0], [0.0, 0.0, 0.0, 4.0]])
    for what in (matrix, sp.csr_array(matrix), lagrad.SparsityPattern.from_dense(matrix)):
        panel = plot.sparsity(what)
        np.testing.assert_array_equal(panel.images[0].get_array(), matrix != 0)
        assert panel.get_title() == "3 x 4, 4 nonzeros (33 %)"


def test_large_patterns_are_counted_in_boxes():
    """A tridiagonal matrix of 5000 rows fits into 400 boxes, and single entries are seen."""
    pattern = lagrad.SparsityPattern.from_triplets([0, 4999], [4999, 0], (5000, 5000))
    image = plot.sparsity(pattern).images[0].get_array()
    assert image.shape == (400, 400) and image[0, -1] > 0.2 and (image > 0).sum() == 2


def test_derivatives_show_both_matrices(derivatives):
    """The Jacobian has 2 rows, the Hessian both triangles."""
    jacobian, hessian = plot.sparsity(derivatives)
    assert jacobian.images[0].get_array().shape == (2, 3)
    image = hessian.images[0].get_array()
    np.testing.assert_array_equal(image, image.T)


def test_trajectories_have_a_panel_an_array():
    """States of shape (5, 2), controls of shape (4,); a number has no course."""
    tree = {"mass": 1.0, "state": np.arange(10.0).reshape(5, 2), "u": np.ones(4)}
    states, controls = plot.trajectory(tree, time=np.linspace(0, 1, 5), labels={"u": "thrust in N"})
    np.testing.assert_array_equal(states.lines[1].get_ydata(), [1.0, 3.0, 5.0, 7.0, 9.0])
    np.testing.assert_allclose(controls.lines[0].get_xdata(), [0.0, 0.25, 0.5, 0.75])
    assert controls.get_ylabel() == "thrust in N" and states.get_ylabel() == "state"


@pytest.mark.parametrize(
    "draw", [lambda: plot.convergence([]), lambda: plot.sparsity(3.0), lambda: plot.trajectory(1.0)]
)
def test_what_cannot_be_drawn_is_refused(draw):
    """The message says what is expected."""
    with pytest.raises(lagrad.ProblemError, match="[eE]xpected|Give"):
        draw()


def test_without_matplotlib_the_error_says_how_to_install_it(monkeypatch):
    """An ImportError, and the command."""
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match=r"pip install \"lagrad\[plot\]\""):
        plot.sparsity(np.eye(2))

"""Plots draw the numbers they are given; without Matplotlib they say how to get it."""

from __future__ import annotations

import sys
from dataclasses import replace

import jax.numpy as jnp
import numpy as np
import pytest
import scipy.sparse as sp

import lagrad
from lagrad import Equality, Problem, plot

matplotlib = pytest.importorskip("matplotlib")


@pytest.fixture(autouse=True)
def no_window():
    """Draw into memory; close the figures."""
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
    [drawn, *_] = [line for line in top.lines if line.get_label() == "second"]
    column = solution.history.infeasibility
    np.testing.assert_array_equal(drawn.get_ydata(), np.where(column == 0, np.nan, column))
    np.testing.assert_array_equal(bottom.lines[0].get_xdata(), solution.history.iteration)
    assert top.get_title().startswith("2 of 2 solved")
    assert (
        plot.convergence(solution)[0].get_title() == f"small: optimal after {solution.iterations} iterations"
    )


def test_zeros_are_marked_and_the_tolerance_is_a_line(solution):
    """Zero has no logarithm: a triangle on the edge, no point at 1e-16."""
    column = np.array([1.0, 1e-3, 0.0])
    rest = dict.fromkeys(("infeasibility", "stationarity"), column)
    history = replace(solution.history, iteration=np.arange(3), **rest)
    top, _ = plot.convergence(solution.replace(history=history))
    curve, zeros = top.lines[:2]
    np.testing.assert_array_equal(curve.get_ydata(), [1.0, 1e-3, np.nan])
    assert zeros.get_xdata().tolist() == [2] and zeros.get_marker() == "v"
    assert top.lines[2].get_ydata()[0] == solution.options["tol"]
    assert top.get_ylabel() == "infeasibility\n(▾ exactly 0)"


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
    panel = plot.convergence([solution] * 3)[0]
    assert len(panel.get_legend().get_texts()) == len({line.get_color() for line in panel.lines[:-1]}) == 3


def test_sparsity_draws_each_nonzero():
    """Black cells are the entries, for patterns and matrices alike."""
    matrix = np.array([[1.0, 0.0, 2.0, 0.0], [0.0, 3.0, 0.0, 0.0], [0.0, 0.0, 0.0, 4.0]])
    for what in (matrix, sp.csr_array(matrix), lagrad.SparsityPattern.from_dense(matrix)):
        panel = plot.sparsity(what)
        np.testing.assert_array_equal(panel.images[0].get_array(), matrix != 0)
        assert panel.get_title() == "3 x 4: 4 nonzeros, 33.3 %"
        assert panel.get_xlim()[0] < -0.5 and panel.get_ylim()[0] > 2.5


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


def test_blocks_bear_their_names():
    """Arrays of x below, constraints at the left, a line between two; large ones in figures of their own."""

    def declared(size):
        rows = {
            "first": Equality(lambda z: z["u"] - z["v"]),
            "second": Equality(lambda z: z["v"] ** 2, 1.0),
        }
        return Problem(lambda z: jnp.sum(z["u"] ** 2), {"u": np.ones(size), "v": np.ones(size)}, rows)

    jacobian, hessian = plot.sparsity(lagrad.differentiate(declared(5)))
    assert [label.get_text() for label in jacobian.get_yticklabels()] == ["first", "second"]
    assert [label.get_text() for label in hessian.get_yticklabels()] == ["x['u']", "x['v']"]
    assert [line.get_xdata()[0] for line in jacobian.lines if len(set(line.get_xdata())) == 1] == [4.5]
    assert jacobian.figure is hessian.figure
    jacobian, hessian = plot.sparsity(lagrad.differentiate(declared(300)))
    assert jacobian.figure is not hessian.figure and jacobian.get_title().startswith("Jacobian, 600 x 600")


def test_a_narrow_block_bears_its_name_where_there_is_room():
    """The full column of a minimum time is named, though it is one column wide."""
    x0 = {"T": 2.0, "x": np.ones(40), "y": np.ones(40)}
    rows = {"motion": Equality(lambda z: jnp.diff(z["x"]) - z["T"] * z["y"][1:])}
    jacobian, _ = plot.sparsity(lagrad.differentiate(Problem(lambda z: z["T"], x0, rows)))
    assert [label.get_text() for label in jacobian.get_xticklabels()] == ["x['T']", "x['x']", "x['y']"]


def test_trajectories_have_a_panel_an_array():
    """States of shape (5, 2), controls of shape (4,); a number has no course."""
    tree = {"mass": 1.0, "state": np.arange(10.0).reshape(5, 2), "u": np.ones(4)}
    states, controls = plot.trajectory(tree, time=np.linspace(0, 1, 5), labels={"u": "thrust in N"})
    np.testing.assert_array_equal(states.lines[1].get_ydata(), [1.0, 3.0, 5.0, 7.0, 9.0])
    assert controls.get_ylabel() == "thrust in N" and states.get_ylabel() == "state"
    assert states.get_title() == "mass = 1"


def test_only_the_arrays_that_were_asked_for_are_drawn():
    """In that order, by key or path; one may stand alone."""
    tree = {"a": np.zeros(3), "bb": np.ones(3), "c": np.full(3, 2.0)}
    panels = plot.trajectory(tree, only=["c", "['a']"])
    assert [panel.lines[0].get_ydata()[0] for panel in panels] == [2.0, 0.0]
    assert plot.trajectory(tree, only="bb")[0].lines[0].get_ydata()[0] == 1.0


def test_controls_between_points_are_steps():
    """One entry fewer than points of time: constant between two of them; or as asked."""
    tree = {"state": np.arange(5.0), "u": np.array([1.0, 2.0, 3.0, 4.0])}
    _, controls = plot.trajectory(tree, time=np.linspace(0, 1, 5), unit="s")
    [stairs] = controls.patches
    np.testing.assert_array_equal(stairs.get_data().values, tree["u"])
    np.testing.assert_allclose(stairs.get_data().edges, [0.0, 0.25, 0.5, 0.75, 1.0])
    assert controls.get_xlabel() == "time, s"
    _, controls = plot.trajectory(tree)
    np.testing.assert_allclose(controls.patches[0].get_data().edges, [0, 1, 2, 3, 4])
    states, _ = plot.trajectory(tree, steps=["state"])
    assert states.lines[0].get_drawstyle() == "steps-post"


def test_columns_have_names_and_none_is_dropped():
    """Labels of their own if they are given; an image of more than eight."""
    [panel] = plot.trajectory({"s": np.ones((4, 2))}, labels={"s": ["angle, rad", "speed, rad/s"]})
    assert [text.get_text() for text in panel.get_legend().get_texts()] == ["angle, rad", "speed, rad/s"]
    [panel] = plot.trajectory({"s": np.arange(48.0).reshape(4, 12)})
    assert panel.images[0].get_array().shape == (12, 4) and panel.get_ylabel() == "s: 12 columns"


def test_bounds_of_a_solution_are_drawn():
    """The two values, not those that fix an entry."""
    lower, upper = np.array([0.5, -1.0, -1.0]), np.array([0.5, 2.0, 2.0])
    found = lagrad.solve(lambda x: jnp.sum((x - 3.0) ** 2), np.ones(3), "trust-constr", bounds=(lower, upper))
    [panel] = plot.trajectory(found)
    assert [line.get_ydata()[0] for line in panel.lines[1:]] == [-1.0, 2.0]
    low, high = panel.get_ylim()
    assert low < -1.1 and high > 2.1


def test_the_picture_of_a_problem_suits_it():
    """Fields are images, courses lines, numbers alone the way there."""
    base = lagrad.solve(lambda x: x["T"] ** 2, {"T": 1.0}, method="trust-constr")
    assert len(plot.problem(base)) == 2
    fields = plot.problem(base.replace(x={"y": np.ones((9, 12)), "T": np.float64(2.0)}, bounds=(None, None)))
    assert fields[0].images[0].get_array().shape == (12, 9)
    assert "T = 2" in fields[0].figure.get_suptitle()
    courses = plot.problem(base.replace(x={"y": np.ones((90, 3))}, bounds=(None, None)))
    assert len(courses[0].lines) == 3


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


@pytest.mark.parametrize(
    "how, message",
    [
        ({"labels": {"speed": "m/s"}}, "`labels`: no 'speed' in x, which has u, x"),
        ({"labels": {"x": ["a"]}}, r"`labels\['x'\]`: found 1 labels, expected 2, one a column"),
        ({"labels": ["a", "b"]}, "`labels`: found a list, expected a dict"),
        ({"steps": ["v"]}, "`steps`: no 'v' in x, which has u, x"),
        ({"only": ["v"]}, "`only`: no 'v' in x, which has u, x"),
    ],
)
def test_names_that_x_does_not_have_are_told(how, message):
    """Nothing that is given is ignored."""
    with pytest.raises(lagrad.ProblemError, match=message):
        plot.trajectory({"x": np.zeros((4, 2)), "u": np.zeros(3)}, **how)

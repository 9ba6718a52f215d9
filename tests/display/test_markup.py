"""HTML for notebooks: well-formed, escaped, monospaced where text is text, every entry drawn."""

from __future__ import annotations

import base64
import re
from xml.etree import ElementTree

import jax.numpy as jnp
import numpy as np
import pytest

import lagrad
from lagrad.display.markup import facts, folded, html_table, preformatted, titled
from lagrad.display.spy_svg import spy_svg


def svg_in(markup):
    """The SVG that an image carries with it."""
    (data,) = re.findall(r'<img src="data:image/svg\+xml;base64,([^"]*)"', markup)
    return base64.b64decode(data).decode()


def cells(svg):
    """Rows and columns that the paths of an SVG cover."""
    found = set()
    for x, y, length in re.findall(r"M(\d+) (\d+)h(\d+)v1", svg):
        found |= {(int(y), int(x) + step) for step in range(int(length))}
    return found


@pytest.mark.parametrize("shape", [(1, 1), (3, 4), (40, 7)])
def test_each_entry_is_a_cell(shape):
    """No more and no fewer, with a margin to the frame."""
    dense = np.random.default_rng(0).random(shape) < 0.4
    dense[0, 0] = True
    svg = svg_in(spy_svg(lagrad.SparsityPattern.from_dense(dense)))
    assert cells(svg) == set(zip(*map(np.ndarray.tolist, np.nonzero(dense)), strict=True))
    left, top, width, height = map(float, ElementTree.fromstring(svg).attrib["viewBox"].split())
    assert left < 0 and top < 0 and left + width > shape[1] and top + height > shape[0]


def test_large_patterns_are_boxes_in_which_single_entries_are_seen():
    """Two corners of a matrix of 5000 rows are two boxes."""
    pattern = lagrad.SparsityPattern.from_triplets([0, 4999], [4999, 0], (5000, 5000))
    assert cells(svg_in(spy_svg(pattern))) == {(0, 159), (159, 0)}
    assert spy_svg(lagrad.SparsityPattern.from_triplets([], [], (0, 3))) == "(empty)"


def test_colors_of_a_coloring_are_told_apart():
    """One paint a color."""
    pattern = lagrad.SparsityPattern.from_dense(np.tri(6, 6, 1) - np.tri(6, 6, -2))
    coloring = lagrad.color_columns(pattern)
    assert svg_in(coloring._repr_html_()).count("<path") == coloring.num_colors == 3


def test_text_is_escaped_and_keeps_its_columns():
    """Whatever a stylesheet says of `pre`."""
    assert "&lt;b&gt;" in preformatted("<b>") and "monospace" in preformatted("")
    for markup in (html_table([{"<a>": "<b>"}]), facts({"<a>": ["<b>"]}), folded("<a>"), titled("<a>")):
        assert "<a>" not in markup and "<b>" not in markup
        ElementTree.fromstring(markup.replace("<br>", "<br/>"))


def test_everything_that_is_printed_shows_in_a_notebook():
    """Problem, derivatives, solution, certificate, history, diagnosis, check: well-formed, names in it."""
    rows = {"limit": lagrad.Inequality(lambda x: x["u"] ** 2, upper=4.0)}
    problem = lagrad.Problem(lambda x: jnp.sum((x["u"] - 3.0) ** 2), {"u": np.ones(3)}, rows, name="a<b")
    derivatives = lagrad.differentiate(problem)
    solution = lagrad.solve(derivatives, "trust-constr")
    shown = [
        problem,
        derivatives,
        solution,
        solution.certificate,
        solution.history,
        lagrad.diagnose(problem),
        lagrad.check_derivatives(derivatives),
        lagrad.explain_infeasibility(problem, method="trust-constr"),
        derivatives.hessian_pattern,
    ]
    for value in shown:
        markup = value._repr_html_()
        ElementTree.fromstring(f"<div>{markup.replace('<br>', '<br/>')}</div>")
        assert "a<b" not in markup
    assert "limit[0]" in solution._repr_html_() and "x['u']" in problem._repr_html_().replace("&#x27;", "'")

"""Text of several lines shows itself."""

from __future__ import annotations

import pickle

import lagrad
from lagrad.display.page import Page


def test_a_page_is_its_text_wherever_it_is_shown():
    """As a value at a prompt, printed, in a notebook, in another process; else it is a string."""
    page = Page("x  1\ny  <2")
    assert repr(page) == str(page) == f"{page}" == "x  1\ny  <2"
    assert "x  1\ny  &lt;2" in page._repr_html_()
    assert pickle.loads(pickle.dumps(page)) == page
    assert page.splitlines() == ["x  1", "y  <2"]


def test_what_users_ask_for_in_a_notebook_has_lines():
    """Reports, tables and pictures without print."""
    derivatives = lagrad.differentiate(lagrad.Problem(lambda x: x @ x, [3.0, 1.0], bounds=(1.0, None)))
    solution = lagrad.solve(derivatives, "trust-constr")
    pattern = derivatives.hessian_pattern
    for shown in (
        derivatives.report(),
        solution.table(),
        solution.summary(),
        solution.history.table(),
        pattern.spy(),
    ):
        assert repr(shown).splitlines() == shown.splitlines()
        assert "<pre" in shown._repr_html_()

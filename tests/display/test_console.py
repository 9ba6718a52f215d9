"""Lines for people: on stderr, and not too many where they cannot be drawn again."""

from __future__ import annotations

import pytest

from lagrad.display import console
from lagrad.display.console import in_log, redrawable, say


def test_a_log_gets_a_line_a_second(capfd):
    """The first line, then none until a second has passed; the last one always."""
    show = in_log()
    for now in (0.0, 0.5, 0.9, 1.1, 1.5, 2.2):
        show(f"at {now}", now)
    show("the end", 2.3, is_last=True)
    captured = capfd.readouterr()
    assert captured.err.splitlines() == ["at 0.0", "at 1.1", "at 2.2", "the end"] and captured.out == ""


def test_what_is_said_stays_and_goes_to_stderr(capfd):
    """stdout belongs to the user."""
    say("hello")
    assert capfd.readouterr() == ("", "hello\n")


@pytest.mark.parametrize("has_widgets", [True, False])
def test_notebooks_need_widgets_to_draw_again(monkeypatch, has_widgets):
    """Without them rich could only print; a line now and then is better."""
    monkeypatch.setattr("rich.console._is_jupyter", lambda: True)
    monkeypatch.setattr(console, "find_spec", lambda name: object() if has_widgets else None)
    assert (redrawable() is not None) == has_widgets


def test_only_terminals_and_notebooks_are_drawn_on_again(monkeypatch):
    """A captured stream is neither; a terminal may be claimed."""
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    assert redrawable() is None
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    assert redrawable() is not None

"""The doctor's report: every method with what it is, or how to get it, said once."""

from __future__ import annotations

from lagrad.doctor import report
from lagrad.solvers import wheels
from lagrad.solvers.methods import METHODS


def test_every_method_is_told():
    """By name, and what `auto` would take."""
    lines = report().splitlines()
    assert {line.split()[0] for line in lines} >= {*METHODS, "Python", "JAX"}
    assert sum(line.startswith("method 'auto'") for line in lines) == 1


def test_what_is_missing_comes_with_its_command_once(monkeypatch):
    """A line with the reason and one `pip install`."""

    def absent(package, needed):
        raise ImportError(f"No module named {package!r}")

    monkeypatch.setattr(wheels, "load_package", absent)
    (line,) = [line for line in report().splitlines() if line.startswith("uno ")]
    assert line.count("pip install") == 1 and "pip install 'lagrad[uno]'" in line
    assert "missing: 'uno' finds no unopy: No module named 'unopy'" in line

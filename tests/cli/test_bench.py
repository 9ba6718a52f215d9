"""`lagrad bench`: what is typed leads to a run, a report and an exit status."""

from __future__ import annotations

import pytest

from lagrad.cli import main


def test_a_run_leaves_a_report_and_compares_with_itself(tmp_path, capsys):
    """Two problems in their own processes."""
    pytest.importorskip("cyipopt")
    folder = tmp_path / "run"
    assert main(["bench", "hs6", "hs71", "--out", str(folder)]) == 0
    assert "2 of 2 (100.0%)" in (folder / "report.md").read_text()
    assert main(["bench", "--compare", str(folder), str(folder)]) == 0
    assert "2 solved before, 2 after" in capsys.readouterr().out


def test_what_will_not_do_is_told(tmp_path, capsys):
    """Exit status 2, and the word that was wrong."""
    assert main(["bench", "nothing*", "--out", str(tmp_path)]) == 2
    assert "nothing*" in capsys.readouterr().err
    assert main(["bench", "--resume", "--out", str(tmp_path / "none")]) == 2

"""The installer's decisions, tried without installing anything."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from lagrad import install_ipopt
from lagrad.install_ipopt import (
    NotPossible,
    compiler_flags,
    first_that_works,
    refuse_old,
    substitute_pkg_config,
)


def refuse(reason: str):
    """A way that does not work."""

    def way() -> str:
        raise NotPossible(reason)

    return way


def test_first_way_that_works_is_taken_and_later_ones_are_not_tried():
    """Ways are tried in order, up to the first success."""
    tried = []
    ways = {
        "one": refuse("no compiler"),
        "two": lambda: tried.append("two") or "Ipopt 3.14",
        "three": lambda: tried.append("three") or "",
    }
    assert first_that_works(ways) == "Ipopt 3.14, by the way 'two'"
    assert tried == ["two"]


def test_all_refusals_are_told():
    """Where nothing works, each way says why."""
    with pytest.raises(NotPossible) as refusals:
        first_that_works({"one": refuse("no compiler"), "two": refuse("no root")})
    assert str(refusals.value) == "  one: no compiler\n  two: no root"


def test_ways_are_tried_from_the_least_to_the_most_intrusive():
    """What is there, the system's, a wheel, the system's package manager."""
    assert list(install_ipopt.WAYS) == ["present", "system", "casadi", "apt"]


@pytest.mark.parametrize("answer", ["3.14.0\n", "3.14", "3.15.2", "4.0.1"])
def test_recent_versions_are_accepted(answer):
    """3.14 and later will do."""
    refuse_old(answer)


@pytest.mark.parametrize(
    ("answer", "reason"), [("3.11.9\n", "Ipopt 3.11.9, older than 3.14"), ("", "knows no Ipopt")]
)
def test_old_and_missing_versions_are_refused(answer, reason):
    """Debian's 3.11 is too old to be taken before the wheel's."""
    with pytest.raises(NotPossible, match=reason):
        refuse_old(answer)


def test_substitute_answers_for_pkg_config_with_paths_free_of_blanks(tmp_path):
    """Whatever it is asked, it names the given folder, by a path that may be split at blanks."""
    folder = tmp_path / "a folder with blanks"
    (folder / "include" / "coin-or").mkdir(parents=True)
    with substitute_pkg_config(folder) as environment:
        asked = ["pkg-config", "--libs", "--cflags", "ipopt"]
        answer = subprocess.run(
            asked, env=environment, capture_output=True, text=True, check=True
        ).stdout.split()
        assert [token[:2] for token in answer] == ["-I", "-L", "-l"]
        assert os.path.samefile(answer[1][2:], folder)
        assert os.path.samefile(answer[0][2:], folder / "include" / "coin-or")


def test_substitute_keeps_the_users_linker_flags(tmp_path, monkeypatch):
    """The path at which casadi is found is added to LDFLAGS, relative to the module itself."""
    monkeypatch.setenv("LDFLAGS", "-L/opt/lib")
    with substitute_pkg_config(tmp_path) as environment:
        origin = install_ipopt.ORIGIN[sys.platform]
        assert environment["LDFLAGS"] == f"-L/opt/lib -Wl,-rpath,{origin}/../casadi"
    assert not os.path.exists(environment["PATH"].split(os.pathsep)[0])


def test_flags_name_headers_and_library(tmp_path):
    """As Ipopt's own pkg-config file would."""
    assert compiler_flags(tmp_path) == f"-I{tmp_path}/include/coin-or -L{tmp_path} -lipopt"


def test_failing_commands_are_refusals_that_quote_their_last_words():
    """A failure is a reason to go on to the next way, with what the command said."""
    script = "import sys\nprint('first')\nsys.exit('last words')"
    with pytest.raises(NotPossible, match="exit status 1:\n    first\n    last words") as refusal:
        install_ipopt.run([sys.executable, "-c", script])
    assert "import sys" in str(refusal.value)


def test_failure_is_told_with_advice_and_exit_status_one(monkeypatch, capsys):
    """`make` stops, and the user knows what to do."""
    monkeypatch.setattr(install_ipopt, "WAYS", {"one": refuse("no compiler")})
    assert install_ipopt.main() == 1
    printed = capsys.readouterr().err
    assert "one: no compiler" in printed
    assert "trust-constr" in printed


def test_success_prints_the_way_taken(monkeypatch, capsys):
    """The log of an installation shows which Ipopt is in use."""
    monkeypatch.setattr(install_ipopt, "WAYS", {"easy": lambda: "cyipopt 1.7.0 with Ipopt 3.14.19"})
    assert install_ipopt.main() == 0
    assert capsys.readouterr().out == "Ipopt: cyipopt 1.7.0 with Ipopt 3.14.19, by the way 'easy'\n"


def test_present_cyipopt_solves_the_trial_problem():
    """Where cyipopt is installed, the trial tells its versions."""
    pytest.importorskip("cyipopt")
    assert install_ipopt.use_present().startswith("cyipopt ")

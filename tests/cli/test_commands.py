"""The command line: what is typed leads to the right problem, text and exit status."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

import lagrad
from lagrad.cli.commands import main, parser
from lagrad.cli.solve import solve
from lagrad.cli.source import assignment, load
from lagrad_problems import opf

MODEL = """
import lagrad
problem = lagrad.Problem(lambda x: (x - 3) ** 2, 0.0, name="default")
other = lagrad.Problem(lambda x: (x * x).sum(), [1.0, 2.0], name="other")
number = 5
"""


@pytest.fixture
def model(tmp_path):
    """A user's file with two problems."""
    path = tmp_path / "model.py"
    path.write_text(MODEL)
    return path


def test_list_names_every_problem_of_the_suite_with_its_optimum(capsys):
    """A line for each, with what a solver should find."""
    assert main(["list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["name", "n", "m", "optimum", "kind"]
    assert any(line.split()[:4] == ["hs71", "4", "2", "17.01401729"] for line in lines)


def test_solve_prints_the_outcome_of_a_registered_problem(capsys):
    """Exit status 0 and the known objective."""
    assert main(["solve", "hs71", "--method", "trust-constr"]) == 0
    assert "17.01401" in capsys.readouterr().out


def test_solve_takes_options_of_ipopt_and_saves_the_solution(tmp_path, capsys):
    """Options reach the solver; what is saved can be loaded."""
    path = tmp_path / "found.npz"
    assert (
        main(
            [
                "solve",
                "hs6",
                "--method",
                "ipopt",
                "--options",
                "mu_strategy=adaptive",
                "max_iter=50",
                "--save",
                str(path),
            ]
        )
        == 0
    )
    assert lagrad.Solution.load(path).success
    assert str(path) in capsys.readouterr().out


def test_solve_that_does_not_succeed_has_exit_status_one(capsys):
    """A script can tell."""
    assert main(["solve", "hs71", "--method", "trust-constr", "--max-iterations", "1"]) == 1
    assert "iteration_limit" in capsys.readouterr().out


def test_solve_looks_for_the_file_to_save_before_it_works(tmp_path, capsys):
    """An existing file or a missing folder is told at once, not after the solve."""
    there = tmp_path / "there.npz"
    there.write_text("")
    for path, words in ((there, "exists"), (tmp_path / "no" / "s.npz", "there is no folder")):
        assert main(["solve", "hs71", "--save", str(path)]) == 2
        captured = capsys.readouterr()
        assert words in captured.err and captured.out == ""


def test_pictures_and_tables_are_checked_before_the_solve(tmp_path, capsys):
    """The ending of a picture, and each of the three tables of a network."""
    assert main(["solve", "hs71", "--plot", str(tmp_path / "x.xyz")]) == 2
    assert "expected a name that ends in .png" in capsys.readouterr().err
    case = tmp_path / "grid.m"
    case.write_text(opf.write(opf.synthetic_case(5)))
    (tmp_path / "net_branches.csv").write_text("")
    assert main(["solve", str(case), "--csv", str(tmp_path / "net.csv")]) == 2
    captured = capsys.readouterr()
    assert "net_branches.csv exists" in captured.err and captured.out == ""


def test_what_is_asked_for_is_saved(tmp_path, capsys):
    """JSON, CSV, text and a picture of a problem, each told in a line."""
    files = {name: tmp_path / f"hs6.{name}" for name in ("json", "csv", "output", "plot")}
    files["plot"] = tmp_path / "hs6.png"
    flags = [word for name, path in files.items() for word in (f"--{name}", str(path))]
    assert main(["solve", "hs6", "--method", "trust-constr", *flags]) == 0
    printed = capsys.readouterr().out
    assert all(str(path) in printed and path.stat().st_size for path in files.values())
    assert json.loads(files["json"].read_text())["status"] == "optimal"
    assert "variables: 2" in files["output"].read_text()


def test_a_network_is_told_in_the_words_of_engineers(tmp_path, capsys):
    """Prices, dispatch and loading by bus number; three tables as CSV."""
    case = tmp_path / "grid.m"
    case.write_text(opf.write(opf.synthetic_case(5)))
    flags = ["--json", tmp_path / "g.json", "--csv", tmp_path / "g.csv", "--plot", tmp_path / "g.png"]
    assert main(["solve", str(case), *map(str, flags)]) == 0
    printed = capsys.readouterr().out
    assert "price, $/MWh" in printed and "buses by price, 5 of 5" in printed
    assert json.loads((tmp_path / "g.json").read_text())["totals"]["cost, $/h"] == pytest.approx(4686.649873)
    assert (tmp_path / "g_generators.csv").read_text().startswith("bus,")
    assert (tmp_path / "g.png").stat().st_size
    assert main(["solve", str(case), "--save", str(tmp_path / "g.npz")]) == 0
    capsys.readouterr()
    assert main(["show", str(tmp_path / "g.npz"), "--network", str(case)]) == 0
    assert "buses by price, 5 of 5" in capsys.readouterr().out
    case.write_text(opf.write(opf.synthetic_case(6)))
    assert main(["show", str(tmp_path / "g.npz"), "--network", str(case)]) == 2


def test_a_missing_solver_is_told_without_a_traceback(monkeypatch, capsys):
    """With what to install, and what works without."""
    monkeypatch.setitem(sys.modules, "cyipopt", None)
    monkeypatch.setenv("LAGRAD_IPOPT", "cyipopt")
    assert main(["solve", "hs71", "--method", "ipopt"]) == 2
    assert "pip install 'lagrad[ipopt]'" in capsys.readouterr().err


def test_saved_solutions_are_shown(tmp_path, capsys):
    """Summary and residuals, without the problem; what is no solution is refused."""
    path = tmp_path / "found.npz"
    main(["solve", "hs6", "--method", "trust-constr", "--save", str(path)])
    summary = capsys.readouterr().out.splitlines()[0]
    assert main(["show", str(path)]) == 0
    printed = capsys.readouterr().out
    assert summary in printed and "optimality conditions satisfied" in printed
    path.write_text("no archive")
    assert main(["show", str(path)]) == 2
    assert main(["show", str(tmp_path / "missing.npz")]) == 2


def test_a_diagnosis_prints_findings_and_derivatives(capsys):
    """A textbook problem has nothing wrong with it, and says so in the exit status."""
    assert main(["diagnose", "hs71"]) == 0
    printed = capsys.readouterr().out
    assert "Problem('hs71'" in printed and "derivatives: right" in printed


CONTRADICTION = """
import lagrad
problem = lagrad.Problem(lambda x: x @ x, [0.5, 0.5], {
    "small": lagrad.Inequality(lambda x: x @ x, upper=1.0),
    "large": lagrad.Inequality(lambda x: x[0], lower=3.0)})
"""


def test_contradictions_are_named_on_request(tmp_path, capsys):
    """A solve that ends infeasible points at the command that names the constraints."""
    path = tmp_path / "model.py"
    path.write_text(CONTRADICTION)
    assert main(["solve", str(path), "--method", "trust-constr"]) == 1
    assert f"next      lagrad diagnose {path} --feasible" in capsys.readouterr().out
    assert main(["diagnose", str(path)]) == 0
    capsys.readouterr()
    assert main(["diagnose", str(path), "--feasible"]) == 1
    printed = capsys.readouterr().out
    assert "gives way" in printed and "large" in printed and "small" in printed


def test_a_problem_that_cannot_start_is_diagnosed(tmp_path, capsys):
    """An error, the operation and its line; nothing is compared then."""
    path = tmp_path / "model.py"
    lines = "import lagrad, jax.numpy as jnp", "problem = lagrad.Problem(lambda x: jnp.log(x[0]), [0.0])"
    path.write_text("\n".join(lines))
    assert main(["diagnose", str(path)]) == 1
    printed = capsys.readouterr().out
    assert "`log`" in printed and "line 2" in printed and "derivatives:" not in printed


def test_a_reader_that_leaves_is_no_error():
    """`lagrad list | head -1` ends without a traceback."""
    command = f"{sys.executable} -m lagrad list | head -1"
    ended = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
    assert ended.stdout.startswith("name") and ended.stderr == ""


def test_a_reader_that_leaves_loses_no_file(tmp_path, monkeypatch):
    """What is to be saved is written before anything is printed."""

    def closed(*_):
        raise BrokenPipeError

    path = tmp_path / "hs6.json"
    monkeypatch.setattr("builtins.print", closed)
    with pytest.raises(BrokenPipeError):
        solve(parser().parse_args(["solve", "hs6", "--method", "trust-constr", "--json", str(path)]))
    assert json.loads(path.read_text())["status"] == "optimal"


@pytest.mark.parametrize(("suffix", "name"), [("", "default"), (":problem", "default"), (":other", "other")])
def test_problems_come_from_named_files(model, suffix, name):
    """FILE.py:variable, and `problem` where no variable is named."""
    assert load(f"{model}{suffix}", {}).name == name


def test_users_files_do_not_widen_the_import_path(model, monkeypatch):
    """A file beside the named one is not imported by accident, and sys.path stays as it was."""
    (model.parent / "neighbor.py").write_text("raise SystemExit('imported')")
    model.write_text("import neighbor")
    monkeypatch.chdir(model.parent)
    before = list(sys.path)
    with pytest.raises(ModuleNotFoundError, match="neighbor"):
        load(str(model), {})
    assert sys.path == before


def test_users_exceptions_surface_unchanged(model):
    """What the user's file raises is not dressed up."""
    model.write_text("1 / 0")
    with pytest.raises(ZeroDivisionError):
        load(str(model), {})


def test_networks_come_from_matpower_files(tmp_path):
    """A .m file is a power flow."""
    path = tmp_path / "small.m"
    path.write_text(opf.write(opf.synthetic_case(4)))
    assert load(str(path), {}).n == opf.opf_problem(opf.synthetic(4)).n


def test_sizes_reach_the_registered_problem():
    """--size n=30 makes a problem of 30 variables."""
    assert load("chained_rosenbrock", {"n": 30}).n == 30


@pytest.mark.parametrize(
    ("source", "sizes", "message"),
    [
        ("hs711", {}, "no such problem. Did you mean hs71"),
        ("qqq", {}, "`qqq`: no such problem. `lagrad list` shows all."),
        ("missing.py:problem", {}, "`missing.py`: no such file"),
        ("missing.m", {}, "`missing.m`: no such file"),
        ("chained_rosenbrock", {"length": 3}, "length"),
        ("chained_rosenbrock", {"n": -1}, "n"),
    ],
)
def test_what_cannot_be_loaded_is_told_with_what_there_is(source, sizes, message):
    """The message names what was typed and the way on."""
    with pytest.raises(lagrad.ProblemError, match=message.replace("?", r"\?").replace("(", r"\(")):
        load(source, sizes)


def test_variables_that_are_no_problems_are_refused_with_those_that_are(model, capsys):
    """Exit status 2, one line, and the names that would do."""
    assert main(["solve", f"{model}:number"]) == 2
    printed = capsys.readouterr().err
    assert "found int, expected a lagrad.Problem. Problems in this file: problem, other." in printed


@pytest.mark.parametrize("text", ["tol", "=5", "tol 5"])
def test_options_need_a_name_and_a_value(text, capsys):
    """Usage errors have exit status 2, as everywhere."""
    with pytest.raises(SystemExit) as stop:
        main(["solve", "hs71", "--options", text])
    assert stop.value.code == 2
    assert "expected NAME=VALUE" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "value"), [("a=1", 1), ("a=1e3", 1000.0), ("a=yes", "yes"), ("a=", ""), ("a=b=c", "b=c")]
)
def test_option_values_are_numbers_where_they_look_like_one(text, value):
    """IPOPT insists on the kind of each option."""
    name, found = assignment(text)
    assert (name, found, type(found)) == ("a", value, type(value))


def test_inspect_shows_sizes_colors_and_pictures(capsys):
    """A tridiagonal Hessian is drawn as one, and needs three colors at most."""
    assert main(["inspect", "chained_rosenbrock", "--size", "n=6"]) == 0
    printed = capsys.readouterr().out
    assert "●●····\n●●●···\n·●●●··\n··●●●·\n···●●●\n····●●" in printed
    assert "Jacobian, 4 x 6, 12 entries (50 %); 3 colors for its columns" in printed


def test_version_is_told(capsys):
    """`lagrad --version` is the package's own."""
    with pytest.raises(SystemExit) as stop:
        main(["--version"])
    assert stop.value.code == 0
    assert capsys.readouterr().out.strip() == f"lagrad {lagrad.__version__}"

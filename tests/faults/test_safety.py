"""Where somebody could get in: files, libraries, pickles, paths, settings; nothing happens unasked."""

from __future__ import annotations

import ast
import io
import pickle
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import scipy.optimize

import lagrad
from lagrad import cli
from lagrad.checks import explain_infeasibility
from lagrad.solution import archive
from lagrad.solvers.ipopt import interface
from tests.faults.cases import ROOT, banana, compiled, hs71, hyperbola, rosenbrock, run_script

SOURCES = sorted(path for folder in ("lagrad", "problems") for path in (ROOT / folder).rglob("*.py"))
# What may be used where, and why.
ALLOWED = {
    "pickle": {
        "lagrad/problem/captured.py",  # checksums of what would be written; nothing is read
        "lagrad/problem/problem.py",  # tries whether functions can be pickled, and reads nothing
        "lagrad/sweep/work.py",  # from this process to its own workers
    },
    "subprocess": {
        "lagrad/solvers/ipopt/linear_solvers.py",  # whether Ipopt has a linear solver
        "problems/lagrad_problems/bench/apart.py",  # a process of its own for each problem
    },
    "ctypes": {
        "lagrad/compile/native/addresses.py",  # addresses of arrays
        "lagrad/compile/native/machine.py",  # calls machine code that LLVM made from assembly written here
        "lagrad/compile/native/products.py",
        "lagrad/condensing/axpys.py",
        "lagrad/condensing/march.py",
        "lagrad/compile/native/routines.py",
        "lagrad/solvers/ipopt/compiled_calls.py",  # call Ipopt
        "lagrad/solvers/ipopt/handle.py",
        "lagrad/solvers/ipopt/python_calls.py",
        "lagrad/solvers/ipopt/compiled.py",
        "lagrad/solvers/ipopt/interface.py",
        "lagrad/solvers/ipopt/library.py",
        "lagrad/solvers/ipopt/trial.py",
    },
}
NETWORK = {"socket", "ssl", "http", "urllib", "ftplib", "smtplib", "requests", "httpx", "aiohttp"}
FORBIDDEN = NETWORK | {"marshal", "shelve", "dill", "joblib", "code", "codeop"}


def names_called(path: Path) -> set[str]:
    """Names of functions called in a file, with what stands before the last dot."""
    calls = (node.func for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call))
    return {ast.unparse(function) for function in calls}


def modules_imported(path: Path) -> set[str]:
    """First parts of the names of the modules that a file imports."""
    nodes = list(ast.walk(ast.parse(path.read_text())))
    plain = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    given = {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom) and not node.level}
    return {name.partition(".")[0] for name in plain | given}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_sources_execute_no_text_and_reach_no_network(path):
    """No eval, no exec, no shell, no pickle but where the reason is known."""
    place = str(path.relative_to(ROOT))
    called = names_called(path)
    assert not called & {"eval", "exec", "compile", "__import__", "os.system", "os.popen", "pickle.load"}
    assert "np.load" not in called or path.read_text().count("allow_pickle=False") >= 1
    assert "shell=True" not in path.read_text()
    imported = modules_imported(path)
    assert not imported & FORBIDDEN
    for module in imported & set(ALLOWED):
        assert place in ALLOWED[module]


def test_problems_cross_only_from_this_process_to_its_workers():
    """Nothing else is ever unpickled."""
    readers = {str(path.relative_to(ROOT)) for path in SOURCES if "pickle.loads" in names_called(path)}
    assert readers == {"lagrad/sweep/work.py"}


def solve_by_scipy():
    """SciPy's way to call lagrad."""
    scipy.optimize.minimize(rosenbrock, [-1.2, 1.0], method=lagrad.ipopt)


WAYS = {
    "solve": lambda: lagrad.solve(hs71()),
    "minimize": solve_by_scipy,
    "solve_many": lambda: lagrad.solve_many(hyperbola(), np.array([1.0, 2.0])),
    "solution_map": lambda: lagrad.solution_map(hyperbola())(2.0),
    "explain": lambda: explain_infeasibility(hs71()),
}


@pytest.mark.parametrize("way", WAYS)
def test_ipopt_never_looks_for_an_option_file(way, monkeypatch):
    """However Ipopt is reached, the file's name is empty and NaN are looked for, set after all else."""
    original, options = interface.add_option, []

    def add_option(ipopt, problem, name, value):
        options.append((name, value))
        return original(ipopt, problem, name, value)

    monkeypatch.setattr(interface, "add_option", add_option)
    WAYS[way]()
    assert options and options[-2:] == [("option_file_name", ""), ("check_derivatives_for_naninf", "yes")]


def test_whoever_makes_a_problem_for_ipopt_empties_the_file_name():
    """Both ways get all options from `settings.py`; the trial of linear solvers sets its own."""
    makers = {
        str(path.relative_to(ROOT))
        for path in SOURCES
        if "cyipopt.Problem(" in path.read_text() or ".CreateIpoptProblem(" in path.read_text()
    }
    ways = {"lagrad/solvers/ipopt/handle.py", "lagrad/solvers/ipopt/through_cyipopt.py"}
    trial = "lagrad/solvers/ipopt/trial.py"
    assert makers == ways | {trial} and '"option_file_name": ""' in (ROOT / trial).read_text()


@pytest.mark.parametrize("name", ["hsllib", "pardisolib"])
@pytest.mark.parametrize("value", ["libevil.so", "./libevil.so", "/nowhere/libevil.so", "/tmp", ""])
def test_libraries_are_named_absolutely_or_not_at_all(name, value, tmp_path, monkeypatch):
    """A relative name would be searched in places that others can write to."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "libevil.so").write_bytes(b"")
    with pytest.raises(lagrad.ProblemError, match="expected the absolute path of a library"):
        lagrad.solve(compiled(banana), options={name: value})


def test_libraries_are_not_named_by_a_command_line(tmp_path, capsys):
    """Not even absolutely: the text may come from anybody."""
    library = tmp_path / "libevil.so"
    library.write_bytes(b"")
    assert cli.main(["solve", "hs71", "--options", f"hsllib={library}"]) == 2
    assert "not taken from a command line" in capsys.readouterr().err


def test_a_command_line_does_not_overwrite(tmp_path, capsys):
    """Found before the solve, not after hours of it."""
    file = tmp_path / "precious.npz"
    file.write_text("precious")
    assert cli.main(["solve", "hs71", "--save", str(file)]) == 2
    assert "exists" in capsys.readouterr().err and file.read_text() == "precious"


def test_a_file_that_is_executed_brings_no_folder_along(tmp_path, monkeypatch):
    """Neither the working directory nor the file's own joins the import path."""
    (tmp_path / "neighbour.py").write_text("raise SystemExit('executed')\n")
    (tmp_path / "model.py").write_text("import sys\nseen = list(sys.path)\nimport neighbour\n")
    monkeypatch.chdir(tmp_path)
    before = list(sys.path)
    with pytest.raises(ModuleNotFoundError, match="neighbour"):
        cli.main(["solve", "model.py:problem"])
    assert list(sys.path) == before


class Bomb:
    """Leaves a trace when it is unpickled."""

    def __init__(self, trace: Path):
        self.trace = trace

    def __reduce__(self):
        return Path.touch, (self.trace,)


def spoiled(path: Path, trace: Path) -> Path:
    """A saved Solution, one array of which is a pickle."""
    good = lagrad.solve(compiled(hs71)).save(path.with_suffix(".good.npz"))
    array = np.empty(1, object)
    array[0] = Bomb(trace)
    content = io.BytesIO()
    np.lib.format.write_array(content, array, allow_pickle=True)
    with zipfile.ZipFile(good) as source, zipfile.ZipFile(path, "w") as target:
        for name in source.namelist():
            target.writestr(name, content.getvalue() if name == "0.npy" else source.read(name))
    return path


def test_a_solution_that_holds_a_pickle_is_refused(tmp_path):
    """Nothing of it is executed."""
    trace = tmp_path / "executed"
    file = spoiled(tmp_path / "spoiled.npz", trace)
    with pytest.raises(ValueError, match="not a file that lagrad can read"):
        lagrad.Solution.load(file)
    assert not trace.exists()
    pickle.loads(pickle.dumps(Bomb(trace)))
    assert trace.exists()


def test_a_file_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    """What was there stays, and no half file is left behind."""
    solution, file = lagrad.solve(compiled(hs71)), tmp_path / "solution.npz"
    solution.save(file)
    before = file.read_bytes()

    def fail(stream, **columns):
        stream.write(b"half")
        raise OSError("no space left")

    monkeypatch.setattr(archive.np, "savez_compressed", fail)
    with pytest.raises(OSError, match="no space left"):
        solution.save(file, overwrite=True)
    assert file.read_bytes() == before and [path.name for path in tmp_path.iterdir()] == ["solution.npz"]


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_file_that_appears_while_another_is_written_stays(overwrite, tmp_path, monkeypatch):
    """Unless it may be overwritten: two jobs that save under one name do not lose one."""
    solution, file, original = lagrad.solve(compiled(hs71)), tmp_path / "solution.npz", np.savez_compressed

    def slowly(stream, **columns):
        file.write_text("the other job's")
        original(stream, **columns)

    monkeypatch.setattr(archive.np, "savez_compressed", slowly)
    if overwrite:
        assert lagrad.Solution.load(solution.save(file, overwrite=True)).success
    else:
        with pytest.raises(FileExistsError, match="exists already"):
            solution.save(file)
        assert file.read_text() == "the other job's"
    assert [path.name for path in tmp_path.iterdir()] == ["solution.npz"]


SETTINGS = """
import locale, os, random, signal, socket, threading, warnings
import jax, numba, numpy as np, rich.console, scipy.optimize, scipy.sparse.linalg
jax.numpy.zeros(2) + 1.0

def settings():
    return {
        "jax": dict(jax.config.values),
        "signals": {number: signal.getsignal(number) for number in signal.valid_signals()},
        "filters": list(warnings.filters),
        "environment": dict(os.environ),
        "errors": np.geterr(),
        "printing": np.get_printoptions(),
        "random": (random.getstate(), np.random.get_state()[1].tolist()),
        "path": list(sys.path),
        "hooks": (sys.excepthook, sys.displayhook, warnings.showwarning, threading.excepthook),
        "locale": locale.setlocale(locale.LC_ALL),
        "folder": os.getcwd(),
        "umask": os.umask(0o22),
        "recursion": sys.getrecursionlimit(),
        "files": sorted(os.listdir()),
    }

class NoNetwork(socket.socket):
    def connect(self, *address):
        raise AssertionError("a connection was tried")

socket.socket = NoNetwork
before = settings()
import lagrad
imported = settings()
from tests.faults.cases import banana, compiled, hs71
for method in ("ipopt", "trust-constr"):
    lagrad.solve(hs71(), method)
    lagrad.solve(banana(), method, time_limit=0.0)
lagrad.diagnose(hs71())
after = settings()
for name in before:
    print(name, before[name] == imported[name], imported[name] == after[name])
print(jax.config.jax_compilation_cache_dir, jax.config.jax_enable_x64, "casadi" in sys.modules)
"""


def test_settings_of_the_process_stay_as_they_are(tmp_path):
    """Import, solve and diagnose leave JAX, signals, warnings, NumPy, random numbers and paths alone."""
    *lines, last = run_script(SETTINGS, tmp_path).splitlines()
    changed = [line for line in lines if not line.endswith("True True")]
    assert len(lines) == 14 and not changed
    assert last == "None False False"

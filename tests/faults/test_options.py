"""Options, files, libraries and memory: what cannot work is refused in time, nothing is done unasked."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import jax.numpy as jnp
import numpy as np
import pytest

import lagrad
from lagrad.solution.status import Status
from lagrad.solvers import trust_constr
from lagrad.solvers.ipopt import adapter, direct, library, linear_solvers
from lagrad.solvers.ipopt.backend import End
from lagrad.solvers.ipopt.options import OWNED
from tests.faults.cases import METHODS, banana, compiled, hs71, run_script

both = pytest.mark.parametrize("method", METHODS)

WRONG = {
    "ipopt": [
        ({"max_itr": 5}, "misspelt", "unknown. Did you mean 'max_iter'"),
        ({"MAX_ITER": 5}, "in capitals", "unknown. Did you mean 'max_iter'"),
        ({"tól": 1e-3}, "not ASCII", "unknown. Did you mean 'tol'"),
        ({"sparkle": 1}, "unknown", "'sparkle' is unknown. "),
        ({7: 1}, "no text", "the name 7 is a int, expected a string"),
        ({"max_iter": "5"}, "text for a number", "'5', expected a whole number"),
        ({"max_iter": None}, "None", "None, expected a whole number"),
        ({"max_iter": 2**40}, "too large", "expected at most 2147483647"),
        ({"tol": np.array([1.0, 2.0])}, "an array", "expected a real number"),
        ({"tol": math.nan}, "NaN", "nan, expected a real number"),
        ({"mu_init": -1}, "out of range", "refuses 'mu_init' = -1.0: out of range"),
        ({"mu_strategy": "adaptív"}, "text that is not ASCII", "expected text (ASCII)"),
        ({"mu_strategy": "adaptive\0"}, "text with a zero byte", "expected text (ASCII)"),
        ({"mu_strategy": "adaptiv"}, "an unknown word", "refuses 'mu_strategy' = 'adaptiv'"),
    ],
    "trust-constr": [
        ({"gtoll": 1e-3}, "misspelt", "unknown. Did you mean 'gtol'"),
        ({"max_iter": 5}, "the other solver's name", "unknown. Did you mean 'maxiter'"),
        ({"maxiter": 2.5}, "not whole", "2.5, expected a whole number"),
        ({"gtol": math.nan}, "NaN", "nan, expected a real number"),
        ({"gtol": -1.0}, "out of range", "-1.0, expected 0 or more"),
        ({"initial_tr_radius": 0.0}, "out of range", "0.0, expected a positive number"),
        ({"disp": 1}, "a number for a Boolean", "1, expected True or False"),
        ({"factorization_method": "LU"}, "an unknown word", "expected one of NormalEquation"),
    ],
}
CASES = [(method, *case) for method, cases in WRONG.items() for case in cases]


@pytest.mark.parametrize(("method", "options", "kind", "words"), CASES, ids=str)
def test_52_wrong_option(method, options, kind, words, record, capfd):
    """Named with what was given, what was expected, and the nearest name."""
    with pytest.raises(lagrad.ProblemError) as caught:
        lagrad.solve(compiled(banana), method, options=options)
    record(f"`options={options!r}` ({kind}), {method}", caught.value)
    assert "`options`" in str(caught.value) and words in str(caught.value)


KINDS = {
    "ipopt": {"max_iter": np.int8(3), "mu_init": np.float32(0.1), "mu_strategy": np.str_("adaptive")},
    "trust-constr": {"maxiter": np.array(4), "gtol": jnp.float32(1e-8), "disp": np.bool_(False)},
}


@both
def test_52_numpy_scalars(method, record):
    """NumPy's and JAX's numbers, words and Booleans are as good as Python's."""
    solution = lagrad.solve(compiled(banana), method, options=KINDS[method])
    record(f"NumPy scalars as options, {method}", solution)
    assert solution.status is Status.ITERATION_LIMIT and solution.iterations == 3


OURS = [("ipopt", name) for name in OWNED] + [("trust-constr", name) for name in trust_constr.OWNED]


@pytest.mark.parametrize(("method", "name"), OURS)
def test_53_option_that_lagrad_owns(method, name, record):
    """Refused with the reason."""
    with pytest.raises(lagrad.ProblemError) as caught:
        lagrad.solve(compiled(banana), method, options={name: "no"})
    record(f"`{name}` in `options`, {method}", caught.value)
    assert f"`options`: {name!r} cannot be set: " in str(caught.value) and str(caught.value).endswith(".")


def test_53_options_that_the_user_may_override(record):
    """An approximate Hessian instead of the exact one, and limits, as documented."""
    options = {"hessian_approximation": "limited-memory", "max_iter": 2}
    solution = lagrad.solve(compiled(hs71), options=options, max_iterations=50)
    record("`hessian_approximation` and `max_iter` in `options`", "heeded: no Hessian, two iterations")
    assert solution.evaluations["hessian"] == 0 and solution.iterations == 2


HOSTILE = "max_iter 0\noutput_file evil.txt\nfile_print_level 5\nlinear_solver ma57\nhsllib ./evil.so\n"


@pytest.fixture
def hostile(tmp_path, monkeypatch):
    """A working directory with somebody's ipopt.opt."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ipopt.opt").write_text(HOSTILE)
    return tmp_path


def minimized(**arguments):
    """Rosenbrock's function by cyipopt.minimize_ipopt with lagrad's callbacks."""
    cyipopt = pytest.importorskip("cyipopt")
    with pytest.warns(lagrad.LagradWarning) as caught:
        callbacks = lagrad.to_cyipopt(compiled(banana))
    options = {"print_level": 0, "sb": "yes"} | arguments.get("options", callbacks.safe_options)
    result = cyipopt.minimize_ipopt(**callbacks.minimize_arguments(), options=options)
    return result, str(caught[0].message)


def test_54_hostile_option_file(hostile, record):
    """No effect at all: the right answer, no other file, no library."""
    solution = lagrad.solve(compiled(hs71))
    record("a hostile `ipopt.opt` in the working directory", solution)
    assert solution.success and [path.name for path in hostile.iterdir()] == ["ipopt.opt"]


def test_54_hostile_option_file_for_cyipopt(hostile, record):
    """What Ipopt does with lagrad's callbacks is not lagrad's: a warning, and options that close the hole."""
    unsafe, warning = minimized(options={})
    assert unsafe.status != 0 and (hostile / "evil.txt").exists()
    (hostile / "evil.txt").unlink()
    safe, _ = minimized()
    record("the same for cyipopt with `lagrad.to_cyipopt`", f"a warning: {warning}")
    assert "safe_options" in warning and safe.status == 0 and not (hostile / "evil.txt").exists()
    np.testing.assert_allclose(safe.x, 1.0, rtol=1e-5)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("missing/log.txt", "there is no folder"),
        ("../log.txt", "contains '..'"),
        (".", "cannot be written"),
        ("/proc/log.txt", "cannot be written"),
        ("old.txt", "exists. Give another name"),
        ("zero\0byte", "expected text"),
    ],
)
def test_55_output_file_that_cannot_be(name, words, tmp_path, monkeypatch, record):
    """Before the solve, and what is there stays as it is."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "old.txt").write_text("precious")
    with pytest.raises(lagrad.ProblemError) as caught:
        lagrad.solve(compiled(banana), options={"output_file": name})
    record(f"`output_file` {name!r}", caught.value)
    assert words in str(caught.value) and (tmp_path / "old.txt").read_text() == "precious"
    assert [path.name for path in tmp_path.iterdir()] == ["old.txt"]


def test_55_output_file_that_can_be(tmp_path, record):
    """Mixed case, a name that is not ASCII, a Path; appended to if asked for."""
    file, options = tmp_path / "Größe MixedCase.txt", {"file_print_level": 5, "file_append": "yes"}
    file.write_text("before\n")
    solution = lagrad.solve(compiled(banana), options=options | {"output_file": file})
    record("`output_file` with mixed case and umlauts, appended to", "written as named")
    assert solution.success and file.read_text().startswith("before\n") and "EXIT" in file.read_text()


def test_56_ipopt_missing(monkeypatch, record):
    """How to get it, and what works without."""
    monkeypatch.setitem(sys.modules, "cyipopt", None)
    monkeypatch.setenv("LAGRAD_IPOPT", "cyipopt")
    with pytest.raises(ImportError) as caught:
        lagrad.solve(compiled(banana), "ipopt")
    record("IPOPT is not installed", caught.value)
    assert all(words in str(caught.value) for words in ("lagrad[ipopt]", "conda", "trust-constr"))
    solution = lagrad.solve(compiled(banana))
    record("IPOPT is not installed, and no method was asked for", solution)
    assert solution.success and "ipopt is not there" in solution.message


@pytest.mark.parametrize("text", ["", "\x7fELF"])
def test_56_library_that_is_none(text, tmp_path, monkeypatch, record):
    """A missing file, or one that cannot be loaded, is told with its name."""
    path = tmp_path / "libipopt.so"
    if text:
        path.write_text(text)
    monkeypatch.setenv("LAGRAD_IPOPT", str(path))
    with pytest.raises(ImportError) as caught:
        lagrad.solve(compiled(banana), "ipopt")
    record(f"LAGRAD_IPOPT names {'a damaged library' if text else 'nothing'}", caught.value)
    assert str(path) in str(caught.value)


def test_56_library_with_another_binary_interface(tmp_path, monkeypatch, record):
    """Ipopt 3.13 has what 3.14 has, but for what is new in it, and a Bool of four bytes: refused."""
    monkeypatch.setattr(library, "NEW", "NotInThisIpopt")
    monkeypatch.setenv("LAGRAD_IPOPT", library.find().path)
    library.found.cache_clear()
    with pytest.raises(ImportError) as caught:
        lagrad.solve(compiled(banana), "ipopt")
    record("LAGRAD_IPOPT names an Ipopt 3.13", caught.value)
    assert "older than Ipopt 3.14" in str(caught.value)


def test_56_cyipopt_that_is_none(monkeypatch, record):
    """A folder of that name on the import path, or a version from before its time."""
    monkeypatch.setitem(sys.modules, "cyipopt", SimpleNamespace(__file__="/home/user/cyipopt/__init__.py"))
    monkeypatch.setenv("LAGRAD_IPOPT", "cyipopt")
    with pytest.raises(ImportError) as caught:
        lagrad.solve(compiled(banana), "ipopt")
    record("something else is called cyipopt", caught.value)
    assert "/home/user/cyipopt/__init__.py lacks Problem" in str(caught.value)


def test_56_old_ipopt(monkeypatch, record):
    """Ipopt 3.11 tells no iterates: lagrad goes without, to the same answer."""
    cyipopt = pytest.importorskip("cyipopt")
    monkeypatch.setattr(cyipopt, "IPOPT_VERSION", (3, 11, 9))
    monkeypatch.setenv("LAGRAD_IPOPT", "cyipopt")
    solution = lagrad.solve(compiled(hs71))
    record("Ipopt 3.11", solution)
    assert solution.success and solution.versions["ipopt"] == "3.11.9"
    with pytest.raises(lagrad.ProblemError, match="not in this build of Ipopt"):
        lagrad.solve(compiled(hs71), options={"wsmp_num_threads": 2})


@pytest.mark.parametrize("name", ["ma97", "pardiso", "sparkle"])
def test_56_linear_solver_that_is_not_there(name, record):
    """Listed before the solve is what is there; to try ma97 in this process would crash it."""
    with pytest.raises(lagrad.ProblemError) as caught:
        lagrad.solve(compiled(banana), options={"linear_solver": name})
    record(f"`linear_solver` {name!r} where it is not there", caught.value)
    assert f"'linear_solver' is {name!r}" in str(caught.value) and "It has mumps" in str(caught.value)


def test_56_linear_solvers_are_tried_without_jax():
    """Ten processes are started for a list of what is there: each has to be there at once."""
    path = Path(linear_solvers.__file__).with_name("trial.py")
    task = json.dumps({"library": library.find().path, "options": {"linear_solver": "mumps"}})
    command = [sys.executable, "-X", "importtime", "-P", str(path), task]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    imported = {line.rpartition("|")[2].strip().partition(".")[0] for line in done.stderr.splitlines()}
    assert "ctypes" in imported and not {"jax", "lagrad", "numpy"} & imported


def test_56_without_mumps(monkeypatch, record):
    """Ipopt's code for it, with what it has."""
    end = End(-12, np.zeros(2), (np.zeros(0), np.zeros(2), np.zeros(2)))
    monkeypatch.setattr(direct, "solve", lambda *_: end)
    monkeypatch.setattr(adapter, "available", lambda *_: ("ma27", "ma57"))
    solution = lagrad.solve(compiled(banana))
    record("Ipopt was built without MUMPS", solution)
    assert solution.status is Status.ERROR and "ma27, ma57 would be" in solution.message


MEMORY = """
import resource
import jax.numpy as jnp, lagrad

def used():
    return 4096 * int(open("/proc/self/statm").read().split()[0])

def greedy(x):
    return jnp.sort(jnp.sin(jnp.arange(1 << 23) * x[0]))[7] + x @ x

modest = lagrad.differentiate(lagrad.Problem(lambda x: x @ x, [1.0, 2.0]))
derivatives = lagrad.differentiate(lagrad.Problem(greedy, [1.0, 2.0]), check=False)
for method in ("ipopt", "trust-constr"):
    lagrad.solve(modest, method)
free = resource.getrlimit(resource.RLIMIT_AS)
resource.setrlimit(resource.RLIMIT_AS, (used() + (16 << 20), free[1]))
for method in ("ipopt", "trust-constr"):
    try:
        lagrad.solve(derivatives, method)
    except Exception as error:
        print(f"`{type(error).__name__}`: {error}", error.solution.x.tolist())
try:
    lagrad.solve(lagrad.Problem(lambda x: jnp.sum(jnp.outer(x, x) ** 2), [1.0] * 20_000))
except MemoryError as error:
    print(f"`MemoryError`: {error}")
resource.setrlimit(resource.RLIMIT_AS, free)
print(lagrad.solve(modest).status)
"""


def test_57_out_of_memory_in_functions(tmp_path, record):
    """JAX's error surfaces with sizes and the point, NumPy's with shapes; the process goes on to solve."""
    *running, building, after = run_script(MEMORY, tmp_path).splitlines()
    for method, line in zip(METHODS, running, strict=True):
        record(f"memory runs out while a function runs, {method}", line.partition("[")[0])
        assert "Out of memory allocating" in line and line.endswith("[1.0, 2.0]")
    record("memory runs out while a problem is set up", building)
    assert "Unable to allocate" in building and "array with shape" in building and after == "optimal"


@pytest.mark.parametrize("code", [-102, -3])
def test_57_out_of_memory_in_the_factorization(code, monkeypatch, record):
    """The sizes that the factorization had are named; MUMPS out of memory ends as -3."""
    end = End(code, np.ones(4), (np.zeros(2), np.zeros(4), np.zeros(4)))
    monkeypatch.setattr(direct, "solve", lambda *_: end)
    solution = lagrad.solve(compiled(hs71))
    record(f"Ipopt runs out of memory and ends with {code}", solution)
    assert solution.status is Status.ERROR and "4 variables and 2 rows, 8 entries" in solution.message

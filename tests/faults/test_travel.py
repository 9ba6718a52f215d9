"""Faults 58 to 64: other devices, copies, damaged files, long loops, strict settings, failures on paper."""

from __future__ import annotations

import copy
import importlib
import json
import os
import pickle
import subprocess
import sys
import warnings
import zipfile
from io import BytesIO

import jax.numpy as jnp
import numpy as np
import pytest

import lagrad
from lagrad import Inequality, Problem, Solution
from lagrad.cli.commands import main
from lagrad.coloring import compiled as loops
from lagrad.errors import ProblemError
from lagrad.solution.archive import FORMAT
from lagrad_problems.opf import matpower
from lagrad_problems.opf.network import network
from tests.faults.cases import METHODS, ROOT, banana, compiled, hs71, hyperbola
from tests.problems.cases import CASE

both = pytest.mark.parametrize("method", METHODS)


def run_python(script: str, *flags: str, seconds: float = 300.0, **settings: str) -> list[str]:
    """Lines that a script prints, run with flags of the interpreter and settings of the environment."""
    paths = os.pathsep.join([str(ROOT), str(ROOT / "problems"), os.environ.get("PYTHONPATH", "")])
    environment = os.environ | {"PYTHONPATH": paths} | settings
    command = [sys.executable, *flags, "-c", script]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=seconds)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout.splitlines()


DEVICES = """
import jax, jax.numpy as jnp, lagrad, numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec
one, other = jax.devices()
x0 = np.array([1.0, 5.0, 5.0, 1.0])

def make(x0, p, t):
    rows = {"product": lagrad.Inequality(lambda x, p: jnp.prod(x), 25.0),
            "norm": lagrad.Equality(lambda x, p: x @ x, 40.0)}
    return lagrad.Problem(lambda x, p: x[0] * x[3] * (x[:3].sum()) + x[2] + p * (x @ t), x0, rows, (1, 5), p)

with jax.enable_x64(True):
    t = np.arange(4.0)
    moved = [jax.device_put(each, other) for each in (x0, 0.1, t)]
    spread = jax.device_put(x0, NamedSharding(Mesh(np.array([one, other]), "i"), PartitionSpec("i")))
derivatives = lagrad.differentiate(make(x0, 0.1, t))
expected = lagrad.solve(derivatives).x
with jax.default_device(other):
    there = lagrad.differentiate(make(x0, 0.1, t))
cases = {
    "x0, params and captured arrays on another device": lambda: lagrad.solve(make(*moved)),
    "x0 spread over two devices": lambda: lagrad.solve(make(spread, 0.1, t)),
    "solve(x0=, params=) on another device": lambda: lagrad.solve(derivatives, x0=moved[0], params=moved[1]),
    "compiled on one device, solved on another": lambda: lagrad.solve(there),
}
for name, case in cases.items():
    print(name, "|", np.abs(case().x / expected - 1).max())
"""


def test_58_arrays_on_other_devices(record):
    """Two devices are played by one CPU; everything ends up where lagrad computes."""
    flags = "--xla_force_host_platform_device_count=2"
    lines = run_python(DEVICES, XLA_FLAGS=flags, JAX_PLATFORMS="cpu")
    assert len(lines) == 4
    for given, error in (line.split(" | ") for line in lines):
        assert float(error) <= 1e-10
        record(given, f"solved; largest relative difference {float(error):.0e}")


def test_58_no_gpu(record):
    """JAX itself says so before anything is solved."""
    script = """
import lagrad
try:
    lagrad.solve(lagrad.Problem(lambda x: x[0] ** 2, [1.0]))
except RuntimeError as error:
    print(type(error).__name__, error)
"""
    text = " ".join(run_python(script, JAX_PLATFORMS="rocm"))
    assert "rocm" in text
    record("JAX_PLATFORMS names a device that is absent", f"JAX's own `{text.replace(' ', '`: ', 1)}")


def derivatives_of(problem):
    """Jacobian and Hessian at one point."""
    made = lagrad.differentiate(problem)
    x, weights = np.array([1.5, 0.5]), np.array([2.0])
    return made.jacobian(x).toarray(), made.hessian(x, weights).toarray()


@pytest.mark.parametrize(
    "travel",
    [copy.copy, copy.deepcopy, lambda problem: pickle.loads(pickle.dumps(problem))],
    ids=["copy", "deepcopy", "pickle"],
)
def test_59_problems_travel(travel, record):
    """Before and after a solve: the same derivatives."""
    problem = hyperbola()
    before = travel(problem)
    lagrad.solve(problem)
    for one, two, three in zip(*map(derivatives_of, (problem, before, travel(problem))), strict=True):
        np.testing.assert_array_equal(one, two)
        np.testing.assert_array_equal(one, three)
    record("pickle, copy, deepcopy of a problem, before and after a solve", "equal derivatives")


def test_59_a_lambda_is_refused_by_pickle(refused):
    problem = Problem(lambda x: x[0], [1.0])
    with refused("pickle of a lambda", ProblemError, "`objective`", "lambda", "def", "cloudpickle"):
        pickle.dumps(problem)
    assert copy.deepcopy(problem) is problem


def test_59_compiled_functions_are_refused_by_pickle(refused):
    derivatives = compiled(hs71)
    with refused("pickle of Derivatives", TypeError, "compiled", "derivatives.problem", "differentiate"):
        pickle.dumps(derivatives)
    assert copy.copy(derivatives) is copy.deepcopy(derivatives) is derivatives


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """A Solution's file."""
    return lagrad.solve(compiled(banana)).save(tmp_path_factory.mktemp("archive") / "s.npz")


def crafted(path, structure: str, header: dict | None = None):
    """A file made by hand: a text, and array 0 with eight bytes and any header."""
    array, text = BytesIO(), BytesIO()
    np.lib.format.write_array_header_1_0(
        array, {"descr": "<f8", "fortran_order": False, "shape": (1,)} | (header or {})
    )
    np.save(text, np.array(structure))
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("0.npy", array.getvalue() + bytes(8))
        file.writestr("structure.npy", text.getvalue())
    return path


def outline(record: object, made_by: str = FORMAT) -> str:
    """The text of a file."""
    return json.dumps({"format": made_by, "record": record})


ARRAY = outline({"dict": [["x", {"array": 0}]]})
LOOP = """
def double(source, target):
    for i in range(len(source)):
        target[i] = 2 * source[i]
"""
FOREIGN = {
    "an archive of a later version": lambda path: crafted(path, outline({}, "lagrad archive 99")),
    "an archive of something else": lambda path: crafted(path, ARRAY),
    "an archive of one number": lambda path: crafted(path, outline(3.0)),
    "an archive that is a list": lambda path: crafted(path, "[1, 2]"),
    "an archive nested 100000 deep": lambda path: crafted(path, "[" * 100_000 + "]" * 100_000),
    "an array that promises 8 TB": lambda path: crafted(path, ARRAY, {"shape": (10**12,)}),
    "an array of negative length": lambda path: crafted(path, ARRAY, {"shape": (-1,)}),
    "an array of objects": lambda path: crafted(path, ARRAY, {"descr": "|O"}),
    "an array that is not there": lambda path: crafted(path, outline({"array": 7})),
    "a text file": lambda path: path.write_text("hello"),
    "an empty file": lambda path: path.write_bytes(b""),
    "a pickle": lambda path: path.write_bytes(pickle.dumps([1.0])),
}


@pytest.mark.parametrize("given", FOREIGN)
def test_60_foreign_files(given, refused, tmp_path):
    FOREIGN[given](tmp_path / "f.npz")
    with refused(f"Solution.load of {given}", ValueError, "not"):
        Solution.load(tmp_path / "f.npz")


def test_60_damaged_files(archive, tmp_path, record):
    """Cut anywhere, or with bytes changed: refused, unless zip itself does not care for the byte."""
    content, random, refusals = archive.read_bytes(), np.random.default_rng(0), 0
    cuts = [content[:stop] for stop in range(0, len(content), 61)]
    spoilt = [spoil(content, random.integers(0, len(content), 4), random) for _ in range(150)]
    expected = str(Solution.load(archive))
    for damaged in [*cuts, *spoilt]:
        path = tmp_path / "d.npz"
        path.write_bytes(damaged)
        try:
            assert str(Solution.load(path)) == expected
        except ValueError as error:
            refusals += 1
            last = error
    assert refusals > 0.9 * len([*cuts, *spoilt])
    record(f"Solution.load of a file cut at {len(cuts)} places, or damaged in {len(spoilt)} ways", last)


def spoil(content: bytes, places: np.ndarray, random: np.random.Generator) -> bytes:
    """The same with some bytes changed."""
    changed = bytearray(content)
    for place in places:
        changed[place] = random.integers(256)
    return bytes(changed)


def test_60_a_damaged_cache_of_compiled_loops(tmp_path, monkeypatch, record):
    """The only cache on disk is numba's, of long loops in coloring: compiled again, with a warning."""
    (tmp_path / "doubling.py").write_text(LOOP)
    monkeypatch.syspath_prepend(tmp_path)
    double = importlib.import_module("doubling").double
    for content in (None, b"garbage", b""):
        for path in tmp_path.rglob("*.nbi") if content is not None else ():
            path.write_bytes(content)
        loops.compiled.cache_clear()
        target = np.zeros(3, np.int64)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            loops.run_compiled(double, (np.arange(3), target))
        assert target.tolist() == [0, 2, 4] and len(caught) == (content is not None)
    text = str(caught[-1].message)
    assert all(part in text for part in ("numba", "compiled again", "delete", ".nbi"))
    record("a damaged cache of compiled loops (there are no other caches)", f"right, with a warning: {text}")


WRONG_FILES = {
    "an empty file": ("", ["no `mpc.version`"]),
    "UTF-16": (CASE.encode("utf-16").decode("latin-1"), ["no `mpc.version`"]),
    "a binary file": ("".join(map(chr, range(256))) * 50, ["no `mpc.version`"]),
    "a matrix cut in the middle": (CASE[: CASE.index("95.0")], ["line 8", "`mpc.bus` is opened", "];"]),
    "a table that is missing": (CASE.replace("mpc.branch = [", "x = ["), ["no `mpc.branch`"]),
    "a bus of negative number": (CASE.replace("\t20\t1", "\t-20\t1"), ["line 10", "bus -20", "positive"]),
    "a bus of number 1e300": (CASE.replace("\t20\t1", "\t1e300\t1"), ["line 10", "1e+300"]),
    "a branch to no bus": (CASE.replace("\t300\t20\t", "\t300\t21\t"), ["line 23", "bus 21"]),
    "a cost of 10^9 coefficients": (CASE.replace("\t0\t0\t3", "\t0\t0\t1e9"), ["line 35", "3", "1e+09"]),
    "a cost of -3 coefficients": (CASE.replace("\t0\t0\t3", "\t0\t0\t-3"), ["line 35", "-3"]),
    "an infinite load": (CASE.replace("110.0", "1e999"), ["line 10", "infinite", "finite one"]),
    "nan": (CASE.replace("110.0", "NaN"), ["line 10", "NaN", "expected a number"]),
    "an expression": (CASE.replace("110.0", "2*load"), ["line 10", "'2*load'", "expected a number"]),
    "100000 brackets": (CASE.replace("100.0", "(" * 100_000), ["line 4", "expected a number"]),
    "a row of 200000 numbers": (CASE.replace("110.0", "1 " * 200_000), ["line 10", "expected 13"]),
    "a line continued 100000 times": (CASE.replace("110.0", "1 ...\n" * 100_000), ["line 10", "expected 13"]),
    "one wide row among 2000": (
        CASE + "mpc.gencost = [\n" + "2 0 0 1 0;\n" * 2000 + "2 0 0 9" + " 1" * 20_000 + ";\n];",
        ["line 2039", "shorter", "zeros"],
    ),
}


@pytest.mark.parametrize("given", WRONG_FILES)
def test_61_malformed_networks(given, refused, tmp_path):
    """MATPOWER's format is the only text lagrad reads; numbers are read, nothing is executed."""
    text, parts = WRONG_FILES[given]
    (tmp_path / "c.m").write_bytes(text.encode("latin-1"))
    with refused(f"MATPOWER: {given}", ValueError, "c.m", *parts):
        network(matpower.read(tmp_path / "c.m"))


def test_61_any_cut_is_an_error(record):
    """Nothing but ValueError, wherever the file ends before its last bracket."""
    for stop in range(0, CASE.rindex("]"), 5):
        with pytest.raises(ValueError, match=r"cut\.m"):
            network(matpower.parse(CASE[:stop], "cut.m"))
    record("MATPOWER: a file cut anywhere", "`ValueError` with the file's name")


def test_61_formats_that_are_not_read(tmp_path, capsys, record):
    """MATPOWER files are the only text that lagrad reads."""
    (tmp_path / "model.nl").write_text("g3 1 1 0\n")
    assert main(["solve", str(tmp_path / "model.nl")]) == 2
    error = capsys.readouterr().err
    assert "model.nl" in error and "no such problem" in error
    record("`lagrad solve model.nl`", f"there is no reader of .nl, which opens no door: {error}")


LOOPS = """
import ctypes, gc, sys, weakref, jax.numpy as jnp, lagrad

def resident():
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    return int(open("/proc/self/statm").read().split()[1]) * 4096 / 1e6

def make(k):
    rows = {"product": lagrad.Inequality(lambda x, p: jnp.prod(x), 25.0),
            "norm": lagrad.Equality(lambda x, p: x @ x, 40.0)}
    objective = lambda x, p: x[0] * x[3] * (x[:3].sum()) + x[2] + (p + k) * x[1]
    return lagrad.Problem(objective, [1.0, 5.0, 5.0, 1.0], rows, (1, 5), 0.0)

def chain(k):
    rows = lagrad.Equality(lambda x: jnp.sin(x[:-2]) * x[2:] - k)
    return lagrad.Problem(lambda x: ((x[1:] - x[:-1] ** 2) ** 2).sum(), [0.1] * 300, rows)

def repeat(action, warm, count):
    for i in range(warm):
        action(i)
    before, objects = resident(), len(gc.get_objects())
    for i in range(warm, warm + count):
        action(i)
    return resident() - before, len(gc.get_objects()) - objects

derivatives, alive = lagrad.differentiate(make(0.0)), weakref.WeakSet()
def solve(method):
    return lambda i: lagrad.solve(derivatives, method, params=1e-6 * i)
def build(declare):
    return lambda i: alive.add(lagrad.differentiate(declare(1e-6 * i)))
solves, builds = map(int, sys.argv[1:])
print(*repeat(solve("ipopt"), 20, solves))
print(*repeat(solve("trust-constr"), 5, solves // 10))
print(*repeat(build(make), 5 + builds // 5, builds))
print(*repeat(build(chain), 5 + builds // 5, builds))
print(len(alive))
"""


def check_loops(solves: int, builds: int, record) -> None:
    """Memory after many solves and builds, without what the allocator keeps for XLA's threads."""
    script = f"import sys; sys.argv = ['', '{solves}', '{builds}']\n{LOOPS}"
    *lines, alive = [[float(word) for word in line.split()] for line in run_python(script, seconds=1800.0)]
    limits = {
        f"{solves} solves by ipopt": 4.0,
        f"{solves // 10} solves by trust-constr": 4.0,
        f"{builds} builds of 4 variables": 16.0,
        f"{builds} builds of 300 variables": 30.0,
    }
    for (given, limit), (grown, objects) in zip(limits.items(), lines, strict=True):
        record(given, f"resident memory {grown:+.1f} MB, {objects:+.0f} objects, after a few to warm up")
        assert grown < limit, given
        assert objects < 100, given
    assert alive == [0]


def test_62_memory_stays_flat(record):
    """A share of the loops; no Derivatives outlive their user."""
    check_loops(200, 10, record)


@pytest.mark.slow
def test_62_memory_stays_flat_for_long(record):
    check_loops(2000, 200, record)


STRICT = """
import jax, jax.numpy as jnp, lagrad, numpy as np
rows = {"product": lagrad.Inequality(jnp.prod, 25.0), "norm": lagrad.Equality(lambda x: x @ x, 40.0)}
hs71 = lagrad.Problem(lambda x: x[0] * x[3] * x[:3].sum() + x[2], [1.0, 5.0, 5.0, 1.0], rows, (1, 5))
for method in ("ipopt", "trust-constr"):
    solution = lagrad.solve(hs71, method)
    print(solution.success, abs(solution.objective - 17.0140172891) < 1e-6)
chain = lagrad.Problem(lambda x: ((x[1:] - x[:-1] ** 2) ** 2).sum(), np.zeros(100),
                       lagrad.Equality(lambda x: x[:-2] * x[2:] - x[1:-1]))
print(lagrad.differentiate(chain).jacobian(chain.x0).nnz == 294)
print(lagrad.diagnose(hs71).ok, lagrad.check_derivatives(hs71).ok)
print(lagrad.certify(hs71, solution).second_order)
steps_back = lagrad.solve(lagrad.Problem(lambda x: x[0] - jnp.log(x[0]), [3.0]))
print(steps_back.success)
undefined = lagrad.Problem(lambda x: jnp.log(x[0]), [-1.0])
for wrong in (lambda: lagrad.Problem(jnp.sum, [np.nan]), lambda: lagrad.solve(undefined)):
    try:
        wrong()
    except (lagrad.ProblemError, lagrad.DerivativeError):
        print(True)
"""
SETTINGS = {
    "-W error and PYTHONOPTIMIZE=1": (("-W", "error"), {"PYTHONOPTIMIZE": "1"}),
    "JAX_DEBUG_NANS=1 and JAX_DISABLE_JIT=1": ((), {"JAX_DEBUG_NANS": "1", "JAX_DISABLE_JIT": "1"}),
}


@pytest.mark.parametrize("given", SETTINGS)
def test_63_strict_settings(given, record):
    """Solves, checks and refusals are the same."""
    flags, settings = SETTINGS[given]
    words = " ".join(run_python(STRICT, *flags, **settings)).split()
    assert words == ["True"] * 11
    record(given, "right: both methods, a step back from nan, the checks, the errors")


def impossible():
    """x^2 + y^2 <= -1."""
    return Problem(lambda x: x @ x, [1.0, 2.0], {"disk": Inequality(lambda x: x @ x, upper=-1.0)})


def falling():
    """x without end."""
    return Problem(lambda x: x[0] + (x[1] - 2.0) ** 2, [1.0, 2.0])


def cliff():
    """x + y^2 where x >= 0.5, nan below."""
    return Problem(lambda x: jnp.where(x[0] < 0.5, jnp.nan, x[0]) + x[1] ** 2, [3.0, 2.0])


FAILURES = {
    "iteration_limit": (hs71, {"max_iterations": 1}),
    "time_limit": (hs71, {"time_limit": 0.0}),
    "interrupted": (hs71, {"callback": lambda iterate: True}),
    "infeasible": (impossible, {}),
    "unbounded": (falling, {}),
    "invalid_number": (cliff, {}),
}


@both
@pytest.mark.parametrize("status", FAILURES)
def test_64_failures_are_printed_and_kept(status, method, tmp_path, record):
    """Every field comes back, and a process without IPOPT reads it; see below for that."""
    make, arguments = FAILURES[status]
    solution = lagrad.solve(compiled(make), method, **arguments)
    again = Solution.load(solution.save(tmp_path / "s.npz"))
    assert solution.status == again.status == status and not again.success
    assert str(again) == str(solution) and repr(again) == repr(solution) and str(again.certificate)
    assert status in str(again) and again.message == solution.message and np.isfinite(again.x).all()
    np.testing.assert_array_equal(again.history.objective, solution.history.objective)
    record(f"{status}, printed, saved, loaded", solution)


def test_64_failures_are_read_without_a_solver(tmp_path, record):
    """Where no IPOPT can be loaded."""
    solution = lagrad.solve(compiled(hs71), max_iterations=1)
    path = solution.save(tmp_path / "s.npz")
    script = f"""
import sys
import os
sys.modules["cyipopt"] = None
os.environ["LAGRAD_IPOPT"] = "cyipopt"
import lagrad
print(lagrad.Solution.load({str(path)!r}))
try:
    lagrad.solve(lagrad.Problem(lambda x: x[0] ** 2, [1.0]), "ipopt")
except ImportError as error:
    print(error)
"""
    *lines, refusal = run_python(script)
    assert "\n".join(lines) == str(solution)
    assert all(part in refusal for part in ("cyipopt", "lagrad[ipopt]", "trust-constr"))
    record("a failure saved, then printed where no IPOPT is installed", "prints the same")

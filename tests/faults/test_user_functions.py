"""Faults 14 to 20: functions that return, do or depend on what they should not."""

from __future__ import annotations

import math
import random
import re
import time

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lagrad
from lagrad import Equality, Problem
from lagrad.errors import DerivativeError, ProblemError
from tests.faults.cases import METHODS

both = pytest.mark.parametrize("method", METHODS)


def square(x):
    """Smallest at 0."""
    return jnp.sum(x**2)


@pytest.mark.parametrize(
    ("given", "objective", "parts"),
    [
        ("objective of shape (2,)", lambda x: x, ["(2,)", "scalar", "jnp.sum"]),
        ("objective of shape (1, 1)", lambda x: x[:1, None], ["(1, 1)", "scalar"]),
        ("objective returns a dict", lambda x: {"a": x[0]}, ["dict", "scalar", "one number"]),
        ("objective returns a tuple", lambda x: (x[0], x[1]), ["tuple", "scalar"]),
        ("objective returns an int", lambda x: jnp.argmax(x), ["int", "no derivative", "float"]),
        ("objective returns a bool", lambda x: x[0] > 0, ["bool", "no derivative"]),
        ("objective returns a complex number", lambda x: x[0] * 1j, ["complex128", "jnp.real"]),
        ("objective returns None", lambda x: None, ["None", "return"]),
        ("objective returns text", lambda x: "0.5", ["str", "numbers"]),
    ],
)
def test_14_objective_of_another_kind(given, objective, parts, refused):
    with refused(given, ProblemError, "`objective`", *parts):
        Problem(objective, [1.0, 2.0])


def test_14_an_array_of_one_number_is_a_number(record):
    solution = lagrad.solve(Problem(lambda x: (x[:1] - 2.0) ** 2, [0.0]))
    assert solution.success and np.shape(solution.objective) == ()
    record("objective of shape (1,)", "accepted as a scalar")


def test_15_rows_of_every_container(record):
    """A list, a tuple, a dict and a number, each under its name."""
    rows = {
        "list": Equality(lambda x: [x[0], 2.0 * x]),
        "tuple": Equality(lambda x: (x[1],)),
        "dict": Equality(lambda x: {"p": x[0], "q": x}),
        "number": Equality(lambda x: x[0]),
    }
    problem = Problem(square, [1.0, 2.0], rows)
    names = [problem.describe_row(i) for i in range(problem.m)]
    assert names[:4] == ["list[0]", "list[1][0]", "list[1][1]", "tuple[0]"]
    assert names[4:] == ["dict['p']", "dict['q'][0]", "dict['q'][1]", "number"]
    record("constraints return a list, a tuple, a dict, a number", f"flattened: {', '.join(names)}")


@pytest.mark.parametrize(
    ("given", "fun", "parts"),
    [
        ("a constraint returns None", lambda x: None, ["`constraints['c']`", "None", "return"]),
        ("a constraint returns a list with None", lambda x: [x[0], None], ["`constraints['c'][1]`", "None"]),
        ("a constraint returns a list with text", lambda x: [x[0], "a"], ["`constraints['c'][1]`", "str"]),
        ("a constraint returns bools", lambda x: x > 0, ["bool", "no derivative"]),
    ],
)
def test_15_rows_that_are_no_numbers(given, fun, parts, refused):
    with refused(given, ProblemError, *parts):
        Problem(square, [1.0, 2.0], {"c": Equality(fun)})


@pytest.mark.parametrize(
    ("given", "fun", "parts"),
    [
        ("x[x > 0]", lambda x, p: jnp.sum(x[x > 0]), ["mask", "jnp.where(mask, x, 0)"]),
        ("jnp.nonzero(x)", lambda x, p: jnp.sum(x[jnp.nonzero(x)]), ["shape", "keep shapes fixed"]),
        ("jnp.zeros(p)", lambda x, p: jnp.sum(jnp.zeros(p)), ["shape", "params"]),
        ("x[:p]", lambda x, p: jnp.sum(x[:p]), ["slice", "jnp.arange", "dynamic_slice"]),
        ("range(p)", lambda x, p: sum(x[0] for _ in range(p)), ["length", "fori_loop"]),
    ],
)
def test_16_a_length_that_depends_on_values(given, fun, parts, refused):
    """Each with the user's own line."""
    with refused(given, DerivativeError, "`objective`", "test_user_functions.py, line", *parts):
        Problem(fun, [1.0, 2.0], params=2)


def test_16_params_of_another_length(refused):
    problem = Problem(lambda x, p: square(x) + jnp.sum(p), [1.0, 2.0], params=np.ones(3))
    with refused("solve(params=...) of another length", ProblemError, "`params`", "(4,)", "(3,)"):
        lagrad.solve(problem, params=np.ones(4))


@pytest.mark.parametrize(
    ("given", "fun", "parts"),
    [
        ("np.sin(x)", lambda x: np.sum(np.sin(x)), ["NumPy", "jax.numpy"]),
        ("np.array([x[0]])", lambda x: jnp.sum(np.array([x[0]])), ["NumPy", "jax.numpy"]),
        ("if on x", lambda x: x[0] if x[0] > 0 else -x[0], ["if", "jnp.where"]),
        ("max(x)", lambda x: max(x), ["if", "jnp.where"]),
        ("float(x)", lambda x: float(x[0]), ["float()", "jax.numpy"]),
        ("math.sin(x)", lambda x: math.sin(x[0]), ["math", "jax.numpy"]),
        ("x.item()", lambda x: x[0].item(), [".item()", "jax.numpy"]),
        ("a list indexed by x", lambda x: [1.0, 2.0][x[0].astype(int)], ["index", "jnp.take"]),
    ],
)
def test_17_what_cannot_be_traced(given, fun, parts, refused):
    """The line that is quoted is the user's."""
    where = ("`constraints['c']`", "test_user_functions.py, line", "`(")
    with refused(f"{given} in a constraint", DerivativeError, *where, *parts):
        Problem(square, [1.0, 2.0], {"c": Equality(fun)})


def test_18_a_function_raises_while_it_is_traced(record):
    """Its own error, unchanged, with a note."""

    def fails(x):
        raise KeyError("mine")

    with pytest.raises(KeyError) as caught:
        Problem(square, [1.0, 2.0], {"c": Equality(fails)})
    (note,) = [note for note in caught.value.__notes__ if "lagrad" in note]
    assert caught.value.args == ("mine",) and "`constraints['c']`" in note and "line" in note
    record("a function raises while it is traced", f"`KeyError`: 'mine', unchanged; note: {note}")


class Host:
    """Squared distance from 3, computed by the interpreter, which raises from some call on."""

    def __init__(self):
        self.calls, self.limit = 0, 10**9

    def __call__(self, x):
        self.calls += 1
        if self.calls > self.limit:
            raise KeyError("mine")
        return np.sum((np.asarray(x) - 3.0) ** 2)


@pytest.fixture(scope="module")
def hosted():
    """A problem whose objective calls the interpreter, and who is called."""
    host = Host()

    @jax.custom_jvp
    def distance(x):
        return jax.pure_callback(host, jax.ShapeDtypeStruct((), jnp.float64), x)

    @distance.defjvp
    def rule(primals, tangents):
        return distance(*primals), jnp.sum(2.0 * (primals[0] - 3.0) * tangents[0])

    return lagrad.differentiate(Problem(lambda x: distance(x) + jnp.sum(x**4), [1.0, 2.0])), host


@both
@pytest.mark.parametrize("limit", [0, 6], ids=["at once", "later"])
def test_18_a_function_raises_while_the_solver_runs(limit, method, hosted, record):
    """JAX wraps what a callback raises and keeps its text; the Solution so far comes along."""
    derivatives, host = hosted
    host.calls, host.limit = 0, limit
    with pytest.raises(jax.errors.JaxRuntimeError, match="KeyError: 'mine'") as caught:
        lagrad.solve(derivatives, method)
    solution = caught.value.solution  # pyright: ignore
    assert np.isfinite(solution.x).all() and solution.status == "error" and not solution.success
    if limit:
        assert len(solution.history) > 1 and solution.objective < 22.0
    host.limit = 10**9
    assert lagrad.solve(derivatives, method).success
    given = f"jax.pure_callback raises {'at its first call' if limit == 0 else 'in the middle of a solve'}"
    record(given, "JAX's `JaxRuntimeError` with the user's traceback in it; `.solution` holds the best point")


def test_19_functions_run_while_they_are_traced_only(record):
    calls = []
    problem = Problem(lambda x: calls.append(1) or square(x), [1.0, 2.0])
    derivatives = lagrad.differentiate(problem)
    before = len(calls)
    for method in METHODS:
        lagrad.solve(derivatives, method)
    assert len(calls) == before
    record("a side effect in the objective", "happens while tracing only; documented in `Problem`")


def test_19_x_cannot_be_changed_in_place(refused):
    def sets(x):
        x[0] = 1.0
        return square(x)

    with refused("x[0] = 1.0 in the objective", DerivativeError, "`x[0] = 1.0`", "in place", "x.at[i].set"):
        Problem(sets, [1.0, 2.0])


@both
def test_19_what_the_user_is_given_is_his_own(method, record):
    """Changes to the start, to iterates and to matrices reach nobody else."""
    start, kept = np.array([1.0, 2.0]), []
    derivatives = lagrad.differentiate(Problem(lambda x: jnp.sum((x - 2.0) ** 4), start))
    start[:] = 50.0

    def spoil(iterate):
        iterate.x[:] = iterate.constraints[:] = 99.0
        kept.append(iterate.x)

    solution = lagrad.solve(derivatives, method, callback=spoil)
    values = derivatives.hessian_values([1.0, 1.0], [])
    before = values.copy()
    if values.flags.writeable:
        values[:] = 0.0
    np.testing.assert_array_equal(derivatives.hessian_values([1.0, 1.0], []), before)
    assert solution.success and all((x == 99.0).all() for x in kept)
    record("x0, iterates and matrices written into by the user", "copies: the solve does not notice")


FACTOR, WIDTH = 1.0, 2


def scaled(x):
    """Depends on a global."""
    return jnp.sum((x - FACTOR) ** 2)


def test_19_a_global_changed_after_the_build(record, monkeypatch):
    derivatives = lagrad.differentiate(Problem(scaled, [0.0, 0.0]))
    monkeypatch.setattr(f"{__name__}.FACTOR", 5.0)
    assert lagrad.solve(derivatives).x == pytest.approx([1.0, 1.0])
    (finding,) = lagrad.diagnose(derivatives).of("stale")
    assert finding.severity == "error" and all(part in finding.message for part in ("50 now", "2 as it was"))
    assert lagrad.solve(derivatives.problem).x == pytest.approx([5.0, 5.0])
    record("a global changed after `differentiate`", f"solved as compiled; diagnose: {finding.message}")


def test_19_a_captured_array_changed_after_the_build(record):
    target = np.array([1.0, 2.0])
    rows = {"row": Equality(lambda x: jnp.sum(x * target))}
    derivatives = lagrad.differentiate(Problem(square, [1.0, 2.0], rows))
    target[:] = 7.0
    (finding,) = lagrad.diagnose(derivatives).of("stale")
    assert finding.names == ("row",) and "params" in finding.message
    record("a captured array changed after `differentiate`", f"diagnose: {finding.message}")


@pytest.mark.parametrize("where", ["objective", "constraints['c']"])
def test_19_a_shape_changed_after_the_declaration(where, refused, monkeypatch):
    def shaped(x):
        return x[: WIDTH - 1] if where == "objective" else x[:WIDTH]

    objective, rows = (shaped, None) if where == "objective" else (square, {"c": Equality(shaped)})
    problem = Problem(objective, [1.0, 2.0, 3.0], rows)
    monkeypatch.setattr(f"{__name__}.WIDTH", 3)
    with refused("a shape changed since declared", DerivativeError, f"`{where}`", "captured", "params"):
        lagrad.differentiate(problem)
    assert not lagrad.diagnose(problem).ok


def without_numbers(text: str) -> str:
    """The same without what differs from run to run."""
    return re.sub(r"-?\d+\.\d+", "...", text)


CALLS = [0]


def counting(x):
    """Larger each time it is traced."""
    CALLS[0] += 1
    return x[0] * CALLS[0]


def drawing(x):
    """Another number each time it is evaluated."""
    shape = jax.ShapeDtypeStruct((), jnp.float64)
    return square(x) + jax.pure_callback(random.random, shape)


@pytest.mark.parametrize(
    ("given", "objective", "cause"),
    [
        ("random.random() in the objective", lambda x: x[0] * random.random(), "traced twice"),
        ("np.random in the objective", lambda x: x[0] * np.random.normal(), "traced twice"),
        ("the clock in the objective", lambda x: x[0] * time.perf_counter(), "traced twice"),
        ("a counter in the objective", counting, "traced twice"),
        ("random numbers of a callback", drawing, "evaluated twice"),
    ],
)
def test_20_functions_that_change_from_call_to_call(given, objective, cause, record):
    found = lagrad.diagnose(Problem(objective, [1.0]))
    (finding,) = found.of("changing")
    assert not found.ok and finding.names == ("objective",)
    assert cause in finding.message and "params" in finding.message
    record(given, f"diagnose: {without_numbers(finding.message)}")


def test_20_a_random_constraint_is_named(record):
    rows = {"safe": Equality(jnp.sum), "noisy": Equality(lambda x: x * np.random.normal(size=2))}
    (finding,) = lagrad.diagnose(Problem(square, [1.0, 2.0], rows)).of("changing")
    assert finding.names == ("noisy[0]", "noisy[1]")
    record("random numbers in a constraint", f"diagnose: {without_numbers(finding.message)}")


def test_20_random_numbers_with_a_key_are_allowed():
    """They are the same each time."""
    problem = Problem(lambda x: square(x - jax.random.normal(jax.random.key(0))), [1.0, 2.0])
    assert lagrad.diagnose(problem).ok and lagrad.solve(problem).success

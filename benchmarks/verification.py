"""Does verification accuse the innocent or miss the guilty? Fits, likelihoods, suite, CUTEst, in a table.

python -m benchmarks.verification
python -m benchmarks.verification --kinds fit,likelihood --count 20

Every problem is set up and solved, then looked at where it starts, where it ends, and at a random point,
with derivatives that are right and with each of twenty errors. A false alarm is a word about what is right:
at set-up, after the solve, or from `Derivatives.verify`. An error counts where it can be told from rounding:
by more than 1e-7 of the entry, a thousand times what moving x by a few units in its last place does, and
the last place of the largest entry in its row or column. What is missed in a value is held against 80 bits,
in which NumPy goes through the traced equations: an error counts where it is a thousand times what float64
is off by at that point or near it. The cheap look at set-up, by differences in a few
directions, leaves some errors to `Derivatives.verify`, which looks at every entry: they have columns.
"""

from __future__ import annotations

import argparse
import importlib
import signal
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import jax
import numpy as np

import lagrad
from benchmarks import command_line, tables
from benchmarks.extended import extended_values
from benchmarks.measure import machine
from benchmarks.seeded_errors import KINDS, seeded
from benchmarks.verification_cases import cases
from lagrad.derivatives.verification.exact import examine
from lagrad.derivatives.verification.products import UNDERFLOW
from lagrad.derivatives.verify import look

# Seconds of the processor that one problem may take: a busy machine does not change what is in the table.
LONGEST = 60
# Compiled functions are dropped so often, for memory's sake.
BATCH = 20
# What stands for a problem while it is looked at, and stays if the process ends; it is tried once more.
ENDED, ENDED_TWICE = "ended the process", "ended the process twice"
# Of few random moves all may by chance move two numbers that cancel by the same.
VISIBLE, ABOVE_ROUNDING, SHAKES = 1e-7, 1e3, 8
EPSILON = float(np.finfo(float).eps)


class TooLong(Exception):
    """A problem took more than `LONGEST` seconds of the processor."""


def measure(name: str, kind: str, make: Callable[[], lagrad.Problem | None]) -> list[dict]:
    """Rows of one problem, one a point; none if there is no such problem here."""
    problem = make()
    if problem is None:
        return []
    base = {"kind": kind, "problem": name, "n": problem.n, "m": problem.m}
    begin = time.perf_counter()
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        try:
            right = lagrad.differentiate(problem)
        except lagrad.DerivativeError as error:
            return [
                base
                | {"point": "set-up", "false alarms": int("differ" in str(error)), "says": str(error)[:200]}
            ]
        solution = solved(right)
    said = [str(each.message) for each in heard if "differ" in str(each.message)]
    rows = [base | {"point": "set-up and solve", "false alarms": len(said), "says": " ".join(said)[:200]}]
    for point, x, multipliers in points(right, solution):
        rows.append(base | {"point": point} | measure_point(right, x, multipliers))
    rows[0]["seconds"] = time.perf_counter() - begin
    return rows


def solved(right: lagrad.Derivatives) -> lagrad.Solution | None:
    """Where a solve ends; None where it cannot start, for JAX has no finite derivative there."""
    try:
        return lagrad.solve(right, max_iterations=200, time_limit=10.0)
    except lagrad.DerivativeError as error:
        if "at the start" not in str(error):
            raise
        return None


def points(
    right: lagrad.Derivatives, solution: lagrad.Solution | None
) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Where a problem is looked at, with what multipliers."""
    problem, random = right.problem, np.random.default_rng(11)
    start, weights = problem.start, random.uniform(-2.0, 2.0, problem.m)
    yield "start", start, weights
    if solution is not None:
        flat = [np.ravel(part) for part in jax.tree.leaves(dict(solution.multipliers))]
        yield "optimum", problem.variables.flatten(solution.x), np.concatenate([np.zeros(0), *flat])
    step = 0.1 * (1.0 + np.abs(start)) * random.normal(size=problem.n)
    yield "random", np.clip(start + step, problem.lower, problem.upper), weights


def measure_point(right: lagrad.Derivatives, x: np.ndarray, multipliers: np.ndarray) -> dict:
    """False alarms, and what becomes of each kind of error."""
    if not all(np.isfinite(part(right, x, multipliers)).all() for part in NUMBERS.values()):
        return {"says": "not finite there"}
    alarms = [str(doubt) for doubt in examine(right, x, multipliers)]
    alarms += map(str, look(right, x, multipliers, thorough=True))
    row: dict = {"false alarms": len(alarms), "says": " ".join(alarms)[:200]}
    for kind in KINDS:
        wrong = seeded(right, kind, x)
        if not is_visible(part_of(kind)[0], right, wrong, x, multipliers):
            row[kind] = "hidden"
            continue
        # Compiled for the right ones already.
        wrong.__dict__["reference"] = right.reference
        caught = bool(examine(wrong, x, multipliers, part_of(kind)))
        if not caught and is_rounding(part_of(kind)[0], right, wrong, x):
            row[kind] = "hidden"
            continue
        row[kind] = "caught" if caught else "missed"
        row[f"at set-up: {kind}"] = "caught" if look(wrong, x, multipliers, thorough=True) else "missed"
    return row


def part_of(kind: str) -> tuple[str]:
    """The one thing that an error spoils."""
    what = KINDS[kind][0]
    return ("values" if what in ("objective", "constraints") else what,)


NUMBERS: dict[str, Callable] = {
    "values": lambda derivatives, x, multipliers: np.concatenate(
        [[(all_ := derivatives.values(x))[0]], all_[1]]
    ),
    "gradient": lambda derivatives, x, multipliers: derivatives.gradient(x),
    "jacobian": lambda derivatives, x, multipliers: derivatives.jacobian(x).toarray(),
    "hessian": lambda derivatives, x, multipliers: derivatives.hessian(x, multipliers).toarray(),
}


def is_visible(part: str, right: lagrad.Derivatives, wrong: lagrad.Derivatives, x, multipliers) -> bool:
    """Whether an error changes any number by more than rounding could, in x or in between."""
    here, other = (NUMBERS[part](each, x, multipliers) for each in (right, wrong))
    random = np.random.default_rng(12)
    shaken = [
        NUMBERS[part](right, at, multipliers * (1.0 + 1e-15 * random.uniform(-1, 1, multipliers.size)))
        for at in nearby(x)
    ]
    change, spread = np.abs(other - here), np.max([np.abs(each - here) for each in shaken], axis=0)
    allowed = np.maximum(VISIBLE * np.abs(here), ABOVE_ROUNDING * spread) + UNDERFLOW
    return bool((~(change <= np.maximum(allowed, EPSILON * neighbors(here)))).any())


def nearby(x: np.ndarray) -> list[np.ndarray]:
    """Points that are a few units in the last place away."""
    random = np.random.default_rng(12)
    return [x + 1e-15 * random.uniform(-1, 1, x.size) * np.maximum(1.0, np.abs(x)) for _ in range(SHAKES)]


def is_rounding(part: str, right: lagrad.Derivatives, wrong: lagrad.Derivatives, x) -> bool:
    """Whether an error of f or c is less than a thousand times what float64 is off by, at x or near it."""
    if part != "values":
        return False
    none = np.zeros(0)
    off = [np.abs(NUMBERS[part](right, at, none) - extended_values(right, at)) for at in (x, *nearby(x))]
    change = np.abs(NUMBERS[part](wrong, x, none) - NUMBERS[part](right, x, none))
    return bool((change <= ABOVE_ROUNDING * np.max(off, axis=0)).all())


def neighbors(matrix: np.ndarray) -> np.ndarray:
    """Of each entry, the largest one of its row or of its column, the smaller of both; 0 in a vector.

    Beside them an entry of 1e-17 is itself rounding: cos(pi / 2), for instance.
    """
    if matrix.ndim == 1 or not matrix.size:
        return np.zeros_like(matrix)
    size = np.abs(matrix)
    return np.minimum(size.max(axis=1, keepdims=True), size.max(axis=0, keepdims=True))


def alarmed(number: int, frame) -> None:
    """Ends a problem that takes too long."""
    raise TooLong


def safely(kind: str, name: str, make: Callable) -> list[dict]:
    """`measure`, its failures as rows."""
    signal.signal(signal.SIGPROF, alarmed)
    signal.setitimer(signal.ITIMER_PROF, LONGEST)
    try:
        return measure(name, kind, make)
    except TooLong:
        return [{"kind": kind, "problem": name, "point": f"more than {LONGEST} s"}]
    except Exception as error:
        return [
            {
                "kind": kind,
                "problem": name,
                "point": "failed",
                "says": f"{type(error).__name__}: {error}"[:200],
            }
        ]
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def summary(rows: Sequence[dict]) -> str:
    """Both tables: false alarms by kind of problem, misses by kind of error."""
    kinds = list(dict.fromkeys(row["kind"] for row in rows))
    body = []
    for kind in kinds:
        mine = [row for row in rows if row["kind"] == kind]
        looked = {row["problem"] for row in mine if "false alarms" in row}
        asked = sum("false alarms" in row for row in mine)
        alarms = int(sum(row.get("false alarms", 0) for row in mine))
        rest = Counter(
            row["point"] for row in mine if "false alarms" not in row and row["point"] not in POINTS
        )
        body.append([kind, len(looked), asked, alarms, ", ".join(f"{v} {k}" for k, v in rest.items()) or "-"])
    body.append(["all", *(sum(row[i] for row in body) for i in (1, 2, 3)), ""])
    alarms = tables.markdown(("problems", "number", "looks", "false alarms", "without a look"), body)
    body = []
    for kind in KINDS:
        found = Counter(row[kind] for row in rows if kind in row)
        quick = Counter(row[f"at set-up: {kind}"] for row in rows if f"at set-up: {kind}" in row)
        body.append(
            [kind, found["caught"], found["missed"], found["hidden"], quick["caught"], quick["missed"]]
        )
    body.append(["all", *(sum(row[i] for row in body) for i in range(1, 6))])
    header = (
        *("error", "caught by verify()", "missed by verify()", "below rounding"),
        *("seen by the cheap look at set-up", "left by it to verify()"),
    )
    return f"{alarms}\n{tables.markdown(header, body)}\n{left_out(rows)}"


def left_out(rows: Sequence[dict]) -> str:
    """Names of the problems that were not looked at, by the reason."""
    looked = {(row["kind"], row["problem"]) for row in rows if "false alarms" in row}
    reasons: dict[str, list[str]] = {}
    for row in rows:
        if (row["kind"], row["problem"]) not in looked and row["point"] != "too large":
            reasons.setdefault(str(row["point"]), []).append(str(row["problem"]))
    return "\n".join(f"Not looked at, {reason}: {', '.join(names)}." for reason, names in reasons.items())


POINTS = ("start", "optimum", "random")


def main(arguments: Sequence[str] | None = None) -> Path:
    """Command line; returns the path of the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--kinds", type=command_line.listed, help="fit, likelihood, scaled rows, suite, cutest"
    )
    parser.add_argument("--count", type=int, help="so many problems, drawn by chance")
    parser.add_argument("--resume", action="store_true", help="go on with the rows that are in `output`")
    parser.add_argument("--output", type=Path, default=tables.RESULTS)
    options = parser.parse_args(arguments)
    chosen = [case for case in cases() if not options.kinds or case[0] in options.kinds]
    if not options.kinds or "cutest" in options.kinds:
        # Half a minute to import, even where none of it is asked for.
        chosen += importlib.import_module("benchmarks.verification_cutest").cases()
    note, file = f"{__doc__}\nMachine: {machine()}.", options.output / "verification.csv"
    rows = tables.read_csv(file) if options.resume and file.exists() else []
    ended = {(row["kind"], row["problem"]) for row in rows if row["point"] == ENDED}
    rows = [row for row in rows if row["point"] != ENDED]
    known = {(row["kind"], row["problem"]) for row in rows}
    for index in np.random.default_rng(0).permutation(len(chosen))[: options.count]:
        kind, name, make = chosen[index]
        if (kind, name) in known:
            continue
        mark = ENDED_TWICE if (kind, name) in ended else ENDED
        write([*rows, {"kind": kind, "problem": name, "point": mark}], note, options.output)
        found = safely(kind, name, make)
        rows += found or [{"kind": kind, "problem": name, "point": "too large"}]
        print(kind, name, *filter(None, map(troubles, found)), flush=True)
        if len(rows) % BATCH == 0:
            jax.clear_caches()
    path = write(rows, note, options.output)
    print(path.read_text())
    return path


def troubles(row: dict) -> str:
    """False alarms, misses and failures of a row, in words; empty if there are none."""
    missed = [kind for kind in KINDS if row.get(kind) == "missed"]
    is_bad = row.get("false alarms", 0) or missed or row["point"] == "failed"
    return f"{row['point']}: {row.get('false alarms')} {missed} {row.get('says', '')}" if is_bad else ""


def write(rows: Sequence[dict], note: str, folder: Path) -> Path:
    """Both files."""
    title = "False alarms and misses of verification"
    return tables.write("verification", title, note, rows, summary(rows), folder)


if __name__ == "__main__":
    main()

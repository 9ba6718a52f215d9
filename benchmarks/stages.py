"""How soon is a model ready that repeats one large stage, and how fast is it then?

    python -m benchmarks.stages                  Runge-Kutta models of 5 to 30 states, and networks
    python -m benchmarks.stages --quick          the smallest one

Each model is timed in a process of its own, lagrad and CasADi taking turns.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import casadi
import jax.numpy as jnp
import numpy as np

import lagrad
from benchmarks import apart, tables
from benchmarks.measure import machine, median_ms
from benchmarks.stage_models import MODELS, Staged

CONTENDERS = ("casadi", "lagrad")
FIGURES = ("ready s", "J us", "H us")
NOTE = (
    "Multiple shooting by classical Runge-Kutta steps under vmap, and tanh networks. **ready**: seconds from "
    "declaration until everything is compiled and evaluated once, after a first small problem. **J**, **H**: "
    "microseconds for the values, at points that change. CasADi: one stage as an SX Function, mapped, of MX "
    "where it reads a table (`interpolant`, linear; here `jnp.interp`); J and H by its own derivatives. "
    "Medians over processes. **agreement**: largest relative difference of J and H."
)


@dataclass(frozen=True)
class Question:
    """A table of models.

    Args:
        stem: of the files, and of the module that asks.
        title: of the table.
        note: what stands above it.
        models: by name, the smallest first.
    """

    stem: str
    title: str
    note: str
    models: Mapping[str, Callable[[], Staged]]


# Seconds; x -> J values; (x, v) -> H values; (x, v) -> both as sparse matrices; number of rows.
Ready = tuple[float, Callable, Callable, Callable, int]


def with_lagrad(model: Staged) -> Ready:
    """Declare, differentiate and evaluate by lagrad."""
    lagrad.differentiate(lagrad.Problem(lambda x: jnp.sum(x**4), np.ones(3)))
    begin = time.perf_counter()
    problem = lagrad.Problem(lambda z: jnp.sum(z**2), model.start, lagrad.Equality(model.rows))
    found = lagrad.differentiate(problem)
    ones = np.ones(found.m)
    for function in (found.objective, found.gradient, found.constraints, found.jacobian_values):
        function(model.start)
    found.hessian_values(model.start, ones)
    seconds = time.perf_counter() - begin
    return (
        seconds,
        found.jacobian_values,
        found.hessian_values,
        lambda x, v: (found.jacobian(x), found.hessian(x, v)),
        found.m,
    )


def with_casadi(model: Staged) -> Ready:
    """The same by CasADi."""
    begin = time.perf_counter()
    z = casadi.MX.sym("z", model.start.size)
    f, c = casadi.sumsqr(z), model.rows_in_casadi(z)
    v = casadi.MX.sym("v", c.shape[0])
    functions = [casadi.Function("f", [z], [f]), casadi.Function("g", [z], [casadi.gradient(f, z)])]
    functions += [casadi.Function("c", [z], [c]), casadi.Function("J", [z], [casadi.jacobian(c, z)])]
    hessian = casadi.Function("H", [z, v], [casadi.hessian(f + casadi.dot(v, c), z)[0]])
    for function in functions:
        function(model.start)
    hessian(model.start, np.ones(c.shape[0]))
    seconds = time.perf_counter() - begin
    jacobian = functions[-1]
    matrices = lambda x, v: (jacobian(x).sparse(), hessian(x, v).sparse())  # noqa: E731
    return seconds, jacobian, hessian, matrices, c.shape[0]


def measured(model: Staged, contender: str, folder: Path) -> dict:
    """One model by one contender in this process; J and H at one point are left in the folder."""
    seconds, jacobian, hessian, matrices, rows = (with_casadi if contender == "casadi" else with_lagrad)(
        model
    )
    random = np.random.default_rng(0)
    points = [
        (model.start + 0.01 * random.normal(size=model.start.size), random.normal(size=rows))
        for _ in range(8)
    ]
    j, h = matrices(*points[0])
    np.savez(folder / f"{contender}.npz", j=j.toarray(), h=h.toarray())
    return {
        "n": model.start.size,
        "ready s": seconds,
        "J us": 1e3 * median_ms(jacobian, [(x,) for x, _ in points], 0.5),
        "H us": 1e3 * median_ms(hessian, points, 0.5),
    }


def in_process(question: Question, name: str, contender: str, folder: Path) -> dict:
    """The same in a process of its own."""
    command = [sys.executable, "-m", f"benchmarks.{question.stem}", "--one", name, contender, str(folder)]
    paths = apart.environment()
    done = subprocess.run(command, cwd=apart.ROOT, env=paths, capture_output=True, text=True, timeout=600)
    if done.returncode:
        return {"failure": (done.stderr.strip().splitlines() or ["no message"])[-1][:200]}
    return json.loads((folder / f"{contender}.json").read_text())


def apart_by(folder: Path, contender: str) -> float:
    """Largest relative difference of J and H from CasADi's."""
    ours, peer = np.load(folder / f"{contender}.npz"), np.load(folder / "casadi.npz")
    return max(float(abs(ours[key] - peer[key]).max() / abs(peer[key]).max()) for key in ("j", "h"))


def row(question: Question, name: str, repeats: int, folder: Path) -> dict:
    """Medians of one model, contenders taking turns."""
    runs: dict[str, list[dict]] = {contender: [] for contender in CONTENDERS}
    for _ in range(repeats):
        for contender in CONTENDERS:
            runs[contender].append(in_process(question, name, contender, folder))
    found: dict = {"model": name}
    for contender, each in runs.items():
        failed = [one["failure"] for one in each if "failure" in one]
        if failed:
            found[f"{contender} failure"] = failed[0]
            continue
        found["n"] = each[0]["n"]
        found |= {
            f"{figure}, {contender}": statistics.median(one[figure] for one in each) for figure in FIGURES
        }
        if contender != "casadi":
            found[f"agreement, {contender}"] = apart_by(folder, contender)
    return found


def ask(question: Question, arguments: Sequence[str] | None = None) -> Path | None:
    """Command line; returns the path of the table."""
    parser = argparse.ArgumentParser(description=question.title)
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    parser.add_argument("--models", help="part of a model's name")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="the smallest model, once")
    parser.add_argument("--output", type=Path, default=tables.RESULTS)
    options = parser.parse_args(arguments)
    if options.one:
        name, contender, folder = options.one
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", lagrad.LagradWarning)
            one = measured(question.models[name](), contender, Path(folder))
        (Path(folder) / f"{contender}.json").write_text(json.dumps(one))
        return None
    about, rows = machine(), []
    names = [name for name in question.models if (options.models or "") in name]
    for name in names[: 1 if options.quick else None]:
        with tempfile.TemporaryDirectory() as folder:
            rows.append(row(question, name, 1 if options.quick else options.repeats, Path(folder)))
        print(", ".join(f"{key} {tables.cell(value)}" for key, value in rows[-1].items()), flush=True)
    columns = list(dict.fromkeys(key for each in rows for key in each))
    table = tables.markdown(columns, [[each.get(key) for key in columns] for each in rows])
    stem = f"{question.stem}_quick" if options.quick else question.stem
    note = f"{question.note}\n\nMachine: {about}."
    return tables.write(stem, question.title, note, rows, table, options.output)


QUESTION = Question("stages", "Models of large equal stages", NOTE, MODELS)


def main(arguments: Sequence[str] | None = None) -> Path | None:
    """Command line; returns the path of the table."""
    return ask(QUESTION, arguments)


if __name__ == "__main__":
    print(main())

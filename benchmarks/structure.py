"""Tell whether lagrad finds the sparsity that a person sees, idiom by idiom.

python -m benchmarks.structure --size 60
python -m benchmarks.structure --size 1000 --only diag --no-truth --stem structure_1000
python -m benchmarks.structure --resume

Before: the same idioms at an earlier commit, by this file in a checkout of it; kept in structure_before.csv.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

import lagrad
from benchmarks import tables
from benchmarks.idioms import IDIOMS
from benchmarks.measure import machine, median_ms

jax.config.update("jax_enable_x64", True)

NOTE = (
    "Constraints of `size` rows or stages, written as matrices and loops; the objective is a sum of squares. "
    "Entries of the Jacobian and of the Lagrangian's Hessian: found, and those of dense JAX at twelve random "
    "points, but for rounding. Seconds of processor time: the pattern alone, and `differentiate` as a whole. "
    "Missing must be 0. Before: at commit 17bcb0a, each idiom with a limit of 60 s of processor time, 9 GB."
)
# Of differences, where JAX refuses second derivatives.
STEP = 1e-5
# At so many no branch of 60 stays untaken.
POINTS = 12
COLUMNS = {
    "idiom": "idiom",
    "n": "n",
    "jacobian_before": "J before",
    "jacobian": "J found",
    "jacobian_true": "J true",
    "hessian_before": "H before",
    "hessian": "H found",
    "hessian_true": "H true",
    "missing": "missing",
    "pattern_s": "pattern s",
    "setup_s_before": "set-up s before",
    "setup_s": "set-up s",
    "jacobian_ms_before": "J ms before",
    "jacobian_ms": "J ms",
    "hessian_ms_before": "H ms before",
    "hessian_ms": "H ms",
    "failure_before": "failure before",
    "failure": "failure",
}
BEFORE = tables.RESULTS / "structure_before.csv"


def squares(x):
    """The objective."""
    return jnp.sum(x**2)


def truth(constraints, points: Sequence[np.ndarray], weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where dense derivatives are other than zero at some point."""
    function = lambda x: squares(x) + weights @ constraints(x)  # noqa: E731
    jacobian = jax.jit(jax.jacrev(constraints))
    return nonzero(np.asarray([jacobian(x) for x in points])), bent(function, points)


def bent(function, points: Sequence[np.ndarray]) -> np.ndarray:
    """Where the Hessian is other than zero: by the first nesting that JAX allows, else by differences."""
    for outer in (jax.jacfwd, jax.jacrev):
        hessian = jax.jit(outer(jax.jacrev(function)))
        try:
            return nonzero(np.asarray([hessian(x) for x in points]))
        except (TypeError, ValueError):  # no such mode
            continue
    slope = jax.jit(jax.grad(function))
    return nonzero(np.asarray([differences(slope, x) for x in points]), 100 * STEP**2)


def differences(slope, x: np.ndarray) -> np.ndarray:
    """Jacobian of a gradient by central differences."""
    moves = STEP * np.eye(x.size)
    return np.stack([np.asarray(slope(x + move) - slope(x - move)) / (2 * STEP) for move in moves], axis=1)


def nonzero(values: np.ndarray, rounding: float = 1e-13) -> np.ndarray:
    """Entries that are more than rounding errors at some point."""
    return np.any(np.abs(values) > rounding * np.abs(values).max(initial=0.0), axis=0)


def measure(name: str, size: int, with_truth: bool) -> dict:
    """One row."""
    constraints, n = IDIOMS[name](size)
    rng = np.random.default_rng(0)
    points = [rng.normal(size=n) for _ in range(POINTS)]
    row: dict = {"idiom": name, "n": n}
    begin = time.process_time()
    found = lagrad.jacobian_sparsity(constraints, points[0])
    row["pattern_s"] = time.process_time() - begin
    begin = time.process_time()
    problem = lagrad.Problem(squares, points[0], constraints=lagrad.Equality(constraints))
    derivatives = lagrad.differentiate(problem)
    row["setup_s"] = time.process_time() - begin
    weights = rng.normal(size=derivatives.m)
    jacobian, hessian = derivatives.jacobian(points[0]), derivatives.hessian(points[0], weights)
    row |= {"jacobian": found.nnz, "hessian": hessian.nnz}
    row["jacobian_ms"] = median_ms(derivatives.jacobian, [(x,) for x in points], 0.2)
    row["hessian_ms"] = median_ms(lambda x: derivatives.hessian(x, weights), [(x,) for x in points], 0.2)
    if with_truth:
        first, second = truth(constraints, points, weights)
        missing = (
            (first & ~found.toarray()).sum()
            + (first & ~marks(jacobian)).sum()
            + (second & ~marks(hessian)).sum()
        )
        row |= {"jacobian_true": first.sum(), "hessian_true": second.sum(), "missing": missing}
    return row


def marks(matrix) -> np.ndarray:
    """Stored entries of a sparse matrix, whatever their values."""
    found = matrix.copy()
    found.data = np.ones_like(found.data)
    return found.toarray() != 0


def main(arguments: Sequence[str] | None = None) -> Path:
    """Command line; returns the path of the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", type=int, default=60)
    parser.add_argument("--only", default="", help="idioms whose name contains this")
    parser.add_argument("--no-truth", action="store_true", help="leave dense derivatives out")
    parser.add_argument("--resume", action="store_true", help="keep the rows that are in the file")
    parser.add_argument("--output", type=Path, default=tables.RESULTS)
    parser.add_argument("--stem", default="structure")
    options = parser.parse_args(arguments)
    kept = options.output / f"{options.stem}.csv"
    done = tables.read_csv(kept) if options.resume and kept.exists() else []
    rows = [{key: whole(value) for key, value in row.items()} for row in done]
    path = written(rows, options)
    for name in IDIOMS:
        if options.only not in name or any(row["idiom"] == name for row in rows):
            continue
        try:
            rows.append(measure(name, options.size, not options.no_truth))
        except Exception as error:  # a failure is a row
            rows.append({"idiom": name, "failure": f"{type(error).__name__}: {error}"[:100]})
        path = written(rows, options)
    print(path.read_text())
    return path


def written(rows: Sequence[dict], options: argparse.Namespace) -> Path:
    """The table as far as it goes."""
    before = {row["idiom"]: row for row in tables.read_csv(BEFORE)} if options.size == 60 else {}
    shown = [
        row | {f"{key}_before": value for key, value in before.get(row["idiom"], {}).items()} for row in rows
    ]
    body = [[whole(row.get(key)) for key in COLUMNS] for row in shown]
    note = f"{NOTE} Size {options.size}.\n\nMachine: {machine()}."
    table = tables.markdown(list(COLUMNS.values()), body)
    return tables.write(options.stem, "Structure", note, rows, table, options.output)


def whole(value):
    """Counts without a point, as they come back from a file."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


if __name__ == "__main__":
    main()

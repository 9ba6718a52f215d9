"""Run one detector on one case in this process, and print seconds and entries as JSON.

Run by `benchmarks.detection`: `python -m benchmarks.detection_worker DETECTOR FOLDER`.
"""

from __future__ import annotations

import argparse
import importlib
import pickle
import time
from collections.abc import Callable
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.cases import Case
from benchmarks.declarations import in_jax
from benchmarks.measure import peak_megabytes
from benchmarks.worker import report

jax.config.update("jax_enable_x64", True)


def clocked(call: Callable):
    """Value of a call and its seconds."""
    begin = time.perf_counter()
    value = call()
    return value, time.perf_counter() - begin


def fastest(call: Callable, patience: float = 10.0):
    """Value and least seconds of seven calls, or of as many as fit into `patience` seconds."""
    value, seconds = clocked(call)
    more = min(6, int(patience / seconds))
    return value, min([seconds, *(clocked(call)[1] for _ in range(more))])


def lagrangian(case: Case) -> Callable:
    """f + multipliers' c with random multipliers, which no detector can fold away."""
    objective, constraints = in_jax.declare(case)
    multipliers = np.random.default_rng(0).standard_normal(case.m)
    return lambda x: objective(x) + jnp.vdot(multipliers, constraints(x))


def run(detector: str, folder: Path) -> None:
    """Both patterns; `row.json` is written after each."""
    path = folder / "row.json"
    case = pickle.loads((folder / "case.pickle").read_bytes())
    # Both packages spell it alike: jacobian_sparsity(f, x) and hessian_sparsity(f, x), results with .nnz.
    package = importlib.import_module(detector)
    _, constraints = in_jax.declare(case)
    small = np.ones(3)
    package.jacobian_sparsity(lambda x: jnp.sin(x), small)
    package.hessian_sparsity(lambda x: jnp.sum(jnp.sin(x)), small)
    row = {"n": case.n, "m": case.m, "stage": "Jacobian"}
    report(row, path)
    pattern, row["jacobian_s"] = fastest(lambda: package.jacobian_sparsity(constraints, case.start))
    row |= {"jacobian_nnz": int(pattern.nnz), "stage": "Hessian"}
    report(row, path)
    function = lagrangian(case)
    pattern, row["hessian_s"] = fastest(lambda: package.hessian_sparsity(function, case.start))
    row |= {"hessian_nnz": int(pattern.nnz), "stage": "done", "peak_mb": peak_megabytes()}
    report(row, path)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("detector", choices=("lagrad", "asdex"))
    parser.add_argument("folder", type=Path)
    options = parser.parse_args()
    run(options.detector, options.folder)


if __name__ == "__main__":
    main()

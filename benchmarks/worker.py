"""Run one case by one contender in this process, and write its timings and matrices.

Run by `benchmarks.apart`, which writes the case: `python -m benchmarks.worker CONTENDER FOLDER [--solve]`.
"""

from __future__ import annotations

import argparse
import gc
import json
import pickle
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np

from benchmarks import contenders
from benchmarks.cases import Case, points_near_start
from benchmarks.measure import median_ms, peak_megabytes


def ready(contender, case: Case, shows_derivatives: bool = True):
    """Declare, differentiate, compile and evaluate everything once.

    Returns:
        (model, seconds).
    """
    multipliers = np.ones(case.m)
    begin = time.perf_counter()
    model = contender.build(case)
    if not shows_derivatives:
        return model, time.perf_counter() - begin
    for function in (model.objective, model.gradient, model.constraints, model.jacobian):
        function(case.start)
    model.hessian(case.start, multipliers)
    return model, time.perf_counter() - begin


def matrices(case: Case, model) -> dict[str, np.ndarray]:
    """Triplets of J, and of two parts of H, at the start and at a random point: what others must agree with.

    The Hessian's multipliers are functions of the Jacobian's rows: equal rows get equal multipliers
    whatever a contender's order of the rows.
    """
    recorded: dict[str, np.ndarray] = {}
    direction = np.random.default_rng(7).standard_normal(case.n)
    recorded["reorders_rows"] = np.array(getattr(model, "reorders_rows", False))
    recorded["jacobian_rows"], recorded["jacobian_cols"] = model.jacobian_structure
    recorded["hessian_rows"], recorded["hessian_cols"] = model.hessian_structure
    for name, x in zip(("start", "random"), points_near_start(case, 2), strict=True):
        values = np.array(model.jacobian(x))
        moments = np.bincount(
            recorded["jacobian_rows"], values * direction[recorded["jacobian_cols"]], case.m
        )
        recorded[f"objective_{name}"] = np.array(model.objective(x))
        recorded[f"gradient_{name}"] = np.array(model.gradient(x))
        recorded[f"jacobian_{name}"] = values
        recorded[f"moments_{name}"] = moments
        recorded[f"hessian_{name}"] = np.array(model.hessian(x, np.sin(moments), 0.7))
    return recorded


def timings(case: Case, model, budget: float) -> dict[str, float]:
    """Medians of the gradient, the Jacobian's and the Hessian's values, milliseconds."""
    points = points_near_start(case, 4)[1:]
    random = np.random.default_rng(3)
    multipliers = [random.standard_normal(case.m) for _ in points]
    return {
        "gradient_ms": median_ms(model.gradient, [(x,) for x in points], budget / 2),
        "jacobian_ms": median_ms(model.jacobian, [(x,) for x in points], budget),
        "hessian_ms": median_ms(model.hessian, list(zip(points, multipliers, strict=True)), budget),
    }


def derivatives(case: Case, model, budget: float) -> dict:
    """What a row says of the derivatives: entries, stages of set-up, milliseconds."""
    row = {
        "jacobian_nnz": len(model.jacobian_structure[0]),
        "hessian_nnz": len(model.hessian_structure[0]),
    }
    row |= {f"setup_{key}_s": value for key, value in getattr(model, "timings", {}).items()}
    return row | timings(case, model, budget)


def report(row: dict, path: Path) -> None:
    """Write what is known so far: a later stage may be killed, the earlier ones count."""
    path.write_text(json.dumps(row))


def run(contender_name: str, folder: Path, solve: bool, budget: float) -> None:
    """All stages of one case and contender; every stage rewrites `row.json`."""
    path = folder / "row.json"
    contender = contenders.load(contender_name)
    case = pickle.loads((folder / "case.pickle").read_bytes())
    row: dict = {"n": case.n, "m": case.m}
    refusal = contender.refuses(case)
    if refusal is not None:
        report(row | {"failure": refusal, "stage": "refused"}, path)
        return
    tiny = pickle.loads((folder / "tiny.pickle").read_bytes())
    for each in (tiny, case):
        contender.warm_up(each)
    shows_derivatives = contender_name not in contenders.SOLVES_ONLY
    ready(contender, tiny, shows_derivatives)
    row["before_mb"] = peak_megabytes()
    # The objects of the imports are looked through once in a process, about 0.1 s whenever it falls due.
    gc.collect()
    report(row | {"stage": "set-up"}, path)
    model, row["ready_s"] = ready(contender, case, shows_derivatives)
    row["ready_mb"] = peak_megabytes()
    report(row | {"stage": "values"}, path)
    if shows_derivatives:
        row |= derivatives(case, model, budget)
        np.savez(folder / "matrices.npz", allow_pickle=False, **matrices(case, model))
    row["peak_mb"] = peak_megabytes()
    report(row | {"stage": "solve" if solve else "done"}, path)
    if solve:
        row |= {f"solve_{key}": value for key, value in asdict(model.solve()).items()}
        row["peak_mb"] = peak_megabytes()
        report(row | {"stage": "done"}, path)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("contender")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--solve", action="store_true")
    parser.add_argument("--budget", type=float, default=1.0, help="seconds per timed function")
    options = parser.parse_args()
    run(options.contender, options.folder, options.solve, options.budget)


if __name__ == "__main__":
    main()

"""Measure what a batch of small solves costs, beside IPOPT one by one, and whether its answers are right.

python -m benchmarks.batched mpc        cart and pole kept upright, random states as params: milliseconds a
                                        problem, and IPOPT's
python -m benchmarks.batched ways       the same and other problems by every way of `solve_many`, by count
python -m benchmarks.batched horizon    a sweep of eight problems with more and more stages, staged, and dense
                                        up to 50 stages
python -m benchmarks.batched optima     Hock-Schittkowski problems: the optimum that IPOPT reaches, or a
                                        truthful status
python -m benchmarks.batched trouble    one bad problem in a thousand: what the batch pays for it
python -m benchmarks.batched gradients  a thousand slopes of solutions, beside differences of IPOPT's
python -m benchmarks.batched devices    a batch over eight virtual devices
python -m benchmarks.batched export     what is lowered for CUDA

On a machine with a GPU the same commands run there: `JAX_PLATFORMS=cuda python -m benchmarks.batched mpc
--counts 1,100,10000,100000`.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import jax
import numpy as np

import lagrad
from benchmarks import batched_answers as answers
from benchmarks import tables
from benchmarks.batched_cases import TOLERANCE, clock, dense, fastest, mpc, side_by_side, states, targets
from benchmarks.measure import machine
from lagrad.sweep.batch import queues

# Problems that IPOPT solves to tell its mean time.
SAMPLE = 64
# Sweeps that are clocked at most as the horizon grows, and stages up to which dense algebra is bearable.
SWEEPS, DENSE = 60, 50
NOTE = "`python -m benchmarks.batched {question}`, on {machine}."
TITLES = {
    "mpc": "Cart and pole, 20 stages: a batch beside IPOPT one by one",
    "ways": "Many solves: one by one, in threads, in processes, as a batch",
    "horizon": "A batch of eight as the horizon grows",
    "optima": "Hock and Schittkowski's problems by the batched solver",
    "trouble": "One bad problem in a thousand",
    "gradients": "A thousand gradients of solutions",
    "devices": "A batch over eight virtual devices",
    "export": "What is lowered for a CPU and for CUDA",
}


def measure_mpc(counts: Sequence[int], stages: int = 20) -> list[dict]:
    """A row a batch size; IPOPT's mean over a sample of the same states in each."""
    problem = mpc(stages)
    derivatives, sample = lagrad.differentiate(problem), states(max(counts))[:SAMPLE]
    lagrad.solve(derivatives)
    begin = time.perf_counter()
    singles = [lagrad.solve(derivatives, params=state, tol=TOLERANCE) for state in sample]
    single = (time.perf_counter() - begin) / len(sample)
    solver, rows = jax.jit(lagrad.batched(problem, tol=TOLERANCE).flat_many), []
    for count in counts:
        shares = np.split(states(count), queues(count))
        first, _ = clock(lambda share=shares[0]: solver(share))
        begin = time.process_time()
        seconds, found = fastest(lambda shares=shares: side_by_side(solver, shares))
        of_processors = (time.process_time() - begin) / 2
        found = jax.tree.map(lambda *parts: np.concatenate(parts), *found)
        forces = jax.vmap(problem.variables.unflatten)(found.x)["force"][: len(sample)]
        gaps = [np.abs(one.x["force"] - own).max() for one, own in zip(singles, forces, strict=False)]
        row = {"problem": problem.name, "batch": count, "queues": len(shares), "first call s": first}
        row |= {"problem ms": 1e3 * seconds / count, "CPU ms": 1e3 * of_processors / count}
        row |= {"IPOPT ms": 1e3 * single, "ratio": single * count / seconds}
        row |= {"optimal": float(np.mean(np.asarray(found.status) == 1))}
        row |= {"sweeps": float(np.mean(found.iterations)), "alike": float(np.mean(np.array(gaps) < 1e-3))}
        rows.append(answers.show(row))
    return rows


def measure_ways(counts: Sequence[int], names: Sequence[str]) -> list[dict]:
    """A row a problem and count: seconds of each way, compilation included; milliseconds once compiled."""
    rows, most = [], max(counts)
    cases = [(dense(n), targets(n, most)) for n in (5, 40)] + [(mpc(20), states(most))]
    for problem, series in cases:
        if names and problem.name not in names:
            continue
        derivatives = lagrad.differentiate(problem)
        in_turn = each(partial(many, derivatives, method="ipopt"))(series[:SAMPLE])
        with ThreadPoolExecutor(2) as pool:
            in_threads = each(partial(many, derivatives, method="ipopt", executor=pool))(series[:SAMPLE])
        in_processes = each(partial(many, problem, method="ipopt", executor=2))(series[: 4 * SAMPLE])
        for count in counts:
            batch = partial(many, problem, series[:count], method="batched")
            first, _ = clock(batch)
            again, found = clock(batch)
            row = {"problem": problem.name, "count": count, "IPOPT s": in_turn * count}
            row |= {"two threads s": in_threads * count, "two processes s": in_processes * count}
            row |= {"batched s, first": first, "batched s, again": again, "again ms": 1e3 * again / count}
            row |= {"success": float(np.mean([solution.success for solution in found]))}
            rows.append(answers.show(row))
    return rows


def many(problem: Any, params: Any, **options: Any) -> list[lagrad.Solution]:
    """`solve_many` at the tolerance of this benchmark."""
    return lagrad.solve_many(problem, params, tol=TOLERANCE, **options)


def each(call: Callable) -> Callable:
    """Seconds of a call on a series, per entry."""
    return lambda series: clock(lambda: call(series))[0] / len(series)


def measure_horizon(lengths: Sequence[int]) -> list[dict]:
    """Seconds of a sweep of eight problems, staged, and dense while that is bearable."""
    rows = []
    for stages in lengths:
        for algebra in ("staged", "dense") if stages <= DENSE else ("staged",):
            solver = lagrad.batched(mpc(stages), tol=TOLERANCE, max_iterations=SWEEPS, algebra=algebra)
            solve = partial(jax.jit(jax.vmap(solver)), states(8))
            first, _ = clock(solve)
            seconds, found = fastest(solve)
            sweep = seconds / int(np.max(found.iterations))
            row = {"stages": stages, "algebra": algebra, "first call s": first, "solve ms": 1e3 * seconds}
            row |= {"sweeps": int(np.max(found.iterations)), "optimal": int(np.sum(found.status == 1))}
            rows.append(answers.show(row | {"sweep ms": 1e3 * sweep, "per stage us": 1e6 * sweep / stages}))
    return rows


def numbers(text: str) -> list[int]:
    """Whole numbers between commas."""
    return [int(part) for part in text.split(",")]


def main(arguments: Sequence[str] | None = None) -> Path:
    """Command line; returns the path of the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("question", choices=TITLES)
    parser.add_argument("--counts", type=numbers)
    parser.add_argument("--stages", type=numbers, default=[20, 50, 100, 500, 1000, 2000])
    parser.add_argument("--problems", type=lambda text: text.split(","), default=[])
    parser.add_argument("--output", type=Path, default=tables.RESULTS)
    options = parser.parse_args(arguments)
    jax.config.update("jax_enable_x64", True)
    questions = {
        "mpc": lambda: measure_mpc(options.counts or [1, 64, 1024, 4096]),
        "ways": lambda: measure_ways(options.counts or [1024, 4096], options.problems),
        "horizon": lambda: measure_horizon(options.stages),
        "optima": lambda: answers.measure_optima(options.problems),
        "trouble": answers.measure_trouble,
        "gradients": answers.measure_gradients,
        "devices": answers.measure_devices,
        "export": answers.measure_export,
    }
    where, question = str(machine()), options.question
    rows = [row | {"machine": where} for row in questions[question]()]
    header = [column for column in tables.columns_of(rows) if column != "machine"]
    table = tables.markdown(header, [[row.get(column) for column in header] for row in rows])
    note = NOTE.format(question=question, machine=where)
    if question == "horizon":
        note += f" At most {SWEEPS} sweeps are clocked; dense algebra is left out above {DENSE} stages."
    if question == "optima":
        note += f" {sum(row['agrees'] for row in rows)} of {len(rows)} agree to {TOLERANCE:g}."
    return tables.write(f"batched_{question}", TITLES[question], note, rows, table, options.output)


if __name__ == "__main__":
    main()

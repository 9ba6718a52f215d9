"""Measure what a batch of small solves costs, beside IPOPT one by one.

python -m benchmarks.batched mpc --counts 1,64,1024,4096
python -m benchmarks.batched horizon --stages 20,100,500,2000
python -m benchmarks.batched optima
python -m benchmarks.batched trouble

On a machine with a GPU the same commands run there: `JAX_PLATFORMS=cuda python -m benchmarks.batched mpc
--counts 1,100,10000,100000`.

mpc       cart and pole kept upright, random states as params: milliseconds a problem, and IPOPT's
horizon   the same with more stages: seconds a sweep, staged and dense
optima    Hock-Schittkowski problems: the optimum that IPOPT reaches, or a truthful status
trouble   one bad problem in a thousand: what the batch pays for it
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

import lagrad
import lagrad_problems
from benchmarks import tables
from benchmarks.measure import machine
from lagrad.batched.statuses import status_of
from lagrad_problems.cart_pole import rates

UPRIGHT = np.array([0.0, np.pi, 0.0, 0.0])
STEP, FORCE = 0.05, 15.0
TOLERANCE = 1e-6
# Problems that IPOPT solves to tell its mean time.
SAMPLE = 64


def mpc(stages: int = 20) -> lagrad.Problem:
    """Bring cart and pole upright: explicit midpoint steps, bounded force, the first state as params."""

    def cost(x, p):
        error = x["state"] - UPRIGHT
        running = jnp.sum(error**2 @ jnp.array([1.0, 2.0, 0.1, 0.1])) + 0.01 * jnp.sum(x["force"] ** 2)
        return STEP * running + jnp.sum(error[-1] ** 2)

    def defects(x, p):
        state, force = x["state"], x["force"]
        middle = state[:-1] + 0.5 * STEP * rates(state[:-1], force)
        return state[1:] - state[:-1] - STEP * rates(middle, force)

    limits = {"state": np.full((stages + 1, 4), np.inf), "force": np.full(stages, FORCE)}
    return lagrad.Problem(
        cost,
        {"state": np.tile(UPRIGHT, (stages + 1, 1)), "force": np.zeros(stages)},
        {"dynamics": lagrad.Equality(defects), "first": lagrad.Equality(lambda x, p: x["state"][0] - p)},
        bounds=(jax.tree.map(np.negative, limits), limits),
        params=UPRIGHT + np.array([0.0, 0.3, 0.0, 0.0]),
        name=f"mpc({stages})",
    )


def states(count: int) -> np.ndarray:
    """First states around upright, at random."""
    spread = np.random.default_rng(0).uniform(-1.0, 1.0, (count, 4))
    return UPRIGHT + spread * np.array([1.0, 0.8, 1.0, 1.5])


def clock(call: Callable) -> tuple[float, object]:
    """Seconds of a call whose arrays are waited for, and what it gave."""
    begin = time.perf_counter()
    found = jax.block_until_ready(call())
    return time.perf_counter() - begin, found


def measure_mpc(counts: Sequence[int], stages: int = 20) -> list[dict]:
    """A row a batch size; IPOPT's mean over a sample of the same states in each."""
    problem = mpc(stages)
    derivatives, sample = lagrad.differentiate(problem), states(max(counts))[:SAMPLE]
    lagrad.solve(derivatives)
    begin = time.perf_counter()
    singles = [lagrad.solve(derivatives, params=state, tol=TOLERANCE) for state in sample]
    single = (time.perf_counter() - begin) / len(sample)
    solver, rows = jax.jit(lagrad.batched(problem, tol=TOLERANCE).many), []
    for count in counts:
        params = states(count)
        first, _ = clock(lambda params=params: solver(params))
        seconds, found = min(
            (clock(lambda params=params: solver(params)) for _ in range(2)), key=lambda t: t[0]
        )
        forces = np.asarray(found.x["force"])[: len(sample)]
        gaps = [np.abs(one.x["force"] - own).max() for one, own in zip(singles, forces, strict=False)]
        rows.append(
            {
                "problem": problem.name,
                "batch": count,
                "first call s": first,
                "problem ms": 1e3 * seconds / count,
                "IPOPT ms": 1e3 * single,
                "ratio": single * count / seconds,
                "optimal": float(np.mean(np.asarray(found.status) == 1)),
                "sweeps": float(np.mean(found.iterations)),
                "alike": float(np.mean(np.array(gaps) < 1e-3)),
            }
        )
        print(rows[-1], flush=True)
    return rows


def measure_horizon(lengths: Sequence[int]) -> list[dict]:
    """Seconds a sweep of eight problems, staged, and dense while that is bearable."""
    rows = []
    for stages in lengths:
        for algebra in ("staged", "dense") if stages <= 100 else ("staged",):
            solver = jax.jit(jax.vmap(lagrad.batched(mpc(stages), tol=TOLERANCE, algebra=algebra)))
            params = states(8)
            clock(lambda solver=solver, params=params: solver(params))
            seconds, found = clock(lambda solver=solver, params=params: solver(params))
            sweep = seconds / int(np.max(found.iterations))
            row = {"stages": stages, "algebra": algebra, "sweep ms": 1e3 * sweep}
            rows.append(row | {"per stage us": 1e6 * sweep / stages})
            print(rows[-1], flush=True)
    return rows


def measure_optima(names: Sequence[str]) -> list[dict]:
    """A row a problem: both objectives, and whether they agree."""
    rows = []
    for name in names:
        problem = lagrad_problems.get(name).problem
        found, ipopt = jax.jit(lagrad.batched(problem))(), lagrad.solve(problem)
        objective = float(problem.flat_objective(problem.variables.flatten(found.x), problem.params))
        gap = abs(objective - ipopt.objective) / max(1.0, abs(ipopt.objective))
        row = {"problem": name, "status": str(status_of(found.status)), "objective": objective}
        row |= {"sweeps": int(found.iterations), "IPOPT": float(ipopt.objective), "gap": gap}
        rows.append(row | {"agrees": gap <= TOLERANCE})
        print(rows[-1], flush=True)
    return rows


def measure_trouble(count: int = 1000) -> list[dict]:
    """A batch without and with one bad problem, for each kind of bad."""
    circle = lagrad.Equality(lambda x, p: x[0] ** 2 - p[0])
    problem = lagrad.Problem(
        lambda x, p: p[1] * x[1] + p[2] * x[1] ** 2, np.ones(2), circle, params=np.array([1.0, 0.0, 1.0])
    )
    good = np.tile([4.0, 2.0, 1.0], (count, 1)) + np.random.default_rng(1).uniform(0, 1, (count, 3))
    kinds = {"none": good[0], "infeasible": [-1, 2, 1], "unbounded": [4, 1, 0], "nan": [np.nan, 0, 1]}
    solver, rows = jax.jit(lagrad.batched(problem).many), []
    for kind, bad in kinds.items():
        params = good.copy()
        params[count // 2] = bad
        clock(lambda params=params: solver(params))
        seconds, found = clock(lambda params=params: solver(params))
        status = str(status_of(found.status[count // 2]))
        others = float(np.mean(np.delete(np.asarray(found.status), count // 2) == 1))
        rows.append({"bad": kind, "its status": status, "others optimal": others, "batch ms": 1e3 * seconds})
        print(rows[-1], flush=True)
    return rows


def numbers(text: str) -> list[int]:
    """Whole numbers between commas."""
    return [int(part) for part in text.split(",")]


def main(arguments: Sequence[str] | None = None) -> Path:
    """Command line; returns the path of the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("question", choices=["mpc", "horizon", "optima", "trouble"])
    parser.add_argument("--counts", type=numbers, default=[1, 64, 1024, 4096])
    parser.add_argument("--stages", type=numbers, default=[20, 100, 500, 2000])
    parser.add_argument("--problems", type=lambda text: text.split(","))
    parser.add_argument("--output", type=Path, default=tables.RESULTS)
    options = parser.parse_args(arguments)
    jax.config.update("jax_enable_x64", True)
    questions = {
        "mpc": lambda: measure_mpc(options.counts),
        "horizon": lambda: measure_horizon(options.stages),
        "optima": lambda: measure_optima(
            options.problems or [name for name in lagrad_problems.names() if name.startswith("hs")]
        ),
        "trouble": measure_trouble,
    }
    rows = questions[options.question]()
    path = options.output / f"batched_{options.question}.csv"
    tables.write_csv([row | {"machine": str(machine())} for row in rows], path)
    return path


if __name__ == "__main__":
    main()

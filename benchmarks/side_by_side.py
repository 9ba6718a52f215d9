"""Run many solves in one thread, in two and in two processes, and say what keeps threads from twice the pace.

Three things can: Python's lock, held while arguments are read and the outcome is judged; the linear solver's
lock, since Ipopt lets one thread at a time into MUMPS; and the machine, whose two processors may share caches
and memory. The first is the share of a solve outside Ipopt, the second the share of the linear solver inside
it, the third is what two processes gain, which share no lock.
"""

from __future__ import annotations

import re
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np

import lagrad

Make = Callable[[], lagrad.Problem]
# One thread and two take turns so often, and the best counts: in some threads SPRAL is six times slower as
# long as they live.
ROUNDS = 4
# Lines of Ipopt's timing statistics: factorizations and solves, not counted apart for MUMPS, and everything.
LINEAR, ALL = "StdAugSystemSolverMultiSolve", "OverallAlgorithm"
LOG = {"file_print_level": 5, "print_timing_statistics": "yes", "file_append": "yes"}


def rows(make: Make, many: int, linear_solver: str) -> list[tuple[str, float, str]]:
    """What is found for a problem and a linear solver: question, answer, unit.

    Args:
        make: declares the problem, which has one number as params; found by its name in a new process.
        many: solves.
        linear_solver: IPOPT's option.
    """
    options = {"linear_solver": linear_solver}
    ready = lagrad.differentiate(make())
    name = f"{linear_solver}, n = {ready.n}"
    solve_all(ready, options, 1, 3)
    rounds = [[solve_all(ready, options, count, many) for count in (1, 2)] for _ in range(ROUNDS)]
    one, two = map(min, zip(*rounds, strict=True))
    alone, together = (in_processes(make, options, count, many) for count in (1, 2))
    return [
        (f"{name}: outside Ipopt", 100 * outside(ready, options, min(many, 50)), "%"),
        (f"{name}: of Ipopt's time, linear systems", 100 * linear_share(ready, options, min(many, 50)), "%"),
        (f"{name}: two threads are faster by", one / two, "times"),
        (f"{name}: two processes are faster by", alone / together, "times"),
    ]


def params(many: int) -> list[np.float64]:
    """Different ones for each solve."""
    return [np.float64(each) for each in np.linspace(0.8, 1.2, many)]


def solve_all(ready: lagrad.Derivatives, options: dict, count: int, many: int) -> float:
    """Seconds of many solves in some threads."""
    began = time.perf_counter()
    with ThreadPoolExecutor(count) as pool:
        list(pool.map(lambda p: lagrad.solve(ready, "ipopt", params=p, options=options), params(many)))
    return time.perf_counter() - began


def in_processes(make: Make, options: dict, count: int, many: int) -> float:
    """Seconds of many solves in some processes, each with functions of its own, compiled before."""
    with get_context("spawn").Manager() as manager, ProcessPoolExecutor(count, get_context("spawn")) as pool:
        work = partial(share_of_solves, make, options, many // count, manager.Barrier(count))
        spans = list(pool.map(work, range(count)))
    return max(end for _, end in spans) - min(began for began, _ in spans)


def share_of_solves(make: Make, options: dict, many: int, gate, number: int) -> tuple[float, float]:
    """When the solves of one process began and ended, by the clock that all processes read."""
    ready = lagrad.differentiate(make())
    solve_all(ready, options, 1, 3)
    gate.wait()
    began = time.perf_counter()
    solve_all(ready, options, 1, many)
    return began, time.perf_counter()


def outside(ready: lagrad.Derivatives, options: dict, many: int) -> float:
    """Part of the time of solves that is spent outside Ipopt, where Python's lock is held."""
    found = [lagrad.solve(ready, "ipopt", params=p, options=options).timings for p in params(many)]
    inside = sum(each["solver"] + each["callbacks"] for each in found)
    return 1.0 - inside / sum(each["total"] for each in found)


def linear_share(ready: lagrad.Derivatives, options: dict, many: int) -> float:
    """Part of Ipopt's processor time that it counts for linear systems, in milliseconds of each solve."""
    with tempfile.TemporaryDirectory() as folder:
        log = LOG | {"output_file": str(Path(folder, "log.txt"))}
        for each in params(many):
            lagrad.solve(ready, "ipopt", params=each, options=options | log)
        text = Path(folder, "log.txt").read_text()
    linear, whole = (sum(map(float, spent)) for spent in (seconds(text, LINEAR), seconds(text, ALL)))
    return linear / whole


def seconds(text: str, name: str) -> list[str]:
    """Seconds of processor time in all lines of a name: in the program, in the system."""
    found = re.findall(rf"\b{name}\.*: *([\d.]+) \(sys: *([\d.]+)", text)
    return [each for pair in found for each in pair]

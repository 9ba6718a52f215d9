"""Measure what lagrad's Python costs in each iteration of IPOPT, on Hock-Schittkowski 71.

    python -m benchmarks.overhead

The same problem, start, options and iterations by these routes: callbacks of machine code that Ipopt calls,
and nothing else; callbacks written by hand in NumPy; raw callbacks that do nothing but call lagrad's compiled
functions, once a point; `lagrad.to_cyipopt`; and `lagrad.solve`, which counts, times and guards every
evaluation, keeps the best point and the history. Solves are stopped after two and after all iterations: the
difference is the cost of an iteration, the rest that of a solve (building the problem, and for lagrad.solve
the certificate).
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

import lagrad
from benchmarks import tables
from benchmarks.measure import machine
from lagrad.solvers.ipopt import interface
from lagrad.solvers.ipopt.compiled import CompiledCallbacks
from lagrad.solvers.ipopt.handle import Handle, Sizes
from lagrad.solvers.ipopt.library import find
from lagrad.solvers.ipopt.mumps import UNSCALED
from lagrad.solvers.ipopt.options import ALWAYS, DEFAULTS
from lagrad.solvers.ipopt.python_calls import as_indices

TARGET = 5.0
FEW = 2
OPTIONS = {
    **DEFAULTS,
    **UNSCALED,
    "tol": 1e-8,
    "constr_viol_tol": 1e-6,
    "compl_inf_tol": 1e-6,
    **ALWAYS,
}
COLUMNS = ("route", "an iteration, us", "above machine code, us", "a solve beside its iterations, us")
MACHINE_CODE = "machine code"
NOTE = (
    "Processor time in a warm process, median of {repeats} solves of Hock-Schittkowski 71 ({iterations} "
    "iterations by each route), the routes by turns. Wanted: lagrad.solve at most {target:g} us an iteration "
    "above callbacks of machine code without history, best point and limits."
)


def hs71() -> lagrad.Problem:
    """The problem, objective and rows in JAX."""
    rows = {
        "product": lagrad.Inequality(lambda x: x.prod(), 25.0),
        "sphere": lagrad.Equality(lambda x: x @ x, 40.0),
    }
    return lagrad.Problem(
        lambda x: x[0] * x[3] * (x[0] + x[1] + x[2]) + x[2], [1.0, 5.0, 5.0, 1.0], rows, (1.0, 5.0)
    )


class ByHand:
    """Callbacks in NumPy, derived by hand."""

    def objective(self, x):
        return x[0] * x[3] * (x[0] + x[1] + x[2]) + x[2]

    def constraints(self, x):
        return np.array([x[0] * x[1] * x[2] * x[3], x @ x])

    def gradient(self, x):
        a, b, c, d = x
        return np.array([d * (2 * a + b + c), a * d, a * d + 1.0, a * (a + b + c)])

    def jacobian(self, x):
        a, b, c, d = x
        return np.array([b * c * d, a * c * d, a * b * d, a * b * c, 2 * a, 2 * b, 2 * c, 2 * d])

    def jacobianstructure(self):
        return np.repeat([0, 1], 4), np.tile(np.arange(4), 2)

    def hessian(self, x, multipliers, weight):
        a, b, c, d = x
        p, q = multipliers
        objective = [2 * d, d, 0.0, d, 0.0, 0.0, 2 * a + b + c, a, a, 0.0]
        product = [0.0, c * d, 0.0, b * d, a * d, 0.0, b * c, a * c, a * b, 0.0]
        sphere = [2.0, 0.0, 2.0, 0.0, 0.0, 2.0, 0.0, 0.0, 0.0, 2.0]
        return weight * np.array(objective) + p * np.array(product) + q * np.array(sphere)

    def hessianstructure(self):
        return np.tril_indices(4)


class Raw:
    """Callbacks that call compiled functions once a point, and do nothing else."""

    def __init__(self, derivatives: lagrad.Derivatives):
        self.derivatives, self.place, self.found = derivatives, {}, {}
        self.jacobianstructure = lambda: derivatives.jacobian_structure
        self.hessianstructure = lambda: derivatives.hessian_structure
        self.hessian = derivatives.hessian_values

    def shared(self, function, x):
        place = x.tobytes()
        if self.place.get(function) != place:
            self.place[function], self.found[function] = place, function(x)
        return self.found[function]

    def objective(self, x):
        return self.shared(self.derivatives.values, x)[0]

    def constraints(self, x):
        return self.shared(self.derivatives.values, x)[1]

    def gradient(self, x):
        return self.shared(self.derivatives.first_order, x)[0]

    def jacobian(self, x):
        return self.shared(self.derivatives.first_order, x)[1]


Solve = Callable[..., float]


def through_cyipopt(problem: lagrad.Problem, make: Callable[[], object]) -> Solve:
    """A solve by callbacks of one's own: most iterations in, objective out."""
    import cyipopt

    def solve(limit: int, watch: Callable | None = None) -> float:
        callbacks = make()
        if watch is not None:
            callbacks.intermediate = lambda mode, iteration, *state: watch(iteration)
        sides = {"lb": problem.lower, "ub": problem.upper}
        rows = {"cl": problem.constraint_lower, "cu": problem.constraint_upper}
        nlp = cyipopt.Problem(problem.n, problem.m, problem_obj=callbacks, **sides, **rows)
        for name, value in (OPTIONS | {"max_iter": limit}).items():
            nlp.add_option(name, value)
        return nlp.solve(problem.start)[1]["obj_val"]

    return solve


def through_machine_code(derivatives: lagrad.Derivatives) -> Solve:
    """A solve by machine code alone, which notes nothing of an iteration."""
    ipopt, problem, code = find().functions, derivatives.problem, derivatives.machine_code()
    assert code is not None
    places = as_indices(derivatives.jacobian_structure), as_indices(derivatives.hessian_structure)
    current = interface.address(ipopt.GetIpoptCurrentIterate)
    calls = CompiledCallbacks(code, places, current, lambda: True)
    sizes = Sizes(problem.n, problem.m, *(each.shape[1] for each in places))
    sides = problem.lower, problem.upper, problem.constraint_lower, problem.constraint_upper

    def solve(limit: int, watch: Callable | None = None) -> float:
        note = calls.intermediate if watch is not None else 0
        handle = Handle(ipopt, sizes, sides, (*calls.addresses, note), OPTIONS | {"max_iter": limit})
        calls.begin(handle.address, tells=False, tolerance=1e-8, spent=0.0, left=np.inf, patience=300)
        for side, given in zip(calls.sides, sides, strict=True):
            side[:] = given
        x, multipliers = problem.start.copy(), (np.zeros(problem.m), np.zeros(problem.n), np.zeros(problem.n))
        handle.solve(x, multipliers, calls.user_data)
        handle.close()
        if watch is not None:
            watch(calls.iterations - 1)
        return derivatives.objective(x)

    return solve


def through_lagrad(derivatives: lagrad.Derivatives) -> Solve:
    """A solve by `lagrad.solve`."""

    def solve(limit: int, watch: Callable | None = None) -> float:
        callback = None if watch is None else lambda iterate: not watch(iterate.iteration)
        return lagrad.solve(derivatives, max_iterations=limit, callback=callback).objective

    return solve


def routes() -> dict[str, Solve]:
    """Name of each route -> its solve."""
    problem = hs71()
    derivatives = lagrad.differentiate(problem)
    return {
        MACHINE_CODE: through_machine_code(derivatives),
        "by hand in NumPy": through_cyipopt(problem, ByHand),
        "raw callbacks": through_cyipopt(problem, lambda: Raw(derivatives)),
        "lagrad.to_cyipopt": through_cyipopt(problem, lambda: lagrad.to_cyipopt(derivatives)),
        "lagrad.solve": through_lagrad(derivatives),
    }


def iterations_of(solve: Solve) -> tuple[int, float]:
    """How many iterations a route takes, and where it ends."""
    seen: list[int] = []
    objective = solve(3000, lambda iteration: seen.append(iteration) or True)
    return seen[-1], round(objective, 6)


def microseconds(solve: Solve, limit: int) -> float:
    """Processor time of one solve."""
    began = time.process_time()
    solve(limit)
    return 1e6 * (time.process_time() - began)


def measure(repeats: int) -> tuple[int, list[dict]]:
    """Iterations of the problem, and a row a route."""
    solves = routes()
    [(iterations, _)] = {iterations_of(solve) for solve in solves.values()}
    found: dict[tuple[str, int], list[float]] = {}
    for _ in range(repeats):
        for name, solve in solves.items():
            for limit in (FEW, iterations):
                found.setdefault((name, limit), []).append(microseconds(solve, limit))
    times = {key: statistics.median(values) for key, values in found.items()}
    rates = {name: (times[name, iterations] - times[name, FEW]) / (iterations - FEW) for name in solves}
    rows = [
        (name, rate, rate - rates[MACHINE_CODE], times[name, iterations] - iterations * rate)
        for name, rate in rates.items()
    ]
    return iterations, [dict(zip(COLUMNS, row, strict=True)) for row in rows]


def main(arguments: Sequence[str] | None = None) -> Path:
    """Command line; returns the path of the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="20 solves by each route")
    parser.add_argument("--output", type=Path, default=tables.RESULTS)
    options = parser.parse_args(arguments)
    repeats = 20 if options.quick else 300
    about = machine()
    iterations, rows = measure(repeats)
    note = NOTE.format(repeats=repeats, iterations=iterations, target=TARGET) + f"\n\nMachine: {about}."
    table = tables.markdown(COLUMNS, [[row[key] for key in COLUMNS] for row in rows])
    stem = "overhead_quick" if options.quick else "overhead"
    path = tables.write(stem, "lagrad's Python in an iteration of IPOPT", note, rows, table, options.output)
    print(path.read_text())
    return path


if __name__ == "__main__":
    main()

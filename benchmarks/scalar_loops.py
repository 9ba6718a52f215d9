"""How soon is a model ready that is written one scalar at a time, and how fast is it then?

    python -m benchmarks.scalar_loops              100, 1000 and 10000 terms
    python -m benchmarks.scalar_loops --quick      20 terms

Each model is a Python loop, the same for lagrad and for CasADi's SX. "trace" is spent inside the user's
functions while they are traced, "beyond" what is left of the same ready, a share for each equation of the
trace: two clocks around one run, for the difference of two runs is mostly noise. Once ready, J and H are
timed beside the vectorised form of the model in lagrad. J and H of all three are compared.
"""

from __future__ import annotations

import argparse
import gc
import operator
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

import casadi
import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import Jaxpr, jaxprs_in_params

import lagrad
from benchmarks import measure, tables
from benchmarks.measure import machine, median_ms
from benchmarks.scalar_models import MODELS, Scalar
from lagrad.compile.native.machine import CACHE

COLUMNS = (
    "model",
    "terms",
    "n",
    "equations",
    "trace s",
    "ready s",
    "us an equation beyond",
    "CasADi SX ready s",
    "J ms",
    "J ms, arrays",
    "H ms",
    "H ms, arrays",
    "CasADi SX H ms",
    "agreement",
)
NOTE = (
    "Seconds from declaration to compiled derivatives, one problem at a time in one process, after a first "
    "small one. CasADi: expressions, gradient, Jacobian and Hessian of the Lagrangian as Functions, one call "
    "each. All three seconds are medians of several turns, fewer for large models. Trace is the part of "
    "ready that passes inside the user's functions, called once each while they are traced. "
    "Agreement: largest relative difference of J and H between the loop, the arrays and CasADi."
)
# Number of terms -> how often a model is made ready.
TURNS = {100: 7, 1000: 3, 10_000: 1}


def functions(model: Scalar) -> tuple[Callable, Callable | None]:
    """Objective and rows, in loops, as functions of JAX's arrays."""
    rows = None if model.rows is None else lambda x: jnp.stack(model.rows(x, jnp))
    return lambda x: model.objective(x, jnp), rows


def problem(start: np.ndarray, objective: Callable, rows: Callable | None) -> lagrad.Problem:
    """A model as lagrad takes it."""
    return lagrad.Problem(objective, start, None if rows is None else lagrad.Equality(rows))


def ready(model: Scalar) -> tuple[float, float, lagrad.Derivatives]:
    """Seconds until lagrad is ready, those of the first call of each function, and the derivatives.

    Nothing is compiled already.
    """
    CACHE.found.clear()
    measure.INSIDE.clear()
    objective, rows = functions(model)
    begin = time.perf_counter()
    found = lagrad.differentiate(problem(model.start, timed(objective), rows and timed(rows)))
    return time.perf_counter() - begin, sum(measure.INSIDE.values()), found


def timed(function: Callable) -> Callable:
    """The same function; what its first call takes is noted."""

    def call(x):
        begin = time.perf_counter()
        value = function(x)
        measure.INSIDE.setdefault(function, time.perf_counter() - begin)
        return value

    return call


def traced_equations(model: Scalar) -> int:
    """How many equations JAX's trace of both functions has."""
    with jax.enable_x64(True):
        return sum(equations(jax.make_jaxpr(each)(model.start).jaxpr) for each in functions(model) if each)


def equations(jaxpr: Jaxpr) -> int:
    """How many there are, those of inner programs in place of the equation that holds them."""
    inner = (list(jaxprs_in_params(equation.params)) for equation in jaxpr.eqns)
    return sum(sum(map(equations, programs)) or 1 for programs in inner)


def in_casadi(model: Scalar) -> tuple[float, Callable, Callable]:
    """Seconds until CasADi is ready, and (x, v) -> J, H as sparse functions."""
    begin = time.perf_counter()
    x = casadi.SX.sym("x", model.start.size)
    f = model.objective(x, casadi)
    c = casadi.vertcat(*model.rows(x, casadi)) if model.rows else casadi.SX(0, 1)
    v = casadi.SX.sym("v", c.shape[0])
    slope = casadi.Function("g", [x], [casadi.gradient(f, x)])
    jacobian = casadi.Function("J", [x], [casadi.jacobian(c, x)])
    hessian = casadi.Function("H", [x, v], [casadi.hessian(f + casadi.dot(v, c), x)[0]])
    ones = np.ones(c.shape[0])
    slope(model.start), jacobian(model.start), hessian(model.start, ones)
    return time.perf_counter() - begin, jacobian, hessian


def at(x: np.ndarray, v: np.ndarray, derivatives: lagrad.Derivatives):
    """Jacobian and Hessian of lagrad's at a point."""
    return derivatives.jacobian(x), derivatives.hessian(x, v)


def apart(found, expected) -> float:
    """Largest difference of two sparse matrices, relative to the largest entry."""
    difference, size = abs(found - expected), abs(expected)
    return float(difference.max()) / max(float(size.max()), 1.0) if min(difference.shape) else 0.0


def row(name: str, terms: int) -> dict:
    """One model of one size."""
    model, turns = MODELS[name](terms), []
    for _ in range(next(count for most, count in TURNS.items() if terms <= most)):
        turns.append((*ready(model), *in_casadi(model)))
        gc.collect()
    until_ready, trace, _, until_casadi, _, _ = zip(*turns, strict=True)
    _, _, loop, _, jacobian, hessian = turns[-1]
    arrays = lagrad.differentiate(problem(model.start, *model.arrays))
    count = traced_equations(model)
    random = np.random.default_rng(0)
    points = [(model.start + 0.01 * random.normal(size=loop.n), random.normal(size=loop.m)) for _ in range(8)]
    x, v = points[0]
    ours, twin = at(x, v, loop), at(x, v, arrays)
    peer = jacobian(x).sparse() if loop.m else ours[0], hessian(x, v).sparse()
    agreement = max(apart(a, b) for other in (twin, peer) for a, b in zip(ours, other, strict=True))
    only_x = [(x,) for x, _ in points]
    return {
        "model": name,
        "terms": terms,
        "n": loop.n,
        "equations": count,
        "trace s": median(trace),
        "ready s": median(until_ready),
        "us an equation beyond": 1e6 * median(map(operator.sub, until_ready, trace)) / count,
        "CasADi SX ready s": median(until_casadi),
        "J ms": median_ms(loop.jacobian_values, only_x) if loop.m else None,
        "J ms, arrays": median_ms(arrays.jacobian_values, only_x) if loop.m else None,
        "H ms": median_ms(loop.hessian_values, points),
        "H ms, arrays": median_ms(arrays.hessian_values, points),
        "CasADi SX H ms": median_ms(hessian, points),
        "agreement": agreement,
    }


def main(arguments: Sequence[str] | None = None) -> Path:
    """Command line; returns the path of the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="few terms")
    parser.add_argument("--output", type=Path, default=tables.RESULTS)
    options = parser.parse_args(arguments)
    about = machine()
    lagrad.differentiate(lagrad.Problem(lambda x: jnp.sum(x**4), np.ones(3)))
    rows = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", lagrad.LagradWarning)
        for name in MODELS:
            for terms in (20,) if options.quick else (100, 1000, 10000):
                rows.append(row(name, terms))
                print(", ".join(f"{key} {tables.cell(value)}" for key, value in rows[-1].items()), flush=True)
    table = tables.markdown(COLUMNS, [[each.get(key) for key in COLUMNS] for each in rows])
    stem = "scalar_loops_quick" if options.quick else "scalar_loops"
    return tables.write(
        stem,
        "Models written one scalar at a time",
        f"{NOTE}\n\nMachine: {about}.",
        rows,
        table,
        options.output,
    )


if __name__ == "__main__":
    print(main())

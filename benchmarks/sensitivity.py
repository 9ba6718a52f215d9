"""Measure what a derivative of the solution costs, beside factoring the KKT matrix.

python -m benchmarks.sensitivity --quick
python -m benchmarks.sensitivity

Two problems with params, both with n + m of about 1e5: a chain (banded, factors cost next to nothing) and the
control of a nonlinear heat equation on a square (two dimensions, factors fill in). At a solution that is
known, `derivative` is one product with dx/dp in reverse mode, gradient of a scalar included: Hessian,
Jacobian, assembly, factors, solve and products with the params' derivatives. `again` is another direction at
the same point. `factor` is SciPy's splu of the same matrix, to which the ratio refers.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import numpy as np
import scipy.sparse.linalg

import lagrad
from benchmarks.nested_measure import publish
from lagrad.sensitivity.kkt import assemble, equilibrate

TARGET = 3.0


def chain(size: int) -> lagrad.Problem:
    """Follow a target p with steps that a nonlinear rule limits: n = size / 2, m = n - 1, bounds active."""
    n = size // 2

    def rule(x, p):
        return x[1:] - x[:-1] + 0.1 * x[:-1] ** 3 - 0.05 * jnp.sin(x[1:] * p[1:])

    def follow(x, p):
        return jnp.sum((x - p) ** 2)

    target = 1.0 + 0.5 * np.sin(np.linspace(0, 40, n))
    rows = lagrad.Inequality(rule, -0.02, 0.02)
    return lagrad.Problem(follow, 0.5 * np.ones(n), rows, (0.0, 1.2), params=target, name="chain")


def heat(size: int) -> lagrad.Problem:
    """Heat a square towards p by sources of bounded strength: n = 2 N^2, m = N^2 with 3 N^2 = size."""
    side = int(np.sqrt(size / 3))

    def equation(z, p):
        y = jnp.pad(z["y"], 1)
        laplace = y[2:, 1:-1] + y[:-2, 1:-1] + y[1:-1, 2:] + y[1:-1, :-2] - 4 * z["y"]
        return laplace - z["y"] ** 3 / side**2 + z["u"]

    def cost(z, p):
        return jnp.sum((z["y"] - p) ** 2) + 1e-3 * side**4 * jnp.sum(z["u"] ** 2)

    start = {"u": np.zeros((side, side)), "y": np.zeros((side, side))}
    target = np.sin(np.linspace(0, 3, side))[:, None] * np.ones(side)
    bounds = ({"u": 0.0, "y": None}, {"u": 10.0 / side**2, "y": None})
    return lagrad.Problem(cost, start, lagrad.Equality(equation), bounds, params=target, name="heat")


PROBLEMS = {"chain": chain, "heat": heat}


def seconds(call: Callable, times: int = 5) -> float:
    """Median time of a call."""
    found = []
    for _ in range(times):
        began = time.perf_counter()
        jax.block_until_ready(call())
        found.append(time.perf_counter() - began)
    return statistics.median(found)


def row(name: str, size: int) -> dict:
    """Figures of one problem."""
    problem = PROBLEMS[name](size)
    position = lagrad.solution_map(problem, tol=1e-9, kinks="inactive")
    params = jnp.asarray(problem.params)
    weights = jnp.asarray(np.random.default_rng(0).standard_normal(problem.n))

    def scalar(p, weights):
        return weights @ jnp.concatenate([leaf.ravel() for leaf in jax.tree.leaves(position(p))])

    gradient = jax.grad(scalar)
    began = time.perf_counter()
    gradient(params, weights)
    first = time.perf_counter() - began

    def fresh():
        position.host.factored.forget()
        return gradient(params, weights)

    [kkt] = position.host.factored.kept.values()
    _, matrix = equilibrate(assemble(kkt.hessian, kkt.jacobian, kkt.free, kkt.rows))
    factor = seconds(lambda: scipy.sparse.linalg.splu(matrix))
    derivative, again = seconds(fresh), seconds(lambda: gradient(params, 2 * weights))
    return {
        "problem": name,
        "n": problem.n,
        "m": problem.m,
        "active": kkt.rows.size + problem.n - kkt.free.size,
        "factor_ms": factor * 1e3,
        "derivative_ms": derivative * 1e3,
        "again_ms": again * 1e3,
        "ratio": derivative / factor,
        "first_with_solve_s": first,
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="n + m of 3000 only")
    parser.add_argument("--problems", default=",".join(PROBLEMS), help="default %(default)s")
    chosen = parser.parse_args(arguments)
    size = 3000 if chosen.quick else 100_000
    jax.config.update("jax_enable_x64", True)
    rows = [row(name, size) for name in chosen.problems.split(",")]
    worst = max(figures["ratio"] for figures in rows)
    publish("sensitivity", rows, f"worst ratio {worst:.2f}, wanted at most {TARGET:g}")


if __name__ == "__main__":
    main()

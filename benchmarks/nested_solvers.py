"""Derivatives of solution maps and of loops: nested.implicit against unrolling, forward_mode over its inputs.

python benchmarks/nested_solvers.py            implicit rule, unrolled Newton, unrolled fixed point
python benchmarks/nested_solvers.py islands    a Newton loop in reverse by forward sweeps, over n
python benchmarks/nested_solvers.py memory     long recurrences: plain, checkpointed steps, segments
"""

from __future__ import annotations

import sys

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from nested_measure import as_row, measure, publish

from lagrad import nested
from lagrad.pattern import SparsityPattern

NEWTON_STEPS, FIXED_POINT_STEPS = 8, 100


def residual(y, a):
    """A semilinear two-point boundary value problem: y'' = a exp(y) / (n + 1)^2, zero ends."""
    padded = jnp.pad(y, 1)
    return 2 * y - padded[2:] - padded[:-2] + a * jnp.exp(y) / (y.size + 1) ** 2


def newton_step(y, a):
    """One Newton step with a tridiagonal solve."""
    diagonal = 2 + a * jnp.exp(y) / (y.size + 1) ** 2
    side = -jnp.ones_like(y)
    step = lax.linalg.tridiagonal_solve(
        side.at[0].set(0), diagonal, side.at[-1].set(0), residual(y, a)[:, None]
    )
    return y - step[:, 0]


def solved(a):
    def converging(state):
        y, _ = state
        better = newton_step(y, a)
        return better, jnp.max(jnp.abs(better - y))

    return lax.while_loop(lambda state: state[1] > 1e-12, converging, (jnp.zeros_like(a), jnp.ones(())))[0]


def unrolled(a):
    return lax.scan(lambda y, _: (newton_step(y, a), None), jnp.zeros_like(a), None, NEWTON_STEPS)[0]


def sparse_linear_solver(n):
    band = np.abs(np.subtract.outer(np.arange(n), np.arange(n))) <= 1 if n <= 2000 else None
    if band is not None:
        pattern = SparsityPattern.from_dense(band)
    else:
        at = np.arange(n)
        rows, cols = np.concatenate([at, at[1:], at[:-1]]), np.concatenate([at, at[:-1], at[1:]])
        pattern = SparsityPattern.from_triplets(rows, cols, (n, n))
    colors = np.arange(n) % 3 + 1
    return nested.sparse_solver(pattern, colors, colors)


def maps(n):
    found = {
        "unrolled Newton": unrolled,
        "implicit, sparse": nested.implicit(residual, solved, sparse_linear_solver(n)),
    }
    if n <= 300:
        found["implicit, dense"] = nested.implicit(residual, solved, "dense")
    if n <= 100:
        found["implicit, gmres"] = nested.implicit(residual, solved, "gmres")
    return found


def exact(a, v):
    """H v by differentiating 20 unrolled Newton steps: the accuracy that unrolling ends at."""

    def many(a):
        return lax.scan(lambda y, _: (newton_step(y, a), None), jnp.zeros_like(a), None, 20)[0]

    return nested.hvp(lambda a: jnp.sum(many(a) ** 2), a, v)


def solvers():
    rows = []
    for n in (30, 100, 300, 3000):
        a = np.linspace(0.5, 1.5, n)
        runs = {
            name: (lambda a, v, root=root: nested.hvp(lambda a: jnp.sum(root(a) ** 2), a, v))
            for name, root in maps(n).items()
        }
        found, reference = measure(runs, (a, np.cos(a))), exact(a, np.cos(a))
        for name, measured in found.items():
            error = float(np.abs(measured.value - reference).max() / np.abs(reference).max())
            rows.append({"n": n, "contender": name} | as_row(measured) | {"relative_error": error})
    publish("nested_implicit", rows)


def islands():
    def root(a):
        def step(state):
            y, _ = state
            better = (y + a / y) / 2
            return better, jnp.max(jnp.abs(better - y))

        return lax.while_loop(lambda state: state[1] > 1e-13, step, (jnp.ones_like(a), jnp.ones(())))[0]

    rows = []
    for n in (1, 10, 100, 1000):
        a = np.linspace(1, 3, n)
        island = nested.forward_mode(root, wide=10**6)
        runs = {
            "value": root,
            "gradient by sweeps": jax.grad(lambda a, f=island: jnp.sum(f(a) ** 2)),
            "gradient, implicit": jax.grad(
                lambda a: jnp.sum(nested.implicit(lambda y, a: y**2 - a, root, "cg")(a) ** 2)
            ),
            "HVP by sweeps": lambda a, f=island: nested.hvp(lambda a: jnp.sum(f(a) ** 2), a, a),
        }
        found = measure(runs, (a,))
        for name, measured in found.items():
            rows.append(
                {"n": n, "contender": name}
                | as_row(measured)
                | {"values": measured.seconds / found["value"].seconds}
            )
    publish("nested_islands", rows)


def memory():
    def step(q, _):
        return q + 0.01 * jnp.sin(jnp.roll(q, 1) - q), None

    scans = {
        "scan": lambda x, length: lax.scan(step, x, None, length)[0],
        "scan of checkpointed steps": lambda x, length: lax.scan(jax.checkpoint(step), x, None, length)[0],
        "checkpointed_scan": lambda x, length: nested.checkpointed_scan(step, x, length=length)[0],
    }
    rows = []
    for length in (100, 1000, 10_000):
        for mode in ("gradient", "forward-over-reverse", "reverse-over-forward", "reverse-over-reverse"):
            runs = {name: hessian_product(scan, length, mode) for name, scan in scans.items()}
            found = measure(runs, (np.linspace(0, 6, 1000),), budget=0.3)
            for name, measured in found.items():
                rows.append({"steps": length, "derivative": mode, "contender": name} | as_row(measured))
    publish("nested_memory", rows)


def hessian_product(scan, length, mode):
    def energy(x):
        return jnp.sum(scan(x, length) ** 2)

    if mode == "gradient":
        return jax.grad(energy)
    return lambda x: nested.hvp(energy, x, jnp.cos(x), mode)


if __name__ == "__main__":
    jax.config.update("jax_enable_x64", True)
    {"islands": islands, "memory": memory}.get(sys.argv[-1], solvers)()

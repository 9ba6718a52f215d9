"""Look whether batched solves are right: optima, trouble, gradients, devices, exports. Rows out."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jax
import numpy as np

import lagrad
import lagrad_problems
from benchmarks.batched_cases import TOLERANCE, clock, fastest, mpc, states
from lagrad.batched.statuses import status_of

DEVICES = 8
# Step of central differences, and the tolerance of solves whose difference is taken.
DIFFERENCE, TIGHT = 1e-4, 1e-11
SPREAD = """
import jax, numpy as np
jax.config.update("jax_enable_x64", True)
from jax.sharding import Mesh, NamedSharding, PartitionSpec
import lagrad
from benchmarks.batched_cases import mpc, states
solver, params = jax.vmap(lagrad.batched(mpc())), states(64)
rows = NamedSharding(Mesh(np.array(jax.devices()), ("batch",)), PartitionSpec("batch"))
spread = jax.jit(solver, in_shardings=rows, out_shardings=rows)(params)
alone = jax.jit(solver)(params)
parts = [jax.jit(solver)(params[k : k + 8]) for k in range(0, 64, 8)]
parts = jax.tree.map(lambda *each: np.concatenate(each), *parts)
gaps = [
    max(float(abs(a - b).max()) for a, b in zip(*map(jax.tree.leaves, (spread.x, other.x))))
    for other in (parts, alone)
]
largest = max(float(abs(a).max()) for a in jax.tree.leaves(spread.x))
print(len(spread.status.sharding.device_set), *gaps, largest, int((spread.status == 1).sum()))
"""


def measure_optima(names: Sequence[str]) -> list[dict]:
    """A row a problem: both objectives, and whether they agree."""
    names = names or [name for name in lagrad_problems.names() if name.startswith("hs")]
    # Compiling is nearly all of the work, and does not hold Python's lock.
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return [show(row) for row in pool.map(optimum, names)]


def optimum(name: str) -> dict:
    """The row of one problem."""
    problem = lagrad_problems.get(name).problem
    with jax.enable_x64(True):
        found = jax.jit(lagrad.batched(problem))()
    ipopt = lagrad.solve(problem, method="ipopt")
    objective = float(problem.flat_objective(problem.variables.flatten(found.x), problem.params))
    gap = abs(objective - ipopt.objective) / max(1.0, abs(ipopt.objective))
    row = {"problem": name, "status": str(status_of(found.status)), "objective": objective}
    row |= {"sweeps": int(found.iterations), "IPOPT": float(ipopt.objective), "gap": gap}
    return row | {"IPOPT iterations": ipopt.iterations, "agrees": gap <= TOLERANCE}


def measure_trouble(count: int = 1000) -> list[dict]:
    """A batch without and with one bad problem, for each kind of bad; `ratio` is to the batch without."""
    circle = lagrad.Equality(lambda x, p: x[0] ** 2 - p[0])
    problem = lagrad.Problem(
        lambda x, p: p[1] * x[1] + p[2] * x[1] ** 2, np.ones(2), circle, params=np.array([1.0, 0.0, 1.0])
    )
    good = np.tile([4.0, 2.0, 1.0], (count, 1)) + np.random.default_rng(1).uniform(0, 1, (count, 3))
    kinds = {"none": good[0], "infeasible": [-1, 2, 1], "unbounded": [4, 1, 0], "nan": [np.nan, 0, 1]}
    solver, rows, usual, alone = jax.jit(lagrad.batched(problem).many), [], 0.0, None
    for kind, bad in kinds.items():
        params = good.copy()
        params[count // 2] = bad
        clock(lambda params=params: solver(params))
        seconds, found = fastest(lambda params=params: solver(params), 5)
        usual, alone = usual or seconds, found if alone is None else alone
        others = np.arange(count) != count // 2
        row = {"bad": kind, "its status": str(status_of(found.status[count // 2]))}
        row |= {"others optimal": float(np.mean(np.asarray(found.status)[others] == 1))}
        row |= {"others moved": float(np.abs(np.asarray(found.x - alone.x)[others]).max())}
        row |= {"its sweeps": int(found.iterations[count // 2]), "batch ms": 1e3 * seconds}
        rows.append(show(row | {"ratio": seconds / usual}))
    return rows


def measure_gradients(count: int = 1000) -> list[dict]:
    """Slopes of the first force along a direction each of the first state, beside IPOPT's differences."""
    problem, params = mpc(), states(count)
    ways = np.random.default_rng(2).normal(size=params.shape)
    ways /= np.linalg.norm(ways, axis=1, keepdims=True)
    solver = lagrad.batched(problem, tol=1e-10)
    pressing = jax.vmap(lambda p: (solver(p).x["force"][0], solver(p).iterations))
    # The pullback by itself: a difference of two solves would drown its cost in their noise.
    solved = jax.jit(lambda params: jax.vjp(pressing, params, has_aux=True))
    pulled = jax.jit(lambda pullback: pullback(np.ones(count))[0])
    solve, (_, pullback, sweeps) = second(lambda: solved(params))
    gradient, gradients = second(lambda: pulled(pullback))
    slopes = np.sum(np.asarray(gradients) * ways, axis=1)
    derivatives = lagrad.differentiate(problem)
    forces = [
        np.array([first_force(derivatives, one) for one in params + side * DIFFERENCE * ways])
        for side in (-1.0, 1.0)
    ]
    differences = (forces[1] - forces[0]) / (2.0 * DIFFERENCE)
    gaps = np.abs(slopes - differences) / np.maximum(1.0, np.abs(differences))
    row = {"problem": problem.name, "batch": count, "median gap": float(np.median(gaps))}
    row |= {"90 %": float(np.quantile(gaps, 0.9)), "within 1e-4": float(np.mean(gaps < 1e-4))}
    row |= {"solve ms": 1e3 * solve / count, "gradient ms": 1e3 * gradient / count}
    row |= {"sweeps": float(np.mean(sweeps)), "most sweeps": int(np.max(sweeps))}
    return [show(row | {"gradient in sweeps": gradient / solve * row["sweeps"]})]


def second(call: Callable) -> tuple[float, Any]:
    """Seconds of the fastest of some calls after the first, which compiles."""
    clock(call)
    return fastest(call)


def first_force(derivatives: lagrad.Derivatives, state: np.ndarray) -> float:
    """The first force that IPOPT finds; nan where it fails."""
    found = lagrad.solve(derivatives, params=state, tol=TIGHT, method="ipopt")
    return float(found.x["force"][0]) if found.success else np.nan


def measure_devices() -> list[dict]:
    """A batch over eight virtual devices, beside its eight parts on one, and beside all of it on one."""
    flags = {"XLA_FLAGS": f"--xla_force_host_platform_device_count={DEVICES}", "JAX_PLATFORMS": "cpu"}
    command = [sys.executable, "-c", SPREAD]
    told = subprocess.run(command, check=True, capture_output=True, text=True, env={**os.environ, **flags})
    devices, parts, whole, largest, solved = map(float, told.stdout.split())
    row = {"devices": int(devices), "batch": 64, "gap to parts": parts, "gap to whole": whole}
    return [show(row | {"largest value": largest, "optimal": int(solved)})]


def measure_export() -> list[dict]:
    """What the batched solver and its gradient lower to for a CPU and for CUDA, without one at hand."""
    solver, rows = lagrad.batched(mpc()), []
    slope = jax.vmap(jax.grad(lambda p: solver(p).x["force"][0]))
    for name, function in {"many": solver.many, "gradient": slope}.items():
        exported = jax.export.export(jax.jit(function), platforms=("cpu", "cuda"))(
            jax.ShapeDtypeStruct((64, 4), np.float64)
        )
        text = exported.mlir_module()
        row = {"function": name, "platforms": " ".join(exported.platforms), "lines": text.count("\n")}
        rows.append(show(row | {"callbacks": text.count("callback"), "float32": text.count("f32")}))
    return rows


def show(row: dict) -> dict:
    """The row, printed."""
    print(row, flush=True)
    return row

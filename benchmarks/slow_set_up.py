"""How long do programs take to be ready that once took long? Each by each strategy, beside JAX's own.

python -m benchmarks.slow_set_up
python -m benchmarks.slow_set_up --cases cummax,odeint --root ../before

Seconds of the processor, in a process of its own: `lagrad.differentiate` with its checks, by "auto" and by
"colored", and for JAX the compilation of values, gradient, dense Jacobian and Hessian, by the nesting that
the functions allow; diffrax is told to go forward there, its own adjoint allows none. Imports are not
counted. Of "auto", structure: seconds by the clock until the patterns are known. `--root` names another
checkout.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental.ode import odeint

from benchmarks import command_line, tables
from benchmarks.measure import machine

ROOT = Path(__file__).parent.parent
WAYS = ("auto", "colored", "JAX")
SECONDS = 200
# What a process runs: lagrad of the checkout that is measured, then this module.
START = (
    "import runpy, sys; sys.path.insert(0, sys.argv.pop(1)); import lagrad; del sys.path[0]; "
    "runpy.run_module('benchmarks.slow_set_up', run_name='__main__')"
)


def field(state: jax.Array, time: Any, control: jax.Array) -> jax.Array:
    """A pendulum under a torque."""
    return jnp.stack([state[1], control - jnp.sin(state[0])])


def shot(state: jax.Array, control: jax.Array) -> jax.Array:
    """Its state after a while, by SciPy's steps in JAX."""
    return odeint(field, state, jnp.array([0.0, 0.5]), control)[-1]


def stages(x: jax.Array, count: int) -> jax.Array:
    """Gaps between stages of a multiple shooting."""
    rows = x.reshape(count, 3)
    return (jax.vmap(lambda row: shot(row[:2], row[2]))(rows)[:-1] - rows[1:, :2]).ravel()


def by_diffrax(x: jax.Array, **options: Any) -> jax.Array:
    """The same pendulum by diffrax, with its own choice of adjoint."""
    import diffrax

    term = diffrax.ODETerm(lambda t, state, control: field(state, t, control))
    return diffrax.diffeqsolve(term, diffrax.Tsit5(), 0.0, 0.5, 0.05, x[:2], args=x[2], **options).ys[-1]


def forward_by_diffrax(x: jax.Array) -> jax.Array:
    """With the adjoint that lets JAX differentiate twice: by its own choice JAX does so in no nesting."""
    import diffrax

    return by_diffrax(x, adjoint=diffrax.ForwardMode())


def exponentials(x: jax.Array) -> jax.Array:
    """Exponentials of matrices of 3 rows."""
    return jax.vmap(jax.scipy.linalg.expm)(x.reshape(-1, 3, 3)).ravel()


BRANCHES = (jnp.sin, jnp.square, jnp.tanh, jnp.exp, jnp.cos)


def switches(x: jax.Array) -> jax.Array:
    """Each number by a branch of its own."""
    return jax.vmap(lambda a: jax.lax.switch(jnp.floor(5 * a).astype(int), BRANCHES, a))(x)


# Name -> rows, a function of x, and its start.
CASES: dict[str, tuple[Callable, np.ndarray]] = {
    "cummax 12": (lambda x: jax.lax.cummax(jnp.tril(jnp.outer(x, x)).sum(1)), np.linspace(0.2, 1, 12)),
    "cummax 100": (lambda x: jax.lax.cummax(jnp.tril(jnp.outer(x, x)).sum(1)), np.linspace(0.2, 1, 100)),
    "gamma": (lambda x: jax.random.gamma(jax.random.key(1), x), np.ones(3)),
    "poisson": (lambda x: x * jax.random.poisson(jax.random.key(1), 3.0, x.shape), np.ones(3)),
    "odeint": (lambda x: shot(x[:2], x[2]), np.array([0.1, 0.2, 0.3])),
    "odeint 5 stages": (partial(stages, count=5), np.linspace(0.1, 0.5, 15)),
    "odeint 20 stages": (partial(stages, count=20), np.linspace(0.1, 0.5, 60)),
    "expm 10": (exponentials, 0.5 + 0.2 * np.sin(np.arange(90.0))),
    "switch 200": (switches, np.linspace(0.01, 0.99, 200)),
    "diffrax": (by_diffrax, np.array([0.1, 0.2, 0.3])),
}
# What a user of JAX alone has to write instead.
FOR_JAX = {"diffrax": forward_by_diffrax}


def prepare(name: str, way: str) -> dict:
    """Seconds of the processor until one case is ready by one way."""
    import lagrad

    rows, start = CASES[name]
    weights = np.ones(np.shape(jax.eval_shape(rows, start)))
    if way == "JAX":
        rows = FOR_JAX.get(name, rows)
        with jax.enable_x64(True):
            begin = time.process_time()
            forward = compiled_by_jax(rows, weights, start)
            return {"seconds": time.process_time() - begin, "how": forward}
    problem = lagrad.Problem(lambda x: jnp.sum(x**2), start, lagrad.Equality(rows))
    begin = time.process_time()
    found = lagrad.differentiate(problem, strategy=way)
    seconds, blocks = time.process_time() - begin, [block.strategy for block in found.hessian_blocks]
    how = ", ".join(dict.fromkeys(blocks))
    return {"seconds": seconds, "how": how, "structure": found.timings["structure"]}


def compiled_by_jax(rows: Callable, weights: np.ndarray, start: np.ndarray) -> str:
    """Compile dense derivatives by the first nesting that JAX takes; its name."""
    lagrangian = lambda x: weights @ rows(x) + jnp.sum(x**2)  # noqa: E731
    for name, first, second in (
        ("forward over reverse", jax.jacfwd, jax.jacfwd),
        ("reverse over reverse", jax.jacrev, jax.jacrev),
        ("forward over forward", jax.jacfwd, jax.jacfwd),
    ):
        slope = jax.jacfwd(lagrangian) if name == "forward over forward" else jax.grad(lagrangian)
        both = lambda x, first=first, second=second, slope=slope: (  # noqa: E731
            rows(x),
            slope(x),
            first(rows)(x),
            second(slope)(x),
        )
        try:
            jax.jit(both).lower(start).compile()
        except (TypeError, ValueError):
            continue
        return name
    raise RuntimeError("JAX differentiates it in no way")


def measure(name: str, way: str, root: Path) -> dict:
    """One row, from a process of its own."""
    command = [sys.executable, "-c", START, str(root), "--prepare", name, way]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "problems")])}
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode in (-signal.SIGXCPU, -signal.SIGKILL):
        return {"case": name, "way": way, "failed": f"more than {SECONDS} s"}
    lines = done.stdout.strip().splitlines()
    if done.returncode or not lines:
        words = (done.stderr.strip().splitlines() or ["no message"])[-1]
        return {"case": name, "way": way, "failed": words[:100]}
    return {"case": name, "way": way} | json.loads(lines[-1])


def shown(row: dict) -> str:
    """A cell of the table."""
    return row["failed"] if "failed" in row else f"{row['seconds']:.2f} ({row['how'] or 'linear'})"


def main(arguments: Sequence[str] | None = None) -> Path | None:
    """Command line; returns the path of the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cases", type=command_line.listed, help=", ".join(CASES))
    parser.add_argument("--root", type=Path, default=ROOT, help="checkout whose lagrad is measured")
    parser.add_argument("--output", type=Path, default=tables.RESULTS)
    parser.add_argument("--prepare", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.prepare:
        # Of the processor: a busy machine does not change what is in the table.
        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
        print(json.dumps(prepare(*options.prepare)))
        return None
    names, rows = options.cases or list(CASES), []
    for name in names:
        for way in WAYS:
            rows.append(measure(name, way, options.root.resolve()))
            print(rows[-1], flush=True)
    cells = {(row["case"], row["way"]): shown(row) for row in rows}
    structure = {
        row["case"]: f"{row['structure']:.2f}" for row in rows if "structure" in row and row["way"] == "auto"
    }
    body = [[name, *(cells[name, way] for way in WAYS), structure.get(name, "")] for name in names]
    table = tables.markdown(("case", *WAYS, "structure"), body)
    note = f"{__doc__}\nMachine: {machine()}."
    path = tables.write("slow_set_up", "Set-up of slow programs", note, rows, table, options.output)
    print(path.read_text())
    return path


if __name__ == "__main__":
    main()

"""What does SciPy's way of speaking cost? The same functions again, and many small rows, in seconds out.

    python -m benchmarks.scipy_face

Processor time of `scipy.optimize.minimize(f, x0, method=lagrad.ipopt, constraints=...)` from plain functions:
the first call, which compiles; the same functions again, which must not; many dictionaries of one row.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
import scipy.optimize

import lagrad
from benchmarks import tables
from benchmarks.measure import machine

N, AGAIN, ROWS = 6, 20, (20, 40, 80)
COLUMNS = ("call", "processor time, s", "of it compiled, s", "success")
NOTE = (
    "Six variables. Compiled: the stages trace, structure, coloring and compile in the result's own timings. "
    "Again: the median of {again} calls with the same functions."
)


def objective(x):
    """A bowl and a product."""
    return jnp.sum((x - 1) ** 2) + jnp.prod(x[:3])


def sphere(x):
    """On a sphere of radius two."""
    return jnp.sum(x**2) - 4.0


def product(i: int) -> Callable:
    """A row of two variables."""
    return lambda x: x[i % N] * x[(i + 1) % N] + i


def call(constraints: Any) -> tuple[float, float, bool]:
    """Processor time of a call, what of it went into compiling, and its success."""
    began = time.process_time()
    found = scipy.optimize.minimize(objective, np.full(N, 0.5), method=lagrad.ipopt, constraints=constraints)
    spent, timings = time.process_time() - began, found.solution.timings
    compiled = sum(timings[stage] for stage in ("trace", "structure", "coloring", "compile"))
    return spent, compiled, bool(found.success)


def measure() -> list[dict]:
    """A row a call."""
    circle = {"type": "eq", "fun": sphere}
    rows = [("one constraint, first call", *call(circle))]
    again = sorted(call(circle) for _ in range(AGAIN))
    rows.append(("one constraint, again", *again[AGAIN // 2]))
    for count in ROWS:
        dicts = [{"type": "ineq", "fun": product(i)} for i in range(count)]
        rows.append((f"{count} dictionaries, first call", *call(dicts)))
        rows.append((f"{count} dictionaries, again", *call(dicts)))
    return [dict(zip(COLUMNS, row, strict=True)) for row in rows]


def main(arguments: Sequence[str] | None = None) -> Path:
    """Command line; returns the path of the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--output", type=Path, default=tables.RESULTS)
    options = parser.parse_args(arguments)
    rows = measure()
    table = tables.markdown(COLUMNS, [[row[key] for key in COLUMNS] for row in rows])
    note = f"{NOTE.format(again=AGAIN)}\n\nMachine: {machine()}."
    path = tables.write("scipy_face", "SciPy's way of speaking", note, rows, table, options.output)
    print(path.read_text())
    return path


if __name__ == "__main__":
    main()

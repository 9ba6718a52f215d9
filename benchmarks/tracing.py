"""What does it take to trace one operation, by JAX itself and as lagrad has your functions traced?

    python -m benchmarks.tracing

Each operation is written a thousand times into one program, in turns; medians. Both programs are evaluated
and have to agree. Where a function of `jnp`, a loop's body or `vmap` does the work, lagrad leaves it to JAX.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks import tables
from benchmarks.measure import machine
from lagrad.garbage import collected_later
from lagrad.tracing import quick

SIZE = 3000
PLACES = np.arange(0, 100, 3)
NUMBERS = np.linspace(1.0, 2.0, SIZE)
# (x, two of its entries, a counter) -> what is written; the counter is never above 2900.
OPERATIONS: dict[str, Callable[[Any, Any, Any, int], Any]] = {
    "x[k], another k each time": lambda x, a, b, k: x[k],
    "x[5], again": lambda x, a, b, k: x[5],
    "x[k : k + 3]": lambda x, a, b, k: x[k : k + 3],
    "x[places]": lambda x, a, b, k: x[PLACES],
    "a * b": lambda x, a, b, k: a * b,
    "2.0 * a": lambda x, a, b, k: 2.0 * a,
    "a + 1": lambda x, a, b, k: a + 1,
    "a**2": lambda x, a, b, k: a**2,
    "-a": lambda x, a, b, k: -a,
    "x * numbers": lambda x, a, b, k: x * NUMBERS,
    "jnp.sin(a)": lambda x, a, b, k: jnp.sin(a),
    "x.at[k].set(a)": lambda x, a, b, k: x.at[k].set(a),
    "x.at[places].add(...)": lambda x, a, b, k: x.at[PLACES].add(x[: PLACES.size]),
    "jnp.where(a > 0, a, b)": lambda x, a, b, k: jnp.where(a > 0.0, a, b),
    "jnp.stack([a, b])": lambda x, a, b, k: jnp.stack([a, b]),
    "jnp.array([a, b])": lambda x, a, b, k: jnp.array([a, b]),
}
WAYS: dict[str, Callable[[Callable], Callable]] = {"JAX": lambda function: function, "lagrad": quick}


def row(name: str, count: int, repeats: int) -> dict:
    """Microseconds an operation by both ways.

    Raises:
        ValueError: the programs do not agree.
    """
    operation, spent = OPERATIONS[name], {way: [] for way in WAYS}
    for _ in range(repeats):
        for way, traced in WAYS.items():
            spent[way].append(seconds(operation, traced, count) / count * 1e6)
    found = [evaluated(operation, traced) for traced in WAYS.values()]
    if not np.array_equal(*found):
        raise ValueError(f"{name}: the programs give different values")
    times = {f"{way}, us": median(each) for way, each in spent.items()}
    return {"operation": name} | times | {"ratio": times["JAX, us"] / times["lagrad, us"]}


def seconds(operation: Callable, traced: Callable, count: int) -> float:
    """Seconds in which JAX writes an operation so many times."""
    spent = []

    def function(x):
        a, b = x[0], x[1]
        operation(x, a, b, 2)
        begin = time.perf_counter()
        found = [operation(x, a, b, 3 + k) for k in range(count)]
        spent.append(time.perf_counter() - begin)
        return found[-1]

    jax.make_jaxpr(traced(function))(np.zeros(SIZE))
    return spent[0]


def evaluated(operation: Callable, traced: Callable) -> np.ndarray:
    """What comes out at a point."""
    function = traced(lambda x: operation(x, x[0], x[1], 7))
    return np.asarray(jax.jit(function)(np.sin(np.arange(1.0, SIZE + 1.0))))


def main(arguments: Sequence[str] | None = None) -> Path:
    """Command line; returns the path of the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="few operations, once")
    parser.add_argument("--output", type=Path, default=tables.RESULTS)
    options = parser.parse_args(arguments)
    about, (count, repeats) = machine(), (20, 1) if options.quick else (1000, 7)
    # The search for garbage among so many objects would fall on one way or the other.
    with collected_later(), jax.enable_x64(True):
        rows = [row(name, count, repeats) for name in OPERATIONS]
    note = (
        f"Microseconds until an operation is written into the program, medians of {repeats} turns of {count} "
        f"operations. x has {SIZE} entries, a and b are two of them, {PLACES.size} places are known. Ratio: "
        f"JAX over lagrad.\n\nMachine: {about}."
    )
    table = tables.markdown([*rows[0]], [[*each.values()] for each in rows])
    stem = "tracing_quick" if options.quick else "tracing"
    return tables.write(stem, "Tracing one operation", note, rows, table, options.output)


if __name__ == "__main__":
    print(main())

"""Measure compiled JAX functions: time, compile time and memory."""

from __future__ import annotations

import csv
import os
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import jax

RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True)
class Measured:
    """One compiled function: medians of its runs, seconds to trace and compile, bytes of temporaries."""

    seconds: float
    compile_seconds: float
    temp_bytes: int
    value: Any


def measure(contenders: dict[str, Callable], args: tuple, budget: float = 1.0) -> dict[str, Measured]:
    """Time functions in turns, so that what else the machine does hits all of them alike.

    Args:
        contenders: name -> function of `args`, not yet compiled.
        args: arguments for all of them.
        budget: seconds for the runs of all contenders together, at least 5 runs each.

    Returns:
        name -> Measured; seconds are medians.
    """
    compiled, compile_seconds = {}, {}
    for name, fun in contenders.items():
        began = time.perf_counter()
        compiled[name] = jax.jit(fun).lower(*args).compile()
        compile_seconds[name] = time.perf_counter() - began
    values = {name: jax.block_until_ready(run(*args)) for name, run in compiled.items()}
    times: dict[str, list[float]] = {name: [] for name in compiled}
    began = time.perf_counter()
    while time.perf_counter() - began < budget or len(next(iter(times.values()))) < 5:
        for name, run in compiled.items():
            start = time.perf_counter()
            jax.block_until_ready(run(*args))
            times[name].append(time.perf_counter() - start)
    return {
        name: Measured(
            statistics.median(times[name]), compile_seconds[name], temporaries(compiled[name]), values[name]
        )
        for name in compiled
    }


def temporaries(compiled) -> int:
    """Bytes that a compiled program needs besides its arguments and results."""
    return int(compiled.memory_analysis().temp_size_in_bytes)


def publish(name: str, rows: list[dict], conclusion: str = "") -> None:
    """Print rows as a table with the machine below it, and write them to `results/<name>.csv`."""
    RESULTS.mkdir(exist_ok=True)
    columns = list(dict.fromkeys(key for row in rows for key in row))
    with open(RESULTS / f"{name}.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)
    cells = [columns, *[[shown(row.get(column, "")) for column in columns] for row in rows]]
    widths = [max(len(line[k]) for line in cells) for k in range(len(columns))]
    for line in cells:
        print("  ".join(text.rjust(width) for text, width in zip(line, widths, strict=True)))
    device = jax.devices()[0]
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, {device.device_kind}, JAX {jax.__version__}, float64"
    )
    if conclusion:
        print(conclusion)


def shown(cell) -> str:
    """A number with three digits, anything else as it is."""
    return f"{cell:.3g}" if isinstance(cell, float) else str(cell)


def as_row(measured: Measured) -> dict:
    """Milliseconds, compile seconds and megabytes of a measurement."""
    figures = asdict(measured)
    return {
        "ms": figures["seconds"] * 1e3,
        "compile_s": figures["compile_seconds"],
        "temp_MB": figures["temp_bytes"] / 1e6,
    }

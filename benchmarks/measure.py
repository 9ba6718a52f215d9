"""Measure a function: medians of clocks and meters, and what machine it was."""

from __future__ import annotations

import os
import platform
import resource
import statistics
import time
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

# Seconds that a function took when it was called first. Here and not in a closure: lagrad traces a function
# again if something that it captures has changed.
INSIDE: dict[Callable, float] = {}


def median_ms(call: Callable, arguments: list[tuple], budget: float = 1.0, at_least: int = 5) -> float:
    """Median time of a call over arguments that change every time.

    Args:
        call: the function.
        arguments: argument tuples, gone through in turn, so that nothing can be kept from the call before.
        budget: seconds after which to stop.
        at_least: number of calls in any case.

    Returns:
        Milliseconds.
    """
    times: list[float] = []
    stop = time.perf_counter() + budget
    while len(times) < at_least or (time.perf_counter() < stop and len(times) < 2000):
        argument = arguments[len(times) % len(arguments)]
        begin = time.perf_counter()
        call(*argument)
        times.append(time.perf_counter() - begin)
    return 1e3 * statistics.median(times)


def peak_megabytes() -> float:
    """Peak resident memory of this process so far, MB."""
    # Linux: getrusage also remembers the parent's memory at the time of the fork; VmHWM does not.
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else []
    own = [float(line.split()[1]) / 1e3 for line in lines if line.startswith("VmHWM")]
    if own:
        return own[0]
    # Elsewhere getrusage counts kB, on macOS bytes.
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1e6 if platform.system() == "Darwin" else 1e3)


def processor() -> str:
    """Name of the processor."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def version(package: str) -> str:
    """Version of an installed package, or "absent"."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "absent"


def machine() -> str:
    """One line: processor, cores, system, versions of what is compared."""
    packages = ("jax", "numpy", "casadi", "pyoptinterface", "asdex", "pounce-solver", "cyipopt")
    versions = ", ".join(f"{name} {version(name)}" for name in packages)
    load = os.getloadavg()[0]
    return (
        f"{processor()}, {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}; "
        f"{versions}; load at the start {load:.1f}"
    )

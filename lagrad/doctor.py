"""Report what solves here: solvers, their libraries, linear solvers, threads, devices, what is missing."""

from __future__ import annotations

import importlib.util
import os
import platform
from importlib import metadata

import jax

from lagrad.display.text import outline
from lagrad.solvers.methods import METHODS, find_method

# Packages that lagrad uses if they are there -> what for.
OPTIONAL = {
    "matplotlib": "lagrad.plot",
    "cloudpickle": "lambdas in solve_many's worker processes",
    "cyipopt": "another way to IPOPT, and to_cyipopt",
}
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "OMP_CANCELLATION")


def doctor() -> None:
    """Print what solves here, where it came from, what is missing, and the command that gets it.

    Nothing is changed or downloaded. Linear solvers of IPOPT are tried, each in a process of its own.
    """
    print(report())


def report() -> str:
    """What `doctor` prints."""
    auto = {"method 'auto'": find_method("auto").name}
    return outline({"lagrad": version("lagrad"), **system(), **auto, **solvers(), **packages()})


def system() -> dict[str, str]:
    """Python, JAX and its devices, processors, variables that set threads."""
    devices = ", ".join(f"{device.platform} ({device.device_kind})" for device in jax.devices())
    settings = [f"{name}={os.environ[name]}" for name in THREADS if name in os.environ]
    return {
        "Python": f"{platform.python_version()} on {platform.system()} {platform.machine()}",
        "JAX": f"{jax.__version__} on {devices}",
        "threads": ", ".join([f"{os.cpu_count()} processors", *settings]),
    }


def solvers() -> dict[str, object]:
    """What is known of each method, or how to get it."""
    return {name: about(name) for name in METHODS}


def about(name: str) -> object:
    """What is known of a method, or what its own error says of how to get it."""
    try:
        return METHODS[name].about()
    except ImportError as error:
        return f"missing: {str(error).removeprefix('`method`: ')}"


def packages() -> dict[str, str]:
    """Optional packages: their versions, or how to get them."""
    return {
        name: f"{version(name) if there(name) else 'missing: pip install ' + name}, for {purpose}"
        for name, purpose in OPTIONAL.items()
    }


def there(name: str) -> bool:
    """Whether a package is installed; it is not imported."""
    return importlib.util.find_spec(name) is not None


def version(name: str) -> str:
    """A package's installed version."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "not installed"

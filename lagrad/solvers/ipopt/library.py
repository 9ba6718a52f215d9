"""Find Ipopt: where LAGRAD_IPOPT says, in the casadi wheel, in a conda environment, in the system."""

from __future__ import annotations

import ctypes
import importlib.util
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from importlib import metadata
from pathlib import Path

from lagrad.solvers.ipopt.interface import NEW, declared, version

VARIABLE = "LAGRAD_IPOPT"
# Names of the library in a folder.
PATTERNS = {"linux": ("libipopt.so*",), "darwin": ("libipopt*.dylib",), "win32": ("*ipopt*.dll",)}
# Names that the system's loader is asked for.
NAMES = {
    "linux": ("libipopt.so.3", "libipopt.so.1", "libipopt.so"),
    "darwin": ("libipopt.3.dylib", "libipopt.dylib"),
    "win32": ("ipopt-3.dll", "ipopt.dll"),
}
CONDA_FOLDERS = ("lib", "Library/bin")


class NotThere(Exception):
    """No library that can be used; the text has a reason for each that was tried."""


@dataclass(frozen=True, eq=False)
class Library:
    """A loaded library of Ipopt.

    Args:
        functions: its C interface.
        path: file, or name that the system's loader knew.
        source: what it belongs to.
        version: of Ipopt.
    """

    functions: ctypes.CDLL
    path: str
    source: str
    version: tuple[int, ...]

    @cached_property
    def versions(self) -> dict[str, str]:
        """The version in words, by name."""
        return {"ipopt": ".".join(map(str, self.version))}


def find() -> Library:
    """The first library that can be used, loaded once.

    Raises:
        NotThere: there is none; or LAGRAD_IPOPT names one that cannot be used.
    """
    return found(os.environ.get(VARIABLE, ""))


@cache
def found(named: str) -> Library:
    """The library for a value of LAGRAD_IPOPT, empty if that is not set."""
    reasons: list[str] = []
    for path, source in candidates(named):
        try:
            return opened(path, source)
        except NotThere as reason:
            reasons.append(str(reason))
    raise NotThere("; ".join(reasons) or nothing(named))


def nothing(named: str) -> str:
    """Why there was nothing to try."""
    return f"{VARIABLE} is {named!r}, where there is no library of Ipopt" if named else "no library of Ipopt"


def candidates(named: str) -> Iterator[tuple[str, str]]:
    """Libraries to try, the best first, each with what it belongs to."""
    if named:
        path = Path(named).expanduser().absolute()
        for file in in_folder(path) if path.is_dir() else [path] * path.is_file():
            yield str(file), VARIABLE
        return
    for file in in_folder(casadi_folder()):
        yield str(file), casadi_name()
    if Path(sys.prefix, "conda-meta").is_dir():
        for folder in CONDA_FOLDERS:
            for file in in_folder(Path(sys.prefix, folder)):
                yield str(file), "conda environment"
    for name in NAMES.get(sys.platform, NAMES["linux"]):
        yield name, "system"


def casadi_folder() -> Path | None:
    """Folder of the casadi package, which is not imported; None if it is not installed."""
    spec = importlib.util.find_spec("casadi")
    return Path(spec.origin).parent if spec and spec.origin else None


def casadi_name() -> str:
    """casadi with its version."""
    try:
        return f"casadi {metadata.version('casadi')}"
    except metadata.PackageNotFoundError:
        return "casadi"


def in_folder(folder: Path | None) -> list[Path]:
    """Libraries of Ipopt in a folder, the shortest name, which is the one without a version, first."""
    if folder is None:
        return []
    patterns = PATTERNS.get(sys.platform, PATTERNS["linux"])
    names = {path for pattern in patterns for path in folder.glob(pattern) if "sipopt" not in path.name}
    return sorted(names, key=lambda path: (len(path.name), path.name))[:1]


def opened(path: str, source: str) -> Library:
    """Load a library.

    Raises:
        NotThere: it cannot be loaded, or has another binary interface.
    """
    try:
        library = ctypes.CDLL(path)
    except OSError as error:
        raise NotThere(f"{path} ({source}): {error}") from error
    if not hasattr(library, NEW):
        raise NotThere(f"{path} ({source}): older than Ipopt 3.14, whose binary interface is another")
    return Library(declared(library), path, source, version(library))

"""Import the package that a solver comes in, and tell it from another one of that name."""

from __future__ import annotations

import importlib
from typing import Any

INSTALL = (
    "`method`: {method!r} finds no {package}: {reason}. Get it by `pip install 'lagrad[{method}]'`, or leave "
    "`method` out."
)


def load_wheel(method: str, package: str, needed: tuple[str, ...]) -> Any:
    """The package of a method of `lagrad.solve`, which is also the name of lagrad's extra.

    Args:
        method: its name.
        package: what is imported.
        needed: names in it that lagrad uses.

    Raises:
        ImportError: it is not there or is another package; the message says how to get it.
    """
    try:
        return load_package(package, needed)
    except ImportError as error:
        raise ImportError(INSTALL.format(method=method, package=package, reason=error)) from error


def load_package(package: str, needed: tuple[str, ...]) -> Any:
    """An optional package.

    Raises:
        ImportError: it is not installed, or something else has its name.
    """
    found = importlib.import_module(package)
    missing = [name for name in needed if not hasattr(found, name)]
    if missing:
        place = getattr(found, "__file__", None) or "an unknown place"
        raise ImportError(f"the {package} in {place} lacks {missing[0]}")
    return found

"""Recognise objects of scipy.optimize without importing it, which takes longer than a small solve."""

from __future__ import annotations

import sys


def is_of_scipy(value: object, *names: str) -> bool:
    """Whether a value is of one of scipy.optimize's classes: only who imported that module can have one.

    Args:
        value: anything.
        names: of classes, such as "Bounds".

    >>> import scipy.optimize
    >>> is_of_scipy(scipy.optimize.Bounds(0, 1), "Bounds")
    True
    """
    module = sys.modules.get("scipy.optimize")
    return module is not None and isinstance(value, tuple(getattr(module, name) for name in names))

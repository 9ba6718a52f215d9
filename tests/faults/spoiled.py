"""Spoil Derivatives: a function goes wrong at its k-th call."""

from __future__ import annotations

from typing import Any

import numpy as np


class Spoiled:
    """Derivatives of which one function fails at a certain call.

    Args:
        inner: right derivatives.
        kind: name of the method that fails: "values", "first_order" or "hessian_values".
        way: the number that takes the place of all numbers, or None to raise ZeroDivisionError.
        call: which call fails, from 1.
        ever: whether all later ones fail, too.
    """

    def __init__(self, inner: Any, kind: str, way: float | None, call: int, ever: bool):
        self._inner, self._kind, self._way, self._call, self._ever = inner, kind, way, call, ever
        self._count = 0

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        return found if name != self._kind else lambda *given, **named: self._spoil(found(*given, **named))

    def _spoil(self, found: Any) -> Any:
        self._count += 1
        if self._count < self._call or (self._count > self._call and not self._ever):
            return found
        if self._way is None:
            raise ZeroDivisionError(f"call {self._count} of {self._kind}")
        if isinstance(found, tuple):
            return tuple(np.full_like(part, self._way) for part in found)
        return np.full_like(found, self._way)

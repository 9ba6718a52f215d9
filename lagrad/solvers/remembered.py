"""Use compiled functions again where a call of scipy.optimize.minimize declares what an earlier one did.

A call is the same as an earlier one if all functions are the same objects and capture the same, and all else
that makes the problem, such as shapes, arguments and sides of constraints, is equal. Where that cannot be
told, nothing is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import scipy.sparse as sp
from scipy.optimize import HessianUpdateStrategy, LinearConstraint, NonlinearConstraint

from lagrad.problem.captured import LARGEST_ARRAY, Captured, Untold, captured

# Compiled functions hold memory: those of so many calls are kept, the latest first.
KEPT = 8


@dataclass(frozen=True, eq=False)
class Declaration:
    """A call that can be told from others.

    Args:
        atoms: all that makes it, in an order.
        make: makes its Derivatives.
    """

    atoms: tuple[Any, ...]
    make: Callable[[], Any]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Declaration) and is_same(self.atoms, other.atoms)

    def __hash__(self) -> int:
        return hash(tuple(each for each in self.atoms if not isinstance(each, Captured)))


def remembered(declared: object, make: Callable[[], Any]) -> tuple[Any, bool]:
    """Derivatives of what is declared, and whether they had to be made; may be called from several threads.

    Args:
        declared: functions, constraints, arguments, shapes, in any nesting of tuples.
        make: makes them.
    """
    calls: list[bool] = []

    def noted() -> Any:
        calls.append(True)
        return make()

    try:
        declaration = Declaration(tuple(atoms(declared)), noted)
    except Untold:
        return make(), True
    return compiled(declaration), bool(calls)


@lru_cache(maxsize=KEPT)
def compiled(declaration: Declaration) -> Any:
    """Derivatives of a declaration."""
    return declaration.make()


def is_same(one: Sequence[Any], other: Sequence[Any]) -> bool:
    """Whether two calls consist of the same."""
    if len(one) != len(other):
        return False
    pairs = zip(one, other, strict=True)
    return all(type(a) is type(b) and (a.is_same(b) if isinstance(a, Captured) else a == b) for a, b in pairs)


def atoms(value: object) -> Iterator[Any]:
    """What a value consists of, in an order: bytes of numbers, texts, and what functions capture.

    Raises:
        Untold: it holds something else.
    """
    if value is None or isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key in sorted(value, key=str):
            yield str(key)
            yield from atoms(value[key])
    elif isinstance(value, LinearConstraint):
        yield from atoms(("linear", value.A, value.lb, value.ub))
    elif isinstance(value, NonlinearConstraint):
        yield from atoms(("nonlinear", value.fun, value.lb, value.ub, value.jac, value.hess))
    elif isinstance(value, HessianUpdateStrategy):
        yield type(value).__name__
    elif sp.issparse(value):
        coo = sp.coo_array(value)
        yield from atoms((str(coo.shape), coo.row, coo.col, coo.data))
    elif callable(value):
        found = captured(value)
        if found is None:
            raise Untold
        yield found
    elif isinstance(value, (tuple, list)) and any(callable(part) or not is_number(part) for part in value):
        yield len(value)
        for part in value:
            yield from atoms(part)
    else:
        yield from numbers(value)


def is_number(value: object) -> bool:
    """Whether a value is one number."""
    return isinstance(value, (bool, int, float, np.number))


def numbers(value: object) -> Iterator[Any]:
    """Dtype, shape and bytes of what is an array of numbers."""
    array = np.asarray(value)
    if array.dtype.hasobject or array.nbytes > LARGEST_ARRAY:
        raise Untold
    yield f"{type(value).__name__} {array.dtype} {array.shape}"
    yield array.tobytes()

"""What the walk knows of one array: its shape, its dependencies, its degree, its numbers if known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any

import numpy as np

from lagrad.program.entries import Entries, Knowledge, zeros_of
from lagrad.sparsity.deps import Deps

# Degrees of an element as a function of the inputs.
CONSTANT, AFFINE, QUADRATIC, GENERAL = 0, 1, 2, 3


@dataclass(frozen=True, eq=False)
class Constant:
    """Numbers that do not depend on the inputs, computed when somebody asks."""

    compute: Callable[[], Any]

    @cached_property
    def value(self) -> Any:
        """The array."""
        return self.compute()

    @property
    def is_computed(self) -> bool:
        """Whether the array is at hand."""
        return "value" in self.__dict__


@dataclass(frozen=True, eq=False)
class Value:
    """One array of the program.

    Args:
        shape: of the array.
        deps: inputs that each element can be differentiated by.
        degree: of each element as a function of the inputs, 0 to 3, one for all or shape (size,). A rounded
            input has degree 3 and no dependencies: its derivative is zero, but it is no constant.
        constant: the numbers, where the program fixes them all.
        entries: the numbers that it fixes, where those are some only; they have no dependencies.
        is_curved: second derivatives with respect to the inputs lie behind it.
    """

    shape: tuple[int, ...]
    deps: Deps
    degree: int | np.ndarray = 0
    constant: Constant | None = None
    is_curved: bool = False
    entries: Entries | None = None

    @property
    def size(self) -> int:
        """Number of elements."""
        return self.deps.size

    @property
    def known(self) -> Any:
        """The numbers, None where they are not known."""
        return None if self.constant is None else self.constant.value

    @property
    def knowledge(self) -> Knowledge:
        """What is known of the numbers: all of them, some, or nothing."""
        known = self.known
        return known if isinstance(known, np.ndarray) else self.entries

    @cached_property
    def zeros(self) -> np.ndarray | None:
        """Elements that are zero whatever the inputs, shape (size,); None if there is none."""
        return zeros_of(self.knowledge)

    @property
    def varies(self) -> bool:
        """Whether any element changes with the inputs, differentiably or not."""
        return highest(self.degree) > CONSTANT


def known_value(array: Any, n: int) -> Value:
    """A Value whose numbers are at hand."""
    shape = np.shape(array)
    constant = Constant(lambda: array)
    constant.__dict__["value"] = array
    return Value(shape, Deps(prod(shape), n), constant=constant)


def unknown_constant(shape: tuple[int, ...], n: int) -> Value:
    """A Value that does not depend on the inputs, of unknown numbers."""
    return Value(shape, Deps(prod(shape), n))


def highest(degree: int | np.ndarray) -> int:
    """Largest degree of any element."""
    return degree if isinstance(degree, int) else int(degree.max(initial=0))


def simplest(degree: int | np.ndarray) -> int | np.ndarray:
    """One number where all elements have the same degree."""
    if isinstance(degree, int) or degree.size == 0:
        return degree if isinstance(degree, int) else 0
    low, high = int(degree.min()), int(degree.max())
    return high if low == high else degree


def joined_degree(degrees: Sequence[int | np.ndarray]) -> int | np.ndarray:
    """Element by element the largest."""
    found: int | np.ndarray = 0
    for degree in degrees:
        found = (
            max(found, degree)
            if isinstance(found, int) and isinstance(degree, int)
            else np.maximum(found, degree)
        )
    return found

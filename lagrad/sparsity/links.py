"""How the elements of one array enter another: dependencies and degrees forward, liveness backward.

Every link has the same three verbs. `live` tells which elements of an array have an adjoint that can be
nonzero: True for all, False for none, or a Boolean array of shape (size,).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from lagrad.sparsity.deps import Deps, masked, multiplied, spread, taken

Live = bool | np.ndarray
Degree = int | np.ndarray


@dataclass(frozen=True, eq=False)
class Same:
    """Element e enters output e, where `keep` is true if given."""

    keep: np.ndarray | None = None

    def deps(self, deps: Deps) -> Deps:
        """Dependencies of the output."""
        return deps if self.keep is None else masked(deps, self.keep)

    def degree(self, degree: Degree) -> Degree:
        """Degree of the output."""
        return degree if self.keep is None else (np.asarray(degree) * self.keep).astype(np.int8)

    def live(self, live: Live) -> Live:
        """Live elements of the operand."""
        return live if self.keep is None or live is False else self.keep & live


@dataclass(frozen=True, eq=False)
class Take:
    """Element `where[e]` enters output e, none if -1; the operand has `size` elements."""

    where: np.ndarray
    size: int

    def deps(self, deps: Deps) -> Deps:
        """Dependencies of the output."""
        return taken(deps, self.where)

    def degree(self, degree: Degree) -> Degree:
        """Degree of the output."""
        return (
            degree if isinstance(degree, int) else np.where(self.where >= 0, degree[self.where], np.int8(0))
        )

    def live(self, live: Live) -> Live:
        """Live elements of the operand."""
        reached = self.where[(self.where >= 0) & live]
        found = np.zeros(self.size, dtype=bool)
        found[reached] = True
        return settled(found)


@dataclass(frozen=True, eq=False)
class Spread:
    """Element e enters output `targets[e]`, none if -1; the output has `size` elements."""

    targets: np.ndarray
    size: int

    def deps(self, deps: Deps) -> Deps:
        """Dependencies of the output."""
        return spread(deps, self.targets, self.size)

    def degree(self, degree: Degree) -> Degree:
        """Degree of the output."""
        if isinstance(degree, int):
            return degree
        found = np.zeros(self.size, dtype=np.int8)
        inside = self.targets >= 0
        np.maximum.at(found, self.targets[inside], degree[inside])
        return found

    def live(self, live: Live) -> Live:
        """Live elements of the operand."""
        inside = self.targets >= 0
        if isinstance(live, bool):
            return settled(inside & live)
        return settled(inside & live[self.targets])


@dataclass(frozen=True, eq=False)
class Sparse:
    """Element j enters every output i with an entry (i, j) of a canonical Boolean matrix."""

    matrix: sp.csr_array

    def deps(self, deps: Deps) -> Deps:
        """Dependencies of the output."""
        return multiplied(self.matrix, deps)

    def degree(self, degree: Degree) -> Degree:
        """Degree of the output."""
        if isinstance(degree, int):
            return degree
        found = np.zeros(self.matrix.shape[0], dtype=np.int8)
        np.maximum.at(found, entry_rows(self.matrix), degree[self.matrix.indices])
        return found

    def live(self, live: Live) -> Live:
        """Live elements of the operand."""
        if live is False:
            return False
        found = np.zeros(self.matrix.shape[1], dtype=bool)
        found[self.matrix.indices if live is True else self.matrix.indices[live[entry_rows(self.matrix)]]] = (
            True
        )
        return settled(found)


@dataclass(frozen=True, eq=False)
class Chain:
    """One link after another."""

    first: Link
    second: Link

    def deps(self, deps: Deps) -> Deps:
        """Dependencies of the output."""
        return self.second.deps(self.first.deps(deps))

    def degree(self, degree: Degree) -> Degree:
        """Degree of the output."""
        return self.second.degree(self.first.degree(degree))

    def live(self, live: Live) -> Live:
        """Live elements of the operand."""
        return self.first.live(self.second.live(live))


Link = Same | Take | Spread | Sparse | Chain
SAME = Same()


def entry_rows(matrix: sp.csr_array) -> np.ndarray:
    """Row of each entry."""
    return np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))


def settled(live: np.ndarray) -> Live:
    """True or False where all elements agree."""
    if live.all():
        return True
    return live if live.any() else False


def either(one: Live, other: Live) -> Live:
    """Live in one or the other."""
    if one is True or other is True:
        return True
    return one | other


def both(one: Live, other: Live) -> Live:
    """Live in one and the other."""
    if one is False or other is False:
        return False
    return one & other


def take(where: np.ndarray, size: int) -> Link:
    """Link of elements to the outputs that take them, `SAME` if each takes its own."""
    is_same = where.size == size and np.array_equal(where, np.arange(size))
    return SAME if is_same else Take(where, size)

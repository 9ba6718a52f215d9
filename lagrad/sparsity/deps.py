"""Hold which inputs each element of an array depends on, in as few shared index arrays as possible.

Toy version: a set of input numbers for each element. That is exact and slow, so the sets are written as

    element e depends on  rows(base_1)[index_1[e]]  u  rows(base_2)[index_2[e]]  u ...

with one Slot (base, index) a term. The base of most slots is the identity: `index` then names one
input for each element. Other bases are sparse Boolean matrices, made by sums and products. Slicing,
gathering and broadcasting only move `index`; what is shared is shared by identity, so that a union of
an array with itself costs nothing.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from itertools import zip_longest
from typing import Any

import numpy as np
import scipy.sparse as sp

from lagrad.errors import DerivativeError

# More terms than this are written out as one matrix.
MOST_SLOTS = 8
# Up to so many entries are listed with their repetitions, which costs less than a sparse product.
FEW_ENTRIES = 1_000_000
# Entries of one pattern: 2 GB as it is handed over, and up to three times that while it is made.
MOST_ENTRIES = 2**27


class TooDense(DerivativeError):
    """A pattern would not fit into memory."""


@dataclass(frozen=True, eq=False)
class Slot:
    """One term: element e depends on row `index[e]` of `base`.

    Args:
        index: row of each element, shape (size,), int32; -1 for none.
        base: Boolean matrix (rows, n), canonical; None for the identity.
    """

    index: np.ndarray
    base: sp.csr_array | None = None

    @cached_property
    def is_full(self) -> bool:
        """Whether every element has a row."""
        return self.index.size == 0 or int(self.index.min()) >= 0

    def repeats(self, other: Slot) -> bool:
        """Whether the other slot says the same."""
        return self is other or (self.base is other.base and np.array_equal(self.index, other.index))


@dataclass(frozen=True, eq=False)
class Deps:
    """Inputs that each element of an array depends on: the union of its slots.

    Args:
        size: number of elements.
        n: number of inputs.
        slots: terms of the union; none where nothing depends on any input.
    """

    size: int
    n: int
    slots: tuple[Slot, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.slots)

    @cached_property
    def matrix(self) -> sp.csr_array:
        """The same as one canonical Boolean matrix, shape (size, n)."""
        return gathered(
            [(np.arange(self.size, dtype=np.int32), slot) for slot in self.slots], self.size, self.n
        )

    @cached_property
    def nonempty(self) -> np.ndarray:
        """Which elements depend on any input, shape (size,)."""
        return np.logical_or.reduce([slot.index >= 0 for slot in self.slots] or [np.zeros(self.size, bool)])


def identity(n: int) -> Deps:
    """Each of n inputs depends on itself."""
    return Deps(n, n, (Slot(np.arange(n, dtype=np.int32)),))


def union(parts: Sequence[Deps]) -> Deps:
    """Element by element union of dependencies of the same size."""
    slots: list[Slot] = []
    for slot in (slot for part in parts for slot in part.slots):
        if not any(slot.repeats(other) for other in slots):
            slots.append(slot)
    for part in parts:
        if len(part.slots) == len(slots) and all(map(operator.is_, part.slots, slots)):
            return part
    joined = Deps(parts[0].size, parts[0].n, tuple(slots))
    return joined if len(slots) <= MOST_SLOTS else compact(joined)


def compact(deps: Deps) -> Deps:
    """The same with one slot."""
    return from_matrix(deps.matrix) if len(deps.slots) > 1 else deps


def from_matrix(matrix: sp.csr_array) -> Deps:
    """Element e depends on the inputs in row e of a canonical Boolean matrix."""
    size, n = int(matrix.shape[0]), int(matrix.shape[1])
    counts = np.diff(matrix.indptr)
    if matrix.nnz == 0:
        return Deps(size, n)
    index = np.arange(size, dtype=np.int32)
    if counts.max() > 1:
        return Deps(size, n, (Slot(np.where(counts, index, -1).astype(np.int32), matrix),))
    index[counts == 0] = -1
    index[counts == 1] = matrix.indices
    return Deps(size, n, (Slot(index),))


def pooled(parts: Sequence[Deps]) -> Deps:
    """Dependencies of several arrays as those of one, their elements one array after the other."""
    if len(parts) == 1:
        return parts[0]
    sizes = [part.size for part in parts]
    joined = moved(
        parts, [(size,) for size in sizes], lambda arrays, fill: (np.concatenate(arrays),), [sum(sizes)]
    )
    return joined[0]


def masked(deps: Deps, keep: np.ndarray) -> Deps:
    """Dependencies of the elements where `keep` is true, shape (size,); none for the others."""
    slots = tuple(Slot(np.where(keep, slot.index, np.int32(-1)), slot.base) for slot in deps.slots)
    return Deps(deps.size, deps.n, slots)


def taken(deps: Deps, where: np.ndarray) -> Deps:
    """Element e of the result is element `where[e]`, none for -1."""
    complete = where.size == 0 or where.min() >= 0
    slots = []
    for slot in deps.slots:
        index = slot.index[where]
        slots.append(Slot(index if complete else np.where(where >= 0, index, np.int32(-1)), slot.base))
    return Deps(where.size, deps.n, tuple(slots))


def moved(parts: Sequence[Deps], shapes: Sequence[tuple[int, ...]], move: Callable, sizes: Sequence[int]):
    """Dependencies moved as elements are moved.

    Args:
        parts: dependencies of each operand.
        shapes: of each operand.
        move: (arrays shaped like the operands, fill) -> arrays shaped like the outputs.
        sizes: number of elements of each output.

    Returns:
        List of the Deps of each output.
    """
    outputs: list[list[Slot]] = [[] for _ in sizes]
    for base, slots in aligned(parts):
        arrays = [
            np.broadcast_to(np.int32(-1), shape) if slot is None else slot.index.reshape(shape)
            for slot, shape in zip(slots, shapes, strict=True)
        ]
        for found, index in zip(outputs, move(arrays, -1), strict=True):
            found.append(Slot(index.reshape(-1), base))
    return [Deps(size, parts[0].n, tuple(slots)) for size, slots in zip(sizes, outputs, strict=True)]


def aligned(parts: Sequence[Deps]) -> Iterable[tuple[sp.csr_array | None, tuple[Slot | None, ...]]]:
    """Slots that can move together: one of each operand, or None, all over one base."""
    plain = [[slot for slot in part.slots if slot.base is None] for part in parts]
    for slots in zip_longest(*plain):
        yield None, slots
    rest = [[slot for slot in part.slots if slot.base is not None] for part in parts]
    bases: dict[int, Any] = {id(slot.base): slot.base for slots in rest for slot in slots}
    if len(bases) <= 1:
        for slots in zip_longest(*rest):
            yield next(iter(bases.values())), slots
        return
    starts = np.cumsum([0] + [base.shape[0] for base in bases.values()])
    offsets = dict(zip(bases, starts[:-1].tolist(), strict=True))
    joined = sp.csr_array(sp.vstack(list(bases.values()), format="csr"))
    shifted = [[shift(slot, offsets[id(slot.base)], joined) for slot in slots] for slots in rest]
    for slots in zip_longest(*shifted):
        yield joined, slots


def shift(slot: Slot, offset: int, base: sp.csr_array) -> Slot:
    """The slot over a base in which its own begins at row `offset`."""
    return Slot(np.where(slot.index >= 0, slot.index + np.int32(offset), np.int32(-1)), base)


def spread(deps: Deps, targets: np.ndarray, size: int) -> Deps:
    """Element t of the result depends on what all elements e with `targets[e]` = t depend on.

    Args:
        deps: dependencies of the elements.
        targets: of each element, shape (deps.size,), in [0, size); -1 for none.
        size: number of elements of the result.

    Returns:
        Deps of `size` elements.
    """
    if not deps:
        return Deps(size, deps.n)
    return from_matrix(gathered([(targets, slot) for slot in deps.slots], size, deps.n))


def multiplied(matrix: sp.csr_array, deps: Deps) -> Deps:
    """Element i depends on what all elements j with an entry (i, j) of a Boolean matrix depend on."""
    if not deps:
        return Deps(matrix.shape[0], deps.n)
    counts = np.diff(matrix.indptr)
    if counts.max(initial=0) <= 1:
        where = np.full(counts.size, -1)
        where[counts == 1] = matrix.indices
        return deps if np.array_equal(where, np.arange(deps.size)) else taken(deps, where)
    rows = np.repeat(np.arange(matrix.shape[0], dtype=np.int32), counts)
    terms = [(rows, Slot(slot.index[matrix.indices], slot.base)) for slot in deps.slots]
    return from_matrix(gathered(terms, matrix.shape[0], deps.n))


def gathered(terms: Iterable[tuple[np.ndarray, Slot]], size: int, n: int) -> sp.csr_array:
    """Boolean matrix (size, n) whose row r is the union of the slot rows that are sent to r.

    Args:
        terms: pairs of the row that each element is sent to, -1 for none, and the elements' slot.
        size: number of rows.
        n: number of columns.

    Returns:
        Canonical Boolean matrix.

    Raises:
        DerivativeError: the matrix would not fit into memory.
    """
    entries = [slot_entries(targets, slot, size) for targets, slot in terms]
    if not entries:
        return sp.csr_array((size, n), dtype=bool)
    if sum(rows.size for rows, _ in entries) > MOST_ENTRIES:
        # One by one: what they have in common is listed once.
        total = reduce(operator.add, (boolean_matrix(*pair, (size, n)) for pair in entries))
        check_entries(total.nnz, f"an intermediate array of {size} elements")
        return canonical(total)
    rows, cols = zip(*entries, strict=True)
    return boolean_matrix(np.concatenate(rows), np.concatenate(cols), (size, n))


def canonical(matrix: Any) -> sp.csr_array:
    """A Boolean matrix with sorted entries, each once."""
    found = sp.csr_array(matrix, dtype=bool)
    found.sum_duplicates()
    return found


def slot_entries(targets: np.ndarray, slot: Slot, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Entries that the rows of a slot make in a matrix of `size` rows, some perhaps more than once."""
    keep = (targets >= 0) & (slot.index >= 0)
    target, index = (targets, slot.index) if keep.all() else (targets[keep], slot.index[keep])
    base = slot.base
    if base is None:
        return target, index
    counts = np.diff(base.indptr)[index]
    total = int(counts.sum(dtype=np.int64))
    if total <= FEW_ENTRIES + base.nnz:
        ends = np.cumsum(counts)
        places = np.arange(total) + np.repeat(base.indptr[index] - (ends - counts), counts)
        return np.repeat(target, counts), base.indices[places]
    check_entries(min(total, size * base.shape[1]), f"an intermediate array of {size} elements")
    return triplets(boolean_matrix(target, index, (size, base.shape[0])) @ base)


def boolean_matrix(rows: np.ndarray, cols: np.ndarray, shape: tuple[int, int]) -> sp.csr_array:
    """Canonical Boolean matrix with the given entries, repeated ones once."""
    if shape[0] * shape[1] <= 4 * rows.size:
        # Nearly dense: marking is cheaper than sorting.
        marks = np.zeros(shape, dtype=bool)
        marks[rows, cols] = True
        return sp.csr_array(marks)
    matrix = sp.csr_array((np.ones(rows.size, dtype=bool), (rows, cols)), shape=shape)
    matrix.sum_duplicates()
    return matrix


def triplets(matrix: sp.csr_array) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of the entries."""
    return np.repeat(np.arange(matrix.shape[0], dtype=np.int32), np.diff(matrix.indptr)), matrix.indices


def check_entries(count: int, what: str) -> None:
    """Raise TooDense if dependencies would not fit into memory."""
    if count > MOST_ENTRIES:
        raise TooDense(
            f"structure: {what} depends on up to {count:,} inputs in total, over the {MOST_ENTRIES:,} kept. "
            "Introduce running sums and dense products over all variables as variables of their own, "
            "bound by constraints: that makes them sparse."
        )

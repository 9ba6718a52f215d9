"""Go back over a tape: which adjoints, and so which second derivatives, can be nonzero.

An element counts only if an output depends on it: one that is multiplied by a known zero or sliced away
contributes nothing to the Hessian, however nonlinear it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.sparse as sp

from lagrad.sparsity.deps import MOST_ENTRIES, Slot, TooDense, boolean_matrix, triplets
from lagrad.sparsity.links import Live, either
from lagrad.sparsity.rule_result import Pair, RuleResult
from lagrad.sparsity.value import Value

# A sparse product of fewer pairs is always cheap.
MANY_PRODUCTS = 1_000_000
# A dense product multiplies about thirty times as many numbers in the same time as a sparse one.
DENSE_SPEED = 1 / 30
# Side of a dense matrix that is held for a moment: 400 MB in single precision.
LARGEST_DENSE = 10_000


@dataclass(frozen=True, eq=False)
class Meeting:
    """Two slots that meet site by site, and the sites that are live."""

    left: Slot
    right: Slot
    live: Live

    def rows(self) -> tuple[np.ndarray, np.ndarray]:
        """Rows of both bases that meet."""
        keep = self.live if isinstance(self.live, np.ndarray) else None
        if not (self.left.is_full and self.right.is_full):
            present = (self.left.index >= 0) & (self.right.index >= 0)
            keep = present if keep is None else keep & present
        if keep is None:
            return self.left.index, self.right.index
        return self.left.index[keep], self.right.index[keep]


def live_pairs(tape: Sequence[RuleResult], outputs: Sequence[Value], live: Sequence[Live]) -> Iterable[Pair]:
    """Pairs of every equation whose outputs reach an output of the program.

    Args:
        tape: equations in the order in which they were walked.
        outputs: values of the program's outputs.
        live: which elements of each output count.

    Returns:
        Pairs with their live sites; the walk is backward, so the last equation comes first.
    """
    alive: dict[int, Live] = {}
    for value, mask in zip(outputs, live, strict=True):
        alive[id(value)] = either(alive.get(id(value), False), mask)
    for step in reversed(tape):
        lives = [alive.pop(id(value), False) for value in step.outputs]
        if all(mask is False for mask in lives):
            continue
        yield from step.pairs(lives)
        for value, mask in zip(step.operands, step.backward(lives), strict=True):
            if value.is_curved and mask is not False:
                alive[id(value)] = either(alive.get(id(value), False), mask)


def meetings(pairs: Iterable[Pair]) -> list[Meeting]:
    """Every two slots that meet, once."""
    found: dict[tuple[int, int], Meeting] = {}
    for pair in pairs:
        if pair.live is False:
            continue
        for left in pair.left.slots:
            for right in pair.right.slots:
                key = (id(left), id(right)) if id(left) <= id(right) else (id(right), id(left))
                before = found[key].live if key in found else False
                found[key] = Meeting(left, right, either(before, pair.live))
    return list(found.values())


def symmetric_matrix(pairs: Iterable[Pair], n: int) -> sp.csr_array:
    """Boolean matrix (n, n) with an entry where two inputs meet, both triangles.

    Args:
        pairs: where inputs meet.
        n: number of inputs.

    Returns:
        Canonical Boolean matrix.

    Raises:
        DerivativeError: the matrix would not fit into memory.
    """
    products = products_of(meetings(pairs))
    crowded = [product for product in products if product.is_crowded(n)]
    rows, cols = [np.zeros(0, np.int32)], [np.zeros(0, np.int32)]
    for product in products:
        if product not in crowded:
            left, right = product.entries(n)
            rows.append(np.maximum(left, right))
            cols.append(np.minimum(left, right))
    if crowded:
        return marked(crowded, np.concatenate(rows), np.concatenate(cols), n)
    half = boolean_matrix(np.concatenate(rows), np.concatenate(cols), (n, n))
    below, before = triplets(half)
    off = below != before
    return boolean_matrix(np.concatenate([below, before[off]]), np.concatenate([before, below[off]]), (n, n))


def products_of(met: Sequence[Meeting]) -> list[Product]:
    """All meetings in at most three products: of inputs, of an input and a row, of two rows of one base."""
    slots = [slot for meeting in met for slot in (meeting.left, meeting.right)]
    stack, offsets = stacked([slot.base for slot in slots if slot.base is not None])
    groups: dict[tuple[bool, bool], list[list[np.ndarray]]] = {}
    for meeting in met:
        sides = [
            (slot.base is not None, rows + np.int32(offsets.get(id(slot.base), 0)))
            for slot, rows in zip((meeting.left, meeting.right), meeting.rows(), strict=True)
        ]
        (is_row, left), (is_other_row, right) = sorted(sides, key=lambda side: side[0])
        groups.setdefault((is_row, is_other_row), []).append([left, right])
    products = []
    for (is_row, is_other_row), group in groups.items():
        left, right = (np.concatenate(side) for side in zip(*group, strict=True))
        products.append(Product(left, right, stack if is_row else None, stack if is_other_row else None))
    return products


def stacked(bases: Sequence[sp.csr_array]) -> tuple[sp.csr_array | None, dict[int, int]]:
    """Distinct bases one below the other, and the row where each begins, by its id."""
    distinct = {id(base): base for base in bases}
    if len(distinct) <= 1:
        return next(iter(distinct.values()), None), {}
    starts = np.cumsum([0] + [int(base.shape[0]) for base in distinct.values()])
    joined = sp.csr_array(sp.vstack(list(distinct.values()), format="csr"))
    return joined, dict(zip(distinct, starts[:-1].tolist(), strict=True))


def marked(crowded: Sequence[Product], rows: np.ndarray, cols: np.ndarray, n: int) -> sp.csr_array:
    """Both triangles of products that fill much of the matrix, and of single entries."""
    marks = np.zeros((n, n), dtype=bool)
    for product in crowded:
        marks |= product.dense()
    marks[rows, cols] = True
    return sp.csr_array(marks | marks.T)


@dataclass(frozen=True, eq=False)
class Product:
    """Inputs that meet in slots over one pair of bases: left' M right, M with an entry where rows meet.

    Args:
        left: row of the left base at each site.
        right: row of the right base at each site.
        left_base: Boolean matrix (rows, n), None for the identity.
        right_base: likewise.
    """

    left: np.ndarray
    right: np.ndarray
    left_base: sp.csr_array | None
    right_base: sp.csr_array | None

    @cached_property
    def middle(self) -> sp.csr_array:
        """M, repeated meetings once; its rows are those of the left base, or the inputs."""
        shape = [
            1 + int(index.max(initial=-1)) if base is None else base.shape[0]
            for index, base in ((self.left, self.left_base), (self.right, self.right_base))
        ]
        return boolean_matrix(self.left, self.right, (shape[0], shape[1]))

    @cached_property
    def products(self) -> int:
        """Number of pairs of inputs, repeated ones included."""
        rows, cols = triplets(self.middle)
        return int(lengths(self.left_base, rows) @ lengths(self.right_base, cols))

    def is_crowded(self, n: int) -> bool:
        """Whether a dense product costs less than a sparse one, and fits."""
        if (self.left_base is None and self.right_base is None) or n > LARGEST_DENSE:
            return False
        return self.products > max(MANY_PRODUCTS, DENSE_SPEED * self.middle.shape[0] * n * n)

    def entries(self, n: int) -> tuple[np.ndarray, np.ndarray]:
        """Pairs of inputs that meet, some perhaps more than once."""
        if self.left_base is None and self.right_base is None:
            return self.left, self.right
        if min(self.products, n * n) > MOST_ENTRIES:
            raise TooDense(
                f"structure: the Hessian has up to {self.products:,} entries, over the {MOST_ENTRIES:,} "
                "kept. A nonlinear function of a sum over many variables makes it dense; introducing the sum "
                "as a variable with a constraint makes it sparse."
            )
        right = self.middle if self.right_base is None else self.middle @ self.right_base
        total = right if self.left_base is None else self.left_base.T.tocsr() @ right
        return triplets(sp.csr_array(total))

    def dense(self) -> np.ndarray:
        """The same as a dense Boolean matrix (n, n), by a dense product."""
        if self.left_base is None or self.right_base is None:
            base = self.right_base if self.left_base is None else self.left_base
            assert base is not None
            n = base.shape[1]
            found = np.zeros((n, n), dtype=bool)
            found[self.entries(n)] = True
            return found
        right = sp.csr_array(self.middle @ self.right_base).toarray().astype(np.float32)
        return self.left_base.toarray().astype(np.float32).T @ right > 0


def lengths(base: sp.csr_array | None, rows: np.ndarray) -> np.ndarray:
    """Number of inputs in each of some rows of a base, int64."""
    return np.ones(rows.size, np.int64) if base is None else np.diff(base.indptr)[rows].astype(np.int64)

"""The way back: a tape in, which adjoints can be nonzero and so which second derivatives out.

An element counts only if an output depends on it: one that is multiplied by a known zero or sliced away
contributes nothing to the Hessian, however nonlinear it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from lagrad.errors import DerivativeError
from lagrad.structure.deps import MOST_ENTRIES, Slot, boolean_matrix, triplets
from lagrad.structure.links import Live, either
from lagrad.structure.outcome import Outcome, Pair
from lagrad.structure.value import Value

# Products of sparse rows beyond this are first tried with equal rows stored once.
MANY_PRODUCTS = 10_000_000


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


def live_pairs(tape: Sequence[Outcome], outputs: Sequence[Value], live: Sequence[Live]) -> Iterable[Pair]:
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

    Raises:
        DerivativeError: the matrix would not fit into memory.
    """
    half = meeting_matrix(pairs, n)
    rows, cols = triplets(half)
    off = rows != cols
    return boolean_matrix(np.concatenate([rows, cols[off]]), np.concatenate([cols, rows[off]]), (n, n))


def meeting_matrix(pairs: Iterable[Pair], n: int) -> sp.csr_array:
    """Boolean matrix (n, n) with an entry (larger, smaller) where two inputs meet."""
    groups: dict[tuple[int, int], list[Meeting]] = {}
    for meeting in meetings(pairs):
        groups.setdefault((id(meeting.left.base), id(meeting.right.base)), []).append(meeting)
    rows, cols = [np.zeros(0, np.int32)], [np.zeros(0, np.int32)]
    for group in groups.values():
        left, right = met_inputs(group, n)
        rows.append(np.maximum(left, right))
        cols.append(np.minimum(left, right))
    return boolean_matrix(np.concatenate(rows), np.concatenate(cols), (n, n))


def met_inputs(group: Sequence[Meeting], n: int) -> tuple[np.ndarray, np.ndarray]:
    """Inputs that meet in slots over one pair of bases."""
    met = [meeting.rows() for meeting in group]
    left = np.concatenate([one for one, _ in met])
    right = np.concatenate([other for _, other in met])
    base, other = group[0].left.base, group[0].right.base
    if base is None and other is None:
        return left, right
    identity = sp.csr_array(sp.eye_array(n, dtype=bool))
    base, other = (identity if matrix is None else matrix for matrix in (base, other))
    return triplets(sandwich(base, boolean_matrix(left, right, (base.shape[0], other.shape[0])), other))


def sandwich(left: sp.csr_array, middle: sp.csr_array, right: sp.csr_array) -> sp.csr_array:
    """left' middle right of Boolean matrices."""
    counts = np.diff(left.indptr)
    rows, cols = triplets(middle)
    products = int(counts[rows].astype(np.int64) @ np.diff(right.indptr)[cols])
    if min(products, left.shape[1] * right.shape[1]) > MOST_ENTRIES:
        raise DerivativeError(
            f"structure: the Hessian has up to {products} entries, more than the {MOST_ENTRIES} kept. "
            "A nonlinear function of a sum over many variables makes it dense; introducing the sum as a "
            "variable with a constraint makes it sparse."
        )
    return left.T.tocsr() @ (middle @ right)

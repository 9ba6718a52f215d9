"""Part the elements that states have to do with from those of x alone, which need no condensing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import scipy.sparse as sp

from lagrad.elements.groups import Group, Slot
from lagrad.elements.split import Split

# So few entries are no trouble among the others, and a second call for them would be.
FEW_ENTRIES = 2000


def parted(split: Split, n: int, m: int) -> tuple[Split | None, Split]:
    """Part a split.

    Args:
        split: of f, the constraint rows and those of states, by x and states.
        n: number of variables without states.
        m: number of constraint rows.

    Returns:
        f and the constraint rows by x, as far as states have nothing to do with them, None if that is little;
        and all else, in rows and columns as they were.
    """
    alone = [group for group in split.groups if is_alone(group, n, m)]
    linear = sp.coo_array(split.linear)
    is_own = (linear.row <= m) & (linear.col < n)
    entries = int(is_own.sum()) + sum(group.outputs.nnz * len(group.active) for group in alone)
    if entries <= FEW_ENTRIES:
        return None, split
    own, others = (matrix_of(linear, chosen) for chosen in (is_own, ~is_own))
    first = replace(
        split,
        linear=sp.csr_array(own[: m + 1, :n]),
        groups=tuple(replace(group, outputs=sp.csr_array(group.outputs[: m + 1])) for group in alone),
        offset=split.offset[: m + 1],
        fixed={},
    )
    kept = tuple(group for group in split.groups if group not in alone)
    return first, replace(split, linear=others, groups=kept)


def matrix_of(matrix: sp.coo_array, chosen: np.ndarray) -> sp.csr_array:
    """Some entries of a matrix."""
    entries = matrix.data[chosen], (matrix.row[chosen], matrix.col[chosen])
    return sp.csr_array(entries, shape=matrix.shape)


def is_alone(group: Group, n: int, m: int) -> bool:
    """Whether elements take no state and give nothing to what states should be."""
    pointers = group.outputs.indptr
    return pointers[-1] == pointers[m + 1] and all(last_variable(slot) < n for slot in group.slots)


def last_variable(slot: Slot) -> int:
    """The last variable that a slot takes."""
    layers = slot.form.layers
    if layers is None:
        return int(slot.form.to_scipy().indices.max(initial=-1))
    return max((int(layer.indices.array.max(initial=-1)) for layer in layers), default=-1)

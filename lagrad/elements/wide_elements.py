"""Move elements of too many variables from a split's groups to its remainder.

Where an element adds up many variables, tanh(M x) with full rows of M, its block of second derivatives has
as many entries as pairs of these. Beyond some number sweeps through the function are cheaper in every way.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import scipy.sparse as sp

from lagrad.elements.groups import Group, Slot
from lagrad.elements.split import Split

# What an entry of an element block takes until it is assembled: row, column, place, number.
BYTES = 40
# Blocks that meet in the same matrix entries more often than this cost more than sweeps.
MOST_AN_ENTRY = 16
# So few entries of blocks are added up in no time, however often they meet.
FEW_ENTRIES = 5000
# Second derivatives of one element: more are so much machine code that it takes seconds to be made.
MOST_PAIRS = 400


def without_crowded(split: Split, memory_limit: int) -> Split:
    """Leave groups to coloring whose blocks would be too many, too large, or too long to write down.

    Args:
        split: split of a program.
        memory_limit: bytes that the blocks of one group may take.

    Returns:
        Split; the given one if nothing is crowded.
    """
    n = split.linear.shape[1]
    most = min(memory_limit / BYTES, max(MOST_AN_ENTRY * n * (n + 1) / 2, FEW_ENTRIES))
    # The code of a chain is that of one step and of loops, however many pairs its inputs make.
    chains = split.classification.chains
    crowded = [
        group
        for group in split.groups
        if (len(group.pairs) > MOST_PAIRS and group.variable not in chains) or block_entries(group) > most
    ]
    if not crowded:
        return split
    rest = dict(split.rest)
    for group in crowded:
        matrix = on_variable(group, split.classification.program.size(group.variable))
        rest[group.variable] = matrix + rest[group.variable] if group.variable in rest else matrix
    kept = tuple(group for group in split.groups if group not in crowded)
    return replace(split, groups=kept, rest=rest)


def block_entries(group: Group) -> int:
    """Entries of the blocks of all elements, of slots that add up more than a few variables."""
    rows = np.diff(group.by_element.indptr)
    pairs = sum(
        int(variables(group.slots[a]) @ variables(group.slots[b]))
        for a, b in group.pairs
        if None in (group.slots[a].form.layers, group.slots[b].form.layers)
    )
    wide = (slot for slot in group.active if group.slots[slot].form.layers is None)
    return pairs + sum(int(rows @ variables(group.slots[slot])) for slot in wide)


def variables(slot: Slot) -> np.ndarray:
    """Number of variables that each element's slot adds up, shape (E,)."""
    if slot.form.layers is not None:
        return np.full(slot.form.shape[0], len(slot.form.layers))
    return np.diff(slot.form.to_scipy().indptr).astype(np.int64)


def on_variable(group: Group, size: int) -> sp.csr_array:
    """What the outputs take from the group's elements, as entries of the whole variable."""
    columns = group.elements.array[group.outputs.indices]
    return sp.csr_array(
        (group.outputs.data, columns, group.outputs.indptr), shape=(group.outputs.shape[0], size)
    )

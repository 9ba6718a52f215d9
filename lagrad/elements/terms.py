"""Describe the terms of a kernel's slots: pieces of vectors, to be added up.

The same for both compilers: XLA is fed pieces that the host gathers, machine code reads them where they lie.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
import scipy.sparse as sp

from lagrad.elements.affine import layered
from lagrad.elements.groups import Slot
from lagrad.elements.indices import Indices
from lagrad.elements.maps import Factor
from lagrad.elements.recording import added, times
from lagrad.elements.tape import Tape

# Nodes of pieces with factors, and a constant.
Terms = tuple[list[tuple[int, Factor]], np.ndarray | None]


class Supplier(Protocol):
    """What records pieces of one vector v."""

    def request(self, indices: Indices) -> int:
        """Node of the piece v[indices]."""
        ...

    def request_rows(self, rows: sp.csr_array) -> int:
        """Node of the piece A v."""
        ...


def slot_terms(supplier: Supplier, slot: Slot) -> Terms:
    """What a slot adds up."""
    if slot.form.layers is None:
        return [(supplier.request_rows(slot.form.to_scipy()), 1.0)], slot.offset
    return [(supplier.request(layer.indices), layer.factor) for layer in slot.form.layers], slot.offset


def weight_terms(supplier: Supplier, by_element: sp.csr_array) -> Terms:
    """What B' w adds up: one piece and factor for each output that an element has."""
    layers = layered(by_element)
    if layers is None:
        return [(supplier.request_rows(by_element), 1.0)], None
    return [(supplier.request(layer.indices), layer.factor) for layer in layers], None


def combined(tape: Tape, terms: Terms) -> int:
    """Node of the sum of pieces times factors, and the constant."""
    return added(tape, [times(tape, piece, factor) for piece, factor in terms[0]], terms[1])

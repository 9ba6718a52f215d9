"""Hold groups of equal elements, and choose their inputs: single variables where that needs fewest."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.sparse as sp

from lagrad.elements.affine import Affine, Layer
from lagrad.elements.classification import Classification
from lagrad.elements.indices import Indices
from lagrad.elements.kernels import Kernel, Key, Leaf
from lagrad.elements.maps import Factor
from lagrad.elements.masks import Masks, bits


@dataclass(frozen=True, eq=False)
class Slot:
    """One input of an element: A x + b, most often one variable.

    Args:
        form: A, shape (E, n).
        offset: b, shape (E,); None for zero.
    """

    form: Affine
    offset: np.ndarray | None = None

    @cached_property
    def name(self) -> tuple:
        """Equal for equal slots."""
        if self.form.layers is None:
            return ("rows", id(self.form.rows), id(self.offset))
        layers = tuple((layer.indices.name, np.asarray(layer.factor).tobytes()) for layer in self.form.layers)
        return ("layers", layers, None if self.offset is None else self.offset.tobytes())


@dataclass(frozen=True, eq=False)
class LeafValue:
    """A leaf as a combination of slots: sum of factors[t] * slot[slots[t]], plus offset."""

    leaf: Leaf
    slots: tuple[int, ...]
    factors: tuple[Factor, ...]
    offset: np.ndarray | None


@dataclass(frozen=True, eq=False)
class Group:
    """E elements of one nonlinear variable, what they are made of and what the outputs take from them.

    Args:
        variable: number of the variable in the program.
        elements: which of its elements these are.
        slots: inputs of one element.
        leaves: the affine leaves in terms of slots.
        masks: which derivatives by the slots can be nonzero.
        outputs: B, shape (m + 1, E).
        depth: number of equations on the longest way from a leaf to the variable.
    """

    variable: int
    elements: Indices
    slots: tuple[Slot, ...]
    leaves: tuple[LeafValue, ...]
    masks: Masks
    outputs: sp.csr_array
    depth: int

    @cached_property
    def active(self) -> tuple[int, ...]:
        """Slots with a first derivative."""
        return tuple(bits(self.masks.first))

    @cached_property
    def by_element(self) -> sp.csr_array:
        """B', what each element gives to the outputs, shape (E, m + 1)."""
        return sp.csr_array(self.outputs.T)

    @cached_property
    def by_element_to_rows(self) -> sp.csr_array:
        """The same without the objective, shape (E, m)."""
        whole = self.by_element
        if self.is_in_objective:
            return sp.csr_array(self.outputs[1:].T)
        shape = (whole.shape[0], whole.shape[1] - 1)
        return sp.csr_array((whole.data, whole.indices - 1, whole.indptr), shape)

    @property
    def is_in_objective(self) -> bool:
        """Whether the objective takes anything."""
        return bool(self.outputs.indptr[1])

    @property
    def is_in_rows(self) -> bool:
        """Whether a constraint row takes anything."""
        return bool(self.outputs.indptr[-1] > self.outputs.indptr[1])

    @cached_property
    def in_objective(self) -> np.ndarray:
        """What the objective takes from each element, shape (E,)."""
        count = self.outputs.indptr[1]
        return np.bincount(self.outputs.indices[:count], self.outputs.data[:count], self.outputs.shape[1])

    @cached_property
    def pairs(self) -> tuple[tuple[int, int], ...]:
        """Slots (a, b), a <= b, with a second derivative."""
        return tuple(self.masks.pairs())


def slotted(
    classification: Classification, kernel: Kernel, always_single: bool = False
) -> tuple[tuple[Slot, ...], tuple[LeafValue, ...], Masks]:
    """Slots, leaves in terms of them, and derivatives by them.

    Args:
        classification: the program that the kernel comes from.
        kernel: small function of affine leaves.
        always_single: whether slots are single variables even where leaves are fewer.
    """
    forms = {key: classification.form_at(leaf.variable, leaf.indices) for key, leaf in kernel.leaves.items()}
    single = single_variables(forms)
    if single is not None and (always_single or len(single) <= len(forms)):
        slots = tuple(Slot(form) for form in single.values())
        numbers = {name: number for number, name in enumerate(single)}
        layers = {key: form.layers for key, form in forms.items() if form.layers is not None}
        of_leaf = {key: tuple(numbers[layer.indices.name] for layer in each) for key, each in layers.items()}
        factors = {key: tuple(layer.factor for layer in each) for key, each in layers.items()}
        offsets = {key: offset_of(classification, leaf, forms[key]) for key, leaf in kernel.leaves.items()}
    else:
        of_key = {
            key: Slot(forms[key], offset_of(classification, leaf, forms[key]))
            for key, leaf in kernel.leaves.items()
        }
        slots = tuple({slot.name: slot for slot in of_key.values()}.values())
        numbers = {slot.name: number for number, slot in enumerate(slots)}
        of_leaf = {key: (numbers[slot.name],) for key, slot in of_key.items()}
        factors, offsets = dict.fromkeys(forms, (1.0,)), dict.fromkeys(forms)
    values = tuple(
        LeafValue(leaf, of_leaf[key], factors[key], offsets[key]) for key, leaf in kernel.leaves.items()
    )
    return slots, values, kernel.masks.spread([of_leaf[key] for key in kernel.leaves], len(slots))


def single_variables(forms: dict[Key, Affine]) -> dict | None:
    """Distinct layers of all forms, each as a form of one variable; None if a form has no layers."""
    found = {}
    for form in forms.values():
        if form.layers is None:
            return None
        for layer in form.layers:
            found[layer.indices.name] = Affine(form.shape, (Layer(layer.indices, 1.0),))
    return found


def offset_of(classification: Classification, leaf: Leaf, form: Affine) -> np.ndarray | None:
    """b of a leaf, None for zero if there is anything to add it to."""
    offset = classification.offset_at(leaf.variable, leaf.indices)
    return np.zeros(leaf.indices.size) if offset is None and form.layers == () else offset

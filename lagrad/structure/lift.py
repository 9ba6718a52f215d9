"""Lift: a reading in, the Lagrangian program split into a linear part, element groups and a remainder, out.

    outputs(x) = C x + sum over groups of B_g k_g(u_g) + sum over the rest of B_r v_r(x) + constant

Outputs are f (row 0) and c (rows 1 to m). A group is one variable, elementwise in a few gathered inputs u_g,
its slots. The walk goes backwards from the outputs through linear equations and stops where an equation is
curved. At a sum of curved terms it stops too if that costs no more derivatives than its terms do apart.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from lagrad.program import Program
from lagrad.structure.kernels import Kernel, Leaf, Pieces, digest, kernels
from lagrad.structure.maps import Adjoint, take_rows, total
from lagrad.structure.reading import Kind, Reading, read

# A leaf that adds up more variables than this is a slot of its own, whatever else the element has.
WIDEST_RAW_LEAF = 6


@dataclass(frozen=True, eq=False)
class Slot:
    """One input of an element: x[indices], or (A x + b)[e] given by rows.

    Args:
        indices: one variable an element, shape (E,); None if the slot is a combination of variables.
        rows: A, shape (E, n), where `indices` is None.
        offset: b, shape (E,), where `indices` is None.
    """

    indices: np.ndarray | None
    rows: sp.csr_array | None = None
    offset: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class LeafValue:
    """A leaf as a combination of slots: sum of coefficients[t] * slot[slots[t]], plus offset."""

    leaf: Leaf
    slots: tuple[int, ...]
    coefficients: tuple[np.ndarray, ...]
    offset: np.ndarray | None


@dataclass(frozen=True, eq=False)
class Group:
    """E elements of one curved variable, what they are made of and what the outputs take from them.

    Args:
        variable: number of the variable in the program.
        elements: which of its elements the outputs use, shape (E,); None for all in order.
        slots: inputs of one element.
        leaves: the affine leaves in terms of slots.
        active: slots with a first derivative.
        pairs: slots (a, b), a <= b, with a second derivative.
        outputs: B, shape (m + 1, E).
    """

    variable: int
    elements: np.ndarray | None
    slots: tuple[Slot, ...]
    leaves: tuple[LeafValue, ...]
    active: tuple[int, ...]
    pairs: tuple[tuple[int, int], ...]
    outputs: sp.csr_array


@dataclass(frozen=True, eq=False)
class Lift:
    """The split of a program.

    Args:
        reading: the classified program.
        linear: C, shape (m + 1, n).
        groups: element groups.
        rest: variable -> B for curved variables without a kernel, shape (m + 1, size).
    """

    reading: Reading
    linear: sp.csr_array
    groups: tuple[Group, ...]
    rest: dict[int, sp.csr_array]


def lift(program: Program) -> Lift:
    """Split a program into its linear part, element groups and a remainder.

    Args:
        program: numbered equations of (x, *param leaves) -> (f, c).

    Returns:
        Lift; exact, whatever the program: what has no kernel is in `rest`.
    """
    reading = read(program)
    return Splitter(reading, kernels(reading), {}).split()


@dataclass
class Splitter:
    """The backward walk: adjoints wait at variables until every equation that uses them was passed."""

    reading: Reading
    kernels: dict[int, Pieces]
    waiting: dict[int, list[Adjoint]]

    def split(self) -> Lift:
        """Walk from the outputs to x."""
        program = self.reading.program
        objective, constraints = program.outputs
        m = program.size(constraints)
        self.give(objective, Adjoint(np.zeros(1, int), np.zeros(1, int), np.ones(1)))
        self.give(constraints, Adjoint(np.arange(1, m + 1), np.arange(m), np.ones(m)))
        groups, rest = [], {}
        for index in range(len(program.equations) - 1, -1, -1):
            for variable in program.equations[index].outputs:
                if self.reading.kinds[variable] < Kind.AFFINE or variable not in self.waiting:
                    continue
                adjoint = self.collect(variable, m)
                if self.passes(index, variable):
                    self.push(index, variable, adjoint)
                else:
                    self.settle(variable, adjoint, m, groups, rest)
        linear = self.collect(program.inputs[0], m).to_scipy((m + 1, program.size(program.inputs[0])))
        return Lift(self.reading, linear, tuple(groups), rest)

    def settle(self, variable: int, adjoint: Adjoint, m: int, groups: list[Group], rest: dict) -> None:
        """Make groups of the pieces of a variable, and leave over what has no kernel."""
        pieces = self.kernels[variable]
        for label, kernel in enumerate(pieces.kernels):
            part = adjoint if pieces.labels is None else adjoint.only(pieces.labels[adjoint.columns] == label)
            if kernel is None and part.columns.size:
                rest[variable] = part.to_scipy((m + 1, self.reading.program.size(variable)))
            elif part.columns.size:
                groups.append(group(self.reading, pieces, kernel, variable, part, m))

    def give(self, variable: int, adjoint: Adjoint) -> None:
        """Add to what waits at a variable."""
        self.waiting.setdefault(variable, []).append(adjoint)

    def collect(self, variable: int, m: int) -> Adjoint:
        """Sum of what waited at a variable."""
        nothing = Adjoint(np.zeros(0, int), np.zeros(0, int), np.zeros(0))
        return total(self.waiting.pop(variable, [nothing]), (m + 1, self.reading.program.size(variable)))

    def push(self, index: int, variable: int, adjoint: Adjoint) -> None:
        """Pass an adjoint through a linear equation to its operands."""
        for operand, linear in self.reading.linear[variable].items():
            self.give(self.reading.program.equations[index].inputs[operand], adjoint.through(linear))

    def passes(self, index: int, variable: int) -> bool:
        """Whether the walk goes on through this equation rather than stop at it."""
        linear = self.reading.linear[variable]
        if linear is None:
            return False
        inputs = [self.reading.program.equations[index].inputs[operand] for operand in linear]
        curved = [i for i in inputs if self.reading.kinds[i] is Kind.CURVED]
        if len(inputs) == 1 or not curved:
            return True
        cost = self.cost(variable)
        return np.isinf(cost) or cost > sum(self.cost(i) for i in curved)

    def cost(self, variable: int) -> float:
        """Number of first and second derivatives of an element, on average."""
        pieces, total = self.kernels[variable], 0.0
        sizes = [1] if pieces.labels is None else np.bincount(pieces.labels)
        for size, kernel in zip(sizes, pieces.kernels, strict=True):
            if kernel is None:
                return np.inf
            _, _, active, pairs = slotted(self.reading, kernel)
            total += size * (len(active) + len(pairs))
        return total / max(sum(sizes), 1)


def group(reading: Reading, pieces: Pieces, kernel: Kernel, variable: int, adjoint: Adjoint, m: int) -> Group:
    """Group of those elements of a piece that the outputs use."""
    size = reading.program.size(variable)
    used = np.zeros(size, dtype=bool)
    used[adjoint.columns] = True
    elements = None if used.all() else np.flatnonzero(used)
    if elements is not None:
        kernel = kernel.at(elements if pieces.ranks is None else pieces.ranks[elements])
        adjoint = Adjoint(adjoint.rows, (np.cumsum(used) - 1)[adjoint.columns], adjoint.values)
    outputs = adjoint.to_scipy((m + 1, size if elements is None else elements.size))
    slots, leaves, active, pairs = slotted(reading, kernel)
    return Group(variable, elements, slots, leaves, active, pairs, outputs)


def slotted(reading: Reading, kernel: Kernel) -> tuple:
    """Slots, leaves in terms of them, active slots and pairs: single variables where that needs fewest."""
    leaves = {key: leaf_rows(reading, leaf) for key, leaf in kernel.leaves.items()}
    raw = raw_slots(leaves)
    if raw is not None and len(raw) <= len(leaves):
        slots = tuple(Slot(indices) for indices in raw.values())
        numbers = {name: number for number, name in enumerate(raw)}
        of_leaf = {key: [numbers[digest(layer)] for layer in layers(rows)] for key, (_, rows, _) in leaves.items()}
        values = [raw_leaf(*leaves[key], of_leaf[key]) for key in leaves]
    else:
        slots = tuple(combined(rows, offset) for _, rows, offset in leaves.values())
        of_leaf = {key: [number] for number, key in enumerate(leaves)}
        values = [LeafValue(leaf, (number,), (np.ones(1),), None) for number, (leaf, _, _) in enumerate(leaves.values())]
    active = {slot for key in kernel.active for slot in of_leaf[key]}
    pairs = {(min(a, b), max(a, b)) for i, j in kernel.pairs for a in of_leaf[i] for b in of_leaf[j]}
    return slots, tuple(values), tuple(sorted(active)), tuple(sorted(pairs))


def leaf_rows(reading: Reading, leaf: Leaf) -> tuple[Leaf, sp.csr_array, np.ndarray]:
    """A and b of a leaf."""
    rows, offset = reading.rows(leaf.variable), reading.offset(leaf.variable)
    if leaf.indices is None:
        return leaf, rows, offset
    return leaf, take_rows(rows, leaf.indices), offset[leaf.indices]


def layers(rows: sp.csr_array) -> list[np.ndarray]:
    """Column of the first, second, ... entry of each row, all rows having equally many."""
    counts = np.diff(rows.indptr)
    return list(rows.indices.reshape(counts.size, -1).T) if counts.size else []


def raw_slots(leaves: dict) -> dict[bytes, np.ndarray] | None:
    """Distinct layers of all leaves; None if a leaf is wide or its rows differ in length."""
    found: dict[bytes, np.ndarray] = {}
    for _, rows, _ in leaves.values():
        counts = np.diff(rows.indptr)
        if counts.size == 0 or counts.min() != counts.max() or not 0 < counts[0] <= WIDEST_RAW_LEAF:
            return None
        found |= {digest(layer): layer for layer in layers(rows)}
    return found


def raw_leaf(leaf: Leaf, rows: sp.csr_array, offset: np.ndarray, numbers: list[int]) -> LeafValue:
    """A leaf as a combination of single variables."""
    coefficients = tuple(rows.data.reshape(offset.size, -1).T)
    return LeafValue(leaf, tuple(numbers), coefficients, offset if offset.any() else None)


def combined(rows: sp.csr_array, offset: np.ndarray) -> Slot:
    """A slot that is a whole leaf; a single variable where the leaf is one."""
    single = rows.nnz == rows.shape[0] and (np.diff(rows.indptr) == 1).all() and (rows.data == 1).all()
    return Slot(rows.indices) if single and not offset.any() else Slot(None, rows, offset)

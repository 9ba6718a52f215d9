"""Split the Lagrangian program into a linear part, element groups and a remainder.

    outputs(x) = C x + sum over groups of B_g k_g(u_g) + sum over the rest of B_r v_r(x) + b(params)

Outputs are f (row 0) and c (rows 1 to m). A group is one variable, elementwise in a few gathered inputs u_g,
its slots. The walk goes backwards from the outputs through linear equations and stops where an equation is
nonlinear. At a sum of nonlinear terms it stops too if that costs no more derivatives than its terms do apart.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import scipy.sparse as sp

from lagrad.elements.chains import chains
from lagrad.elements.classification import Classification, Kind, read
from lagrad.elements.expand import expanded
from lagrad.elements.groups import Group, slotted
from lagrad.elements.indices import Indices, everything
from lagrad.elements.kernels import Kernel, Kernels, Pieces
from lagrad.elements.linear import Maps
from lagrad.elements.maps import Adjoint, total
from lagrad.elements.products import rewritten
from lagrad.primitives.movers import MOVERS
from lagrad.program.equation import Equation
from lagrad.program.folding import fold
from lagrad.program.program import Program
from lagrad.program.roll.repeats import looped, looped_over_data

# Linear in one operand, and zero where that is zero, whatever the others are.
HOMOGENEOUS = frozenset({"mul", "div", "dot_general", "slice", "dynamic_slice"})
FILLING = frozenset({"gather"})


# A program written out is taken with something left over only if it has no more equations than these more:
# what is colored would be compiled at that length.
FEW_MORE = 100
# Inputs of an element; blocks of more are left to coloring.
MOST_SLOTS = 48


@dataclass(frozen=True, eq=False)
class Split:
    """The split of a program.

    Args:
        classification: the classified program.
        linear: C, shape (m + 1, n).
        groups: element groups.
        rest: variable -> B for nonlinear variables without a kernel, shape (m + 1, size).
        offset: the part of b without params, shape (m + 1,).
        fixed: variable -> B for variables that depend on params only, shape (m + 1, size).
    """

    classification: Classification
    linear: sp.csr_array
    groups: tuple[Group, ...]
    rest: dict[int, sp.csr_array]
    offset: np.ndarray
    fixed: dict[int, sp.csr_array]


def partially_separable(program: Program) -> Split:
    """Split a program into its linear part, element groups and a remainder.

    Args:
        program: numbered equations of (x, *param leaves) -> (f, c).

    Returns:
        Split; exact, whatever the program: what has no kernel is in `rest`. It classifies another program
        of the same inputs and outputs where loops had to be written out.
    """
    for find_steps in (looped, looped_over_data):
        steps = find_steps(program)
        if steps is not None:
            found = split(steps)
            if found.classification.chains and not found.rest:
                return found
    found = split(program)
    wider = expanded(program, found.classification.values) if found.rest else None
    if wider is None:
        return found
    other = split(wider)
    grown = len(wider.equations) - len(program.equations)
    gains = not other.rest or (grown <= FEW_MORE and left_over(other) < left_over(found))
    return other if gains else found


def split(program: Program) -> Split:
    """The split of a program as it is written."""
    classification, m = read(program), program.size(program.outputs[1])
    # What one pass writes may be multiplied by params: the next one takes that into its sums.
    for _ in range(2):
        written = rewritten(classification)
        if written is None:
            break
        classification = read(written)
    classification.chains.update(chains(classification))
    return Splitter(classification, Kernels(classification), {}, np.zeros(m + 1)).split()


def left_over(found: Split) -> int:
    """Number of uses of variables without a kernel."""
    return sum(matrix.nnz for matrix in found.rest.values())


@dataclass
class Splitter:
    """The backward walk: adjoints wait at variables until every equation that uses them was passed."""

    classification: Classification
    kernels: Kernels
    waiting: dict[int, list[Adjoint]]
    offset: np.ndarray
    costs: dict[int, float] = field(default_factory=dict[int, float])

    def split(self) -> Split:
        """Walk from the outputs to x."""
        program = self.classification.program
        objective, constraints = program.outputs
        m = program.size(constraints)
        self.give(objective, Adjoint(np.zeros(1, int), np.zeros(1, int), np.ones(1)))
        self.give(constraints, Adjoint(np.arange(1, m + 1), np.arange(m), np.ones(m)))
        groups, rest = [], {}
        for index in range(len(program.equations) - 1, -1, -1):
            for variable in program.equations[index].outputs:
                if self.classification.kinds[variable] < Kind.AFFINE or variable not in self.waiting:
                    continue
                adjoint = self.settle_known(variable, self.collect(variable, m))
                if self.passes(index, variable):
                    self.push(index, variable, adjoint)
                    continue
                stays = self.stays(variable)[self.labels(variable)[adjoint.columns]]
                if not stays.all():
                    self.push(index, variable, adjoint.only(~stays))
                if stays.any():
                    self.settle(variable, adjoint.only(stays), m, groups, rest)
        linear = self.collect(program.inputs[0], m).to_scipy((m + 1, program.size(program.inputs[0])))
        fixed = {}
        for variable in list(self.waiting):
            adjoint = self.collect(variable, m)
            if self.classification.kinds[variable] is Kind.PARAMETRIC:
                fixed[variable] = adjoint.to_scipy((m + 1, program.size(variable)))
            else:
                self.add_constants(adjoint, self.classification.values[variable])
        return Split(self.classification, linear, tuple(groups), rest, self.offset, fixed)

    def settle(self, variable: int, adjoint: Adjoint, m: int, groups: list[Group], rest: dict) -> None:
        """Make groups of the pieces of a variable, and leave over what has no kernel."""
        pieces = self.kernels[variable]
        for label, kernel in enumerate(pieces.kernels):
            part = adjoint.only(self.labels(variable)[adjoint.columns] == label)
            if part.columns.size == 0:
                continue
            found = None if kernel is None else group(self.classification, pieces, kernel, variable, part, m)
            if found is not None and len(found.slots) <= MOST_SLOTS:
                groups.append(found)
            else:
                matrix = part.to_scipy((m + 1, self.classification.program.size(variable)))
                rest[variable] = matrix + rest[variable] if variable in rest else matrix

    def settle_known(self, variable: int, adjoint: Adjoint) -> Adjoint:
        """What is left of an adjoint without the elements that are known numbers."""
        entries = self.classification.entries.get(variable)
        if entries is None:
            return adjoint
        known = entries.known[adjoint.columns]
        self.add_constants(adjoint.only(known), entries.values)
        return adjoint.only(~known)

    def give(self, variable: int, adjoint: Adjoint) -> None:
        """Add to what waits at a variable."""
        self.waiting.setdefault(variable, []).append(adjoint)

    def collect(self, variable: int, m: int) -> Adjoint:
        """Sum of what waited at a variable."""
        nothing = Adjoint(np.zeros(0, int), np.zeros(0, int), np.zeros(0))
        return total(
            self.waiting.pop(variable, [nothing]), (m + 1, self.classification.program.size(variable))
        )

    def push(self, index: int, variable: int, adjoint: Adjoint) -> None:
        """Pass an adjoint through a linear equation to its operands."""
        equation = self.classification.program.equations[index]
        for operand, linear in self.classification.maps_of(variable).items():
            self.give(equation.inputs[operand], adjoint.through(linear))
        values, avals = self.classification.values, self.classification.program.avals
        if not self.is_homogeneous(equation, variable) and any(i in values for i in equation.inputs):
            operands = [
                values[i] if i in values else np.zeros(avals[i].shape, avals[i].dtype)
                for i in equation.inputs
            ]
            result = fold(equation.source, operands)[equation.outputs.index(variable)]
            self.add_constants(adjoint, np.asarray(result))

    def is_homogeneous(self, equation: Equation, variable: int) -> bool:
        """Whether the variable is zero where its unknown operand is."""
        if equation.name in FILLING:
            # What lies out of bounds is filled, with nan or any number.
            return all(each.places.is_complete for each in self.classification.maps_of(variable).values())
        return equation.name in HOMOGENEOUS

    def add_constants(self, adjoint: Adjoint, values: np.ndarray) -> None:
        """What the outputs take from known numbers."""
        taken = adjoint.values * values.reshape(-1)[adjoint.columns]
        self.offset += np.bincount(adjoint.rows, taken, self.offset.size)

    def labels(self, variable: int) -> np.ndarray:
        """Piece of each element of a variable."""
        labels = self.kernels[variable].labels
        return (
            np.zeros(self.classification.program.size(variable), dtype=np.int64) if labels is None else labels
        )

    def stays(self, variable: int) -> np.ndarray:
        """For each piece, whether the walk stops here; without curvature it never gains by that."""
        kernels = self.kernels[variable].kernels
        if self.classification.linear[variable] is None:
            return np.ones(len(kernels), dtype=bool)
        return np.array([kernel is not None and any(kernel.masks.second) for kernel in kernels])

    def passes(self, index: int, variable: int) -> bool:
        """Whether the walk goes on through this equation with all elements rather than stop at some."""
        linear = self.classification.linear[variable]
        if linear is None:
            return False
        if self.classification.kinds[variable] is not Kind.NONLINEAR:
            return True
        equation = self.classification.program.equations[index]
        inputs = [equation.inputs[operand] for operand in linear]
        nonlinear = [i for i in inputs if self.classification.kinds[i] is Kind.NONLINEAR]
        # What only moves elements never has fewer derivatives than its operands, nor has the sum of one with
        # what is affine.
        if len(inputs) == 1 or not nonlinear or equation.name in MOVERS or self.is_shifted(linear, equation):
            return True
        cost = self.cost(variable)
        # At equal cost the terms share no slot, and apart each has fewer.
        return np.isinf(cost) or cost >= sum(self.cost(i) for i in nonlinear)

    def is_shifted(self, linear: Maps, equation: Equation) -> bool:
        """Whether each element is one of a nonlinear operand, and something affine."""
        kinds = [self.classification.kinds[equation.inputs[operand]] for operand in linear]
        maps = [each for each, kind in zip(linear.values(), kinds, strict=True) if kind is Kind.NONLINEAR]
        return len(maps) == 1 and maps[0].selection is not None and maps[0].selection.is_everything

    def cost(self, variable: int) -> float:
        """Number of first and second derivatives of an element, on average; found once."""
        if variable not in self.costs:
            self.costs[variable] = self.find_cost(variable)
        return self.costs[variable]

    def find_cost(self, variable: int) -> float:
        """The same, not asked for before."""
        pieces, total = self.kernels[variable], 0.0
        sizes = [1] if pieces.labels is None else np.bincount(pieces.labels)
        for size, kernel in zip(sizes, pieces.kernels, strict=True):
            if kernel is None:
                return np.inf
            _, _, masks = slotted(self.classification, kernel)
            total += size * masks.count()
        return total / max(sum(sizes), 1)


def group(
    classification: Classification, pieces: Pieces, kernel: Kernel, variable: int, adjoint: Adjoint, m: int
) -> Group:
    """Group of those elements of a piece that the outputs use."""
    size = classification.program.size(variable)
    used = np.zeros(size, dtype=bool)
    used[adjoint.columns] = True
    elements = everything(size) if used.all() else Indices.of(np.flatnonzero(used))
    if elements.size < size:
        kernel = kernel.at(elements if pieces.ranks is None else Indices.of(elements.take(pieces.ranks)))
        adjoint = Adjoint(adjoint.rows, (np.cumsum(used) - 1)[adjoint.columns], adjoint.values)
    outputs = adjoint.to_scipy((m + 1, elements.size))
    return Group(variable, elements, *slotted(classification, kernel), outputs, kernel.depth)

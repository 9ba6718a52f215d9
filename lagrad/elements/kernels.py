"""Write the small functions of affine leaves (kernels) behind the variables of a classified program.

Element e of a variable is k(u1[i1[e]], u2[i2[e]], ...) with affine u and known index arrays i: the leaves.
What comes through slices, gathers, broadcasts, short sums and small contractions is composed into the index
arrays. Where a variable is put together from several (concatenate, stack, `.at[].set`), its elements fall
into pieces, each with a kernel of its own. A long reduction, a loop, a factorisation has no kernel.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from itertools import combinations
from math import prod

import numpy as np

from lagrad.elements.chain import Chain
from lagrad.elements.classification import Classification, Kind
from lagrad.elements.indices import Indices, everything
from lagrad.elements.linear import Maps, contraction
from lagrad.elements.masks import Masks, bits, composed
from lagrad.elements.sums import LANES, LONGEST_SUM, PRODUCTS, alike, lanes, terms
from lagrad.primitives.equations import is_key, is_rounded, shape_of, size_of
from lagrad.primitives.interaction import Interaction
from lagrad.primitives.small_solve import SMALL_SOLVE
from lagrad.program.equation import Equation

# Beyond these, sweeps through the function are cheaper. Of many leaves most are sums of few variables.
MOST_LEAVES = 200
DEEPEST = 5000
MOST_PIECES = 24
# Of pieces of at least so many elements there may be more: entries of a matrix for each stage.
MANY_ELEMENTS, MOST_REPEATED = 8, 64

Key = tuple[int, tuple | bytes]


@dataclass(frozen=True, eq=False)
class Leaf:
    """Elements of an affine variable: `variable.ravel()[indices]`."""

    variable: int
    indices: Indices

    @cached_property
    def key(self) -> Key:
        """Equal exactly when variable and indices are."""
        return self.variable, self.indices.name

    def at(self, indices: Indices) -> Leaf:
        """The leaf of the elements at `indices`."""
        return Leaf(self.variable, self.indices.at(indices))


@dataclass(frozen=True, eq=False)
class Kernel:
    """Leaves of one element, and which first and second derivatives can be nonzero.

    Args:
        leaves: key -> Leaf, all index arrays of the size of the variable.
        masks: derivatives by the leaves, in their order, that can be nonzero (a mere comparison has none).
        depth: number of equations on the longest way to a leaf.
    """

    leaves: dict[Key, Leaf]
    masks: Masks
    depth: int = 0

    @property
    def active(self) -> frozenset[Key]:
        """Keys of the leaves whose first derivative can be nonzero."""
        keys = list(self.leaves)
        return frozenset(keys[i] for i in bits(self.masks.first))

    @property
    def pairs(self) -> frozenset[tuple[Key, Key]]:
        """Unordered pairs of keys whose second derivative can be nonzero, each once."""
        keys = list(self.leaves)
        rows = enumerate(self.masks.second)
        return frozenset((keys[i], keys[j]) for i, row in rows for j in bits(row) if i <= j)

    def at(self, indices: Indices) -> Kernel:
        """Kernel of the elements at `indices`."""
        first = next(iter(self.leaves.values()), None)
        if first is None or (indices.is_everything and indices.size == first.indices.size):
            return self
        moved = [leaf.at(indices) for leaf in self.leaves.values()]
        leaves = {leaf.key: leaf for leaf in moved}
        if len(leaves) == len(moved):
            return Kernel(leaves, self.masks, self.depth)
        numbers = {key: number for number, key in enumerate(leaves)}
        places = [numbers[leaf.key] for leaf in moved]
        return Kernel(leaves, self.masks.moved(places, len(leaves)), self.depth)


@dataclass(frozen=True, eq=False)
class Pieces:
    """Kernels of the elements of a variable.

    Args:
        kernels: one a piece; None for a piece without.
        labels: piece of each element, shape (size,); None if there is one piece.
        ranks: place of each element within its piece, shape (size,); None if there is one piece.
        found: cache of `at`.
    """

    kernels: tuple[Kernel | None, ...]
    labels: np.ndarray | None = None
    ranks: np.ndarray | None = None
    found: dict[tuple | bytes, Kernel | None] = field(default_factory=dict)

    def at(self, indices: Indices) -> Kernel | None:
        """Kernel of some elements, all of one piece; many equations ask for the same."""
        if indices.name not in self.found:
            self.found[indices.name] = self.moved(indices)
        return self.found[indices.name]

    def moved(self, indices: Indices) -> Kernel | None:
        """The same, not asked for before."""
        if self.labels is None or self.ranks is None:
            return None if self.kernels[0] is None else self.kernels[0].at(indices)
        kernel = self.kernels[self.labels[indices.array[0]]]
        return None if kernel is None else kernel.at(Indices.of(indices.take(self.ranks)))


Part = tuple[Pieces, Indices]


@dataclass(frozen=True, eq=False)
class Kernels:
    """Kernels of the affine and nonlinear variables of a classified program, written when they are asked for.

    Most variables are passed through, and nobody asks.

    Args:
        classification: the program.
        found: variable -> Pieces, those that were asked for and what they are made of.
    """

    classification: Classification
    found: dict[int, Pieces] = field(default_factory=dict)

    def __getitem__(self, variable: int) -> Pieces:
        """Pieces of a variable."""
        if variable not in self.found:
            for each in self.pending(variable):
                self.found[each] = self.written(each)
        return self.found[variable]

    def pending(self, variable: int) -> list[int]:
        """Variables still to be written before one is, in order: a deep program is no recursion."""
        classification, found, stack = self.classification, set[int](), [variable]
        while stack:
            current = stack.pop()
            if current in found or current in self.found:
                continue
            found.add(current)
            if classification.kinds[current] is Kind.NONLINEAR:
                equation = classification.program.equations[classification.producers[current]]
                stack += [equation.inputs[i] for i in depending(classification, equation)]
        return sorted(found, key=lambda each: classification.producers.get(each, -1))

    def written(self, variable: int) -> Pieces:
        """Pieces of a variable from those of its operands."""
        if self.classification.kinds[variable] is Kind.AFFINE:
            leaf = Leaf(variable, everything(self.classification.program.size(variable)))
            return Pieces((Kernel({leaf.key: leaf}, Masks(1, (0,))),))
        equation = self.classification.program.equations[self.classification.producers[variable]]
        return pieces_of(self.classification, equation, variable, self.found)


def pieces_of(
    classification: Classification, equation: Equation, output: int, found: dict[int, Pieces]
) -> Pieces:
    """Kernels of an output of a nonlinear equation from those of its operands."""
    # Elements are of double precision; what the user wants rounded, and random keys, are left to XLA.
    if any(map(is_rounded, equation.source.outvars)) or any(map(is_key, equation.source.invars)):
        return Pieces((None,))
    operands = {i: found[equation.inputs[i]] for i in depending(classification, equation)}
    if output in classification.chains:
        return chained(classification.chains[output], equation.outputs.index(output), operands)
    record, linear = classification.interaction(equation, output), classification.linear[output]
    if record is not None:
        return elementwise(classification, equation, output, operands, record)
    if linear is not None:
        return kernels_of_sums(linear, operands, united)
    if equation.name == "dot_general":
        return contract(equation, operands)
    if equation.name == SMALL_SOLVE:
        return solved(equation, operands)
    members = lanes(equation) if equation.name in LANES else None
    if members is None:
        return Pieces((None,))
    return kernels_of_sums(members, operands, multiplied if equation.name in PRODUCTS else united)


def depending(classification: Classification, equation: Equation) -> list[int]:
    """Operands that depend on x."""
    return [i for i, variable in enumerate(equation.inputs) if classification.kinds[variable] >= Kind.AFFINE]


def combined(parts: Sequence[Part], size: int, build: Callable[[list[Kernel]], Kernel]) -> Pieces:
    """Pieces on which every part is one kernel, and on each the kernel built from these.

    Args:
        parts: pieces of each operand, and which element of it each output element takes.
        size: number of elements of the output.
        build: kernels of the parts to the kernel of the output.
    """
    if size == 0:
        return Pieces((None,))
    codes = None
    for pieces, indices in parts:
        if pieces.labels is not None:
            labels = indices.take(pieces.labels)
            codes = labels if codes is None else codes * len(pieces.kernels) + labels
    if codes is None:
        return Pieces((built([pieces.at(indices) for pieces, indices in parts], build),))
    names, labels = np.unique(codes, return_inverse=True)
    if are_many(names.size, labels.size):
        return Pieces((None,))
    members = [Indices.of(np.flatnonzero(labels == label)) for label in range(names.size)]
    kernels = [built([pieces.at(indices.at(each)) for pieces, indices in parts], build) for each in members]
    return ranked(kernels, labels, members)


def are_many(pieces: int, elements: int) -> bool:
    """Whether so many pieces are more than sweeps through the function are worth."""
    return pieces > (MOST_REPEATED if elements >= MANY_ELEMENTS * pieces else MOST_PIECES)


def ranked(kernels: Sequence[Kernel | None], labels: np.ndarray, members: Sequence[Indices]) -> Pieces:
    """Pieces with the place of each element within its own."""
    ranks = np.empty(labels.size, dtype=np.int64)
    for each in members:
        ranks[each.array] = np.arange(each.size)
    return Pieces(tuple(kernels), labels, ranks)


def built(kernels: list[Kernel | None], build: Callable[[list[Kernel]], Kernel]) -> Kernel | None:
    """The kernel, unless a part has none or it is too wide or too deep to be worth inlining."""
    found = [kernel for kernel in kernels if kernel is not None]
    if len(found) < len(kernels):
        return None
    kernel = build(found)
    return None if len(kernel.leaves) > MOST_LEAVES or kernel.depth > DEEPEST else kernel


def elementwise(
    classification: Classification,
    equation: Equation,
    output: int,
    operands: dict[int, Pieces],
    record: Interaction,
) -> Pieces:
    """Kernels of an elementwise equation: pairs of the operands, and those that the equation makes."""
    numbers = list(operands)

    smooth = [place for place, i in enumerate(numbers) if record.first[i]]
    places = {i: smooth.index(place) for place, i in enumerate(numbers) if record.first[i]}
    meeting = [(places[i], places[j]) for i, j in record.second if i in places and j in places]

    def build(kernels: list[Kernel]) -> Kernel:
        return united(kernels, meeting, smooth)

    parts = [(pieces, classification.places(equation, i, output)) for i, pieces in operands.items()]
    return combined(parts, classification.program.size(output), build)


def united(
    parts: Sequence[Kernel], meeting: Sequence[tuple[int, int]] = (), smooth: Sequence[int] | None = None
) -> Kernel:
    """Kernel of a function of several kernels, one equation deeper.

    Args:
        parts: the kernels.
        meeting: pairs of those that have a second derivative together, by number among the smooth ones.
        smooth: numbers of the parts that the function can be differentiated by; all by default.
    """
    leaves: dict[Key, Leaf] = {}
    for part in parts:
        leaves |= part.leaves
    numbers = {key: number for number, key in enumerate(leaves)}
    chosen = parts if smooth is None else [parts[place] for place in smooth]
    masks = [part.masks.moved([numbers[key] for key in part.leaves], len(leaves)) for part in chosen]
    whole = composed(masks, meeting) if masks else Masks(0, (0,) * len(leaves))
    return Kernel(leaves, whole, 1 + max((part.depth for part in parts), default=0))


def multiplied(parts: Sequence[Kernel]) -> Kernel:
    """Kernel of a product: any two factors meet."""
    return united(parts, list(combinations(range(len(parts)), 2)))


def kernels_of_sums(
    linear: Maps, operands: dict[int, Pieces], build: Callable[[list[Kernel]], Kernel]
) -> Pieces:
    """Kernels of what adds up, or moves, elements of its operands; one or more for each number of terms.

    Args:
        linear: operand -> map to the output, for all operands that are not known.
        operands: pieces of those that depend on x.
        build: kernels of the terms to the kernel of the output.
    """
    labels, lengths = alike(linear)
    if lengths.size == 0 or are_many(lengths.size, labels.size):
        return Pieces((None,))
    if lengths.size == 1:
        return inside(linear, operands, build, everything(labels.size), lengths[0])
    codes, kernels, members = np.empty_like(labels), [], []
    for label, length in enumerate(lengths):
        elements = np.flatnonzero(labels == label)
        pieces = inside(linear, operands, build, Indices.of(elements), length)
        within = np.zeros(elements.size, dtype=np.int64) if pieces.labels is None else pieces.labels
        for number, kernel in enumerate(pieces.kernels):
            members.append(Indices.of(elements[within == number]))
            codes[members[-1].array] = len(kernels)
            kernels.append(kernel)
    return Pieces((None,)) if are_many(len(kernels), labels.size) else ranked(kernels, codes, members)


def inside(linear: Maps, operands: dict[int, Pieces], build, elements: Indices, length: int) -> Pieces:
    """Kernels of some elements of what `added` gives, all of equally many terms."""
    if length > LONGEST_SUM:
        return Pieces((None,))
    parts = [(operands[i], places) for i in operands for places, _ in terms(linear[i], elements)]
    return combined(parts, elements.size, build)


def chained(chain: Chain, output: int, operands: dict[int, Pieces]) -> Pieces:
    """Kernels of an output of a loop of equal steps, one or more for each entry of its rows."""
    chosen = [number for number, (operand, _) in enumerate(chain.inputs) if operand in operands]
    parts = [(operands[chain.inputs[number][0]], chain.inputs[number][1]) for number in chosen]
    found = []
    for entry in range(sum(place == output for place, _ in chain.outputs)):
        masks = chain.masks[chain.numbers[output, entry]]
        smooth = [place for place, number in enumerate(chosen) if masks.first >> number & 1]
        places = {chosen[place]: rank for rank, place in enumerate(smooth)}
        meeting = [(places[a], places[b]) for a, b in masks.pairs() if a in places and b in places]
        found.append(combined(parts, chain.rows, partial(united, meeting=meeting, smooth=smooth)))
    return side_by_side(found, chain.rows)


def side_by_side(entries: Sequence[Pieces], rows: int) -> Pieces:
    """Kernels of rows from those of each of their entries."""
    width = len(entries)
    codes, kernels, members = np.empty(rows * width, dtype=np.int64), [], []
    for entry, pieces in enumerate(entries):
        elements = entry + width * np.arange(rows)
        within = np.zeros(rows, dtype=np.int64) if pieces.labels is None else pieces.labels
        for number, kernel in enumerate(pieces.kernels):
            members.append(Indices.of(elements[within == number]))
            codes[members[-1].array] = len(kernels)
            kernels.append(kernel)
    return ranked(kernels, codes, members)


def solved(equation: Equation, operands: dict[int, Pieces]) -> Pieces:
    """Kernels of solutions of small systems: every entry of a matrix meets all others, and the right side."""
    rows, count = matrices(equation)
    given = entries_of(everything(rows), count)
    parts = [(operands[operand], places) for operand, places in given if operand in operands]
    # Entries of the right side come last, and meet no other of these.
    first = count**2 if 0 in operands else 0
    meeting = [(i, j) for i in range(first) for j in range(i, len(parts))]
    return side_by_side([combined(parts, rows, partial(united, meeting=meeting))] * count, rows)


def matrices(equation: Equation) -> tuple[int, int]:
    """Number of matrices of small systems, and of their rows."""
    *batch, count = shape_of(equation.source.outvars[0])
    return prod(batch), count


def entries_of(systems: Indices, count: int) -> list[tuple[int, Indices]]:
    """Operand and places of each entry of some small systems: the matrices row by row, then right sides."""
    numbers = systems.array
    return [
        *((0, Indices.of(numbers * count**2 + place)) for place in range(count**2)),
        *((1, Indices.of(numbers * count + place)) for place in range(count)),
    ]


def contract(equation: Equation, operands: dict[int, Pieces]) -> Pieces:
    """Kernels of a contraction over few terms: the sum of products of moved factors."""
    terms = contraction_terms(equation)
    if not terms or len(operands) * len(terms) > MOST_LEAVES * 2:
        return Pieces((None,))
    numbers = list(operands)

    def build(kernels: list[Kernel]) -> Kernel:
        is_product = len(numbers) == 2
        return united(kernels, [(k, k + 1) for k in range(0, len(kernels), 2)] if is_product else [])

    parts = [(operands[i], sides[i]) for sides in terms for i in numbers]
    return combined(parts, size_of(equation.source.outvars[0]), build)


def contraction_terms(equation: Equation) -> list[tuple[Indices, Indices]]:
    """For each contracted index, where each output element takes its left and right factor; [] if many."""
    out = size_of(equation.source.outvars[0])
    (axes, _), _ = equation.params["dimension_numbers"]
    lengths = shape_of(equation.source.invars[0])
    if not 0 < prod(lengths[axis] for axis in axes) <= LONGEST_SUM or out == 0:
        return []
    place, left, right = contraction(equation.source)
    order = np.argsort(place, kind="stable")
    sides = ([Indices.of(column) for column in side[order].reshape(out, -1).T] for side in (left, right))
    return list(zip(*sides, strict=True))

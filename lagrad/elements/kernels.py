"""Element kernels: a reading in, the small functions of affine leaves behind its variables out.

Element e of a variable is k(u1[i1[e]], u2[i2[e]], ...) with affine u and known index arrays i: the leaves.
What comes through slices, gathers, broadcasts, short sums and small contractions is composed into the index
arrays. Where a variable is put together from several (concatenate, stack, `.at[].set`), its elements fall
into pieces, each with a kernel of its own. A long reduction, a loop, a factorisation has no kernel.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from math import prod

import numpy as np

from lagrad.elements.classification import Kind, Reading
from lagrad.elements.indices import Indices, everything
from lagrad.elements.linear import Maps, contraction
from lagrad.elements.sums import LANES, LONGEST_SUM, PRODUCTS, alike, lanes, terms
from lagrad.primitives.equations import is_key, is_rounded, shape_of, size_of
from lagrad.primitives.interaction import Interaction
from lagrad.program.equation import Equation

MOST_LEAVES = 24
DEEPEST = 200
MOST_PIECES = 24

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
        active: keys of the leaves whose first derivative can be nonzero (not those of a mere comparison).
        pairs: unordered pairs of keys whose second derivative can be nonzero, as sorted tuples.
        depth: number of equations on the longest way to a leaf.
    """

    leaves: dict[Key, Leaf]
    active: frozenset[Key]
    pairs: frozenset[tuple[Key, Key]]
    depth: int = 0

    def at(self, indices: Indices) -> Kernel:
        """Kernel of the elements at `indices`."""
        moved = {key: leaf.at(indices) for key, leaf in self.leaves.items()}
        active = frozenset(moved[key].key for key in self.active)
        pairs = frozenset(pair(moved[a].key, moved[b].key) for a, b in self.pairs)
        return Kernel({leaf.key: leaf for leaf in moved.values()}, active, pairs, self.depth)


@dataclass(frozen=True, eq=False)
class Pieces:
    """Kernels of the elements of a variable.

    Args:
        kernels: one a piece; None for a piece without.
        labels: piece of each element, shape (size,); None if there is one piece.
        ranks: place of each element within its piece, shape (size,); None if there is one piece.
    """

    kernels: tuple[Kernel | None, ...]
    labels: np.ndarray | None = None
    ranks: np.ndarray | None = None

    def at(self, indices: Indices) -> Kernel | None:
        """Kernel of some elements, all of one piece."""
        if self.labels is None or self.ranks is None:
            return None if self.kernels[0] is None else self.kernels[0].at(indices)
        kernel = self.kernels[self.labels[indices.array[0]]]
        return None if kernel is None else kernel.at(Indices.of(indices.take(self.ranks)))


Part = tuple[Pieces, Indices]


def pair(a: Key, b: Key) -> tuple[Key, Key]:
    """Unordered pair, in any order that is always the same."""
    return (a, b) if hash(a) <= hash(b) else (b, a)


def crossed(left: Iterable[Key], right: Iterable[Key]) -> set[tuple[Key, Key]]:
    """Every pair of a left and a right key."""
    right = tuple(right)
    return {pair(a, b) for a in left for b in right}


def kernels(reading: Reading) -> dict[int, Pieces]:
    """Kernels of every affine and curved variable.

    Args:
        reading: a classified program.

    Returns:
        variable -> Pieces.
    """
    found: dict[int, Pieces] = {}
    for variable, kind in reading.kinds.items():
        if kind is Kind.AFFINE:
            leaf = Leaf(variable, everything(reading.program.size(variable)))
            found[variable] = Pieces((Kernel({leaf.key: leaf}, frozenset({leaf.key}), frozenset()),))
    for equation in reading.program.equations:
        for output in equation.outputs:
            if reading.kinds[output] is Kind.CURVED:
                found[output] = pieces_of(reading, equation, output, found)
    return found


def pieces_of(reading: Reading, equation: Equation, output: int, found: dict[int, Pieces]) -> Pieces:
    """Kernels of an output of a curved equation from those of its operands."""
    # Elements are of double precision; what the user wants rounded, and random keys, are left to XLA.
    if any(map(is_rounded, equation.source.outvars)) or any(map(is_key, equation.source.invars)):
        return Pieces((None,))
    operands = {i: found[equation.inputs[i]] for i in depending(reading, equation)}
    record, linear = reading.interaction(equation, output), reading.linear[output]
    if record is not None:
        return elementwise(reading, equation, output, operands, record)
    if linear is not None:
        return added(linear, operands, summed)
    if equation.name == "dot_general":
        return contract(equation, operands)
    members = lanes(equation) if equation.name in LANES else None
    if members is None:
        return Pieces((None,))
    return added(members, operands, multiplied if equation.name in PRODUCTS else summed)


def depending(reading: Reading, equation: Equation) -> list[int]:
    """Operands that depend on x."""
    return [i for i, variable in enumerate(equation.inputs) if reading.kinds[variable] >= Kind.AFFINE]


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
    if names.size > MOST_PIECES:
        return Pieces((None,))
    members = [Indices.of(np.flatnonzero(labels == label)) for label in range(names.size)]
    kernels = [built([pieces.at(indices.at(each)) for pieces, indices in parts], build) for each in members]
    return ranked(kernels, labels, members)


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
    reading: Reading, equation: Equation, output: int, operands: dict[int, Pieces], record: Interaction
) -> Pieces:
    """Kernels of an elementwise equation: pairs of the operands, and those that the equation makes."""
    numbers = list(operands)

    def build(kernels: list[Kernel]) -> Kernel:
        spread = dict(zip(numbers, kernels, strict=True))
        pairs = set().union(*(kernel.pairs for i, kernel in spread.items() if record.first[i]))
        for i, j in record.second:
            if i in spread and j in spread:
                pairs |= crossed(spread[i].active, spread[j].active)
        active = set().union(*(kernel.active for i, kernel in spread.items() if record.first[i]))
        return united(kernels, active, pairs)

    parts = [(pieces, reading.places(equation, i, output)) for i, pieces in operands.items()]
    return combined(parts, reading.program.size(output), build)


def united(parts: Iterable[Kernel], active: Iterable[Key], pairs: Iterable[tuple[Key, Key]]) -> Kernel:
    """Kernel of a function of several kernels, one equation deeper."""
    leaves, depth = {}, 0
    for part in parts:
        leaves |= part.leaves
        depth = max(depth, part.depth)
    return Kernel(leaves, frozenset(active), frozenset(pairs), depth + 1)


def summed(parts: list[Kernel]) -> Kernel:
    """Kernel of a sum."""
    return united(
        parts, *(set().union(*(getattr(part, name) for part in parts)) for name in ("active", "pairs"))
    )


def multiplied(parts: list[Kernel]) -> Kernel:
    """Kernel of a product: any two factors meet."""
    whole = summed(parts)
    pairs = (crossed(a.active, b.active) for a, b in combinations(parts, 2))
    return Kernel(whole.leaves, whole.active, whole.pairs.union(*pairs), whole.depth)


def added(linear: Maps, operands: dict[int, Pieces], build: Callable[[list[Kernel]], Kernel]) -> Pieces:
    """Kernels of what adds up, or moves, elements of its operands; one or more for each number of terms.

    Args:
        linear: operand -> map to the output, for all operands that are not known.
        operands: pieces of those that depend on x.
        build: kernels of the terms to the kernel of the output.
    """
    labels, lengths = alike(linear)
    if lengths.size == 0 or lengths.size > MOST_PIECES:
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
    return ranked(kernels, codes, members) if len(kernels) <= MOST_PIECES else Pieces((None,))


def inside(linear: Maps, operands: dict[int, Pieces], build, elements: Indices, length: int) -> Pieces:
    """Kernels of some elements of what `added` gives, all of equally many terms."""
    if length > LONGEST_SUM:
        return Pieces((None,))
    parts = [(operands[i], places) for i in operands for places, _ in terms(linear[i], elements)]
    return combined(parts, elements.size, build)


def contract(equation: Equation, operands: dict[int, Pieces]) -> Pieces:
    """Kernels of a contraction over few terms: the sum of products of moved factors."""
    terms = contraction_terms(equation)
    if not terms or len(operands) * len(terms) > MOST_LEAVES * 2:
        return Pieces((None,))
    numbers = list(operands)

    def build(kernels: list[Kernel]) -> Kernel:
        whole = summed(kernels)
        if len(numbers) == 1:
            return whole
        pairs = set().union(
            *(crossed(a.active, b.active) for a, b in zip(kernels[::2], kernels[1::2], strict=True))
        )
        return Kernel(whole.leaves, whole.active, whole.pairs | pairs, whole.depth)

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

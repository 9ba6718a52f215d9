"""Element kernels: a reading in, for every curved variable the small function of affine leaves behind each element.

Element e of a variable is k(u1[i1[e]], u2[i2[e]], ...) with affine u and known index arrays i: the leaves.
What comes through slices, gathers, broadcasts, short sums and small contractions is composed into the index
arrays; anything else (a long reduction, a loop, a factorisation) has no kernel.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np

from lagrad.program import Equation
from lagrad.structure.linear import contraction, size_of
from lagrad.structure.maps import LinearMap
from lagrad.structure.reading import Kind, Reading
from lagrad.structure.rules.elementwise import ELEMENTWISE, interactions

MOST_LEAVES = 24
LONGEST_SUM = 16
DEEPEST = 200

Key = tuple[int, bytes]


@dataclass(frozen=True, eq=False)
class Leaf:
    """Elements of an affine variable: `variable.ravel()[indices]`, all in order if `indices` is None."""

    variable: int
    indices: np.ndarray | None
    key: Key

    @classmethod
    def of(cls, variable: int, indices: np.ndarray | None) -> Leaf:
        """Leaf with its key, equal exactly when variable and indices are."""
        return cls(variable, indices, (variable, digest(indices)))

    def at(self, indices: np.ndarray) -> Leaf:
        """The leaf of the elements at `indices`."""
        return Leaf.of(self.variable, indices if self.indices is None else self.indices[indices])


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

    def at(self, indices: np.ndarray) -> Kernel:
        """Kernel of the elements at `indices`."""
        moved = {key: leaf.at(indices) for key, leaf in self.leaves.items()}
        active = frozenset(moved[key].key for key in self.active)
        pairs = frozenset(pair(moved[a].key, moved[b].key) for a, b in self.pairs)
        return Kernel({leaf.key: leaf for leaf in moved.values()}, active, pairs, self.depth)


def digest(indices: np.ndarray | None) -> bytes:
    """Short name of an index array."""
    return b"" if indices is None else blake2b(np.ascontiguousarray(indices), digest_size=16).digest()


def pair(a: Key, b: Key) -> tuple[Key, Key]:
    """Unordered pair."""
    return (a, b) if a <= b else (b, a)


def crossed(left: Iterable[Key], right: Iterable[Key]) -> set[tuple[Key, Key]]:
    """Every pair of a left and a right key."""
    right = tuple(right)
    return {pair(a, b) for a in left for b in right}


def kernels(reading: Reading) -> dict[int, Kernel | None]:
    """Kernel of every affine and curved variable, None where there is none.

    Args:
        reading: a classified program.

    Returns:
        variable -> Kernel or None.
    """
    found: dict[int, Kernel | None] = {}
    for variable, kind in reading.kinds.items():
        if kind is Kind.AFFINE:
            leaf = Leaf.of(variable, None)
            found[variable] = Kernel({leaf.key: leaf}, frozenset({leaf.key}), frozenset())
    for equation in reading.program.equations:
        for output in equation.outputs:
            if reading.kinds[output] is Kind.CURVED:
                found[output] = within_limits(kernel_of(reading, equation, output, found))
    return found


def within_limits(kernel: Kernel | None) -> Kernel | None:
    """The kernel, unless it is too wide or too deep to be worth inlining."""
    if kernel is None or len(kernel.leaves) > MOST_LEAVES or kernel.depth > DEEPEST:
        return None
    return kernel


def kernel_of(reading: Reading, equation: Equation, output: int, found: dict) -> Kernel | None:
    """Kernel of an output of a curved equation from those of its operands."""
    operands = {i: found.get(equation.inputs[i]) for i in depending(reading, equation)}
    if any(kernel is None for kernel in operands.values()):
        return None
    if equation.name in ELEMENTWISE:
        return elementwise(equation, operands)
    if equation.name == "dot_general":
        return contract(equation, operands)
    linear = reading.linear[output]
    if linear is None or len(operands) != 1:
        return None
    ((operand, kernel),) = operands.items()
    return gather(linear[operand], kernel)


def depending(reading: Reading, equation: Equation) -> list[int]:
    """Operands that depend on x."""
    return [i for i, variable in enumerate(equation.inputs) if reading.kinds[variable] >= Kind.AFFINE]


def elementwise(equation: Equation, operands: dict[int, Kernel]) -> Kernel:
    """Kernel of an elementwise equation: pairs of the operands, and those that the equation makes."""
    out = size_of(equation.source.outvars[0])
    spread = {
        i: kernel if size_of(equation.source.invars[i]) == out else kernel.at(np.zeros(out, dtype=np.int64))
        for i, kernel in operands.items()
    }
    record = interactions(equation.name, equation.params)
    pairs = set().union(*(kernel.pairs for i, kernel in spread.items() if record.first[i]))
    for i, j in record.second:
        if i in spread and j in spread:
            pairs |= crossed(spread[i].active, spread[j].active)
    active = set().union(*(kernel.active for i, kernel in spread.items() if record.first[i]))
    return united(spread.values(), active, pairs)


def united(parts: Iterable[Kernel], active: Iterable[Key], pairs: Iterable[tuple[Key, Key]]) -> Kernel:
    """Kernel of a function of several kernels, one equation deeper."""
    leaves, depth = {}, 0
    for part in parts:
        leaves |= part.leaves
        depth = max(depth, part.depth)
    return Kernel(leaves, frozenset(active), frozenset(pairs), depth + 1)


def gather(linear: LinearMap, operand: Kernel) -> Kernel | None:
    """Kernel of moved or shortly summed elements."""
    terms = sum_terms(linear)
    if terms is None:
        return None
    parts = [operand if indices is None else operand.at(indices) for indices in terms]
    return united(parts, *(set().union(*(getattr(part, name) for part in parts)) for name in ("active", "pairs")))


def sum_terms(linear: LinearMap) -> list[np.ndarray | None] | None:
    """Index arrays whose elements add up to the output, None if their number differs or is large."""
    if linear.indptr is None:
        short = linear.indices is None or linear.indices.size == 0 or linear.indices.min() >= 0
        return [linear.indices] if short else None
    counts = np.diff(linear.indptr)
    if counts.size == 0 or counts.min() != counts.max() or not 0 < counts[0] <= LONGEST_SUM:
        return None
    return list(linear.indices.reshape(-1, counts[0]).T)


def contract(equation: Equation, operands: dict[int, Kernel]) -> Kernel | None:
    """Kernel of a contraction over few terms: the sum of products of moved factors."""
    terms = contraction_terms(equation)
    if terms is None or len(operands) * len(terms) > MOST_LEAVES * 2:
        return None
    parts, pairs = [], set()
    for sides in terms:
        factors = [operands[i].at(sides[i]) for i in operands]
        parts += factors
        pairs |= set().union(*(factor.pairs for factor in factors))
        if len(factors) == 2:
            pairs |= crossed(factors[0].active, factors[1].active)
    return united(parts, set().union(*(part.active for part in parts)), pairs)


def contraction_terms(equation: Equation) -> list[tuple[np.ndarray, np.ndarray]] | None:
    """For each contracted index, where each output element takes its left and right factor."""
    out = size_of(equation.source.outvars[0])
    (axes, _), _ = equation.params["dimension_numbers"]
    length = int(np.prod([equation.source.invars[0].aval.shape[axis] for axis in axes], dtype=np.int64))
    if not 0 < length <= LONGEST_SUM or out == 0:
        return None
    _, left, right = contraction(equation.source)
    return list(zip(left.reshape(out, -1).T, right.reshape(out, -1).T, strict=True))

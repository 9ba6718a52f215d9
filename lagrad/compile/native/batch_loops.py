"""Loops of batches: batches of elements and where their derivatives go in, machine code and its host out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import jax
import numpy as np
import scipy.sparse as sp

from lagrad.compile.blocks import vector
from lagrad.compile.native.elementwise import Parted, parted
from lagrad.compile.native.loops import Loop, Read, Write
from lagrad.compile.native.machine import Machine, machine
from lagrad.compile.native.products import Product
from lagrad.compile.xla import Compiled, Lowered, lower
from lagrad.elements.classification import Reading
from lagrad.elements.element_derivatives import Batch
from lagrad.elements.indices import Indices, everywhere
from lagrad.elements.kernel_values import compact, fixed_values, times
from lagrad.elements.lines import Source
from lagrad.elements.maps import Factor
from lagrad.elements.terms import combined, slot_terms, weight_terms

# Arguments of the machine code: x, sums over x made by the host, weights, sums over those, then what
# depends on params only.
X, WEIGHTS, PARAMS = 0, 2, 4


@dataclass(frozen=True, eq=False)
class Target:
    """Where factor * derivative goes."""

    source: Source
    factor: Factor
    write: Write


@dataclass
class Sums:
    """Rows of sums A v over a vector v, which the host evaluates before the loops run."""

    rows: list[sp.csr_array] = field(default_factory=list)
    size: int = 0

    def add(self, rows: sp.csr_array) -> Indices:
        """Where the sums of further rows will lie."""
        self.rows.append(rows)
        self.size += rows.shape[0]
        return Indices(rows.shape[0], self.size - rows.shape[0])

    def product(self) -> Product | None:
        """The product with all rows."""
        return Product(sp.csr_array(sp.vstack(self.rows))) if self.rows else None


@dataclass
class Reads:
    """What one loop reads.

    Args:
        found: reads so far.
        names: name of a read -> its number.
    """

    found: list[Read] = field(default_factory=list)
    names: dict = field(default_factory=dict)

    def number(self, argument: int, indices: Indices) -> int:
        """Number of the input argument[indices]."""
        name = (argument, indices.name)
        if name not in self.names:
            self.names[name] = len(self.found)
            self.found.append(Read(argument, indices))
        return self.names[name]


@dataclass(frozen=True)
class Supply:
    """Pieces of one vector, as reads of one loop.

    Args:
        reads: of the loop.
        argument: number of the vector; sums over it are the next argument.
        sums: sums over the vector, of all loops.
    """

    reads: Reads
    argument: int
    sums: Sums

    def request(self, indices: Indices) -> int:
        """Number of the piece v[indices]."""
        return self.reads.number(self.argument, indices)

    def request_rows(self, rows: sp.csr_array) -> int:
        """Number of the piece A v."""
        return self.reads.number(self.argument + 1, self.sums.add(rows))


@dataclass(eq=False)
class OfParams:
    """What loops need of params, kept for the params of the last call as long as these cannot change.

    Args:
        function: (*leaves) -> arrays.
        last: leaves and arrays of the last call.
    """

    function: Compiled
    last: tuple[Sequence, list[np.ndarray]] = ((), [])

    def __call__(self, leaves: Sequence) -> list[np.ndarray]:
        """The arrays for some leaves."""
        known, arrays = self.last
        if len(known) == len(leaves) and all(a is b for a, b in zip(known, leaves, strict=True)):
            return arrays
        arrays = [np.asarray(value) for value in self.function(*leaves)]
        # NumPy arrays may be written to between two calls.
        if all(isinstance(leaf, jax.Array) for leaf in leaves):
            self.last = (tuple(leaves), arrays)
        return arrays


@dataclass(frozen=True, eq=False)
class Run:
    """Compiled loops and what happens around them.

    Args:
        code: the loops.
        x_sums: A of the sums over x.
        weight_sums: A of the sums over the weights.
        params: what the loops need of them; None if that is nothing.
    """

    code: Machine
    x_sums: Product | None
    weight_sums: Product | None
    params: OfParams | None

    def __call__(self, numbers: np.ndarray, x: np.ndarray, weights: np.ndarray, leaves: Sequence) -> None:
        """Write, or add to, the numbers that the loops are about."""
        x = np.ascontiguousarray(x)
        x_sums = self.x_sums and self.x_sums(x)
        weight_sums = self.weight_sums and self.weight_sums(weights)
        params = [] if self.params is None else self.params(leaves)
        self.code(numbers, x, x_sums, weights, weight_sums, *params)


@dataclass(frozen=True, eq=False)
class Loops:
    """Loops that wait to be compiled.

    Args:
        loops: what to compute.
        arguments: number of vectors that they read.
        x_sums: A of the sums over x.
        weight_sums: A of the sums over the weights.
        params: (*leaves) -> what the loops need of them.
    """

    loops: tuple[Loop, ...]
    arguments: int
    x_sums: Product | None
    weight_sums: Product | None
    params: Lowered | None

    def compile(self) -> Run:
        """Compile; may run in any thread."""
        code = machine(self.loops, self.arguments)
        params = self.params and OfParams(self.params.compile())
        return Run(code, self.x_sums, self.weight_sums, params)


def batch_loops(
    reading: Reading, batches: Sequence[Batch], targets: Sequence[list[Target]], leaves: list
) -> Loops | None:
    """Loops that write what is wanted of some batches.

    Args:
        reading: the program that the batches come from.
        batches: elements and their derivatives.
        targets: for each batch, what goes where.
        leaves: shapes of the params.

    Returns:
        Loops; None if a kernel has an equation that machine code has no rule for.
    """
    x_sums, weight_sums, loops, parts, params = Sums(), Sums(), [], [], PARAMS
    for batch, wanted in zip(batches, targets, strict=True):
        reads = Reads()
        supplies = Supply(reads, X, x_sums), Supply(reads, WEIGHTS, weight_sums)
        found = batch_program(reading, batch, wanted, supplies, leaves)
        if found is None:
            return None
        for size in found.sizes:
            reads.found.append(Read(params, Indices(batch.count) if size > 1 else everywhere(batch.count)))
            params += 1
        parts.append(found)
        writes = tuple(target.write for target in wanted)
        loops.append(Loop(batch.count, found.varying, tuple(reads.found), writes))
    lowered = lower_params(parts, leaves) if params > PARAMS else None
    return Loops(tuple(loops), params, x_sums.product(), weight_sums.product(), lowered)


def batch_program(
    reading: Reading, batch: Batch, targets: list[Target], supplies: tuple[Supply, Supply], leaves: list
) -> Parted | None:
    """Equations of one loop, parted from those that depend on params only."""
    of_x, of_weights = supplies
    slots = [slot_terms(of_x, slot) for slot in batch.slots]
    weights = [weight_terms(of_weights, outputs) for outputs in batch.outputs]

    def run(cuts: list, leaves: list) -> list:
        values, scales = ([combined(cuts, terms) for terms in each] for each in (slots, weights))
        found = batch.derivatives(values, scales, fixed_values(reading, leaves))
        return [times(found[target.source], whole(target, batch.count)) for target in targets]

    return parted(run, [vector(batch.count)] * len(of_x.reads.found), leaves, batch.count)


def whole(target: Target, count: int) -> Factor:
    """Factors of all elements; those that are not written have none."""
    if np.ndim(target.factor) == 0 or target.write.is_whole(count):
        return target.factor
    factor = compact(np.asarray(target.factor))
    if np.ndim(factor) == 0:
        return factor
    after = count - target.write.first - target.write.indices.size
    return np.pad(factor, (target.write.first, after))


def lower_params(parts: list[Parted], leaves: list) -> Lowered:
    """(*leaves) -> everything that the loops need of them."""
    return lower(lambda *leaves: [value for part in parts for value in part.params(leaves)], leaves)

"""Evaluate what elements add up to at many points at once: f and c, the gradient, entries of J and of H.

    numbers = constants + M (results of elements, x, what depends on params only)

with M constant and sparse. Each result is an array (elements, B), B the batch, so that an element's sine is a
loop over contiguous numbers, and computed once for all entries that it takes part in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import reduce
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import scipy.sparse as sp

from lagrad.elements.element_sums import Batch, ElementSums
from lagrad.elements.indices import Indices
from lagrad.elements.recording import ParamsInput, fixed_values, value_of_params
from lagrad.elements.tape import INPUT, Tape
from lagrad.elements.tape_evaluation import LONGEST, TRACED, evaluate
from lagrad.elements.terms import combined, slot_terms, weight_terms

# Rows of M with at most this many entries are gathered, longer ones multiplied.
FEW_ENTRIES = 4
# Long rows are multiplied as a dense matrix if at least this share of it is not zero.
SPARSE = 0.05


@dataclass(frozen=True)
class Pieces:
    """Pieces of one vector as inputs of a tape, by name.

    Args:
        tape: that asks for them.
        vector: "x" or "weights".
        asked: name -> places in the vector, or the matrix that it is multiplied by.
    """

    tape: Tape
    vector: str
    asked: dict[Any, Any]

    def request(self, indices: Indices) -> int:
        """Node of the piece v[indices]."""
        return self._input(indices.name, indices)

    def request_rows(self, rows: sp.csr_array) -> int:
        """Node of the piece A v."""
        return self._input(id(rows), rows)

    def _input(self, name: Any, piece: Any) -> int:
        self.asked[self.vector, name] = piece
        return self.tape.input((self.vector, name))


@dataclass(frozen=True, eq=False)
class Recorded:
    """A batch of elements on a tape.

    Args:
        tape: with all operations.
        nodes: result -> its node.
        count: number of elements.
        asked: pieces of x and of the weights that it takes, by the names of its inputs.
    """

    tape: Tape
    nodes: dict[Any, int]
    count: int
    asked: dict[Any, Any]

    @classmethod
    def of(cls, batch: Batch) -> Recorded:
        """Record a batch."""
        tape, asked = Tape(batch.count, LONGEST), {}
        of_x, of_weights = Pieces(tape, "x", asked), Pieces(tape, "weights", asked)
        slots = [combined(tape, slot_terms(of_x, slot)) for slot in batch.slots]
        weights = [combined(tape, weight_terms(of_weights, outputs)) for outputs in batch.outputs]
        return cls(tape, batch.record(tape, slots, weights), batch.count, asked)

    @property
    def is_elementwise(self) -> bool:
        """Whether no operation is bound to the shapes in which it was traced."""
        return not any(
            TRACED in self.tape.operations[i].params for i in self.tape.needed(self.nodes.values())
        )

    @property
    def of_params(self) -> list[ParamsInput]:
        """Inputs that depend on params only."""
        names = (each.params["name"] for each in self.tape.operations if each.name == INPUT)
        return [name for name in names if isinstance(name, ParamsInput)]


@dataclass(frozen=True, eq=False)
class ElementValues:
    """Numbers that elements add up to, as a function of many points.

    Args:
        sums: what they are.
        recorded: the batches of elements.
        matrix: M, (size, results and x and what depends on params only).
        constants: (size,).
    """

    sums: ElementSums
    recorded: tuple[Recorded, ...]
    matrix: sp.csr_array = field(repr=False)
    constants: np.ndarray = field(repr=False)

    @classmethod
    def of(cls, sums: ElementSums, order: sp.csr_array | None = None) -> ElementValues | None:
        """Record sums; None where an element is a function that only JAX knows.

        Args:
            sums: what to evaluate.
            order: matrix that the numbers are multiplied by, such as one that merges entries.
        """
        recorded = tuple(map(Recorded.of, sums.batches))
        if not all(each.is_elementwise for each in recorded):
            return None
        matrix, constants = matrix_of(sums), np.zeros(sums.size)
        for stretch, value in sums.starts:
            constants[stretch] = value
        if order is not None:
            matrix, constants = sp.csr_array(order @ matrix), order @ constants
        return cls(sums, recorded, matrix, constants)

    def results(self, x: jax.Array, weights: Any, leaves: Sequence) -> list[jax.Array]:
        """Results of all addends, each (elements, B).

        Args:
            x: points, (n, B).
            weights: of f and of each row, (m + 1, B); None if the elements take none.
            leaves: of params, with the batch as their first axis.
        """
        names = [name for each in self.recorded for name in each.of_params]
        inputs = self.pieces_of_params(names, leaves)
        vectors, found = {"x": x, "weights": weights}, {}
        for each in self.recorded:
            inputs |= {name: piece_of(vectors[name[0]], piece) for name, piece in each.asked.items()}
            values = evaluate(each.tape, list(each.nodes.values()), inputs, behind=1)
            shape = each.count, x.shape[1]
            found |= dict(zip(each.nodes, (jnp.broadcast_to(value, shape) for value in values), strict=True))
        return [
            found[addend.source][addend.first : addend.first + addend.places.size]
            for addends in self.sums.addends
            for addend in addends
        ]

    def numbers(self, results: Sequence[jax.Array], x: jax.Array, leaves: Sequence) -> jax.Array:
        """What results add up to, (size, B)."""
        variables = list(self.sums.fixed or {})
        sizes = {variable: Indices(self.sums.fixed[variable].shape[1]) for variable in variables}
        names = [ParamsInput.at(variable, sizes[variable]) for variable in variables]
        fixed = self.pieces_of_params(names, leaves)
        parts = [*results, x, *(fixed[name] for name in names)]
        return times(self.matrix, jnp.concatenate(parts)) + self.constants[:, None]

    def pieces_of_params(self, names: Sequence[ParamsInput], leaves: Sequence) -> dict[Any, jax.Array]:
        """Values of inputs that depend on params only, (elements, B) each."""
        if not names:
            return {}

        def pieces(*leaves):
            fixed = fixed_values(self.sums.split.classification, leaves)
            return [value_of_params(name, fixed) for name in names]

        return dict(zip(names, jax.vmap(pieces, out_axes=-1)(*leaves), strict=True))


def matrix_of(sums: ElementSums) -> sp.csr_array:
    """M of `ElementValues`."""
    addends = [addend for addends in sums.addends for addend in addends]
    rows = np.concatenate([np.zeros(0, int), *(addend.places.array for addend in addends)])
    factors = [np.broadcast_to(addend.factor, addend.places.size) for addend in addends]
    data = np.concatenate([np.zeros(0), *factors])
    room = sp.csr_array((data, (rows, np.arange(rows.size))), shape=(sums.room, rows.size))
    whole = room[: sums.size] if sums.behind is None else room[: sums.size] + sums.behind @ room[sums.size :]
    n = sums.split.linear.shape[1]
    linear = sp.csr_array((sums.size, n)) if sums.linear is None else sums.linear
    return sp.csr_array(sp.hstack([whole, linear, *(sums.fixed or {}).values()]))


def piece_of(vector: jax.Array, piece: Any) -> jax.Array:
    """v[indices] or A v of vectors (k, B)."""
    if isinstance(piece, sp.csr_array):
        return times(piece, vector)
    if piece.listed is not None or piece.stride == 0 or piece.size < 2:
        return vector.at[piece.array].get(mode="promise_in_bounds")
    stop = piece.start + piece.stride * (piece.size - 1) + 1
    return jax.lax.slice(vector, (piece.start, 0), (stop, vector.shape[1]), (piece.stride, 1))


def times(matrix: sp.csr_array, vectors: jax.Array) -> jax.Array:
    """A constant sparse matrix times vectors, (k, B): a gather for short rows, a product for long ones."""
    matrix.sum_duplicates()
    counts = np.diff(matrix.indptr)
    if not matrix.shape[0]:
        return jnp.zeros((0, vectors.shape[1]))
    long = np.flatnonzero(counts > FEW_ENTRIES)
    found = gathered(matrix, np.where(counts > FEW_ENTRIES, 0, counts), vectors)
    if not long.size:
        return found
    inner = matrix[long]
    columns = np.unique(inner.indices)
    if inner.nnz < SPARSE * long.size * columns.size:
        return found.at[long].set(summed(inner, vectors))
    products = jnp.asarray(inner[:, columns].toarray()) @ vectors[columns]
    return found.at[long].set(products)


def with_zero(vectors: jax.Array) -> jax.Array:
    """Rows of numbers, and a row of zeros for the places where a sum has no term."""
    return jnp.concatenate([vectors, jnp.zeros((1, vectors.shape[1]))])


def summed(matrix: sp.csr_array, vectors: jax.Array) -> jax.Array:
    """The same for long rows that are mostly zero: entry after entry, rows of like length together."""
    counts, padded = np.diff(matrix.indptr), with_zero(vectors)
    found = jnp.zeros((matrix.shape[0], vectors.shape[1]))

    def add(total, entry):
        place, factor = entry
        return total + factor[:, None] * padded.at[place].get(mode="promise_in_bounds"), None

    for size in np.unique(lengths := np.ceil(np.log2(counts)).astype(int)):
        rows = np.flatnonzero(lengths == size)
        within = np.arange(counts[rows].max())[:, None]
        has, entry = within < counts[rows], matrix.indptr[:-1][rows] + within
        entry = np.where(has, entry, 0)
        places = np.where(has, matrix.indices[entry], vectors.shape[0])
        factors = np.where(has, matrix.data[entry], 0.0)
        start = jnp.zeros((rows.size, vectors.shape[1]))
        found = found.at[rows].set(jax.lax.scan(add, start, (places, factors))[0])
    return found


def gathered(matrix: sp.csr_array, counts: np.ndarray, vectors: jax.Array) -> jax.Array:
    """The same for the first few entries of each row."""
    last, padded = vectors.shape[0], with_zero(vectors)
    terms = []
    for k in range(max(int(counts.max()), 1)):
        has = counts > k
        place, factor = np.full(counts.size, last), np.ones(counts.size)
        place[has] = matrix.indices[matrix.indptr[:-1][has] + k]
        factor[has] = matrix.data[matrix.indptr[:-1][has] + k]
        term = padded.at[place].get(mode="promise_in_bounds")
        terms.append(term if (factor == 1.0).all() else factor[:, None] * term)
    return reduce(jnp.add, terms)

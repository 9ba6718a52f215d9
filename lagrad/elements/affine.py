"""Combine linear maps of equations to affine forms A x + b of arrays.

    theta[f] - theta[t]      two layers:  1 * x[f],  -1 * x[t]

A form of few layers says at once which variables each element takes; a form whose rows differ in length,
or are long, keeps A as a sparse matrix.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from lagrad.elements.indices import Indices, everything
from lagrad.elements.maps import Factor, LinearMap, spread

MOST_LAYERS = 6
# Rows of matrices with more entries than this stay rows.
MOST_ENTRIES = 8
# Rows of different length are filled up if that makes the matrix no larger than this many times.
MOST_PADDING = 2.0


@dataclass(frozen=True, eq=False)
class Layer:
    """factor * x[indices], one variable an element."""

    indices: Indices
    factor: Factor


@dataclass(frozen=True, eq=False)
class Affine:
    """A x for the elements of one array.

    Args:
        shape: number of elements, n.
        layers: what is added up for each element; None if A is given by `rows`.
        rows: A, where it is not made of few layers.
    """

    shape: tuple[int, int]
    layers: tuple[Layer, ...] | None
    rows: sp.csr_array | None = None

    @classmethod
    def identity(cls, n: int) -> Affine:
        """x itself."""
        return cls((n, n), (Layer(everything(n), 1.0),))

    def through(self, linear: LinearMap) -> Affine:
        """M A x."""
        shape = (linear.shape[0], self.shape[1])
        if linear.selection is None or not linear.selection.is_complete:
            return Affine(shape, None, sp.csr_array(linear.to_scipy() @ self.to_scipy()))
        moved = self.at(linear.selection)
        if moved.layers is None:
            return Affine(shape, None, scaled_rows(moved.to_scipy(), linear.factor))
        return Affine(
            shape, tuple(Layer(layer.indices, layer.factor * linear.factor) for layer in moved.layers)
        )

    def at(self, indices: Indices) -> Affine:
        """The elements at some places."""
        shape = (indices.size, self.shape[1])
        if indices.is_everything and indices.size == self.shape[0]:
            return self
        if self.layers is None:
            return from_rows(take_rows(self.to_scipy(), indices.array))
        layers = [Layer(layer.indices.at(indices), picked(layer.factor, indices)) for layer in self.layers]
        return Affine(shape, tuple(layer for layer in layers if np.any(layer.factor)))

    def plus(self, other: Affine) -> Affine:
        """Sum of two forms of the same shape."""
        layers = (
            None if self.layers is None or other.layers is None else collected(self.layers + other.layers)
        )
        if layers is None or len(layers) > MOST_LAYERS:
            return Affine(self.shape, None, sp.csr_array(self.to_scipy() + other.to_scipy()))
        return Affine(self.shape, layers)

    def to_scipy(self) -> sp.csr_array:
        """A as a SciPy matrix."""
        if self.rows is not None:
            return self.rows
        layers = self.layers or ()
        size, count = self.shape[0], len(layers)
        columns, values = np.empty((size, count), dtype=np.int64), np.empty((size, count))
        for place, layer in enumerate(layers):
            columns[:, place], values[:, place] = layer.indices.array, layer.factor
        indptr = (
            np.arange(0, size * count + 1, max(count, 1)) if count else np.zeros(size + 1, dtype=np.int64)
        )
        matrix = sp.csr_array((values.reshape(-1), columns.reshape(-1), indptr), shape=self.shape)
        matrix.sum_duplicates()
        return matrix


def layered_form(form: Affine) -> Affine:
    """The same form by layers, where its rows are short and equally long."""
    return form if form.rows is None else from_rows(form.rows)


def from_rows(matrix: sp.csr_array) -> Affine:
    """A form given by A: layers where all rows are short and equally long."""
    counts, shape = np.diff(matrix.indptr), (int(matrix.shape[0]), int(matrix.shape[1]))
    if counts.size == 0 or counts.min() < counts.max() or counts[0] > MOST_LAYERS:
        return Affine(shape, None, matrix)
    columns, values = (each.reshape(counts.size, -1).T for each in (matrix.indices, matrix.data))
    pairs = zip(columns, values, strict=True)
    return Affine(shape, tuple(Layer(Indices.of(places), factor) for places, factor in pairs))


def collected(layers: tuple[Layer, ...]) -> tuple[Layer, ...]:
    """Layers of the same variables added up."""
    found: dict = {}
    for layer in layers:
        before = found.get(layer.indices.name)
        found[layer.indices.name] = (
            layer if before is None else Layer(layer.indices, before.factor + layer.factor)
        )
    return tuple(found.values())


def picked(factor: Factor, indices: Indices) -> Factor:
    """Factors of some elements."""
    return factor if np.ndim(factor) == 0 else indices.take(np.asarray(factor))


def take_rows(matrix: sp.csr_array, rows: np.ndarray) -> sp.csr_array:
    """Rows of a sparse matrix in the order given."""
    lengths = np.diff(matrix.indptr)[rows]
    entries = spread(matrix.indptr[rows], lengths)
    indptr = np.concatenate([[0], np.cumsum(lengths)])
    return sp.csr_array(
        (matrix.data[entries], matrix.indices[entries], indptr), shape=(rows.size, matrix.shape[1])
    )


def scaled_rows(matrix: sp.csr_array, factor: Factor) -> sp.csr_array:
    """diag(factor) A."""
    values = matrix.data * (factor if np.ndim(factor) == 0 else np.repeat(factor, np.diff(matrix.indptr)))
    return sp.csr_array((values, matrix.indices, matrix.indptr), shape=matrix.shape)


def layered(matrix: sp.csr_array) -> list[Layer] | None:
    """First, second, ... entry of each row; None if rows differ in length or are long."""
    counts = np.diff(matrix.indptr)
    if counts.size == 0 or counts.min() != counts.max() or not 0 < counts[0] <= MOST_ENTRIES:
        return None
    columns, values = matrix.indices.reshape(-1, counts[0]).T, matrix.data.reshape(-1, counts[0]).T
    return [Layer(Indices.of(column), value) for column, value in zip(columns, values, strict=True)]


@dataclass(frozen=True, eq=False)
class Part:
    """A layer for a stretch of elements only.

    Args:
        elements: the stretch, a progression of step 1.
        layer: one entry for each of these elements.
    """

    elements: Indices
    layer: Layer


def parts(matrix: sp.csr_array) -> list[Part] | None:
    """The rows of a matrix as few layers, or as few diagonals where rows differ in length; else None.

    A node of a grid takes part in the interval before it and in the one after; the first and the last node
    take part in one only.
    """
    layers = layered(matrix)
    if layers is not None:
        return [Part(everything(matrix.shape[0]), layer) for layer in layers]
    counts = np.diff(matrix.indptr)
    if counts.size < 2 or not 0 < counts.max() <= MOST_ENTRIES:
        return None
    elements = np.repeat(np.arange(counts.size), counts)
    steps = np.diff(matrix.indices[matrix.indptr[:-1][counts > 0]])
    places, sizes = np.unique(steps, return_counts=True)
    diagonals = matrix.indices - (places[sizes.argmax()] if sizes.size else 0) * elements
    found = []
    for diagonal in np.unique(diagonals)[: MOST_ENTRIES + 1]:
        on = diagonals == diagonal
        stretch, columns = Indices.of(elements[on]), Indices.of(matrix.indices[on])
        if stretch.listed is not None or (stretch.size > 1 and stretch.stride != 1):
            return None
        found.append(Part(stretch, Layer(columns, matrix.data[on])))
    return found if len(found) <= MOST_ENTRIES else None


def padded(matrix: sp.csr_array) -> list[Part] | None:
    """The rows of a matrix as few layers, short rows filled up with zeros at their first entry; else None.

    Where most elements have one entry and a few have two, a second layer of zeros is cheaper than a list.
    """
    counts = np.diff(matrix.indptr)
    if counts.size == 0 or counts.min() == 0 or counts.max() > MOST_ENTRIES:
        return None
    most = int(counts.max())
    if counts.size * most > MOST_PADDING * matrix.nnz:
        return None
    missing = np.arange(most)[None, :] >= counts[:, None]
    places = np.where(missing, 0, np.arange(most)[None, :]) + matrix.indptr[:-1, None]
    values = np.where(missing, 0.0, matrix.data[places])
    whole = everything(counts.size)
    return [
        Part(whole, Layer(Indices.of(column), value))
        for column, value in zip(matrix.indices[places].T, values.T, strict=True)
    ]

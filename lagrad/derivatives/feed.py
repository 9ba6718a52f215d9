"""Feeds: requests for pieces of a flat vector in, one host-side gather and traced slices out.

On a CPU, NumPy gathers ten times faster than XLA does for arrays of a few thousand entries, so scattered
pieces are taken before the compiled call and handed over as one array; contiguous pieces are sliced inside.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import jax
import jax.numpy as jnp
import numpy as np
import scipy.sparse as sp

from lagrad.structure.kernels import digest


@dataclass
class Feed:
    """Pieces of one flat vector v that a compiled function needs.

    Args:
        length: size of v.
        names: digest of a request -> its number.
        cuts: for each request (start, stop, stride) of a slice of v, or of the array taken on the host.
        sliced: for each request, whether it is a slice of v itself.
        taken: index arrays gathered on the host, one after the other.
        products: sparse rows and offsets of pieces A v + b, after the gathered ones.
    """

    length: int
    names: dict[bytes, int] = field(default_factory=dict)
    cuts: list[tuple[int, int, int]] = field(default_factory=list)
    sliced: list[bool] = field(default_factory=list)
    taken: list[np.ndarray] = field(default_factory=list)
    products: list[tuple[int, sp.csr_array, np.ndarray]] = field(default_factory=list)

    def request(self, indices: np.ndarray) -> int:
        """Number of the piece v[indices]."""
        name = digest(indices)
        if name in self.names:
            return self.names[name]
        progression = arithmetic(indices)
        if progression is None:
            self.taken.append(indices.astype(np.int64))
            return self.add(name, None, indices.size)
        return self.add(name, progression, indices.size)

    def request_rows(self, rows: sp.csr_array, offset: np.ndarray) -> int:
        """Number of the piece A v + b."""
        name = digest(rows.data) + digest(rows.indices) + digest(rows.indptr) + digest(offset)
        if name not in self.names:
            self.products.append((len(self.cuts), rows, offset))
            self.cuts.append((0, 0, 0))
            self.sliced.append(False)
            self.names[name] = len(self.cuts) - 1
        return self.names[name]

    def add(self, name: bytes, progression: tuple[int, int, int] | None, size: int) -> int:
        """Number a new piece."""
        start = sum(indices.size for indices in self.taken) - size
        self.cuts.append(progression if progression is not None else (start, start + size, 1))
        self.sliced.append(progression is not None)
        self.names[name] = len(self.cuts) - 1
        return self.names[name]

    def finish(self) -> Feeder:
        """What the host has to do at each call."""
        indices = np.concatenate(self.taken) if self.taken else np.zeros(0, dtype=np.int64)
        start = indices.size
        for number, rows, _ in self.products:
            self.cuts[number] = (start, start + rows.shape[0], 1)
            start += rows.shape[0]
        if not self.products:
            return Feeder(indices, None, None)
        matrix = sp.csr_array(sp.vstack([rows for _, rows, _ in self.products]))
        return Feeder(indices, matrix, np.concatenate([offset for _, _, offset in self.products]))

    def pieces(self, vector: jax.Array, taken: jax.Array) -> list[jax.Array]:
        """Every piece, inside the compiled function."""
        return [cut(vector if own else taken, *where) for own, where in zip(self.sliced, self.cuts, strict=True)]


@dataclass(frozen=True, eq=False)
class Feeder:
    """The host's part: gather, and sparse products where a piece adds up many entries."""

    indices: np.ndarray
    matrix: sp.csr_array | None
    offset: np.ndarray | None

    @property
    def size(self) -> int:
        """Size of the array that is handed over."""
        return self.indices.size + (0 if self.offset is None else self.offset.size)

    def __call__(self, vector: np.ndarray) -> np.ndarray:
        """The array that the compiled function expects beside v."""
        gathered = vector.take(self.indices)
        if self.matrix is None:
            return gathered
        return np.concatenate([gathered, self.matrix @ vector + self.offset])


def arithmetic(indices: np.ndarray) -> tuple[int, int, int] | None:
    """(start, stop, stride) if the indices are an increasing progression, stride 0 if all are the same."""
    if indices.size == 0:
        return None
    first = int(indices[0])
    if indices.size == 1:
        return first, first + 1, 1
    stride = int(indices[1]) - first
    if stride < 0 or int(indices[-1]) - first != stride * (indices.size - 1) or (np.diff(indices) != stride).any():
        return None
    return (first, indices.size, 0) if stride == 0 else (first, int(indices[-1]) + 1, stride)


def cut(vector: jax.Array, start: int, stop: int, stride: int) -> jax.Array:
    """One slice; with stride 0 a broadcast of one entry, `stop` times."""
    if stride == 0:
        return jnp.broadcast_to(vector[start], (stop,))
    return jax.lax.slice(vector, (start,), (stop,), (stride,))

"""Gather pieces of a flat vector once on the host, for slices inside a compiled function.

On a CPU, NumPy gathers ten times faster than XLA does for arrays of a few thousand entries, so scattered
pieces are taken before the compiled call and handed over as one array; contiguous pieces are sliced inside.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import jax
import jax.numpy as jnp
import numpy as np
import scipy.sparse as sp

from lagrad.elements.indices import Indices


@dataclass
class Feed:
    """Pieces of one flat vector v that a compiled function needs.

    Args:
        length: size of v.
        names: name of a request -> its number.
        cuts: for each request its places in v, or in the array taken on the host.
        sliced: for each request, whether it is a slice of v itself.
        taken: index arrays gathered on the host, one after the other.
        products: number and A of pieces A v, which lie after the gathered ones.
    """

    length: int
    names: dict = field(default_factory=dict)
    cuts: list[Indices] = field(default_factory=list)
    sliced: list[bool] = field(default_factory=list)
    taken: list[np.ndarray] = field(default_factory=list)
    products: list[tuple[int, sp.csr_array]] = field(default_factory=list)

    def request(self, indices: Indices) -> int:
        """Number of the piece v[indices]."""
        if indices.name not in self.names:
            if indices.listed is not None:
                start = sum(array.size for array in self.taken)
                self.taken.append(indices.array)
            self.names[indices.name] = len(self.cuts)
            self.cuts.append(indices if indices.listed is None else Indices(indices.size, start))
            self.sliced.append(indices.listed is None)
        return self.names[indices.name]

    def request_rows(self, rows: sp.csr_array) -> int:
        """Number of the piece A v."""
        name = id(rows)
        if name not in self.names:
            self.products.append((len(self.cuts), rows))
            self.names[name] = len(self.cuts)
            self.cuts.append(Indices(0))
            self.sliced.append(False)
        return self.names[name]

    def finish(self) -> Feeder:
        """What the host has to do at each call."""
        indices = np.concatenate(self.taken) if self.taken else np.zeros(0, dtype=np.int64)
        start = indices.size
        for number, rows in self.products:
            self.cuts[number] = Indices(rows.shape[0], start)
            start += rows.shape[0]
        matrix = sp.csr_array(sp.vstack([rows for _, rows in self.products])) if self.products else None
        return Feeder(indices, matrix)

    def pieces(self, vector: jax.Array, taken: jax.Array) -> list[jax.Array]:
        """Every piece, inside the compiled function."""
        return [
            cut(vector if own else taken, where) for own, where in zip(self.sliced, self.cuts, strict=True)
        ]


@dataclass(frozen=True, eq=False)
class Feeder:
    """The host's part: gather, and sparse products where a piece adds up many entries."""

    indices: np.ndarray
    matrix: sp.csr_array | None

    @property
    def size(self) -> int:
        """Size of the array that is handed over."""
        return self.indices.size + (0 if self.matrix is None else self.matrix.shape[0])

    def __call__(self, vector: np.ndarray) -> np.ndarray:
        """The array that the compiled function expects beside v."""
        gathered = vector.take(self.indices)
        if self.matrix is None:
            return gathered
        return np.concatenate([gathered, self.matrix @ vector])


def cut(vector: jax.Array, indices: Indices) -> jax.Array:
    """A progression of entries, inside the compiled function."""
    if indices.size < 2 or indices.stride == 0:
        return jnp.broadcast_to(vector[indices.start : indices.start + 1], (indices.size,))
    stop = indices.start + indices.stride * (indices.size - 1) + 1
    return jax.lax.slice(vector, (indices.start,), (stop,), (indices.stride,))

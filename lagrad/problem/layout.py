"""Flatten pytrees to float64 vectors, and back: the only place that knows how x is laid out.

The flat order is that of `jax.flatten_util.ravel_pytree`. Every flat index has a name, such as
`x['theta'][3]`, which is what error messages and reports show.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import Any

import jax
import jax.core
import jax.numpy as jnp
import numpy as np

from lagrad.annotations import Pytree
from lagrad.errors import ProblemError

# What counts as a plain number in the lists that users write.
NUMBERS = (bool, int, float, complex, np.generic)


@dataclass(frozen=True, eq=False)
class Layout:
    """Where each entry of a pytree of arrays lies in one flat vector, and what it is called.

    Args:
        treedef: the pytree's structure.
        shapes: shape of each leaf, in the order of `jax.tree.leaves`.
        paths: name of each leaf, such as `x['theta']`.
        label: what the whole is called: `x`, or a constraint's name.

    >>> layout = Layout.of({"theta": np.zeros(3), "v": np.ones((2, 2))}, "x")
    >>> layout.size, layout.describe(1), layout.describe(5)
    (7, "x['theta'][1]", "x['v'][1, 0]")
    """

    treedef: Any = field(repr=False)
    shapes: tuple[tuple[int, ...], ...]
    paths: tuple[str, ...]
    label: str

    @classmethod
    def of(cls, tree: Pytree, label: str) -> Layout:
        """Layout of a pytree whose leaves have a shape: arrays, tracers or ShapeDtypeStructs."""
        leaves, treedef = jax.tree_util.tree_flatten_with_path(tree)
        paths = tuple(label + jax.tree_util.keystr(path) for path, _ in leaves)
        return cls(treedef, tuple(tuple(np.shape(leaf)) for _, leaf in leaves), paths, label)

    @cached_property
    def sizes(self) -> tuple[int, ...]:
        """Number of entries of each leaf."""
        return tuple(int(np.prod(shape)) for shape in self.shapes)

    @cached_property
    def offsets(self) -> np.ndarray:
        """Flat index at which each leaf starts, and the total: shape (leaves + 1,), int64."""
        return np.concatenate([np.zeros(1, np.int64), np.cumsum(self.sizes, dtype=np.int64)])

    @cached_property
    def size(self) -> int:
        """Number of entries of the flat vector."""
        return int(self.offsets[-1])

    @cached_property
    def _slices(self) -> tuple[slice, ...]:
        return tuple(slice(start, stop) for start, stop in pairwise(self.offsets.tolist()))

    @property
    def is_array(self) -> bool:
        """Whether the pytree is one bare array."""
        return self.paths == (self.label,)

    def flatten(self, tree: Pytree) -> np.ndarray:
        """Entries of a pytree of this layout as one NumPy vector.

        Args:
            tree: pytree of real arrays of this structure and these shapes, or a flat vector of shape (size,).

        Returns:
            float64 array of shape (size,); may share memory with `tree`.

        Raises:
            ProblemError: another structure or shape, or entries that are not real numbers.
        """
        if isinstance(tree, np.ndarray) and tree.dtype == np.float64 and tree.shape == (self.size,):
            return tree
        # [1.0, 2.0] may be this layout's two leaves, or an array written as a list.
        is_leaf = None if jax.tree.structure(tree) == self.treedef else is_numbers
        arrays = real_arrays(tree, self.label, is_leaf)
        leaves = jax.tree.leaves(arrays)
        if _is_vector(arrays, self.size):
            return leaves[0]
        self.require_same(arrays, f", or a flat vector of shape ({self.size},)")
        return np.concatenate([np.zeros(0), *(leaf.ravel() for leaf in leaves)])

    def require_same(self, tree: Pytree, alternative: str = "") -> None:
        """Raise ProblemError unless `tree` has this structure and these shapes.

        Args:
            tree: pytree of arrays.
            alternative: what else the message says is welcome.
        """
        found = Layout.of(tree, self.label)
        if found.treedef != self.treedef:
            raise ProblemError(
                f"`{self.label}`: {outline(found)}, expected {outline(self)}. Give that{alternative}."
            )
        for path, shape, expected in zip(self.paths, found.shapes, self.shapes, strict=True):
            if shape != expected:
                raise ProblemError(
                    f"`{path}`: shape {shape}, expected {expected}. Give that shape{alternative}."
                )

    def unflatten(self, vector: np.ndarray | jax.Array) -> Pytree:
        """Pytree of this layout whose entries are read from a flat vector.

        Args:
            vector: shape (size,); NumPy array, JAX array or tracer.

        Returns:
            Pytree; its leaves are views of a NumPy vector, or slices of a JAX one.
        """
        if isinstance(vector, np.ndarray):
            parts = [vector[part] for part in self._slices]
        else:
            parts = _split(vector, self.sizes)
        return self.treedef.unflatten(map(_reshaped, parts, self.shapes))

    def ravel(self, tree: Pytree) -> jax.Array:
        """Entries of a pytree of this layout as one JAX vector of shape (size,): traceable."""
        leaves = [jnp.ravel(leaf).astype(jnp.result_type(float)) for leaf in jax.tree.leaves(tree)]
        return join(leaves)

    def leaf(self, index: int) -> int:
        """Which array holds the entry at a flat index."""
        return bisect_right(self.offsets, index) - 1

    def describe(self, index: int) -> str:
        """Name of the entry at a flat index, such as `x['theta'][3]`.

        Raises:
            IndexError: the index is negative or not below `size`.
        """
        if not 0 <= index < self.size:
            raise IndexError(f"`{self.label}`: index {index}, expected 0 to {self.size - 1}.")
        leaf = self.leaf(index)
        place = _unraveled(int(index - self.offsets[leaf]), self.shapes[leaf])
        return self.paths[leaf] + (f"[{', '.join(map(str, place))}]" if place else "")


def _split(vector: jax.Array, sizes: tuple[int, ...]) -> list[jax.Array]:
    """Consecutive parts of a vector by one `split` primitive, whose transpose is one concatenate."""
    return [vector] if len(sizes) == 1 else list(jax.lax.split(vector, sizes))


def _reshaped(part: Any, shape: tuple[int, ...]) -> Any:
    """A part in its shape."""
    return part.reshape(shape)


def _unraveled(index: int, shape: tuple[int, ...]) -> list[int]:
    """Place of an entry in an array of a shape: what `np.unravel_index` takes ten times as long for."""
    place = []
    for length in reversed(shape):
        index, last = divmod(index, length)
        place.append(last)
    return place[::-1]


def join(vectors: list[jax.Array]) -> jax.Array:
    """JAX vectors one after the other, with no equation where there is but one."""
    if len(vectors) == 1:
        return vectors[0]
    return jnp.concatenate(vectors) if vectors else jnp.zeros(0)


def outline(layout: Layout) -> str:
    """A layout in a few words: the shape of an array, or the names of the leaves."""
    if layout.is_array:
        return f"an array of shape {layout.shapes[0]}"
    names = [path.removeprefix(layout.label) for path in layout.paths]
    return f"a pytree with leaves {', '.join(names[:6])}{', ...' if len(names) > 6 else ''}"


def _is_vector(tree: Pytree, size: int) -> bool:
    """Whether a pytree is one array of shape (size,)."""
    return isinstance(tree, np.ndarray) and tree.shape == (size,)


def is_numbers(node: Any) -> bool:
    """Whether a node is a list or tuple of plain numbers, nested or not: an array to everyone but JAX."""
    if type(node) not in (list, tuple) or not node:
        return False
    return all(isinstance(entry, NUMBERS) or is_numbers(entry) for entry in node)


def real_arrays(tree: Pytree, label: str, is_leaf: Callable[[Any], bool] | None = is_numbers) -> Pytree:
    """The same pytree with float64 NumPy arrays as leaves; lists of plain numbers become arrays.

    Args:
        tree: pytree of arrays and numbers.
        label: how error messages name the whole.
        is_leaf: which containers are arrays; None for no container.

    Raises:
        ProblemError: a leaf is not an array of real numbers; the message names it.
    """
    leaves, treedef = jax.tree_util.tree_flatten_with_path(tree, is_leaf=is_leaf)
    return treedef.unflatten(real_array(leaf, label + jax.tree_util.keystr(path)) for path, leaf in leaves)


def real_array(leaf: Any, name: str) -> np.ndarray:
    """One leaf as a float64 NumPy array.

    Raises:
        ProblemError: it is a tracer, masked, ragged, complex, text or an object.
    """
    # What most are, told without questions.
    if type(leaf) is np.ndarray and leaf.dtype == np.float64:
        return leaf
    array = numeric_array(leaf, name)
    if jnp.issubdtype(array.dtype, np.complexfloating):
        raise ProblemError(
            f"`{name}`: dtype {array.dtype}, expected real numbers. Give real and imaginary parts apart."
        )
    return array.astype(np.float64, copy=False)


def numeric_array(leaf: Any, name: str) -> np.ndarray:
    """One leaf as a NumPy array of numbers, its dtype kept.

    Raises:
        ProblemError: it is a tracer, masked, ragged, text or an object.
    """
    if isinstance(leaf, jax.core.Tracer):
        raise ProblemError(
            f"`{name}`: a traced value, expected numbers. Stay outside of jax.jit, jax.grad and jax.vmap."
        )
    if np.ma.is_masked(leaf):
        raise ProblemError(f"`{name}`: an array with masked entries, expected numbers. Fill them first.")
    try:
        array = np.asarray(leaf)
    except ValueError as error:
        raise ProblemError(f"`{name}`: rows of different lengths. Give rows of equal length.") from error
    except TypeError as error:
        found = type(leaf).__name__
        raise ProblemError(f"`{name}`: {found}, expected numbers. Give an array of numbers.") from error
    if array.dtype != bool and not jnp.issubdtype(array.dtype, np.number):
        raise ProblemError(
            f"`{name}`: {type(leaf).__name__} of dtype {array.dtype}, expected numbers. "
            "Give an array of numbers."
        )
    return array

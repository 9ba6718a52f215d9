"""Read params: a pytree of numbers in, NumPy arrays of their own out, held against those declared."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from lagrad.annotations import Pytree
from lagrad.errors import ProblemError
from lagrad.problem.layout import Layout, is_numbers, numeric_array


def read_params(params: Pytree) -> Pytree:
    """Params as a pytree of NumPy arrays; floats become float64, integers and Booleans stay.

    Raises:
        ProblemError: a leaf is not an array of numbers.
    """
    leaves, treedef = jax.tree.flatten(params, is_leaf=is_numbers)
    if all(map(_is_float64, leaves)):
        return treedef.unflatten(map(np.array, leaves))
    named, _ = jax.tree_util.tree_flatten_with_path(params, is_leaf=is_numbers)
    return treedef.unflatten(_read_param(leaf, "params" + jax.tree_util.keystr(path)) for path, leaf in named)


def _is_float64(leaf: object) -> bool:
    """Whether a leaf is what most are, and needs no more than a copy."""
    return isinstance(leaf, float) or (type(leaf) is np.ndarray and leaf.dtype == np.float64)


def _read_param(leaf: Any, name: str) -> Any:
    """One array of params; a JAX random key is left as it is."""
    if hasattr(leaf, "dtype") and jnp.issubdtype(leaf.dtype, jax.dtypes.extended):
        return leaf
    array = numeric_array(leaf, name)
    return np.array(array, np.float64 if jnp.issubdtype(array.dtype, np.floating) else array.dtype)


def params_like(params: Pytree, expected: Pytree) -> Pytree:
    """Params of a call, read as those declared were, with their dtypes.

    Raises:
        ProblemError: another structure, another shape, or numbers that the dtype cannot hold.
    """
    leaves, structure = jax.tree.flatten(params, is_leaf=is_numbers)
    declared, declared_structure = jax.tree.flatten(expected)
    if structure == declared_structure and all(map(_is_float64, leaves)):
        # What most are, told without questions.
        arrays = list(map(np.array, leaves))
        if _kinds(arrays) == _kinds(declared):
            return structure.unflatten(arrays)
    layout, read = Layout.of(expected, "params"), read_params(params)
    layout.require_same(read)
    pairs = zip(layout.paths, jax.tree.leaves(read), declared, strict=True)
    return layout.treedef.unflatten(_cast(leaf, like.dtype, path) for path, leaf, like in pairs)


def _kinds(leaves: list[Any]) -> list[tuple[Any, Any]]:
    """Shapes and dtypes of arrays."""
    return [(leaf.shape, leaf.dtype) for leaf in leaves]


def _cast(leaf: np.ndarray, dtype: np.dtype[Any], path: str) -> np.ndarray:
    """One array of params as the dtype it was declared with."""
    if leaf.dtype == dtype:
        return leaf
    if not np.can_cast(leaf.dtype, dtype, "same_kind"):
        raise ProblemError(f"`{path}`: dtype {leaf.dtype}, expected {dtype} as declared. Convert it first.")
    return leaf.astype(dtype)

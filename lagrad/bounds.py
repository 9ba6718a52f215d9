"""Bounds in every form users write them in, flat float64 vectors out.

One side may be None, a number, an array, a pytree like x, a part of such a pytree, or a flat vector.
Values of 1e20 and beyond count as infinite, as in IPOPT.
"""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
import scipy.optimize

from lagrad.errors import ProblemError
from lagrad.places import warn_user
from lagrad.trees import NUMBERS, Layout, outline, real_array

INFINITE = 1e20


def read_bounds(bounds, layout: Layout) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper bounds of every variable.

    Args:
        bounds: None, (lower, upper), scipy.optimize.Bounds, or one (lower, upper) pair a variable.
        layout: how x is laid out.

    Returns:
        Two float64 arrays of shape (n,); -inf and +inf where there is no bound.

    Raises:
        ProblemError: a shape that does not fit, NaN, lower above upper, or a form that can be read in two ways.
    """
    lower, upper = two_sides(bounds, layout)
    lower = infinite(spread(lower, layout, -np.inf, "bounds", "lower"))
    upper = infinite(spread(upper, layout, np.inf, "bounds", "upper"))
    check_sides(lower, upper, layout, "bounds")
    return lower, upper


def two_sides(bounds, layout: Layout) -> tuple[Any, Any]:
    """The two sides of bounds, whichever way they were written."""
    if bounds is None:
        return None, None
    if isinstance(bounds, scipy.optimize.Bounds):
        if np.any(bounds.keep_feasible):
            warn_user("`bounds`: keep_feasible=True has no effect: IPOPT keeps bounds by itself. Leave it out.")
        return bounds.lb, bounds.ub
    if not isinstance(bounds, list | tuple | np.ndarray):
        raise ProblemError(
            f"`bounds`: a {type(bounds).__name__}, expected (lower, upper), where each is None, a number, an array "
            "or a pytree like x0."
        )
    if is_pairs(bounds, layout.size):
        return tuple(zip(*bounds, strict=True)) if len(bounds) else ((), ())
    if len(bounds) != 2:
        raise ProblemError(
            f"`bounds`: length {len(bounds)}, expected (lower, upper) or {layout.size} pairs, one for each variable."
        )
    return bounds[0], bounds[1]


def is_pairs(bounds, n: int) -> bool:
    """Whether bounds are written as one (lower, upper) pair a variable, as SciPy takes them.

    For two variables both readings fit: lists in a tuple are sides, tuples in a list are pairs.

    Raises:
        ProblemError: two variables, and both readings fit but differ.
    """
    if len(bounds) != n or not all(is_pair(entry) for entry in bounds):
        return False
    if n != 2 or bounds[0][1] == bounds[1][0]:
        return True
    outer, inner = type(bounds), {type(entry) for entry in bounds}
    if (outer, inner) == (list, {tuple}):
        return True
    if outer is tuple and tuple not in inner:
        return False
    raise ProblemError(
        f"`bounds`: {bounds!r} can mean (lower, upper), or a (lower, upper) pair for each of the two variables. "
        "Give (np.array(lower), np.array(upper)) or scipy.optimize.Bounds(lower, upper)."
    )


def is_pair(entry) -> bool:
    """Whether an entry is two numbers, None standing for no bound."""
    if not isinstance(entry, list | tuple | np.ndarray) or len(entry) != 2:
        return False
    return all(side is None or isinstance(side, NUMBERS) for side in entry)


def spread(side, layout: Layout, default: float, where: str, name: str) -> np.ndarray:
    """One side of a bound, entry by entry.

    Args:
        side: None, a number, an array, a pytree like the layout's, a part of it, or a flat vector.
        layout: how the bounded value is laid out, size k.
        default: value where `side` is None or leaves an entry out.
        where: how error messages name the declaration, such as `constraints['flow']`.
        name: how error messages name this side, such as `upper`.

    Returns:
        float64 array of shape (k,).

    Raises:
        ProblemError: a shape or name that does not fit, or an entry that is not a real number or is NaN.
    """
    flat = np.full(layout.size, default)
    if is_flat(side, layout):
        flat[:] = read_side(side, (layout.size,), default, f"`{where}`: `{name}`", layout)
    else:
        positions = layout.treedef.unflatten(range(len(layout.shapes)))
        fill(flat, side, positions, layout, default, f"`{where}`: `{name}`")
    bad = np.flatnonzero(np.isnan(flat))
    if bad.size:
        raise ProblemError(f"`{where}`: `{name}` of {layout.describe(bad[0])} is nan{others(bad)}. Use None for no bound.")
    return flat


def is_flat(side, layout: Layout) -> bool:
    """Whether one side is given as a flat vector of a pytree."""
    return hasattr(side, "shape") and tuple(side.shape) == (layout.size,) and not layout.is_array


def fill(flat: np.ndarray, side, positions, layout: Layout, default: float, what: str) -> None:
    """Write one side into the entries below one node of the layout, node by node."""
    if side is None:
        return
    if isinstance(positions, int):
        start, stop = layout.offsets[positions : positions + 2]
        shape = layout.shapes[positions]
        flat[start:stop] = read_side(side, shape, default, what, layout).ravel()
        return
    expected = children(positions)
    if is_single(side):
        given = dict.fromkeys(expected, side)
    else:
        given = children(side)
        check_names(given, expected, isinstance(positions, dict), side, layout, what)
    for key, child in given.items():
        fill(flat, child, expected[key], layout, default, what + key)


def children(node) -> dict[str, Any]:
    """What lies directly below a pytree node, by its key as it is written: "['theta']", "[0]"."""
    pairs, _ = jax.tree_util.tree_flatten_with_path(node, is_leaf=lambda inner: inner is not node)
    return {jax.tree_util.keystr(path): child for path, child in pairs}


def is_single(side) -> bool:
    """Whether one side is a single number, for all entries below."""
    return isinstance(side, NUMBERS) or (hasattr(side, "shape") and side.shape == ())


def check_names(given: dict, expected: dict, may_omit: bool, side, layout: Layout, what: str) -> None:
    """Raise ProblemError unless the keys of a bound's node are those of the bounded value's; dicts may omit some."""
    if "" in given:
        found = f"shape {np.shape(side)}" if hasattr(side, "shape") else f"a {type(side).__name__}"
        raise ProblemError(
            f"{what} has {found}, but the value is {outline(layout)}. Give a number, a pytree like it, or shape ({layout.size},)."
        )
    unknown = [key for key in given if key not in expected]
    if unknown or not (may_omit or len(given) == len(expected)):
        found = unknown[0] if unknown else f"{len(given)} entries"
        raise ProblemError(f"{what} has {found}, expected {', '.join(expected)}. None leaves an entry free.")


def read_side(side, shape: tuple[int, ...], default: float, what: str, layout: Layout) -> np.ndarray:
    """One side for one array: a number, or an array of its shape.

    Raises:
        ProblemError: another shape, or not real numbers.
    """
    array = real_array(without_none(side, default), what.replace("`", "").replace(": ", " "))
    if array.shape == shape or array.shape == ():
        return array if array.shape == shape else np.full(shape, array)
    if array.size == int(np.prod(shape)) == 1:
        return array.reshape(shape)
    verb = "x0 has" if layout.label == "x" else "the function returns"
    raise ProblemError(f"{what} has shape {array.shape} but {verb} shape {shape}. Give a scalar or shape {shape}.")


def without_none(side, default: float):
    """Nested lists with each None replaced by the default."""
    if side is None:
        return default
    return [without_none(entry, default) for entry in side] if isinstance(side, list | tuple) else side


def infinite(values: np.ndarray) -> np.ndarray:
    """The same values with 1e20 and beyond made infinite."""
    return np.where(np.abs(values) >= INFINITE, np.copysign(np.inf, values), values)


def check_sides(lower: np.ndarray, upper: np.ndarray, layout: Layout, where: str) -> None:
    """Raise ProblemError if a lower side is +inf, an upper side -inf, or a lower above its upper."""
    for name, bad in (("lower", lower == np.inf), ("upper", upper == -np.inf)):
        index = np.flatnonzero(bad)
        if index.size:
            sign = "inf" if name == "lower" else "-inf"
            raise ProblemError(
                f"`{where}`: `{name}` of {layout.describe(index[0])} is {sign}{others(index)}, which nothing can satisfy "
                "(1e20 and beyond count as infinite). Use None for no bound."
            )
    crossed = np.flatnonzero(lower > upper)
    if crossed.size:
        first = crossed[0]
        raise ProblemError(
            f"`{where}`: {layout.describe(first)} has lower {lower[first]:g} above upper {upper[first]:g}{others(crossed)}. "
            "Exchange or widen them."
        )


def others(indices: np.ndarray) -> str:
    """How many more entries have the same fault, for the end of a message."""
    return f" (and {indices.size - 1} more)" if indices.size > 1 else ""



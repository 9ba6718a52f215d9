"""Read bounds in every form users write them in, as flat float64 vectors.

One side may be None, a number, an array, a pytree like x, a part of such a pytree, or a flat vector.
Values of 1e20 and beyond count as infinite, as in IPOPT.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
import numpy.typing as npt

from lagrad.annotations import Pytree
from lagrad.display.text import others
from lagrad.errors import ProblemError
from lagrad.problem.layout import NUMBERS, Layout, outline, real_array
from lagrad.problem.scipy_objects import is_of_scipy
from lagrad.source_location import warn_user

INFINITE = 1e20

# How bounds of two variables are read, by the types of the whole and of its two entries.
_TWO_BY_TWO: dict[tuple[type, ...], str] = {
    (list, tuple, tuple): "pairs",
    (tuple, list, list): "sides",
    (tuple, np.ndarray, np.ndarray): "sides",
    (list, np.ndarray, np.ndarray): "sides",
}


def read_bounds(bounds: Any, layout: Layout) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper bounds of every variable.

    Args:
        bounds: None, (lower, upper), scipy.optimize.Bounds, one (lower, upper) pair a variable, or, where x
            is a dict, a dict of such pairs.
        layout: how x is laid out.

    Returns:
        Two float64 arrays of shape (n,); -inf and +inf where there is no bound.

    Raises:
        ProblemError: a shape that does not fit, NaN, lower above upper, or a form with two readings.
    """
    lower, upper = _two_sides(bounds, layout)
    lower = infinite(spread(lower, layout, -np.inf, "bounds", "lower"))
    upper = infinite(spread(upper, layout, np.inf, "bounds", "upper"))
    check_sides(lower, upper, layout, "bounds")
    return lower, upper


def _two_sides(bounds: Any, layout: Layout) -> tuple[Any, Any]:
    """The two sides of bounds, whichever way they were written."""
    if bounds is None:
        return None, None
    if is_of_scipy(bounds, "Bounds"):
        if np.any(bounds.keep_feasible):
            warn_user("`bounds`: keep_feasible=True has no effect: bounds always hold. Leave it out.")
        # SciPy makes arrays of shape (1,) from numbers.
        return np.squeeze(bounds.lb), np.squeeze(bounds.ub)
    if _is_pairs_by_name(bounds, layout):
        lower, upper = ({name: pair[side] for name, pair in bounds.items()} for side in (0, 1))
        return lower, upper
    if not isinstance(bounds, list | tuple | np.ndarray) or _is_number(bounds):
        raise ProblemError(
            f"`bounds`: {type(bounds).__name__}, expected (lower, upper). "
            "Give None, a number, an array or a pytree like x0 for each."
        )
    if _is_pairs(bounds, layout):
        lower = [-np.inf if low is None else low for low, _ in bounds]
        upper = [np.inf if high is None else high for _, high in bounds]
        return np.array(lower), np.array(upper)
    if len(bounds) != 2:
        raise ProblemError(
            f"`bounds`: length {len(bounds)}, expected (lower, upper) or {layout.size} pairs. "
            "Give the two sides, or one pair for each variable."
        )
    return bounds[0], bounds[1]


def _is_pairs_by_name(bounds: Any, layout: Layout) -> bool:
    """Whether bounds are a (lower, upper) tuple for each of some keys of x, itself a dict."""
    node = layout.treedef.node_data()
    if not isinstance(bounds, dict) or node is None or not issubclass(node[0], dict):
        return False
    return all(isinstance(pair, tuple) and len(pair) == 2 for pair in bounds.values())


def _is_pairs(bounds: list[Any] | tuple[Any, ...] | np.ndarray, layout: Layout) -> bool:
    """Whether bounds are written as one (lower, upper) pair a variable, as SciPy takes them.

    For two variables both readings fit: tuples in a list are pairs; lists in a tuple, arrays, and what has
    the structure of x, are sides.

    Raises:
        ProblemError: two variables, and both readings fit but differ.
    """
    n = layout.size
    if len(bounds) != n or not all(_is_pair(entry) for entry in bounds):
        return False
    if n != 2 or bounds[0][1] == bounds[1][0]:
        return True
    reading = _TWO_BY_TWO.get((type(bounds), *(type(entry) for entry in bounds)))
    if reading is None and all(jax.tree.structure(entry) == layout.treedef for entry in bounds):
        return False
    if reading is None:
        raise ProblemError(
            f"`bounds`: {bounds!r} can mean (lower, upper), or one (lower, upper) pair for each of the two "
            "variables. Give (np.array(lower), np.array(upper)) or scipy.optimize.Bounds(lower, upper)."
        )
    return reading == "pairs"


def _is_pair(entry: object) -> bool:
    """Whether an entry is two numbers, None standing for no bound."""
    if not isinstance(entry, list | tuple | np.ndarray) or _is_number(entry) or len(entry) != 2:
        return False
    return all(side is None or _is_number(side) for side in entry)


@dataclass(frozen=True)
class _Side:
    """What error messages must know of one side: where it was declared, its name, default and target."""

    where: str
    name: str
    default: float
    layout: Layout

    def title(self, path: str = "") -> str:
        return f"`{self.where}`: `{self.name}{path}`"

    def wrong_shape(self, path: str, found: npt.ArrayLike, shape: tuple[int, ...]) -> ProblemError:
        verb = f"x0{path} has" if self.layout.label == "x" else f"the function{path} returns"
        return ProblemError(
            f"{self.title(path)} has shape {np.shape(found)} but {verb} shape {shape}. "
            f"Give a scalar or shape {shape}."
        )


def spread(given: Pytree, layout: Layout, default: float, where: str, name: str) -> np.ndarray:
    """One side of a bound, entry by entry.

    Args:
        given: None, a number, an array, a pytree like the layout's, a part of it, or a flat vector.
        layout: how the bounded value is laid out, size k.
        default: value where `given` is None or leaves an entry out.
        where: how error messages name the declaration, such as `constraints['flow']`.
        name: how error messages name this side, such as `upper`.

    Returns:
        float64 array of shape (k,).

    Raises:
        ProblemError: a shape or name that does not fit, or an entry that is not a real number or is NaN.

    >>> layout = Layout.of({"a": np.zeros(2), "b": np.zeros(())}, "x")
    >>> spread({"a": [None, 3.0]}, layout, np.inf, "bounds", "upper")
    array([inf,  3., inf])
    """
    side, flat = _Side(where, name, default, layout), np.full(layout.size, default)
    if hasattr(given, "shape") and tuple(given.shape) == flat.shape:
        flat[:] = real_array(given, f"{where}.{name}")
    else:
        _fill(flat, given, layout.treedef.unflatten(range(len(layout.shapes))), side)
    bad = np.flatnonzero(np.isnan(flat))
    if bad.size:
        raise ProblemError(
            f"{side.title()} of {layout.describe(bad[0])} is nan{others(bad.size)}, expected a number. "
            f"{'Use None for no bound.' if np.isinf(default) else 'Give one.'}"
        )
    return flat


def _fill(flat: np.ndarray, given: Pytree, positions: Pytree, side: _Side, path: str = "") -> None:
    """Write one side into the entries below one node of the layout, node by node."""
    if given is None:
        return
    if isinstance(positions, int):
        start, stop = side.layout.offsets[positions : positions + 2]
        flat[start:stop] = _read(given, side.layout.shapes[positions], side, path)
        return
    expected = _children(positions)
    below = dict.fromkeys(expected, given) if _is_number(given) else _children(given)
    _check_keys(below, expected, isinstance(positions, dict), given, side.title(path), side.layout)
    for key, child in below.items():
        _fill(flat, child, expected[key], side, path + key)


def _children(node: Pytree) -> dict[str, Any]:
    """What lies directly below a pytree node, by its key as it is written: "['theta']", "[0]"."""
    pairs, _ = jax.tree_util.tree_flatten_with_path(node, is_leaf=lambda inner: inner is not node)
    return {jax.tree_util.keystr(path): child for path, child in pairs}


def _is_number(given: Any) -> bool:
    """Whether one side is a single number, for all entries below."""
    return isinstance(given, NUMBERS) or (hasattr(given, "shape") and given.shape == ())


def _check_keys(
    below: dict[str, Any], expected: dict[str, Any], may_omit: bool, given: Pytree, title: str, layout: Layout
) -> None:
    """Raise ProblemError unless a side's node has the keys of the bounded value's; dicts may omit some."""
    if "" in below:
        found = f"shape {np.shape(given)}" if hasattr(given, "shape") else f"type {type(given).__name__}"
        raise ProblemError(
            f"{title} has {found}, but the value is {outline(layout)}. "
            f"Give a number, a pytree like it, or shape ({layout.size},)."
        )
    unknown = [key for key in below if key not in expected]
    if unknown or not (may_omit or len(below) == len(expected)):
        found = unknown[0] if unknown else f"length {len(below)}"
        raise ProblemError(f"{title} has {found}, expected {', '.join(expected)}. Use None for no bound.")


def _read(given: Any, shape: tuple[int, ...], side: _Side, path: str) -> np.ndarray:
    """One side for one array, raveled.

    Raises:
        ProblemError: it is neither a number nor of this shape, or holds something else than real numbers.
    """
    array = real_array(_without_none(given, side.default), f"{side.where}.{side.name}{path}")
    size = int(np.prod(shape))
    if array.shape not in (shape, ()) and not array.size == size == 1:
        raise side.wrong_shape(path, array, shape)
    return np.broadcast_to(array.ravel(), size)


def _without_none(given: Any, default: float) -> Any:
    """Nested lists with each None replaced by the default."""
    if given is None:
        return default
    return [_without_none(entry, default) for entry in given] if isinstance(given, list | tuple) else given


def infinite(values: np.ndarray) -> np.ndarray:
    """The same values with 1e20 and beyond made infinite.

    >>> infinite(np.array([1e20, -2e20, 5.0]))
    array([ inf, -inf,   5.])
    """
    return np.where(np.abs(values) >= INFINITE, np.copysign(np.inf, values), values)


def check_sides(lower: np.ndarray, upper: np.ndarray, layout: Layout, where: str) -> None:
    """Raise ProblemError if a lower side is +inf, an upper side -inf, or a lower above its upper.

    Args:
        lower: lower side of every entry, shape (k,).
        upper: upper side, shape (k,).
        layout: how the bounded value is laid out, size k.
        where: how error messages name the declaration.
    """
    _check_reachable("lower", lower, np.inf, layout, where)
    _check_reachable("upper", upper, -np.inf, layout, where)
    crossed = np.flatnonzero(lower > upper)
    if crossed.size:
        first = crossed[0]
        raise ProblemError(
            f"`{where}`: {layout.describe(first)} has lower {lower[first]:g} above upper {upper[first]:g}"
            f"{others(crossed.size)}. Exchange or widen them."
        )


def _check_reachable(name: str, values: np.ndarray, never: float, layout: Layout, where: str) -> None:
    """Raise ProblemError if a side is an infinity that no number satisfies."""
    bad = np.flatnonzero(values == never)
    if bad.size:
        raise ProblemError(
            f"`{where}`: `{name}` of {layout.describe(bad[0])} is {never}{others(bad.size)}, which nothing "
            "can satisfy (1e20 and beyond count as infinite). Use None for no bound."
        )

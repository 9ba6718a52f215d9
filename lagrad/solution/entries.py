"""Lay out a Solution as rows: each variable and each constraint row by name, with sides and multiplier."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import jax
import jax.core
import numpy as np

# A side this near, relative to max(1, |side|), is active; a NEAR one if its multiplier exceeds the distance.
TOUCHING, NEAR = 1e-6, 1e-4
STATES = ("", "lower", "upper", "equal", "violated")


@dataclass(frozen=True, eq=False)
class Places:
    """Entries of some arrays, one after the other, and what each is called.

    Args:
        paths: name of each array, such as `x['theta']` or `flow`.
        shapes: shape of each array.
    """

    paths: tuple[str, ...]
    shapes: tuple[tuple[int, ...], ...]

    @cached_property
    def offsets(self) -> np.ndarray:
        """Where each array begins, and the end of the last."""
        sizes = [int(np.prod(shape)) for shape in self.shapes]
        return np.concatenate([[0], np.cumsum(sizes, dtype=int)])

    def name(self, index: int) -> str:
        """Name of one entry, such as `x['theta'][3]`."""
        leaf = int(np.searchsorted(self.offsets, index, side="right")) - 1
        place = np.unravel_index(index - self.offsets[leaf], self.shapes[leaf])
        return self.paths[leaf] + (f"[{', '.join(str(int(i)) for i in place)}]" if place else "")


@dataclass(frozen=True, eq=False)
class Entries(Places):
    """Variables, or constraint rows, one after the other.

    Args:
        value: flat, shape (k,).
        lower: bound or side from below, shape (k,), -inf where there is none.
        upper: from above, likewise.
        multiplier: shape (k,); positive where `upper` presses, negative where `lower` does.
    """

    value: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    multiplier: np.ndarray

    def __len__(self) -> int:
        return self.value.size

    @cached_property
    def violation(self) -> np.ndarray:
        """By how much each entry misses its sides, shape (k,)."""
        return np.maximum(np.maximum(self.lower - self.value, self.value - self.upper), 0.0)

    @cached_property
    def state(self) -> np.ndarray:
        """Which side each entry stands at, shape (k,): one of `STATES`."""
        at_lower = touches(self.value, self.lower, -self.multiplier)
        at_upper = touches(self.value, self.upper, self.multiplier)
        side = np.where(np.isfinite(self.lower) & (self.value < self.lower), self.lower, self.upper)
        scale = np.maximum(1.0, np.where(np.isfinite(side), np.abs(side), 1.0))
        is_out = self.violation > TOUCHING * scale
        is_equal = (self.lower == self.upper) & ~is_out
        return np.select([is_out, is_equal, at_lower, at_upper], ["violated", "equal", "lower", "upper"], "")


def touches(value: np.ndarray, side: np.ndarray, multiplier: np.ndarray) -> np.ndarray:
    """Whether values stand at a side, Booleans; `multiplier` is positive where the side presses."""
    known = np.where(np.isfinite(side), side, 0.0)
    distance = np.abs(value - known) / np.maximum(1.0, np.abs(known))
    return np.isfinite(side) & ((distance <= TOUCHING) | ((distance <= NEAR) & (multiplier >= distance)))


def variables(solution: Any) -> Entries:
    """Each variable of a Solution with its bounds and the multiplier of the bounds, upper minus lower."""
    paths, shapes, value = leaves(solution.x, "x")
    lower, upper = solution.bounds
    pressing = [flat(side) for side in solution.bound_multipliers]
    multiplier = pressing[1] - pressing[0] if value.size else value
    return Entries(paths, shapes, value, side(lower, value, -np.inf), side(upper, value, np.inf), multiplier)


def rows(solution: Any) -> Entries:
    """Each constraint row of a Solution with its sides and its multiplier."""
    parts = [leaves(value, name) for name, value in solution.constraints.items()]
    value = flat([part[2] for part in parts])
    sides = {name: solution.sides.get(name, (None, None)) for name in solution.constraints}
    lower, upper = (
        flat([side(sides[name][end], part[2], no) for name, part in zip(sides, parts, strict=True)])
        for end, no in ((0, -np.inf), (1, np.inf))
    )
    multiplier = flat([solution.multipliers[name] for name in solution.constraints])
    paths = tuple(path for part in parts for path in part[0])
    return Entries(
        paths, tuple(shape for part in parts for shape in part[1]), value, lower, upper, multiplier
    )


def leaves(tree: Any, label: str) -> tuple[tuple[str, ...], tuple[tuple[int, ...], ...], np.ndarray]:
    """Name and shape of each array of a pytree, and all entries, flat."""
    found, _ = jax.tree_util.tree_flatten_with_path(tree)
    paths = tuple(label + jax.tree_util.keystr(path) for path, _ in found)
    return paths, tuple(np.shape(leaf) for _, leaf in found), flat(tree)


def side(tree: Any, value: np.ndarray, none: float) -> np.ndarray:
    """One side of all entries, flat; `none` everywhere where it is not known."""
    return np.full(value.shape, none) if tree is None else flat(tree)


def flat(tree: Any) -> np.ndarray:
    """All entries of a pytree one after the other, in float64."""
    return np.concatenate([np.zeros(0), *(np.ravel(np.asarray(leaf)) for leaf in jax.tree.leaves(tree))])


def are_readable(*trees: Any) -> bool:
    """Whether pytrees hold numbers that can be read now, in arrays of the same shapes in the same places."""
    leaves = jax.tree.leaves(trees)
    if not leaves or not all(map(is_readable, leaves)):
        return False
    return len({(jax.tree.structure(tree), *map(np.shape, jax.tree.leaves(tree))) for tree in trees}) == 1


def is_readable(leaf: Any) -> bool:
    """Whether a leaf is an array or a number, of floats, and no tracer."""
    is_array = isinstance(leaf, (np.ndarray, np.generic, jax.Array, float))
    return is_array and not isinstance(leaf, jax.core.Tracer) and np.result_type(leaf).kind == "f"

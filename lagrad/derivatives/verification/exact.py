"""Compare values, gradient and matrices with what JAX computes; what rounding explains is no error."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from lagrad.annotations import Structure
from lagrad.coloring import color_columns
from lagrad.compile.native.products import triplets_times
from lagrad.derivatives.verification.doubts import NAMES, Derivatives, Doubt, told
from lagrad.derivatives.verification.products import (
    UNDERFLOW,
    both_triangles,
    loosely,
    mirrored,
    values_of,
)
from lagrad.derivatives.verification.reference import Reference
from lagrad.pattern import SparsityPattern

# What is off by more than this share of the terms of a row is an error, unless rounding explains it.
WRONG = 1e-8
# Rounding errors are so many times what moving every result by a few units in the last place shows.
SPREAD = 50.0
# Up to so many variables, or colors, every entry is looked at by itself.
APART = 512


def examine(
    derivatives: Derivatives, x: np.ndarray, multipliers: np.ndarray, only: Collection[str] = tuple(NAMES)
) -> list[Doubt]:
    """Compare with what JAX computes from the equations as they were traced.

    Args:
        derivatives: what is looked at.
        x: point, shape (n,).
        multipliers: weights of the constraint rows, shape (m,).
        only: which of `NAMES` to look at.

    Returns:
        What is proven wrong, empty if all is right.
    """
    worst: dict[str, dict[int, tuple[Any, ...]]] = {name: {} for name in NAMES}
    with np.errstate(all="ignore"):
        for name in only:
            for side in SIDES[name](derivatives, x, multipliers):
                for row, *what in off(side, x, derivatives.reference):
                    known = worst[name].get(row)
                    if known is None or what[0] > known[0]:
                        worst[name][row] = (*what, side.column)
    return [told(derivatives, name, rows) for name, rows in worst.items() if rows]


@dataclass(frozen=True, eq=False)
class Side:
    """One vector that is compared.

    Args:
        matrix: one of `NAMES`.
        found: x -> the vector, and the size of what each of its entries adds up.
        expected: (reference, noise) -> the same vector by JAX.
        column: the variable whose entries it holds, None for a mixture.
    """

    matrix: str
    found: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
    expected: Callable[[Reference, np.ndarray], np.ndarray]
    column: int | None = None


def values_side(derivatives: Derivatives, x: np.ndarray, multipliers: np.ndarray) -> Iterator[Side]:
    """f and c."""
    expected = lambda reference, noise: reference.values(noise, x, derivatives.leaves)  # noqa: E731
    yield Side("values", lambda y: alone(values_of(derivatives, y)), expected)


def gradient_side(derivatives: Derivatives, x: np.ndarray, multipliers: np.ndarray) -> Iterator[Side]:
    """Gradient of f."""
    expected = lambda reference, noise: reference.gradient(noise, x, derivatives.leaves)  # noqa: E731
    yield Side("gradient", lambda y: alone(derivatives.gradient(y)), expected)


def jacobian_sides(derivatives: Derivatives, x: np.ndarray, multipliers: np.ndarray) -> Iterator[Side]:
    """Products with the Jacobian."""
    structure, m, leaves = derivatives.jacobian_structure, derivatives.m, derivatives.leaves
    entries = at_point(derivatives.jacobian_values, x)
    for direction, column in directions(structure, m, derivatives.n) if m else ():
        expected = lambda reference, noise, v=direction: reference.jvp(noise, x, v, leaves)[1:]  # noqa: E731
        yield Side("jacobian", product_of(structure, entries, direction, m), expected, column)


def hessian_sides(derivatives: Derivatives, x: np.ndarray, multipliers: np.ndarray) -> Iterator[Side]:
    """Products with the Lagrangian's Hessian."""
    structure, n, leaves = both_triangles(derivatives.hessian_structure), derivatives.n, derivatives.leaves
    entries = at_point(lambda y: mirrored(derivatives, y, multipliers), x)
    weights = np.concatenate([[1.0], multipliers])
    for direction, column in directions(structure, n, n):
        expected = lambda reference, noise, v=direction: reference.hvp(noise, x, weights, v, leaves)  # noqa: E731
        yield Side("hessian", product_of(structure, entries, direction, n), expected, column)


SIDES: dict[str, Callable[..., Iterator[Side]]] = {
    "values": values_side,
    "gradient": gradient_side,
    "jacobian": jacobian_sides,
    "hessian": hessian_sides,
}


def alone(vector: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A vector whose entries add up nothing."""
    return vector, np.zeros_like(vector)


def off(side: Side, x: np.ndarray, reference: Reference) -> list[tuple[int, float, float, float]]:
    """Rows of a vector that are wrong: row, error relative to its size, found, expected."""
    quiet, *noises = reference.noises
    found, terms = side.found(x)
    expected = side.expected(reference, quiet)
    if side.matrix != "values" and (np.isfinite(found) & np.isnan(expected)).any():
        # JAX gives 0 times infinity in branches that are not taken; without their slopes there is a number.
        reference = reference.without_branches
        quiet, *noises = reference.noises
        expected = side.expected(reference, quiet)
    error, scale = np.abs(found - expected), terms + np.abs(expected)
    allowed = loosely(scale) if reference.has_loose_rules else WRONG * scale
    bad = disagree(side.matrix, found, expected) | (error > allowed + UNDERFLOW)
    if not bad.any():
        return []
    spread = np.zeros_like(error)
    for noise in noises:
        moved = side.expected(reference, noise)
        # Where rounding decides whether a number is finite, nothing is proven.
        bad &= np.isfinite(moved) == np.isfinite(expected)
        mine = side.found(x * (1.0 + noise[: x.size]))[0]
        spread = np.fmax(spread, np.fmax(np.abs(moved - expected), np.abs(mine - found)))
    bad &= ~(error <= SPREAD * spread)
    share = np.where(np.isfinite(error), error / scale, np.inf)
    return [(int(row), share[row], found[row], expected[row]) for row in np.flatnonzero(bad)]


def disagree(matrix: str, found: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """Where one side is finite and the other not.

    A derivative that is finite here and nan in JAX is masked there: 0 times infinity, see the README.
    """
    one, other = np.isfinite(found), np.isfinite(expected)
    return one != other if matrix == "values" else (other & ~one) | (one & np.isinf(expected))


def directions(structure: Structure, rows: int, n: int) -> Iterator[tuple[np.ndarray, int | None]]:
    """Directions in which each entry stands alone, as far as that takes few; then mixtures of all."""
    if n <= APART:
        for column in range(n):
            yield unit(n, column), column
        return
    random = np.random.default_rng(0)
    # Different sizes, so that two missing entries of one row do not cancel.
    mixture = random.choice([-1.0, 1.0], n) * random.uniform(0.5, 1.0, n)
    # A row of many entries would take as many colors; in a Hessian, each of them is in a short row, too.
    short = np.bincount(structure[0], minlength=rows)[structure[0]] <= APART
    pattern = SparsityPattern.from_triplets(structure[0][short], structure[1][short], (rows, n))
    colors = np.maximum(color_columns(pattern).column_colors, 1)
    if colors.max() <= APART:
        for color in range(1, int(colors.max()) + 1):
            yield np.where(colors == color, mixture, 0.0), None
    yield mixture, None
    yield random.permutation(mixture), None


def unit(n: int, column: int) -> np.ndarray:
    """Unit vector, shape (n,)."""
    found = np.zeros(n)
    found[column] = 1.0
    return found


def at_point(entries: Callable[..., Any], x: np.ndarray) -> Callable[..., Any]:
    """The same function of x, evaluated at one point in advance."""
    here = entries(x)
    return lambda y: here if y is x else entries(y)


def product_of(
    structure: Structure, entries: Callable[..., Any], direction: np.ndarray, rows: int
) -> Callable[..., Any]:
    """x -> product of a matrix with a direction, and the size of what it adds up."""

    def product(x: np.ndarray):
        values = entries(x)
        return (
            triplets_times(structure, values, direction, rows),
            triplets_times(structure, np.abs(values), np.abs(direction), rows),
        )

    return product

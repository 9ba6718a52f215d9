"""Know loops again that search known sorted arrays.

    searchsorted(xp, x)      how many numbers of xp are below x

It is constant but for jumps, and so has no derivative. To JAX it is a loop like any other: it is known again
by what it gives for numbers at, between and beyond those of its array.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import prod
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax.extend import core as jex

from lagrad.elements.lookups import Table
from lagrad.primitives.equations import as_numpy, aval_of, is_whole, shape_of
from lagrad.program.folding import fold
from lagrad.program.walk import run

# Numbers of an array for which a loop is tried, and how often it is run for that.
PROBES, MOST_RUNS = 20, 100


@dataclass(frozen=True)
class Search:
    """How many numbers of a sorted array are below another one, and a constant more.

    Args:
        table: the array.
        side: "left", or "right" if equal ones count, too.
        shift: the constant.
        dtype: of the result.
    """

    table: Table
    side: str
    shift: int
    dtype: np.dtype

    def evaluate(self, value: Any) -> Any:
        """The place of each value, by JAX."""
        found = jnp.searchsorted(jnp.asarray(self.table.numbers), value, side=self.side)
        return (found + self.shift).astype(self.dtype)


def searches(equation: jex.JaxprEqn, known: Sequence[Any]) -> Sequence[Search | None]:
    """The search behind each output of a loop; None where there is none.

    Args:
        equation: any.
        known: value of each operand, None where it is not known.
    """
    nothing, params = [None] * len(equation.outvars), equation.params
    if equation.primitive.name != "scan" or len(known) != 4 or len(nothing) != 2 or equation.effects:
        return nothing
    unknown = [number for number, each in enumerate(known) if each is None]
    if (params["num_consts"], params["num_carry"]) != (2, 2) or unknown not in ([0], [1]):
        return nothing
    (place,), value = unknown, equation.invars[unknown[0]]
    table, shape = known[1 - place], shape_of(value)
    fits = all(shape_of(atom) == shape and is_whole(atom) for atom in equation.outvars)
    if not fits or not prod(shape) or aval_of(value).dtype != np.float64 or not is_sorted(table):
        return nothing
    return tried(params["jaxpr"], params["length"], place, Table.of(table), shape, *map(Table.of, known[2:]))


def is_sorted(table: np.ndarray) -> bool:
    """Whether numbers are those of a sorted vector."""
    is_vector = table.ndim == 1 and table.size > 0 and table.dtype == np.float64
    return is_vector and not np.isnan(table).any() and bool((table[1:] >= table[:-1]).all())


# Every interpolation in the same array is the same loop.
@lru_cache(maxsize=64)
def tried(
    body: jex.ClosedJaxpr, length: int, place: int, table: Table, shape: tuple[int, ...], *starts: Table
) -> Sequence[Search | None]:
    """The searches behind a loop of two ends, found by running it in NumPy.

    Args:
        body: of (table, value, low, high), the first two in any order.
        length: number of steps.
        place: of the value.
        table: the array.
        shape: of the value.
        starts: both ends at first.
    """
    numbers = probes(table.numbers)
    runs = -(-numbers.size // prod(shape))
    if runs > MOST_RUNS:
        return [None] * len(starts)
    given = np.resize(numbers, (runs, *shape))
    found = []
    for value in given:
        consts = [value, table.numbers] if place == 0 else [table.numbers, value]
        ends: Sequence[Any] = [start.numbers for start in starts]
        for _ in range(length):
            ends = run(body, [*consts, *ends], fold, as_numpy)
        found.append(ends)
    return [
        search_of(table, given, np.stack([ends[output] for ends in found]), aval.dtype)
        for output, aval in enumerate(body.out_avals)
    ]


def probes(table: np.ndarray) -> np.ndarray:
    """Some numbers of a table and its ends, numbers beside them and between, and what is no number; mixed."""
    chosen = table[np.unique(np.linspace(0, table.size - 1, PROBES).astype(int))]
    beside = [np.nextafter(chosen, -np.inf), np.nextafter(chosen, np.inf)]
    between = 0.5 * chosen[1:] + 0.5 * chosen[:-1]
    numbers = np.concatenate([chosen, *beside, between, [-np.inf, np.inf, np.nan, 0.0, -0.0]])
    return np.random.default_rng(0).permutation(numbers)


def search_of(table: Table, values: np.ndarray, found: np.ndarray, dtype: np.dtype) -> Search | None:
    """The search that gives these places."""
    for side in ("left", "right"):
        shifts = np.unique(found.astype(np.int64) - np.searchsorted(table.numbers, values, side))
        if shifts.size == 1:
            return Search(table, side, int(shifts[0]), np.dtype(dtype))
    return None

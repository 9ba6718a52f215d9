"""Find which entries of an array are known numbers.

    K = zeros.at[i, j].add(x)        x where (i, j) says, 0 elsewhere
    K @ u                            the products that are left, and nothing for the zeros

A known zero times anything is zero, and so is its derivative. Where the other factor is infinite or nan,
JAX's product is nan; such a point has no derivatives to be found, and the zero is believed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import scipy.sparse as sp
from jax.extend import core as jex

from lagrad.primitives.calls import TRANSPARENT, called
from lagrad.primitives.contractions import arranged, products_left
from lagrad.primitives.elementwise import ELEMENTWISE
from lagrad.primitives.equations import as_numpy, aval_of, of_shape, output_shapes, shapes_of, size_of
from lagrad.primitives.movers import MOVERS, mover, scatter_positions
from lagrad.primitives.windows import taps
from lagrad.program.folding import QUICK, fold
from lagrad.program.walk import run


@dataclass(frozen=True, eq=False)
class Entries:
    """Entries of one array that are the same numbers whatever the inputs.

    Args:
        known: which ones, shape (size,).
        values: the numbers, shape (size,); zero where they are not known.
    """

    known: np.ndarray
    values: np.ndarray

    @classmethod
    def of(cls, known: np.ndarray, values: np.ndarray) -> Entries | None:
        """Raveled, with zeros for what is not known; None if nothing is known."""
        known = np.ascontiguousarray(known).reshape(-1)
        if not known.any():
            return None
        values = np.ascontiguousarray(values).reshape(-1)
        return cls(known, np.where(known, values, np.zeros((), values.dtype)))

    @cached_property
    def zeros(self) -> np.ndarray:
        """Entries that are known to be zero, shape (size,)."""
        return self.known & (self.values == 0)


# What is known of an array: all of it, some entries, or nothing.
Knowledge = np.ndarray | Entries | None
Rule = Callable[..., Entries | None]


def known_entries(equation: jex.JaxprEqn, operands: Sequence[Knowledge]) -> list[Entries | None]:
    """Entries of the outputs that are known numbers.

    Args:
        equation: one traced equation, not all of whose operands are known.
        operands: what is known of each operand.

    Returns:
        Entries or None for each output.

    >>> equation = jax.make_jaxpr(lambda x, y: x * y)(np.zeros(3), np.zeros(3)).eqns[0]
    >>> known_entries(equation, [np.array([0.0, 1.0, 0.0]), None])[0].known
    array([ True, False,  True])
    """
    nothing: list[Entries | None] = [None] * len(equation.outvars)
    name = equation.primitive.name
    if not may_know(name, operands):
        return nothing
    if name in MOVERS and (name != "select_n" or isinstance(operands[0], np.ndarray)):
        return moved(equation, operands) or nothing
    if name in ELEMENTWISE and name != "select_n":
        return [elementwise(equation, operands)]
    inner = called(equation, TRANSPARENT)
    if inner is not None:
        return inside(inner, operands)
    rule = RULES.get(name)
    return nothing if rule is None else [rule(equation, *operands, **equation.params)]


def may_know(name: str, operands: Sequence[Knowledge]) -> bool:
    """Whether an output of a primitive can have known entries although not all of its operands are known."""
    if any(isinstance(operand, Entries) for operand in operands):
        return True
    return name in MIXING and any(isinstance(operand, np.ndarray) for operand in operands)


def inside(program: jex.ClosedJaxpr, arguments: Sequence[Knowledge]) -> list[Entries | None]:
    """What is known of the outputs of a program."""

    def visit(equation: jex.JaxprEqn, operands: Sequence[Knowledge]) -> Sequence[Knowledge]:
        if all(isinstance(operand, np.ndarray) for operand in operands) and not equation.effects:
            return fold(equation, operands)
        return known_entries(equation, operands)

    results = run(program, arguments, visit, as_numpy)
    return [each if each is None or isinstance(each, Entries) else all_of(each) for each in results]


def all_of(array: np.ndarray) -> Entries | None:
    """A known array by its entries."""
    array = np.asarray(array)
    return Entries.of(np.ones(array.size, dtype=bool), array)


def agreed(one: Knowledge, other: Knowledge) -> Entries | None:
    """What two arrays of the same shape are both known to be."""
    first, second = (all_of(each) if isinstance(each, np.ndarray) else each for each in (one, other))
    if first is None or second is None:
        return None
    return Entries.of(first.known & second.known & (first.values == second.values), first.values)


def mask_of(operand: Knowledge, shape: tuple[int, ...]) -> np.ndarray:
    """Which entries of an operand are known, shaped like it."""
    if isinstance(operand, Entries):
        return operand.known.reshape(shape)
    return np.broadcast_to(isinstance(operand, np.ndarray), shape)


def values_of(operand: Knowledge, atom: Any, filled: int = 0) -> np.ndarray:
    """The numbers of an operand, shaped like it; `filled` where they are not known."""
    shape, dtype = atom.aval.shape, atom.aval.dtype
    if isinstance(operand, Entries):
        values = operand.values.reshape(shape)
        return np.where(operand.known.reshape(shape), values, values.dtype.type(filled)) if filled else values
    return np.broadcast_to(np.asarray(filled, dtype), shape) if operand is None else np.asarray(operand)


def moved(equation: jex.JaxprEqn, operands: Sequence[Knowledge]) -> list[Entries | None] | None:
    """Entries moved as elements are, none where a gather is out of bounds; None if places are not known."""
    arrays = [operand if isinstance(operand, np.ndarray) else None for operand in operands]
    move = mover(equation, arrays)
    if move is None:
        return [RULES["scatter"](equation, *operands)] if equation.primitive.name == "scatter" else None
    masks = [mask_of(*pair) for pair in zip(operands, shapes_of(equation), strict=True)]
    values = [values_of(*pair) for pair in zip(operands, equation.invars, strict=True)]
    return [Entries.of(*each) for each in zip(move(masks, False), move(values, 0), strict=True)]


def elementwise(equation: jex.JaxprEqn, operands: Sequence[Knowledge]) -> Entries | None:
    """Known where all operands are, or where one is a zero that decides: 0 y, 0 / y, x ** 0, False and y."""
    name, (shape,) = equation.primitive.name, output_shapes(equation)
    rule = QUICK.get(name)
    if rule is None:
        return None
    spread = lambda array: of_shape(array, shape)  # noqa: E731
    masks = [spread(mask_of(*pair)) for pair in zip(operands, shapes_of(equation), strict=True)]
    known = np.logical_and.reduce(masks)
    for number in DECIDING.get(name, ()):
        operand = operands[number]
        if operand is not None:
            zero = operand.zeros if isinstance(operand, Entries) else operand == 0
            known = known | spread(zero.reshape(aval_of(equation.invars[number]).shape))
    if not known.any():
        return None
    # Ones for what is not known: 0 times 1 is 0, and 1 to the power of 0 is 1.
    chosen = [
        spread(values_of(each, atom, 1))[known] for each, atom in zip(operands, equation.invars, strict=True)
    ]
    with np.errstate(all="ignore"):
        found = rule(*chosen, **equation.params)
    if found is None:
        return None
    values = np.zeros(shape, aval_of(equation.outvars[0]).dtype)
    values[known] = found
    return Entries.of(known, values)


def select(equation: jex.JaxprEqn, which: Knowledge, *cases: Knowledge, **params) -> Entries | None:
    """Where it is known which case is taken, that case; elsewhere what all cases agree on."""
    atoms, (shape,) = equation.invars[1:], output_shapes(equation)
    masks = np.stack([mask_of(case, shape) for case in cases])
    values = np.stack([values_of(case, atom) for case, atom in zip(cases, atoms, strict=True)])
    agreed = masks.all(axis=0) & (values == values[0]).all(axis=0)
    known, chosen = agreed, values[0]
    if isinstance(which, Entries):
        place = np.broadcast_to(which.values.reshape(aval_of(equation.invars[0]).shape), shape).astype(
            np.intp
        )
        told = np.broadcast_to(which.known.reshape(aval_of(equation.invars[0]).shape), shape)
        one = lambda table: np.take_along_axis(table, place[None], 0)[0]  # noqa: E731
        known, chosen = agreed | (told & one(masks)), np.where(told, one(values), chosen)
    return Entries.of(known, chosen)


def reduced(combine: Callable, zero_decides: bool = False) -> Rule:
    """A reduction over axes: known where its whole lane is; a product also where a factor is zero."""

    def rule(equation: jex.JaxprEqn, operand: Entries, *, axes, **params) -> Entries | None:
        shape, axes = aval_of(equation.invars[0]).shape, tuple(axes)
        known, values = operand.known.reshape(shape), operand.values.reshape(shape)
        total = known.all(axis=axes)
        if zero_decides:
            total = total | operand.zeros.reshape(shape).any(axis=axes)
        return Entries.of(
            np.asarray(total), np.asarray(combine(values, axis=axes), aval_of(equation.outvars[0]).dtype)
        )

    return rule


def accumulated(combine: np.ufunc, zero_decides: bool = False) -> Rule:
    """A running reduction: known as far as all before is; a product also from its first zero on."""

    def rule(equation: jex.JaxprEqn, operand: Entries, *, axis, reverse, **params) -> Entries | None:
        shape = aval_of(equation.invars[0]).shape
        turn = (lambda array: np.flip(array, axis)) if reverse else (lambda array: array)
        known, values, zeros = (
            turn(each.reshape(shape)) for each in (operand.known, operand.values, operand.zeros)
        )
        total = np.logical_and.accumulate(known, axis=axis)
        if zero_decides:
            total = total | np.logical_or.accumulate(zeros, axis=axis)
        return Entries.of(turn(total), turn(combine.accumulate(values, axis=axis)))

    return rule


def contracted(
    equation: jex.JaxprEqn, left: Knowledge, right: Knowledge, *, dimension_numbers, **params
) -> Entries | None:
    """Sums all of whose products have a zero."""
    (left_inner, right_inner), (left_batch, right_batch) = dimension_numbers
    shapes, dtype = shapes_of(equation), aval_of(equation.outvars[0]).dtype
    zeros = [zeros_of(left), zeros_of(right)]
    if zeros[0] is None and zeros[1] is None:
        return None
    sides = [
        possible(zero, arranged(shape, batch, inner))
        for zero, shape, batch, inner in zip(
            zeros, shapes, (left_batch, right_batch), (left_inner, right_inner), strict=True
        )
    ]
    if zeros[0] is None or zeros[1] is None:
        # One factor has no zeros: only lanes of the other one that are zero from end to end count.
        first, second = (np.asarray(side.any(axis=2)) for side in sides)
        found = first[:, :, None] & second[:, None, :]
    elif products_left(*sides) > MOST_PRODUCTS:
        return None
    else:
        found = meeting(*sides)
    return Entries.of(~found, np.zeros(found.shape, dtype))


def convolved(equation: jex.JaxprEqn, left: Knowledge, right: Knowledge, **params) -> Entries | None:
    """Sums over a window all of whose products have a zero."""
    zeros, (shape,) = [zeros_of(left), zeros_of(right)], output_shapes(equation)
    size, shapes = size_of(equation.outvars[0]), shapes_of(equation)
    if all(zero is None for zero in zeros) or size * size_of(equation.invars[1]) > MOST_PRODUCTS:
        return None
    out, *places = taps(shapes[0], shapes[1], shape, **params)
    is_left = np.ones(out.size, dtype=bool)
    for zero, place in zip(zeros, places, strict=True):
        if zero is not None:
            is_left &= ~zero[place]
    found = np.zeros(size, dtype=bool)
    found[out[is_left]] = True
    return Entries.of(~found, np.zeros(size, aval_of(equation.outvars[0]).dtype))


def zeros_of(operand: Knowledge) -> np.ndarray | None:
    """Which entries are known to be zero, raveled; None if none is."""
    if operand is None:
        return None
    zeros = operand.zeros if isinstance(operand, Entries) else (np.asarray(operand) == 0).reshape(-1)
    return zeros if zeros.any() else None


def possible(zeros: np.ndarray | None, places: np.ndarray) -> np.ndarray:
    """Which entries of a factor can be other than zero, shape (batch, free, contracted)."""
    return np.ones(places.shape, dtype=bool) if zeros is None else ~zeros[places]


def meeting(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Which sums over the contracted axis have a product left, shape (batch, left free, right free)."""
    (batch, free, _), other = left.shape, right.shape[1]
    total = sp.coo_array(block_matrix(left) @ block_matrix(right).T)
    found = np.zeros((batch, free, other), dtype=bool)
    found[total.row // max(free, 1), total.row % max(free, 1), total.col % max(other, 1)] = True
    return found


def block_matrix(entries: np.ndarray) -> sp.csr_array:
    """Matrix (batch * free, batch * contracted) with an entry for each that can be other than zero."""
    batch, free, inner = entries.shape
    b, i, k = np.nonzero(entries)
    shape = (batch * free, batch * inner)
    return sp.csr_array((np.ones(b.size, dtype=np.int32), (b * free + i, b * inner + k)), shape=shape)


def scattered(equation: jex.JaxprEqn, operand: Knowledge, indices: Knowledge, updates: Knowledge, **params):
    """What is not updated stays known, and so does a sum of known numbers."""
    params = equation.params
    if not isinstance(indices, np.ndarray):
        return None
    kept = {name: params[name] for name in ("dimension_numbers", "mode")}
    targets = scatter_positions(shapes_of(equation), indices, **kept).reshape(-1)
    size, (operand_atom, _, updates_atom) = size_of(equation.outvars[0]), equation.invars
    known = mask_of(operand, aval_of(operand_atom).shape).reshape(-1).copy()
    values = np.array(values_of(operand, operand_atom)).reshape(-1)
    news = mask_of(updates, aval_of(updates_atom).shape).reshape(-1)
    adds = equation.primitive.name in ADDING
    known[targets[(targets >= 0) & ~(news & adds)]] = False
    if adds and news.any():
        landing = (targets >= 0) & news
        numbers = np.asarray(values_of(updates, updates_atom)).reshape(-1)[landing]
        np.add.at(values, targets[landing], numbers * values.dtype.type(ADDING[equation.primitive.name]))
    return Entries.of(known, values) if size else None


# Products of a contraction that are looked at one by one.
MOST_PRODUCTS = 40_000_000
ADDING = {"scatter-add": 1, "scatter-sub": -1}
# Operands of an elementwise primitive whose zeros decide the result.
DECIDING: dict[str, tuple[int, ...]] = {
    name: tuple(facts.zeros.values()) for name, facts in ELEMENTWISE.items() if facts.zeros
} | {"and": (0, 1)}
# Known and unknown operands together give what is known in part.
MIXING = frozenset(
    {
        *DECIDING,
        *("concatenate", "stack", "pad", "select_n", "dynamic_update_slice", "dot_general"),
        "conv_general_dilated",
        *("scatter", "scatter-add", "scatter-sub", "scatter-mul", "scatter-min", "scatter-max"),
    }
    | TRANSPARENT.keys()
)
RULES: dict[str, Rule] = {
    "select_n": select,
    "dot_general": contracted,
    "conv_general_dilated": convolved,
    "reduce_sum": reduced(np.sum),
    "reduce_prod": reduced(np.prod, zero_decides=True),
    "reduce_max": reduced(np.max),
    "reduce_min": reduced(np.min),
    "reduce_and": reduced(np.all),
    "reduce_or": reduced(np.any),
    "cumsum": accumulated(np.add),
    "cumprod": accumulated(np.multiply, zero_decides=True),
    "cummax": accumulated(np.maximum),
    "cummin": accumulated(np.minimum),
    **dict.fromkeys(["scatter", *ADDING, "scatter-mul", "scatter-min", "scatter-max"], scattered),
}

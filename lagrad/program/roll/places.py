"""Tell which entries of an array a result is: a run by its first entry, others one by one.

x[3:7]        a run, from 3                 X[:, 2] of shape (4, 9)       entries 2, 11, 20, 29
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from lagrad.primitives.equations import shape_of, size_of
from lagrad.primitives.movers import box_positions, drops, gather_positions, mover, row_major
from lagrad.program.equation import Equation
from lagrad.tracing import run_of

# Results larger than this are arrays, not elements.
LARGEST_ELEMENT = 64
# What gives entries of its first operand in their order.
VIEWS = ("slice", "squeeze", "reshape")
PARTS = ("split", "unstack")
# What gives entries of its first operand in any order.
CHOOSING = frozenset((*VIEWS, *PARTS, "gather", "transpose", "rev"))

# First entry of a run, or all entries, shaped like the variable.
Place = int | np.ndarray


def places_of(
    equation: Equation, place: Place, shape: tuple[int, ...], known: Sequence[np.ndarray | None]
) -> Sequence[Place] | None:
    """Where the results of an equation lie in the array that its first operand is a part of.

    Args:
        equation: one of `CHOOSING`.
        place: where its first operand lies.
        shape: of this operand.
        known: values of the operands that are known.

    Returns:
        One place a result; None if they are not entries of it, or too many that are no run.
    """
    if isinstance(place, int):
        runs = runs_of(equation, shape)
        if runs is not None:
            return [place + run for run in runs]
    if sum(map(size_of, equation.source.outvars)) > LARGEST_ELEMENT:
        return None
    where = within(equation, shape, known)
    if where is None or any(each.min(initial=0) < 0 for each in where):
        return None
    return [shortened(place + each if isinstance(place, int) else place.reshape(-1)[each]) for each in where]


def runs_of(equation: Equation, shape: tuple[int, ...]) -> Sequence[int] | None:
    """First entries of the results in the flat operand; None if one is no run."""
    name, params = equation.name, equation.params
    if name == "slice":
        start = run_start(shape, params)
        return None if start is None else (start,)
    if name in PARTS:
        if math.prod(shape[: params["axis"]]) != 1:
            return None
        sizes = [*map(size_of, equation.source.outvars)]
        return [0, *np.cumsum(sizes)[:-1].tolist()]
    return (0,) if name in VIEWS and params.get("dimensions") is None or name == "squeeze" else None


def within(
    equation: Equation, shape: tuple[int, ...], known: Sequence[np.ndarray | None]
) -> Sequence[np.ndarray] | None:
    """Entry of the flat operand that each entry of each result is, -1 for none; None if that is not known."""
    params = equation.params
    if equation.name == "slice":
        steps = params["strides"] or (1,) * len(shape)
        sizes = shape_of(equation.source.outvars[0])
        strides = row_major(shape)
        first = sum(start * stride for start, stride in zip(params["start_indices"], strides, strict=True))
        return [
            first + box_positions(sizes, [step * each for step, each in zip(steps, strides, strict=True)])
        ]
    if equation.name == "gather":
        numbers, sizes = params["dimension_numbers"], params["slice_sizes"]
        if known[1] is None:
            return None
        return [gather_positions(shape, np.asarray(known[1]), numbers, sizes, drops(params["mode"]))]
    if math.prod(shape) > LARGEST_ELEMENT:
        return None
    move = mover(equation.source, known)
    return None if move is None else move([np.arange(math.prod(shape)).reshape(shape)], -1)


def shortened(place: np.ndarray) -> Place:
    """The first entry of a run, all entries of what is none."""
    flat = place.reshape(-1)
    return int(flat[0]) if flat.size and (np.diff(flat) == 1).all() else place


def run_start(shape: tuple[int, ...], params: dict) -> int | None:
    """First entry of a slice in the flat array; None if its entries do not follow one another."""
    starts, limits, strides = params["start_indices"], params["limit_indices"], params["strides"]
    # Nearly all are of vectors.
    if strides is None and len(shape) == 1:
        return starts[0]
    if strides is not None and any(stride != 1 for stride in strides):
        return None
    return run_of((starts, limits, ()), shape)

"""The rules of movers and scatters, at known places or not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from math import prod
from typing import Any

import numpy as np
from jax.extend import core as jex

from lagrad.primitives.equations import is_inexact, output_shapes, shapes_of
from lagrad.primitives.movers import (
    PLACES,
    Move,
    as_gather,
    gather_positions,
    mover,
    numbered,
    row_major,
    scatter_positions,
    window_sizes,
)
from lagrad.sparsity.deps import Deps, moved
from lagrad.sparsity.links import SAME, Chain, Degree, Link, Live, Same, Spread, Take, either
from lagrad.sparsity.rule_result import Bend, RuleResult, linked
from lagrad.sparsity.rules.arithmetic import tabled
from lagrad.sparsity.value import GENERAL, Value, simplest

# These keep the order of the elements.
IDENTICAL = {"copy", "copy_p", "device_put", "optimization_barrier", "name", "squeeze", "expand_dims"}


def move(equation: jex.JaxprEqn, *operands: Value, **params) -> RuleResult:
    """Output elements that are operand elements, one each."""
    name = equation.primitive.name
    known: list[Any] = [None] * len(operands)
    if name in PLACES:
        places = PLACES[name](params)
        known[places] = [value.known for value in operands[places]]
    function = mover(equation, known)
    if function is None:
        return UNKNOWN_PLACES[name](equation, *operands, **params)
    return moved_outcome(equation, operands, function)


def moved_outcome(equation: jex.JaxprEqn, operands: Sequence[Value], function: Move) -> RuleResult:
    """RuleResult of a mover."""
    if keeps_order(equation):
        return unmoved(equation, operands)
    avals: list[Any] = [variable.aval for variable in equation.outvars]
    shapes = shapes_of(equation)
    parts = moved([value.deps for value in operands], shapes, function, [prod(aval.shape) for aval in avals])
    degrees = moved_degrees(operands, shapes, function, len(avals))
    curved = any(value.is_curved for value in operands)
    outputs = tuple(
        Value(aval.shape, deps if is_inexact(aval) else Deps(deps.size, deps.n), degree, is_curved=curved)
        for aval, deps, degree in zip(avals, parts, degrees, strict=True)
    )
    links = cache(lambda: mover_links(shapes, function))
    return RuleResult(tuple(operands), outputs, lambda lives: pulled(links(), lives), lambda lives: ())


def keeps_order(equation: jex.JaxprEqn) -> bool:
    """Whether the output elements are the operand's, in the same order."""
    name, params = equation.primitive.name, equation.params
    if name == "broadcast_in_dim":
        return prod(shapes_of(equation)[0]) == prod(params["shape"])
    return name in IDENTICAL or (name == "reshape" and params.get("dimensions") is None)


def unmoved(equation: jex.JaxprEqn, operands: Sequence[Value]) -> RuleResult:
    """RuleResult of an equation that only changes shapes."""
    paired = zip(operands, output_shapes(equation), strict=False)
    outputs = tuple(Value(shape, v.deps, v.degree, is_curved=v.is_curved) for v, shape in paired)
    rest = [False] * (len(operands) - len(outputs))
    return RuleResult(tuple(operands), outputs, lambda lives: [*lives, *rest], lambda lives: ())


def moved_degrees(operands: Sequence[Value], shapes, function: Move, count: int) -> list[Degree]:
    """Degrees moved as the elements are."""
    degrees = [value.degree for value in operands]
    if all(isinstance(degree, int) and degree == degrees[0] for degree in degrees):
        return degrees[:1] * count
    arrays = [
        np.broadcast_to(np.asarray(d, np.int8).reshape(shape if np.ndim(d) else ()), shape)
        for d, shape in zip(degrees, shapes, strict=True)
    ]
    return [simplest(array.reshape(-1)) for array in function(arrays, 0)]


def mover_links(shapes: Sequence[tuple[int, ...]], function: Move) -> list[list[Take]]:
    """For each output, a link from each operand."""
    starts = np.cumsum([0, *map(prod, shapes)])
    found = []
    for where in function(numbered(shapes), -1):
        flat = where.reshape(-1)
        found.append(
            [
                Take(np.where((flat >= start) & (flat < stop), flat - start, -1), int(stop - start))
                for start, stop in zip(starts[:-1], starts[1:], strict=True)
            ]
        )
    return found


def pulled(links: Sequence[Sequence[Link]], lives: Sequence[Live]) -> list[Live]:
    """Live elements of the operands."""
    found: list[Live] = [False] * len(links[0])
    for row, live in zip(links, lives, strict=True):
        if live is not False:
            found = [either(before, link.live(live)) for before, link in zip(found, row, strict=True)]
    return found


def gather_anywhere(equation, operand, indices, *, dimension_numbers, slice_sizes, **params) -> RuleResult:
    """Gather at unknown indices: any element along the indexed axes, none along those taken whole."""
    shape = operand.shape
    loose = {axis for axis in dimension_numbers.start_index_map if slice_sizes[axis] < shape[axis]}
    lane = lanes_across(shape, loose)
    zeros = np.zeros(indices.shape, dtype=np.int64)
    where = gather_positions(shape, zeros, dimension_numbers, slice_sizes, False)
    owner = lane[where.reshape(-1)] if lane.size else where.reshape(-1)
    link = through_lanes(lane, owner)
    return linked(equation, (operand, indices), {(0, 0): link}, least=GENERAL if indices.varies else 0)


def lanes_across(shape: tuple[int, ...], loose: set[int]) -> np.ndarray:
    """Number of the lane of each element: elements that differ along loose axes only share one."""
    kept = tuple(1 if axis in loose else size for axis, size in enumerate(shape))
    return np.broadcast_to(np.arange(prod(kept)).reshape(kept), shape).reshape(-1)


def through_lanes(members: np.ndarray, owners: np.ndarray) -> Chain:
    """Link from operand elements to lanes and from there to output elements, -1 for none."""
    count = 1 + int(max(members.max(initial=-1), owners.max(initial=-1)))
    return Chain(Spread(members, count), Take(owners, count))


def box_lanes(shape, sizes, starts) -> tuple[np.ndarray, np.ndarray]:
    """Lanes that connect an array to a box in it whose start is known along some axes only.

    Args:
        shape: of the array.
        sizes: of the box.
        starts: along each axis, None where it is not known.

    Returns:
        Lane of each element of the array, -1 where the box cannot be, and of each element of the box.
    """
    outer, inner = np.zeros((1,) * len(shape), np.int64), np.zeros((1,) * len(shape), np.int64)
    inside = np.ones(shape, dtype=bool)
    strides = row_major(sizes)
    for axis, (whole, size, start) in enumerate(zip(shape, sizes, starts, strict=True)):
        if start is None and size < whole:
            continue
        begin = 0 if start is None else min(max(int(start), 0), whole - size)
        along = [-1 if k == axis else 1 for k in range(len(shape))]
        offset = (np.arange(whole) - begin).reshape(along)
        inside &= (offset >= 0) & (offset < size)
        outer = outer + strides[axis] * offset
        inner = inner + strides[axis] * np.arange(size).reshape(along)
    members = np.where(inside, np.broadcast_to(outer, shape), -1)
    return members.reshape(-1), np.broadcast_to(inner, sizes).reshape(-1)


def slice_anywhere(equation, operand, *starts, slice_sizes, **params) -> RuleResult:
    """Dynamic slice whose start is not known along some axes."""
    members, owners = box_lanes(operand.shape, slice_sizes, [start.known for start in starts])
    least = GENERAL if any(start.varies for start in starts) else 0
    return linked(equation, (operand, *starts), {(0, 0): through_lanes(members, owners)}, least=least)


def update_anywhere(equation, operand, update, *starts, **params) -> RuleResult:
    """Dynamic update of a slice whose start is not known along some axes."""
    owners, members = box_lanes(operand.shape, update.shape, [start.known for start in starts])
    links = {(0, 0): SAME, (1, 0): through_lanes(members, owners)}
    least = GENERAL if any(start.varies for start in starts) else 0
    return linked(equation, (operand, update, *starts), links, least=least)


def scatter(equation, operand, indices, updates, *, update_jaxpr=None, **params) -> RuleResult:
    """Scatter that replaces; where several updates meet, any of them may win."""
    if update_jaxpr is not None:
        return scatter_apply(equation, operand, indices, updates, params)
    link = update_link(equation, operand, indices, updates, params)
    keep = None
    if isinstance(link, Spread):
        keep = np.ones(operand.size, dtype=bool)
        keep[link.targets[link.targets >= 0]] = False
    links = {(0, 0): Same(keep), (2, 0): link}
    return linked(equation, (operand, indices, updates), links, least=GENERAL if indices.varies else 0)


def scatter_apply(equation, operand, indices, updates, params) -> RuleResult:
    """Some function of the operand's elements at the indices; the others stay as they are."""
    link = update_link(equation, operand, indices, updates, params)
    reached = np.ones(operand.size, dtype=bool)
    if isinstance(link, Spread):
        reached[:] = False
        reached[link.targets[link.targets >= 0]] = True
    inside = Same(reached)
    return linked(equation, (operand, indices, updates), {(0, 0): SAME}, [Bend((0, 0), (inside, inside))])


def scatter_add(equation, operand, indices, updates, **params) -> RuleResult:
    """Scatter that adds or subtracts."""
    links = {(0, 0): SAME, (2, 0): update_link(equation, operand, indices, updates, params)}
    return linked(equation, (operand, indices, updates), links, least=GENERAL if indices.varies else 0)


def scatter_extreme(equation, operand, indices, updates, **params) -> RuleResult:
    """Scatter that keeps the larger or smaller."""
    links = {(0, 0): SAME, (2, 0): update_link(equation, operand, indices, updates, params)}
    return linked(equation, (operand, indices, updates), links, least=GENERAL)


def scatter_mul(equation, operand, indices, updates, **params) -> RuleResult:
    """Scatter that multiplies: products of operand and updates, and of updates that meet."""
    link = update_link(equation, operand, indices, updates, params)
    bends = [Bend((0, 2), (SAME, link))]
    if not isinstance(link, Spread) or repeats(link.targets):
        bends.append(Bend((2, 2), (link, link)))
    least = GENERAL if indices.varies else 0
    return linked(equation, (operand, indices, updates), {(0, 0): SAME, (2, 0): link}, bends, least=least)


def repeats(targets: np.ndarray) -> bool:
    """Whether two updates go to the same place."""
    landing = np.sort(targets[targets >= 0])
    return bool((landing[1:] == landing[:-1]).any())


def update_link(equation, operand: Value, indices: Value, updates: Value, params: dict) -> Link:
    """Link from the updates of a scatter to its output: a Spread if the indices are known."""
    shapes = (operand.shape, indices.shape, updates.shape)
    if indices.known is not None:
        targets = scatter_positions(shapes, np.asarray(indices.known), **params)
        return Spread(targets.reshape(-1), operand.size)
    numbers = as_gather(params["dimension_numbers"])
    sizes = window_sizes(shapes, numbers)
    loose = {axis for axis in numbers.start_index_map if sizes[axis] < operand.shape[axis]}
    lane = lanes_across(operand.shape, loose)
    zeros = np.zeros(indices.shape, dtype=np.int64)
    reached = gather_positions(operand.shape, zeros, numbers, sizes, False).reshape(-1)
    return through_lanes(lane[reached] if lane.size else reached, lane)


def sort_anyhow(equation: jex.JaxprEqn, *operands: Value, dimension, **params) -> RuleResult:
    """Each operand sorted by keys that are not known: any element of the same lane of the same operand."""
    lane = lanes_across(operands[0].shape, {dimension})
    link = through_lanes(lane, lane)
    links = {(i, i): link for i in range(len(operands))}
    return linked(equation, operands, links, least=GENERAL)


UNKNOWN_PLACES: dict[str, Callable[..., RuleResult]] = {
    "select_n": tabled,
    "gather": gather_anywhere,
    "dynamic_slice": slice_anywhere,
    "dynamic_update_slice": update_anywhere,
    "scatter": scatter,
    "sort": sort_anyhow,
}
SCATTERS: dict[str, Callable[..., RuleResult]] = {
    "scatter-add": scatter_add,
    "scatter-sub": scatter_add,
    "scatter-mul": scatter_mul,
    "scatter-min": scatter_extreme,
    "scatter-max": scatter_extreme,
}

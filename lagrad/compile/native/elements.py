"""Elements as machine code: elements in, a block out, or None where a kernel has no rule for that."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from lagrad.compile.blocks import Block, Pending
from lagrad.compile.native.batch_loops import Run, Target, batch_loops
from lagrad.compile.native.loops import Write
from lagrad.compile.native.products import Product
from lagrad.elements.element_derivatives import Elements
from lagrad.elements.indices import Indices
from lagrad.elements.lines import Item, Line


@dataclass(frozen=True, eq=False)
class Layout:
    """Where the loops write.

    Args:
        targets: for each batch, what goes where.
        count: how many numbers they write.
        zeroed: stretches of them that results are added to.
    """

    targets: list[list[Target]]
    count: int
    zeroed: tuple[slice, ...]


def native_block(elements: Elements, leaves: list) -> Pending | None:
    """Elements as a block of machine code.

    Args:
        elements: what to compute; there is at least one batch.
        leaves: shapes of the params.

    Returns:
        Pending; None if a kernel has an equation without a rule.
    """
    added = elements.assembly.places is not None
    layout = added_entries(elements) if added else own_entries(elements)
    loops = batch_loops(elements.lift.reading, elements.batches, layout.targets, leaves)
    finish = added_block if added else own_block
    return None if loops is None else Pending(loops, lambda run: finish(elements, run, layout))


def own_entries(elements: Elements) -> Layout:
    """Every line has its own numbers, which are matrix entries as they are."""
    targets: list[list[Target]] = [[] for _ in elements.batches]
    start, zeroed = 0, []
    for line in elements.lines:
        adds = len(line.items) > 1 or line.total
        for item, offset in zip(line.items, line.offsets, strict=True):
            where = Indices(item.rows.size, start + offset, 0 if line.total else 1)
            targets[item.source[0]].append(target(item, where, adds))
        if adds:
            zeroed.append(slice(start, start + line.rows.size))
        start += line.rows.size
    return Layout(targets, start, tuple(joined(zeroed)))


def added_entries(elements: Elements) -> Layout:
    """Numbers of lines are added to the entry they belong to; uneven derivatives lie behind the entries."""
    targets: list[list[Target]] = [[] for _ in elements.batches]
    places, nnz, start = elements.assembly.places, elements.assembly.rows.size, 0
    assert places is not None
    for line in elements.lines:
        entries = Indices.of(places[start : start + line.rows.size])
        for item, offset in zip(line.items, line.offsets, strict=True):
            targets[item.source[0]].append(target(item, entries_of(line, item, offset, entries), True))
        start += line.rows.size
    count = nnz
    for source, uneven in elements.uneven.items():
        targets[source[0]].append(Target(source, 1.0, Write(Indices(uneven.count, count))))
        count += uneven.count
    return Layout(targets, count, ())


def entries_of(line: Line, item: Item, offset: int, entries: Indices) -> Indices:
    """Entries of one item among those of its line."""
    if line.total:
        return Indices(item.rows.size, int(entries.array[0]), 0)
    return entries.at(Indices(item.rows.size, offset))


def target(item: Item, where: Indices, adds: bool) -> Target:
    """An item and where it goes."""
    return Target(item.source, item.factor, Write(where, adds, item.first))


def joined(stretches: list[slice]) -> Iterator[slice]:
    """Stretches in order, those that touch put together."""
    while stretches:
        first, *stretches = stretches
        while stretches and stretches[0].start == first.stop:
            first, stretches = slice(first.start, stretches[0].stop), stretches[1:]
        yield first


def own_block(elements: Elements, run: Run, layout: Layout) -> Block:
    """The block of loops that write entries, which constants follow."""
    assembly, count = elements.assembly, layout.count

    def values(x, weights, leaves):
        numbers = np.empty(count + assembly.base.size)
        for stretch in layout.zeroed:
            numbers[stretch] = 0.0
        numbers[count:] = assembly.base
        run(numbers, x, weights, leaves)
        return numbers

    return Block("elements", assembly.rows, assembly.columns, values, "machine code")


def added_block(elements: Elements, run: Run, layout: Layout) -> Block:
    """The block of loops that add to entries, which start from constants."""
    assembly, nnz = elements.assembly, elements.assembly.rows.size
    uneven = None if assembly.uneven is None else Product(assembly.uneven)

    def values(x, weights, leaves):
        numbers = np.empty(layout.count)
        numbers[:nnz] = assembly.base
        run(numbers, x, weights, leaves)
        if uneven is not None:
            uneven.add(numbers[nnz:], numbers)
        return numbers[:nnz]

    return Block("elements", assembly.rows, assembly.columns, values, "machine code")

"""Bring results from scratch to their places: one function for all loops, driven by a table of records.

A record says where the results of a stretch of elements wait and where they go. Written out for each result,
these loops would be most of the machine code, and take longest to be made.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from lagrad.compile.native.addresses import address
from lagrad.compile.native.code import Code
from lagrad.compile.native.counters import begin, clamped, end
from lagrad.compile.native.loops import Write
from lagrad.compile.native.target import Target

PARAMETERS = "ptr %records, i64 %count, ptr %scratch, i64 %start, i64 %stop, ptr %out"
# Words of a record: kind, where the first result of the tile waits, first element, element after the last,
# place of the first or address of a list, stride.
WORDS = 6


def record(write: Write, waits: int, keep: Callable[[np.ndarray], object]) -> list[int]:
    """The words that say what becomes of one result.

    Args:
        write: where it goes.
        waits: where the first one of a tile is in scratch.
        keep: is given what has to live as long as the record.
    """
    indices, listed = write.indices, write.indices.listed
    place = indices.start
    if listed is not None:
        places = np.ascontiguousarray(listed, dtype=np.int64)
        keep(places)
        place = address(places)
    kind = list(KINDS).index(kind_of(write))
    return [kind, waits, write.first, write.first + indices.size, place, indices.stride]


def kind_of(write: Write) -> str:
    """Name of what is done with a result."""
    indices, how = write.indices, "add" if write.adds else "set"
    if indices.listed is not None:
        return f"{how} listed"
    if indices.stride == 0 and indices.size > 1:
        return "total"
    return f"{how} stretch" if indices.stride == 1 or indices.size == 1 else f"{how} strided"


def text(target: Target) -> str:
    """Assembly of the function."""
    code = Code(target, target.lanes)
    total = code.set(f"alloca {code.wide('double')}, align 64", "s")
    records = begin(code, "0", "%count", "1")
    begun = code.address("%records", code.set(f"mul i64 {records.index}, {WORDS}"), "i64")
    words = [code.set(f"load i64, ptr {code.address(begun, str(word), 'i64')}") for word in range(WORDS)]
    kind, waits, first, last, place, stride = words
    low, high = (
        clamped(code, "umin", clamped(code, "umax", each, first), last) for each in ("%start", "%stop")
    )
    size = code.set(f"sub i64 {high}, {low}")
    source = code.address("%scratch", code.set(f"add i64 {waits}, {code.set(f'sub i64 {low}, %start')}"))
    begun = code.set(f"sub i64 {low}, {first}")
    cases = " ".join(f"i64 {number}, label %case{number}" for number in range(len(KINDS)))
    code.line(f"switch i64 {kind}, label %settled [ {cases} ]")
    for number, write in enumerate(KINDS.values()):
        code.label(f"case{number}")
        write(code, source, size, (place, stride, begun), total)
        code.line("br label %settled")
    code.label("settled")
    end(code, records)
    code.line("ret void")
    body = "\n".join(code.lines)
    return "\n".join([*sorted(code.declared), f"define void @settle({PARAMETERS}) {{\n{body}\n}}"])


# Place or address of a list, stride, and number of results of earlier tiles.
Places = tuple[str, str, str]


def stretch(code: Code, source: str, size: str, places: Places, total: str, adds: bool) -> None:
    """Places that follow one another, a register at a time."""
    base = code.address("%out", code.set(f"add i64 {places[0]}, {places[2]}"))
    middle = code.set(f"and i64 {size}, {-code.lanes}")
    for lanes, begun, until in ((code, "0", middle), (code.single(), middle, size)):
        lanes.count = code.count
        counter = begin(lanes, begun, until, str(lanes.lanes))
        move(lanes, lanes.address(source, counter.index), lanes.address(base, counter.index), adds)
        end(lanes, counter)
        code.count = lanes.count


def strided(code: Code, source: str, size: str, places: Places, total: str, adds: bool) -> None:
    """Places some entries apart."""
    start, stride, begun = places

    def place(single: Code, index: str) -> str:
        element = single.set(f"add i64 {begun}, {index}")
        return single.set(f"add i64 {start}, {single.set(f'mul i64 {stride}, {element}')}")

    one_by_one(code, source, size, place, adds)


def listed(code: Code, source: str, size: str, places: Places, total: str, adds: bool) -> None:
    """Places in a list."""
    array = code.address(code.set(f"inttoptr i64 {places[0]} to ptr"), places[2], "i64")

    def place(single: Code, index: str) -> str:
        return single.set(f"load i64, ptr {single.address(array, index, 'i64')}")

    one_by_one(code, source, size, place, adds)


def one_by_one(code: Code, source: str, size: str, place: Callable[[Code, str], str], adds: bool) -> None:
    """Move results to places that are computed for each."""
    single = code.single()
    counter = begin(single, "0", size, "1")
    where = single.address("%out", place(single, counter.index))
    move(single, single.address(source, counter.index), where, adds)
    end(single, counter)
    code.count = single.count


def move(code: Code, source: str, target: str, adds: bool) -> None:
    """Write one register from memory to memory, or add it there."""
    number = code.load(source)
    if adds:
        number = code.binary("fadd", code.load(target), number)
    code.store(number, target)


def add_total(code: Code, source: str, size: str, places: Places, total: str) -> None:
    """All results are added up in one entry."""
    code.store(code.number(0.0), total)
    middle = code.set(f"and i64 {size}, {-code.lanes}")
    counter = begin(code, "0", middle, str(code.lanes))
    move(code, code.address(source, counter.index), total, True)
    end(code, counter)
    single, target = code.single(), code.address("%out", places[0])
    rest = begin(single, middle, size, "1")
    move(single, single.address(source, rest.index), target, True)
    end(single, rest)
    for lane in range(code.lanes):
        move(single, single.address(total, str(lane)), target, True)
    code.count = single.count


def way(write: Callable[..., None], adds: bool) -> Callable[..., None]:
    """One of the ways with or without addition."""

    def written(code: Code, source: str, size: str, places: Places, total: str) -> None:
        write(code, source, size, places, total, adds)

    return written


KINDS: dict[str, Callable[..., None]] = {
    "add stretch": way(stretch, True),
    "set stretch": way(stretch, False),
    "add strided": way(strided, True),
    "set strided": way(strided, False),
    "add listed": way(listed, True),
    "set listed": way(listed, False),
    "total": add_total,
}

"""Write what becomes of results: stored at once, or kept in scratch until they are brought to their places.

Results that are added to others, or go to places that do not follow one another, wait in a scratch of a few
hundred elements, small enough for the nearest cache. Results of all elements but a few at the ends are stored
where all lanes of a register are written; at the ends they wait, too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lagrad.compile.native.code import Code, Value
from lagrad.compile.native.functions import Function
from lagrad.compile.native.loops import Loop, Write
from lagrad.compile.native.places import Place
from lagrad.compile.native.settling import record
from lagrad.compile.native.shared import shared
from lagrad.elements.indices import Indices

# Numbers in scratch that stay in the nearest cache.
SCRATCH = 2048
SHORTEST_TILE = 64
# Registers at the ends of a loop that may be settled one by one.
MOST_AT_ENDS = 8

# Nodes of results, and where these go.
Writes = Sequence[tuple[int, Write]]


@dataclass(frozen=True, eq=False)
class Scratch:
    """Memory in which results wait.

    Args:
        writes: what waits, and where it goes.
        slots: node -> where its first number is.
        memory: pointer to all of them; empty if nothing waits.
    """

    writes: Writes
    slots: dict[int, int]
    memory: str

    @classmethod
    def of(cls, code: Code, writes: Writes, elements: int, front: int = 0) -> Scratch:
        """Scratch for results of some elements, with room for others in front of them."""
        nodes, room = dict.fromkeys(node for node, _ in writes), front + elements
        slots = {node: number * room + front for number, node in enumerate(nodes)}
        size = f"alloca [{room * len(nodes)} x double], align 64"
        return cls(writes, slots, code.set(size, "s") if slots else "")

    def store(self, code: Code, results: Mapping[int, Value], element: str, start: str) -> None:
        """Keep the registers of an element; `start` is the first one that waits."""
        if not self.slots:
            return
        begun = code.address(self.memory, code.set(f"sub i64 {element}, {start}"))
        for node, slot in self.slots.items():
            code.store(results[node], code.address(begun, str(slot)))

    def settle(self, code: Code, made: Function, start: str, stop: str) -> None:
        """Call the function that brings the results of elements from `start` to `stop` to their places."""
        if not self.slots:
            return
        function = made.loaded("ptr", shared(code.target, "settle"))
        count, first = made.integer(len(self.writes)), len(made.table)
        for node, write in self.writes:
            made.table += record(write, self.slots[node], made.kept.append)
        words = code.address("%table", str(first), "i64")
        tile = f"ptr {self.memory}, i64 {start}, i64 {stop}"
        code.line(f"call void {function}(ptr {words}, i64 {count}, {tile}, ptr %out)")


@dataclass(frozen=True, eq=False)
class Ends:
    """Results of all elements but a few at the ends.

    Args:
        scratch: where they wait at the ends.
        places: where each of them goes.
        inside: first element that all are written of, and how many registers may begin there and after it.
    """

    scratch: Scratch
    places: Sequence[Place]
    inside: tuple[str, str]

    @classmethod
    def of(cls, code: Code, made: Function, writes: Writes) -> Ends:
        """What writes begin with."""
        if not writes:
            return cls(Scratch.of(code, writes, 0), (), ("", ""))
        low, count = inside(writes, code.lanes)
        places = [Place(made.begin("%out", write.indices.start - write.first)) for _, write in writes]
        bounds = made.integer(low), made.integer(count)
        return cls(Scratch.of(code, writes, code.lanes), places, bounds)

    def store(self, code: Code, made: Function, results: Mapping[int, Value], element: str) -> None:
        """Write a register of each result."""
        if not self.places:
            return
        low, count = self.inside
        begun = code.set(f"sub i64 {element}, {low}")
        is_inside = code.set(f"icmp ult i64 {begun}, {count}", "c")
        name = code.name("b")[1:]
        code.line(f"br i1 {is_inside}, label %{name}.inside, label %{name}.end")
        code.label(f"{name}.inside")
        for (node, _), place in zip(self.scratch.writes, self.places, strict=True):
            code.store(results[node], place.address(code, element))
        code.line(f"br label %{name}.done")
        code.label(f"{name}.end")
        self.scratch.store(code, results, element, element)
        self.scratch.settle(code, made, element, code.set(f"add i64 {element}, {code.lanes}"))
        code.line(f"br label %{name}.done")
        code.label(f"{name}.done")


def sorted_writes(loop: Loop, lanes: int, is_quick: bool) -> tuple[Writes, Writes, Writes]:
    """What is stored at once, what waits at the ends, and what waits always.

    Args:
        loop: what is computed.
        lanes: elements of a register.
        is_quick: whether code is wanted soon; then nothing waits only at the ends, which makes code longer.
    """
    whole, nearly, other = [], [], []
    for node, write in loop.writes:
        if write.adds or not is_stretch(write.indices):
            other.append((node, write))
        else:
            (whole if write.is_whole(loop.count) else nearly).append((node, write))
    if is_quick or not nearly or loop.count - inside(nearly, lanes)[1] > MOST_AT_ENDS * lanes:
        nearly, other = [], other + nearly
    return whole, nearly, other


def inside(writes: Writes, lanes: int) -> tuple[int, int]:
    """First element that all are written of, and how many registers may begin there and after it."""
    low = max(write.first for _, write in writes)
    high = min(write.first + write.indices.size for _, write in writes)
    return low, max(high - lanes + 1 - low, 0)


def is_stretch(indices: Indices) -> bool:
    """Whether the places follow one another."""
    return indices.listed is None and (indices.stride == 1 or indices.size == 1)


def tile_size(waiting: int, lanes: int) -> int:
    """Elements of a tile, a multiple of the lanes."""
    return -(-max(SCRATCH // waiting, SHORTEST_TILE) // lanes) * lanes

"""Bundle groups of elements that are computed together."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from lagrad.elements.groups import Group, Slot

# Which part of a group's slots the others of its bundle have at least.
MOST = 0.5
# Groups of so few slots join any bundle that has no more than so many: a loop of their own takes LLVM longer.
FEW, TOGETHER = 2, 8


@dataclass(frozen=True, eq=False)
class Bundle:
    """Groups of equal size that have most of their slots in common, or few.

    Args:
        groups: the groups.
        slots: all their slots, each once.
        numbers: for each group, the number of each of its slots among `slots`.
    """

    groups: tuple[Group, ...]
    slots: tuple[Slot, ...]
    numbers: tuple[tuple[int, ...], ...]

    @property
    def pairs(self) -> tuple[tuple[int, int], ...]:
        """Slots with a second derivative, in any of the groups."""
        found = set()
        for group, numbers in zip(self.groups, self.numbers, strict=True):
            found |= {tuple(sorted((numbers[a], numbers[b]))) for a, b in group.pairs}
        return tuple(sorted(found))

    @property
    def count(self) -> int:
        """Number of elements."""
        return self.groups[0].outputs.shape[1]


def alike(groups: Iterable[Group]) -> list[Bundle]:
    """Put groups of equal size together that have most of their slots in common, or few of them."""
    return gathered(groups, lambda group: {slot.name for slot in group.slots})


def bundled(groups: Iterable[Group]) -> list[Bundle]:
    """Put groups of equal size together that have most slots with second derivatives in common, or few."""
    return gathered(groups, lambda group: set(curved_slots(group)))


def gathered(groups: Iterable[Group], names: Callable[[Group], set]) -> list[Bundle]:
    """Put groups together whose names are few, or mostly among those of others of equal size."""
    bundles: list[Gathering] = []
    for group in sorted(groups, key=lambda group: -len(names(group))):
        own, leaves, count = names(group), slots_of_leaves(group), group.outputs.shape[1]
        found = next((each for each in bundles if each.count == count and each.takes(own, leaves)), None)
        if found is None:
            found = Gathering(count, set(), {}, [])
            bundles.append(found)
        found.names.update(own)
        found.leaves.update(leaves)
        found.groups.append(group)
    return [bundle(each.groups) for each in bundles]


@dataclass(frozen=True, eq=False)
class Gathering:
    """A bundle so far: number of elements, names, leaves as they are made of slots, and groups."""

    count: int
    names: set
    leaves: dict
    groups: list[Group]

    def takes(self, names: set, leaves: dict) -> bool:
        """Whether a group shares most of its names or has few, and makes shared leaves of the same slots."""
        is_small = len(names) <= FEW and len(names | self.names) <= TOGETHER
        if len(names & self.names) < MOST * len(names) and not is_small:
            return False
        return all(self.leaves.get(leaf, slots) == slots for leaf, slots in leaves.items())


def slots_of_leaves(group: Group) -> dict:
    """Leaf -> names of the slots it is made of."""
    return {value.leaf.key: tuple(group.slots[slot].name for slot in value.slots) for value in group.leaves}


def curved_slots(group: Group) -> dict[tuple, int]:
    """Name and number of the slots of a group that have second derivatives."""
    return {group.slots[slot].name: slot for pair in group.pairs for slot in pair}


def bundle(groups: list[Group]) -> Bundle:
    """Groups with all their slots, each once."""
    slots = {slot.name: slot for group in groups for slot in group.slots}
    numbers = {name: number for number, name in enumerate(slots)}
    places = tuple(tuple(numbers[slot.name] for slot in group.slots) for group in groups)
    return Bundle(tuple(groups), tuple(slots.values()), places)

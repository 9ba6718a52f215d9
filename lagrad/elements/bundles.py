"""Bundle groups of elements that are computed together."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from lagrad.elements.split import Group, Slot

# Which part of a group's slots the others of its bundle have at least.
MOST = 0.5


@dataclass(frozen=True, eq=False)
class Bundle:
    """Groups of equal size that have most of their slots in common.

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
    """Put groups of equal size together that have most of their slots in common: they share computations."""
    return gathered(groups, lambda group: {slot.name for slot in group.slots})


def bundled(groups: Iterable[Group]) -> list[Bundle]:
    """Put groups of equal size together that have most slots with second derivatives in common."""
    return gathered(groups, lambda group: set(curved_slots(group)))


def gathered(groups: Iterable[Group], names: Callable[[Group], set]) -> list[Bundle]:
    """Put groups together most of whose names are among those of others of equal size."""
    bundles: list[tuple[set, list[Group]]] = []
    for group in sorted(groups, key=lambda group: -len(names(group))):
        own, count = names(group), group.outputs.shape[1]
        near = (
            (w, m) for w, m in bundles if m[0].outputs.shape[1] == count and len(own & w) >= MOST * len(own)
        )
        found = next(near, None)
        if found is None:
            bundles.append((own, [group]))
        else:
            found[0].update(own)
            found[1].append(group)
    return [bundle(members) for _, members in bundles]


def curved_slots(group: Group) -> dict[tuple, int]:
    """Name and number of the slots of a group that have second derivatives."""
    return {group.slots[slot].name: slot for pair in group.pairs for slot in pair}


def bundle(groups: list[Group]) -> Bundle:
    """Groups with all their slots, each once."""
    slots = {slot.name: slot for group in groups for slot in group.slots}
    numbers = {name: number for number, name in enumerate(slots)}
    places = tuple(tuple(numbers[slot.name] for slot in group.slots) for group in groups)
    return Bundle(tuple(groups), tuple(slots.values()), places)

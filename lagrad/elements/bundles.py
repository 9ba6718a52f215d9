"""Bundle groups of elements: groups in, those that are computed together, with their slots each once, out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from lagrad.elements.split import Group, Slot


@dataclass(frozen=True, eq=False)
class Bundle:
    """Groups of equal size whose slots with second derivatives are among those of the widest.

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
    """Put groups of equal size with the same slots together: what they share is computed once."""
    found: dict = {}
    for group in groups:
        key = group.outputs.shape[1], frozenset(slot.name for slot in group.slots)
        found.setdefault(key, []).append(group)
    return [bundle(members) for members in found.values()]


def bundled(groups: list[Group]) -> list[Bundle]:
    """Put groups of equal size together when one has all slots of the other that have second derivatives."""
    bundles: list[list[Group]] = []
    for group in sorted(groups, key=lambda group: -len(curved_slots(group))):
        wider = (members for members in bundles if covers(members[0], group))
        members = next(wider, None)
        if members is None:
            bundles.append([group])
        else:
            members.append(group)
    return [bundle(members) for members in bundles]


def covers(wide: Group, narrow: Group) -> bool:
    """Whether two groups are of equal size and share every slot in which the second is curved."""
    same_size = wide.outputs.shape[1] == narrow.outputs.shape[1]
    return same_size and curved_slots(narrow).keys() <= curved_slots(wide).keys()


def curved_slots(group: Group) -> dict[tuple, int]:
    """Name and number of the slots of a group that have second derivatives."""
    return {group.slots[slot].name: slot for pair in group.pairs for slot in pair}


def bundle(groups: list[Group]) -> Bundle:
    """Groups with all their slots, each once."""
    slots = {slot.name: slot for group in groups for slot in group.slots}
    numbers = {name: number for number, name in enumerate(slots)}
    places = tuple(tuple(numbers[slot.name] for slot in group.slots) for group in groups)
    return Bundle(tuple(groups), tuple(slots.values()), places)

"""Push second derivatives backwards through a tape, from pairs of nodes to pairs of what these are made of.

    z = g(a, b)      the entry w of a pair (z, y) becomes z_a w of (a, y) and z_b w of (b, y)
                     the entry w of (z, z) becomes z_a z_b w of (a, b)

The order counts. Nodes, as those of one operand, whose users cost no more without them, are folded first,
in order of evaluation. The rest are pushed in the opposite order: a row has then met all that it is added
up with.

Source: Gower and Mello (2012), A new framework for the computation of Hessians, "edge pushing".
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from lagrad.elements.preaccumulation import Firsts, fold, is_unit, users_of
from lagrad.elements.tape import Tape

# Of fewer nodes too little is saved to look for it.
FEWEST = 25


def hessian(
    tape: Tape, firsts: Mapping[int, Mapping[int, int]], seconds: Iterable[tuple[int, int, int]]
) -> dict[tuple[int, int], int]:
    """(input, later input or itself) -> second derivative.

    Args:
        tape: where derivatives are recorded.
        firsts: node -> its derivatives, for all but inputs, the last node first.
        seconds: pairs of nodes, and second derivatives by them directly; several of a pair add up.
    """
    pairs, between = Pairs(tape), {node: dict(first) for node, first in firsts.items()}
    for each in seconds:
        pairs.join(*each)
    # Users of what is folded have other operands, which may be those that one more node has.
    while len(between) >= FEWEST and fold_all(tape, between, pairs):
        pass
    for node, first in between.items():
        pairs.push(node, first)
    return pairs.entries()


def fold_all(tape: Tape, firsts: Firsts, pairs: Pairs) -> int:
    """Fold nodes without which others cost no more than before, and push their rows; how many they were."""
    users, before = users_of(firsts), len(firsts)
    for node in [*reversed(firsts)]:
        rows = [firsts[user] for user in users[node]]
        if rows and not costs_more(tape, node, firsts[node], rows):
            pairs.push(node, fold(tape, firsts, users, node))
    return before - len(firsts)


def costs_more(tape: Tape, node: int, first: Mapping[int, int], rows: Sequence[Mapping[int, int]]) -> bool:
    """Whether without a node one of its users has more operands, or there are more factors other than 1, -1.

    Args:
        tape: where derivatives are recorded.
        node: what might be folded.
        first: its derivatives.
        rows: those of its users.
    """
    if any(len(first.keys() - row.keys()) > 1 for row in rows):
        return True
    units = sum(is_unit(tape, partial) for partial in first.values())
    unit_users = sum(is_unit(tape, row[node]) for row in rows)
    before = len(first) - units + len(rows) - unit_users
    return len(first) * len(rows) - units * unit_users > before


@dataclass(eq=False)
class Pairs:
    """A symmetric matrix of second derivatives by nodes.

    Args:
        tape: where they are recorded.
        rows: node -> earlier node, or itself -> entry.
        later: node -> later nodes with an entry.
    """

    tape: Tape
    rows: dict[int, dict[int, int]] = field(default_factory=lambda: defaultdict(dict))
    later: dict[int, set[int]] = field(default_factory=lambda: defaultdict(set))

    def join(self, a: int, b: int, value: int) -> None:
        """Add to the entry of a pair."""
        if not self.tape.is_number(value, 0.0):
            high, low = max(a, b), min(a, b)
            row = self.rows[high]
            row[low] = self.tape.plus(row[low], value) if low in row else value
            self.later[low].add(high)

    def take(self, node: int) -> dict[int, int]:
        """Other node, or the same -> entry of a row, which is removed."""
        row = self.rows.pop(node, {})
        for low in row:
            self.later[low].discard(node)
        for high in self.later.pop(node, ()):
            row[high] = self.rows[high].pop(node)
        return row

    def push(self, node: int, first: Mapping[int, int]) -> None:
        """Pass the row of a node on to its operands."""
        tape, operands = self.tape, sorted(first)
        for other, value in self.take(node).items():
            if other == node:
                for place, a in enumerate(operands):
                    scaled = tape.times(value, first[a])
                    for b in operands[place:]:
                        self.join(a, b, tape.times(scaled, first[b]))
                continue
            for a in operands:
                moved = tape.times(value, first[a])
                self.join(a, other, tape.times(tape.constant(2.0), moved) if a == other else moved)

    def entries(self) -> dict[tuple[int, int], int]:
        """(node, later node or itself) -> entry."""
        return {(low, high): value for high, row in self.rows.items() for low, value in row.items()}

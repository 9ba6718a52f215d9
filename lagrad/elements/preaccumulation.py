"""Fold nodes of a tape into those that are made of them, so that their derivatives are passed on once.

    s = f(v, ..), v = g(a, b)         s_a += s_v v_a,  s_b += s_v v_b

Source: Griewank, Walther, Evaluating Derivatives (2008), section 10.2.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from lagrad.elements.tape import Tape

UNITS = frozenset({1.0, -1.0})
# Node -> its derivatives by what it is made of, the last node first.
Firsts = dict[int, dict[int, int]]
# Node -> what is made of it.
Users = dict[int, set[int]]


def users_of(firsts: Firsts) -> Users:
    """What is made of each node."""
    users = defaultdict[int, set[int]](set)
    for node, first in firsts.items():
        for operand in first:
            users[operand].add(node)
    return users


def fold(tape: Tape, firsts: Firsts, users: Users, node: int) -> dict[int, int]:
    """Take out a node; the derivatives that it had."""
    first = firsts.pop(node)
    for user in users.pop(node):
        row = firsts[user]
        slope = row.pop(node)
        for operand, partial in first.items():
            value = tape.times(slope, partial)
            row[operand] = tape.plus(row[operand], value) if operand in row else value
            users[operand].add(user)
    for operand in first:
        users[operand].discard(node)
    return first


def for_results(tape: Tape, firsts: Mapping[int, Mapping[int, int]], results: Sequence[int]) -> Firsts:
    """Derivatives between the nodes that are left for the ways back from several results.

    A node of P operands that R results depend on costs R (1 + P) products on these ways, and P, once, and R P
    if it is folded into the only node that is made of it: unless a derivative is one, and costs nothing.

    Args:
        tape: where derivatives are recorded.
        firsts: node -> its derivatives, for all but the inputs.
        results: nodes whose derivatives are wanted; these are left.
    """
    found = {node: dict(first) for node, first in firsts.items()}
    users, wanted = users_of(found), frozenset(results)
    # One bit for each result that depends on a node.
    reached = defaultdict[int, int](int)
    for number, result in enumerate(results):
        reached[result] |= 1 << number
    for node in firsts:
        first = found[node]
        for operand in first:
            reached[operand] |= reached[node]
        if len(users[node]) == 1 and node not in wanted and reached[node].bit_count() > len(first):
            (user,) = users[node]
            if not any(is_unit(tape, slope) for slope in (*first.values(), found[user][node])):
                fold(tape, found, users, node)
    return found


def is_unit(tape: Tape, slope: int) -> bool:
    """Whether nothing has to be multiplied by a derivative."""
    return tape.number(slope) in UNITS

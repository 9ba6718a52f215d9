"""Dependencies beside sets of integers, which are exact and slow."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lagrad.sparsity.deps import (
    Deps,
    Slot,
    boolean_matrix,
    compact,
    masked,
    moved,
    multiplied,
    pooled,
    spread,
    taken,
    union,
)

INPUTS = 4
Sets = list[set[int]]


def sets_of(deps: Deps) -> Sets:
    """Inputs of each element."""
    matrix = deps.matrix
    return [
        set(matrix.indices[a:b].tolist()) for a, b in zip(matrix.indptr[:-1], matrix.indptr[1:], strict=True)
    ]


@st.composite
def slots(draw, size: int) -> Slot:
    """A slot over the identity or over a small random matrix."""
    rows = draw(st.integers(1, 3))
    entries = draw(st.lists(st.tuples(st.integers(0, rows - 1), st.integers(0, INPUTS - 1)), max_size=6))
    is_plain = draw(st.booleans())
    most = INPUTS if is_plain else rows
    index = draw(st.lists(st.integers(-1, most - 1), min_size=size, max_size=size))
    table = np.array(entries, dtype=np.int32).reshape(-1, 2)
    base = None if is_plain else boolean_matrix(table[:, 0], table[:, 1], (rows, INPUTS))
    return Slot(np.array(index, dtype=np.int32), base)


@st.composite
def dependencies(draw, size: int = 3) -> Deps:
    """Up to eleven slots."""
    return Deps(size, INPUTS, tuple(draw(st.lists(slots(size), max_size=11))))


def slow_sets(deps: Deps) -> Sets:
    """The same, from the definition."""
    found: Sets = [set() for _ in range(deps.size)]
    for slot in deps.slots:
        for element, row in enumerate(slot.index.tolist()):
            if row >= 0:
                found[element] |= (
                    {row} if slot.base is None else set(np.flatnonzero(slot.base.toarray()[row]).tolist())
                )
    return found


@given(dependencies())
def test_matrix_lists_the_union_of_the_slots(deps):
    """Row e holds what any slot gives element e."""
    assert sets_of(deps) == slow_sets(deps)
    assert sets_of(compact(deps)) == slow_sets(deps)


@given(dependencies(), dependencies(), dependencies())
def test_union_is_element_by_element(one, other, third):
    """Equal slots count once, and many slots become one; the sets stay."""
    expected = [a | b | c for a, b, c in zip(slow_sets(one), slow_sets(other), slow_sets(third), strict=True)]
    assert slow_sets(union([one, other, third])) == expected


@given(dependencies())
def test_union_with_itself_is_the_same_object(deps):
    """Sharing by identity is what keeps chains of elementwise functions free."""
    once = union([deps])
    assert union([once, once]) is once


@given(dependencies(), st.lists(st.integers(-1, 2), max_size=5))
def test_taken_elements_bring_their_sets(deps, where):
    """-1 brings nothing."""
    expected = [slow_sets(deps)[element] if element >= 0 else set() for element in where]
    assert slow_sets(taken(deps, np.array(where, dtype=np.int64))) == expected


@given(dependencies(), st.lists(st.booleans(), min_size=3, max_size=3))
def test_masked_elements_have_none(deps, keep):
    """Where the mask is false, nothing is left."""
    expected = [found if kept else set() for found, kept in zip(slow_sets(deps), keep, strict=True)]
    assert slow_sets(masked(deps, np.array(keep))) == expected


@given(dependencies(), st.lists(st.integers(-1, 1), min_size=3, max_size=3))
def test_spread_elements_join_at_their_targets(deps, targets):
    """As a sum at these places."""
    expected: Sets = [set(), set()]
    for found, target in zip(slow_sets(deps), targets, strict=True):
        if target >= 0:
            expected[target] |= found
    assert slow_sets(spread(deps, np.array(targets), 2)) == expected


@given(dependencies(), st.lists(st.tuples(st.integers(0, 1), st.integers(0, 2)), max_size=5))
def test_product_with_a_matrix_joins_along_its_rows(deps, entries):
    """As M v, every entry of M nonzero."""
    table = np.array(entries, dtype=np.int32).reshape(-1, 2)
    expected: Sets = [set(), set()]
    for row, col in entries:
        expected[row] |= slow_sets(deps)[col]
    assert slow_sets(multiplied(boolean_matrix(table[:, 0], table[:, 1], (2, 3)), deps)) == expected


@given(dependencies(), dependencies(2), dependencies())
def test_pooled_arrays_follow_one_another(one, other, third):
    """Slots of different arrays share an index array, whatever their bases."""
    assert slow_sets(pooled([one, other, third])) == slow_sets(one) + slow_sets(other) + slow_sets(third)


@given(dependencies(6), dependencies(2))
def test_moved_elements_keep_their_sets(one, other):
    """Any NumPy function that moves elements moves dependencies."""
    (found,) = moved(
        [one, other], [(2, 3), (2,)], lambda arrays, fill: (np.c_[arrays[0][:, ::2], arrays[1]],), [6]
    )
    sets, more = slow_sets(one), slow_sets(other)
    assert slow_sets(found) == [sets[0], sets[2], more[0], sets[3], sets[5], more[1]]

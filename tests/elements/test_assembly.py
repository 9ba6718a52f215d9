"""Laws of assembly: numbers end in the entries they belong to."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

from lagrad.elements.affine import MOST_ENTRIES, layered
from lagrad.elements.assembly import Entries, assemble, narrow
from lagrad.elements.indices import Indices
from lagrad.elements.lines import Item, lines

NOTHING = (np.zeros(0, np.int32), np.zeros(0, np.int32), np.zeros(0))


def dense(rows, columns, values, shape) -> np.ndarray:
    """Repeated entries summed."""
    return sp.coo_array((values, (rows, columns)), shape=shape).toarray()


def test_outer_is_a_sum_over_elements():
    """Sum of number[e] * left[e]' right[e]; elements without entries on one side are counted all the same."""
    random = np.random.default_rng(0)
    left, right = (random.integers(-1, 2, (5, size)).astype(float) for size in (3, 4))
    left[4] = 0
    numbers = random.normal(size=5)
    found = Entries.outer(sp.csr_array(left), sp.csr_array(right))
    assert found.count == 5
    values = found.factors * numbers[found.sources]
    np.testing.assert_allclose(
        dense(found.rows, found.columns, values, (3, 4)), left.T @ np.diag(numbers) @ right
    )


@pytest.mark.parametrize("mirrored", [False, True])
def test_lower_keeps_the_lower_triangle(mirrored):
    """Of A, or of A + A'."""
    random = np.random.default_rng(1)
    left, right = (sp.csr_array(random.integers(-1, 2, (4, 3)).astype(float)) for _ in range(2))
    numbers = random.normal(size=4)
    found = Entries.outer(left, right).lower(mirrored)
    whole = left.toarray().T @ np.diag(numbers) @ right.toarray()
    expected = np.tril(whole + whole.T if mirrored else whole)
    values = found.factors * numbers[found.sources]
    np.testing.assert_allclose(dense(found.rows, found.columns, values, (3, 3)), expected, atol=1e-15)


def assembled(assembly, numbers) -> np.ndarray:
    """Values of all entries from the numbers of the lines, then those of uneven parts."""
    if assembly.places is None:
        return np.concatenate([*numbers, assembly.base])
    flat, count = np.concatenate(numbers), assembly.places.size
    values = assembly.base + np.bincount(assembly.places, flat[:count], assembly.base.size)
    return values if assembly.uneven is None else values + assembly.uneven @ flat[count:]


def straight(rows, columns):
    """One line from index lists."""
    (line,) = lines([Item("d", 1.0, Indices.of(np.array(rows)), Indices.of(np.array(columns)))])
    return line


@pytest.mark.parametrize("repeated", [False, True])
def test_lines_uneven_parts_and_constants_add_up(repeated):
    """Numbers of lines first, then those of uneven parts one after the other, constants in place or added."""
    places = [0, 0, 0, 0, 2, 2] if repeated else [0, 1, 2, 3, 1, 0]
    listed = straight(places, [0, 0, 0, 0, 1, 1] if repeated else [2, 1, 0, 2, 0, 1])
    left, right = sp.csr_array(np.eye(3, 4)), sp.csr_array(np.array([[1.0, 2, 0], [0, 1, 0], [0, 0, 0]]))
    constant = (np.array([0, 3]), np.array([0, 2]), np.array([10.0, 20.0]))
    numbers = [np.arange(1.0, 7.0), np.array([100.0, 200.0, 300.0]), np.array([0.1, 0.2, 0.3])]
    uneven = [Entries.outer(left, right)] * 2
    for count in (0, 2):
        assembly = assemble([listed], uneven[:count], constant, (4, 3))
        found = dense(assembly.rows, assembly.columns, assembled(assembly, numbers[: 1 + count]), (4, 3))
        expected = dense(places, listed.columns.array, numbers[0], (4, 3)) + dense(
            *constant[:2], constant[2], (4, 3)
        )
        for part in numbers[1 : 1 + count]:
            expected += left.toarray().T @ np.diag(part) @ right.toarray()
        np.testing.assert_allclose(found, expected, rtol=1e-15)
        assert assembly.rows.dtype == assembly.columns.dtype == np.int32


def test_many_numbers_an_entry_are_added_here():
    """Fewer, unrepeated triplets, where most would repeat."""
    assembly = assemble([straight([0, 0, 1, 0, 0, 0, 0], [1, 1, 0, 1, 1, 1, 1])], [], NOTHING, (2, 2))
    assert assembly.rows.size == 2
    assert sorted(assembled(assembly, [np.ones(7)])) == [1.0, 6.0]


def test_layers_are_the_entries_of_each_row():
    """First, second, ... of every row; none where rows differ, are empty or long."""
    matrix = sp.csr_array(np.array([[0, 1.0, 2], [3, 0, 4]]))
    found = layered(matrix)
    assert [layer.indices.array.tolist() for layer in found] == [[1, 0], [2, 2]]
    assert [layer.factor.tolist() for layer in found] == [[1, 3], [2, 4]]
    assert layered(sp.csr_array(np.array([[0, 1.0], [3, 4]]))) is None
    assert layered(sp.csr_array((2, 3))) is None
    assert layered(sp.csr_array((0, 3))) is None
    assert layered(sp.csr_array(np.ones((2, MOST_ENTRIES + 1)))) is None


@pytest.mark.parametrize("positions", [[], [4], [1, 3, 5], [2, 2, 2], [5, 0, 1]])
def test_narrow_indices_are_the_same(positions):
    """As solvers take them."""
    found = narrow(Indices.of(np.array(positions, dtype=np.int64)))
    assert found.dtype == np.int32
    assert found.tolist() == positions

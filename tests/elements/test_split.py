"""Laws of the split: it finds what repeats, and nothing is lost where only part of a program splits."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lagrad
import lagrad_problems
from lagrad.elements.split import Split, partially_separable
from lagrad.program.trace import trace
from lagrad_problems import opf
from tests.sparsity.tracing import program_of


def signature(found: Split) -> list[tuple[int, int, int]]:
    """(elements, slots, second derivatives) of each group, sorted."""
    return sorted((group.outputs.shape[1], len(group.slots), len(group.pairs)) for group in found.groups)


def rows_of(matrix) -> np.ndarray:
    """Rows with an entry."""
    return np.unique(matrix.tocoo().row)


@pytest.mark.parametrize("n", [10, 200])
def test_the_chain_is_two_groups_whatever_its_size(n):
    """Valleys of two variables with all pairs; rows of three, whose ends do not meet: five pairs."""
    found = partially_separable(trace(lagrad_problems.get("chained_rosenbrock", n=n).problem))
    assert signature(found) == sorted([(n - 1, 2, 3), (n - 2, 3, 5)])
    assert not found.rest


def test_power_flow_is_elements_only():
    """A branch end is an element of two magnitudes and one angle difference; linear terms are constant."""
    network = opf.synthetic(40, seed=1)
    found = partially_separable(trace(opf.opf_problem(network)))
    assert not found.rest
    branches = [group for group in found.groups if group.outputs.shape[1] == network.branches]
    assert sorted((len(group.slots), len(group.pairs)) for group in branches) == [(1, 1)] * 4 + [(3, 5)] * 4
    assert len(found.groups) <= len(branches) + 3


def test_a_free_final_time_is_one_slot_more():
    """A shared scalar costs a slot an element, not a dense column of sweeps."""
    for intervals in (10, 60):
        found = partially_separable(trace(lagrad_problems.get("rocket", intervals=intervals).problem))
        assert signature(found) == [(intervals, 2, 1), (intervals, 2, 1), (intervals, 9, 22)]
        assert not found.rest


def test_linear_rows_beside_curved_ones_stay_constant():
    """Whether they are joined by the user or by the problem."""
    matrix = np.array([[1.0, 0.0, -2.0], [0.0, 3.0, 0.0]])
    constraints = {
        "linear": lagrad.Equality(lambda x: matrix @ x),
        "curved": lagrad.Equality(lambda x: x**2 + jnp.roll(x, 1)),
    }
    found = partially_separable(trace(lagrad.Problem(lambda x: x[0], np.ones(3), constraints)))
    np.testing.assert_array_equal(
        found.linear.toarray(), np.vstack([[1, 0, 0], matrix, np.roll(np.eye(3), -1, 1)])
    )
    assert signature(found) == [(3, 1, 1)]


def test_leading_elements_are_narrowed():
    """Only the elements that outputs use are evaluated, the leading ones too."""
    for part in (slice(0, 3), slice(2, 5), slice(None, None, 2)):
        found = partially_separable(program_of(lambda x, part=part: jnp.sin(x)[part], 6))
        (group,) = found.groups
        assert group.elements.array.tolist() == list(range(6))[part]
        assert group.slots[0].form.to_scipy().indices.tolist() == list(range(6))[part]


def test_linear_rows_are_the_matrix_c():
    """They need no group and keep their coefficients, as do linear terms in nonlinear rows."""
    matrix = np.array([[1.0, 0.0, -2.0], [0.0, 3.0, 0.0]])
    found = partially_separable(
        program_of(lambda x: jnp.concatenate([matrix @ x + 1.0, x**2 - 4.0 * x[::-1]]), 3)
    )
    expected = np.vstack([np.zeros(3), matrix, -4 * np.eye(3)[::-1]])
    np.testing.assert_array_equal(found.linear.toarray(), expected)
    assert signature(found) == [(3, 1, 1)]


def test_one_element_may_serve_many_rows():
    """B has an entry for each use; the element is evaluated once."""
    found = partially_separable(
        program_of(
            lambda x: jnp.concatenate([jnp.sin(x), -2.0 * jnp.sin(x)]), 4, lambda x: 3.0 * jnp.sum(jnp.sin(x))
        )
    )
    total = sum(group.outputs.toarray().sum(axis=1) for group in found.groups)
    np.testing.assert_array_equal(total, [12] + [1] * 4 + [-2] * 4)


def test_products_couple_and_sums_do_not():
    """Four elements of two slots with three pairs, and eight of one."""
    found = partially_separable(
        program_of(lambda x: jnp.sin(x[:4]) * jnp.cos(x[4:]), 8, lambda x: jnp.sum(jnp.sin(x)))
    )
    assert signature(found) == sorted([(4, 2, 3), (8, 1, 1)])


def test_slots_are_distinct():
    """A variable taken twice is one slot, however it got there."""
    found = partially_separable(
        program_of(lambda x: x[1:] * jnp.sin(x[1:]) + jnp.roll(x, -1)[:-1] ** 2 * x[:-1], 5)
    )
    for group in found.groups:
        matrices = [slot.form.to_scipy().toarray().tobytes() for slot in group.slots]
        assert len(set(matrices)) == len(matrices)
    assert max(len(group.slots) for group in found.groups) <= 2


def test_nothing_is_lost_when_part_of_a_program_lifts():
    """Groups, C and rest together reach every row; a vector may be split in part."""

    def constraints(x):
        long = jnp.sin(x) * jnp.sum(x**2)
        mixed = jnp.concatenate([jnp.cos(x[:3]), long[:3], 2.0 * x[3:], jnp.cumprod(x[:2])])
        return jnp.concatenate([mixed, mixed**2])

    found = partially_separable(
        program_of(constraints, 20, lambda x: jnp.sum(jax.nn.softplus(x)) + jnp.sum(x**3))
    )
    reached = [*(group.outputs for group in found.groups), *found.rest.values(), found.linear]
    assert set(np.concatenate([rows_of(matrix) for matrix in reached])) == set(range(2 * 25 + 1))
    assert found.rest
    assert found.groups


def test_several_pieces_of_a_variable_may_be_left_over():
    """Two parts of one vector, neither with a kernel, both reach their rows."""

    def constraints(x):
        return jnp.concatenate([jnp.sort(x), jnp.sin(x), jnp.fft.fft(x).real]) ** 2

    found = partially_separable(program_of(constraints, 3))
    left = sum(abs(matrix) for matrix in found.rest.values())
    assert rows_of(left).tolist() == [1, 2, 3, 7, 8, 9]


def test_an_element_of_no_row_is_not_in_the_lift():
    """What no output uses costs nothing."""
    found = partially_separable(program_of(lambda x: (jnp.sin(x), jnp.exp(x))[0][:2], 4))
    assert [group.outputs.shape[1] for group in found.groups] == [2]


def test_problems_without_rows_or_curvature_lift():
    """Zero constraints, and a linear objective."""
    found = partially_separable(trace(lagrad.Problem(lambda x: jnp.sum(2 * x), np.ones(3))))
    assert not found.groups
    assert not found.rest
    np.testing.assert_array_equal(found.linear.toarray(), [[2.0, 2.0, 2.0]])


def test_loops_are_written_out_where_that_leaves_less():
    """All of it, or a little; a program that is long and still left over in part stays as it is."""

    def steps(x, body):
        return jax.lax.fori_loop(0, 20, lambda k, y: body(y), x)

    def names(found):
        return {equation.name for equation in found.classification.program.equations}

    gentle, mixing = (lambda y: jnp.sin(y) * 1.1), (lambda y: jnp.sin(jnp.sort(y)) * 1.1)
    whole = partially_separable(program_of(lambda x: steps(x, gentle), 4))
    assert not whole.rest
    little = partially_separable(
        program_of(lambda x: jnp.concatenate([jax.lax.map(jnp.sin, x), jnp.sort(x)]), 4)
    )
    assert little.rest and little.groups and "scan" not in names(little)
    long = partially_separable(
        program_of(lambda x: jnp.concatenate([steps(steps(x, gentle), gentle), steps(x, mixing)]), 4)
    )
    assert long.rest and "scan" in names(long)

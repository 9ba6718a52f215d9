"""Laws of candidates and contests: the cheaper way is predicted, close ones are timed, all are right."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lagrad
from lagrad.coloring import color_columns, color_rows
from lagrad.compile.blocks import Block, Sample
from lagrad.compile.deferred import Deferred, ready
from lagrad.derivatives.autotune import contest
from lagrad.derivatives.candidates import hessian_coloring, jacobian_colorings
from lagrad.pattern import SparsityPattern
from tests.derivatives.oracle import check

SAMPLE = Sample(np.zeros(1), np.ones(1), [])


def band(rows: int, columns: int, width: int) -> SparsityPattern:
    """Row i takes columns i, i + 1, ..., i + width - 1, as far as there are any."""
    i, k = np.meshgrid(np.arange(rows), np.arange(width), indexing="ij")
    keep = i + k < columns
    return SparsityPattern.from_triplets(i[keep], (i + k)[keep], (rows, columns))


@pytest.mark.parametrize(
    "pattern, kinds",
    [
        (band(100, 100, 3), ["columns"]),
        (band(100, 100, 8), ["columns", "rows"]),
        (SparsityPattern.from_dense(np.ones((3, 90))), ["rows"]),
        (SparsityPattern.from_dense(np.ones((90, 3))), ["columns"]),
        (SparsityPattern.from_dense(np.ones((50, 40))), ["columns", "rows"]),
    ],
    ids=["few colors", "close", "wide", "tall", "full"],
)
def test_close_predictions_are_left_to_the_clock(pattern, kinds):
    """With few sweeps, or where one direction needs far fewer, there is nothing to time."""
    assert [coloring.kind for coloring in jacobian_colorings(pattern)] == kinds


def test_hessians_that_are_full_are_not_colored():
    """Where coloring saves nothing every column is a sweep of its own."""
    assert hessian_coloring(SparsityPattern.from_dense(np.ones((9, 9)))).num_colors == 9
    assert hessian_coloring(SparsityPattern.from_dense(np.eye(9))).num_colors == 1


def test_the_fastest_candidate_wins_and_says_what_all_took():
    """One candidate waits, the other does not."""

    def waiting(name: str, size: int) -> Deferred[Block]:
        def values(x, weights, leaves):
            return np.linalg.inv(np.eye(size))

        return ready(Block(name, np.zeros(1), np.zeros(1), values))

    block = contest({"slow": waiting("slow", 300), "fast": waiting("fast", 2)}, SAMPLE).compile()
    assert block.strategy == "fast"
    assert block.timed.keys() == {"slow", "fast"} and block.timed["fast"] < block.timed["slow"]


def test_one_candidate_is_not_timed():
    """It is the block itself."""
    only = ready(None)
    assert contest({"only": only}, SAMPLE) is only


def test_what_was_timed_is_right_and_reported():
    """Rows of eight neighbours that a loop hides from the split."""

    def rows(x):
        def body(carry, k):
            return carry * jnp.sin(jax.lax.dynamic_slice(x, (k,), (93,))), None

        return jax.lax.scan(body, jnp.ones(93), jnp.arange(8))[0]

    problem = lagrad.Problem(lambda x: x @ x, np.linspace(0.5, 1.0, 100), lagrad.Equality(rows))
    derivatives = lagrad.differentiate(problem, strategy="colored")
    assert {block.coloring.num_colors for block in derivatives.jacobian_blocks} == {8}
    timed = derivatives.jacobian_blocks[0].timed
    assert timed is not None and timed.keys() == {"8 forward", "8 backward"}
    assert "8 forward" in derivatives.report() and "timed" in derivatives.report()
    check(derivatives, count=1)
    pattern = derivatives.jacobian_blocks[0].coloring.pattern
    assert color_columns(pattern).num_colors == color_rows(pattern).num_colors == 8

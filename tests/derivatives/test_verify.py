"""Laws of the guard: a wrong matrix is refused, a right one never."""

from __future__ import annotations

from dataclasses import replace

import jax.numpy as jnp
import numpy as np
import pytest

import lagrad
from lagrad.compile.blocks import Block


def problem() -> lagrad.Problem:
    """Steep, flat and linear rows, and a kink at the start."""

    def rows(x):
        return jnp.concatenate(
            [1e6 * x[:2] * x[1:3], 1e-6 * jnp.sin(x), 2.0 * x[:1], jnp.abs(x[3:4] - 0.5) * x[:1]]
        )

    start = np.array([0.3, 0.6, 0.9, 0.5])
    return lagrad.Problem(lambda x: jnp.sum(x**4), start, {"rows": lagrad.Equality(rows)})


def without(blocks: list[Block], row: int, column: int) -> list[Block]:
    """The same blocks with one entry of the matrix left out."""

    def cut(block: Block) -> Block:
        keep = (block.rows != row) | (block.columns != column)
        return replace(
            block,
            rows=block.rows[keep],
            columns=block.columns[keep],
            values=lambda *arguments: block.values(*arguments)[keep],
        )

    return [cut(block) for block in blocks]


@pytest.mark.parametrize("strategy", ["elements", "colored"])
def test_right_matrices_pass(strategy):
    """At the start, where one row has a kink, and elsewhere."""
    derivatives = lagrad.differentiate(problem(), strategy=strategy)
    derivatives.verify(np.array([0.1, -0.2, 0.3, 2.0]), np.arange(8.0) - 3)


@pytest.mark.parametrize("row, column", [(1, 2), (5, 3), (6, 0)])
def test_a_missing_jacobian_entry_is_named(row, column):
    """Large, tiny or constant; the message names the row."""
    right = lagrad.differentiate(problem(), strategy="elements", check=False)
    wrong = replace(right, jacobian_blocks=without(right.jacobian_blocks, row, column))
    with pytest.raises(lagrad.DerivativeError, match=rf"rows\[{row}\]"):
        wrong.verify()


@pytest.mark.parametrize("row, column", [(3, 3), (2, 1)])
def test_a_missing_hessian_entry_is_named(row, column):
    """On the diagonal or below it; the message names the variable."""
    right = lagrad.differentiate(problem(), strategy="elements", check=False)
    wrong = replace(right, hessian_blocks=without(right.hessian_blocks, row, column))
    with pytest.raises(lagrad.DerivativeError, match=rf"x\[{row}\]"):
        wrong.verify(np.array([0.3, 0.6, 0.9, 0.7]))


def test_sparse_functions_are_those_of_a_problem():
    """Plain functions in, matrices out, for points like the example."""
    x = np.array([1.0, 2.0, 3.0])
    np.testing.assert_allclose(
        lagrad.sparse_jacobian(lambda x: x[1:] * x[:-1], x)(x).toarray(), [[2, 1, 0], [0, 3, 2]]
    )
    hessian = lagrad.sparse_hessian(lambda x: (x[1:] * x[:-1] ** 2).sum(), x)
    np.testing.assert_allclose(hessian(x).toarray(), [[4, 2, 0], [2, 6, 4], [0, 4, 0]])


def wrong_values(derivatives: lagrad.Derivatives, error: float) -> lagrad.Derivatives:
    """The same derivatives with an objective that is off."""

    def values(x, *leaves):
        f, c = derivatives.functions["values"](x, *leaves)
        return [f + error, c]

    return replace(derivatives, functions=derivatives.functions.replaced({"values": values}))


def test_wrong_values_are_refused_at_set_up():
    """What machine code gives is held against NumPy, then against XLA."""
    derivatives = lagrad.differentiate(problem())
    with pytest.raises(lagrad.DerivativeError, match="what JAX gives: the objective"):
        wrong_values(derivatives, 1e-3).verify()
    wrong_values(derivatives, 1e-12).verify()


@pytest.mark.parametrize("size", [1e-9, 1.0, 1e9])
def test_rounding_of_cancelled_terms_is_no_error(size):
    """An objective that vanishes at the start, and one of great numbers that cancel."""
    start = np.linspace(0.3, 0.9, 70)
    objective = lambda x: jnp.sum((x - start) ** 2) + jnp.sum(size * jnp.sin(x) - size * jnp.sin(start))  # noqa: E731
    lagrad.differentiate(lagrad.Problem(objective, start))

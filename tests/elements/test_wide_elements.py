"""Laws of crowding: elements of many variables are left to sweeps, those of few are not."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lagrad

RANDOM = np.random.default_rng(0)


def strategies(matrix: np.ndarray, **options) -> tuple[list[str], lagrad.Derivatives]:
    """Of the Hessian of sum of (tanh(M x) - 1)^2."""
    problem = lagrad.Problem(
        lambda x: jnp.sum((jnp.tanh(matrix @ x) - 1) ** 2), RANDOM.normal(size=matrix.shape[1]) * 0.1
    )
    derivatives = lagrad.differentiate(problem, **options)
    return [block.strategy for block in derivatives.hessian_blocks], derivatives


@pytest.mark.parametrize("rows, expected", [(2, ["elements"]), (200, ["condensed"])])
def test_full_rows_are_elements_only_if_few(rows, expected):
    """Two blocks of 100 by 100 are the Hessian; of two hundred the rows are states."""
    matrix = RANDOM.normal(size=(rows, 100)) * 0.1
    found, derivatives = strategies(matrix)
    assert found == expected
    with jax.enable_x64(True):
        wanted = jax.hessian(derivatives.problem.objective)(jnp.asarray(derivatives.problem.start))
    np.testing.assert_allclose(
        derivatives.hessian(derivatives.problem.start, []).toarray(), wanted, atol=1e-12
    )


def test_memory_is_kept_below_the_limit():
    """What fits into a gigabyte does not fit into ten kilobytes."""
    matrix = RANDOM.normal(size=(2, 100))
    assert strategies(matrix, memory_limit=10_000)[0] == ["dense"]


def test_large_full_matrices_take_no_more_memory_than_sweeps():
    """Element blocks would be 25 GB."""
    assert strategies(RANDOM.normal(size=(1500, 1500)) / 40, check=False)[0] == ["dense"]


def test_elements_of_few_variables_are_kept_however_often_they_meet():
    """Ten blocks of 10 by 10 meet in each entry of the Hessian, and are still nothing to add up."""
    start = np.linspace(0.1, 1.0, 10)
    derivatives = lagrad.differentiate(lagrad.Problem(lambda x: jnp.sum(x * jnp.log(x / jnp.sum(x))), start))
    assert [block.strategy for block in derivatives.hessian_blocks] == ["elements"]
    with jax.enable_x64(True):
        wanted = jax.hessian(derivatives.problem.objective)(jnp.asarray(start))
    np.testing.assert_allclose(derivatives.hessian(start).toarray(), wanted, atol=1e-12)

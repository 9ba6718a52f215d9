"""Uno's answers are read as lagrad counts and signs them."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np

import lagrad
from lagrad.solvers.uno import signed


def test_multipliers_of_what_a_preset_adds_are_left_out():
    """The interior-point preset gave 286 numbers for the 260 rows of a shooting problem."""
    problem = lagrad.Problem(jnp.sum, np.ones(2), lagrad.Equality(jnp.prod, 1.0))
    rows, lower, upper = signed(problem, [1.0, 9.0, 9.0], [-2.0, -3.0, 9.0], [4.0, 5.0, 9.0])
    assert rows.tolist() == [1.0] and lower.tolist() == [2.0, 3.0] and upper.tolist() == [4.0, 5.0]

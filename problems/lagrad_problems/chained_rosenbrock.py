"""Declare the chained Rosenbrock function with trigonometric-exponential equalities.

    min  sum_i 100 (x_i^2 - x_{i+1})^2 + (x_i - 1)^2
    s.t. 3 x_k^3 + 2 x_{k+1} + 4 x_k + sin(x_k - x_{k+1}) sin(x_k + x_{k+1}) - x_{k-1} exp(x_{k-1} - x_k) = 8

for the inner k. J and H are banded: three entries a row, whatever the size.
"""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from jax import Array

import lagrad
from lagrad_problems.entry import CLOSED_FORM, Entry

SOURCE = (
    "L. Luksan, J. Vlcek, Sparse and Partially Separable Test Problems (1999), problem 5.1; CUTEst LUKVLE1"
)
# The same to all digits printed from about fifty variables on: only the ends of the chain leave x = 1.
LOCAL_OPTIMUM = 6.232458632


def chained_rosenbrock(n: int = 1000) -> Entry:
    """The chain with n variables and n - 2 equalities, from the usual start (-1.2, 1, -1.2, 1, ...).

    Args:
        n: number of variables, at least 3.

    Returns:
        Entry with objective 0 at x = 1 and another local minimum, where solvers stop from this start.

    Raises:
        ValueError: n is below 3.

    >>> chained_rosenbrock(10).m
    8
    """
    if n < 3:
        raise ValueError(f"chained_rosenbrock: n is {n}, expected at least 3.")
    problem = lagrad.Problem(
        objective,
        np.where(np.arange(n) % 2 == 0, -1.2, 1.0),
        {"chain": lagrad.Equality(chain)},
        name=f"chained_rosenbrock({n})",
    )
    return Entry(
        name="chained_rosenbrock",
        problem=problem,
        kind="chain",
        optimum=0.0,
        source=SOURCE,
        note="The global minimum is x = 1; from the usual start solvers reach a local one.",
        other_optima=(LOCAL_OPTIMUM,),
        evidence=CLOSED_FORM,
    )


def objective(x: Array) -> Array:
    """Sum of the n - 1 valleys; x has shape (n,)."""
    return jnp.sum(100 * (x[:-1] ** 2 - x[1:]) ** 2 + (x[:-1] - 1) ** 2)


def chain(x: Array) -> Array:
    """The equalities' left sides, shape (n - 2,)."""
    before, here, after = x[:-2], x[1:-1], x[2:]
    return (
        3 * here**3
        + 2 * after
        - 8
        + jnp.sin(here - after) * jnp.sin(here + after)
        + 4 * here
        - before * jnp.exp(before - here)
    )

"""Trace a problem: its functions become one program of flat f and c.

Objective and constraints are traced together, so that what they share is written once.
"""

from __future__ import annotations

from dataclasses import replace

import jax
import jax.numpy as jnp

from lagrad.precision import float64
from lagrad.problem.problem import Problem
from lagrad.problem.user_functions import check_program
from lagrad.program.program import Program, numbered
from lagrad.program.roll import rolled


def trace(problem: Problem) -> Program:
    """Trace objective and constraints of a problem into one program.

    Args:
        problem: n variables, m constraint rows.

    Returns:
        Program of (x, *param leaves) -> (f, c) with x of shape (n,), f a scalar, c of shape (m,).

    Raises:
        DerivativeError: a function cannot be traced.

    >>> problem = lagrad.Problem(lambda x: x[0] * x[1], [1.0, 2.0])
    >>> "mul" in [equation.name for equation in trace(problem).equations]
    True
    """
    leaves, structure = jax.tree.flatten(problem.params)

    def flat(x, *leaves):
        params = jax.tree.unflatten(structure, leaves)
        f = jnp.asarray(problem.flat_objective(x, params), dtype=jnp.float64)
        return f, jnp.asarray(problem.flat_constraints(x, params), dtype=jnp.float64)

    with float64():
        closed = jax.make_jaxpr(flat)(problem.start, *leaves)
    written = rolled(closed)
    check_program(written)
    return replace(numbered(written), traced=closed)

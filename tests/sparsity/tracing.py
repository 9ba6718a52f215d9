"""Trace functions in short."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from lagrad.precision import float64
from lagrad.program.program import Program, numbered


def program_of(constraints, n: int, objective=None, params=()) -> Program:
    """Program of constraints(x, *params) and objective(x, *params); zero if there is no objective."""

    def outputs(x, *leaves):
        f = jnp.zeros(()) if objective is None else objective(x, *leaves)
        return f, constraints(x, *leaves)

    with float64():
        return numbered(jax.make_jaxpr(outputs)(jnp.zeros(n), *params))

"""Compute the Newton step of the barrier problem, of x, slacks and multipliers.

With the slacks eliminated, S their diagonal, and rho 1 in restoration, else 0:

    [ H + D   J' ] [ dx ]   [ a ]          E = 1 / S + rho  on rows whose slack moves
    [ J      -E  ] [ dy ] = [ b ]          E = rho          on equalities

The inertia is right if H + D + J' E^-1 J is positive definite, so that one Cholesky factorisation of size n,
which fails item by item, is inertia test and factorisation at once, whatever the number of rows. Where E is
below 1 / GAMMA, that stands in its place, and refinement with the true E takes the difference back: a round
divides it by about GAMMA s, with s the least eigenvalue of J (H + D)^-1 J'.

Source: Golub and Greif (2003), On solving block-structured indefinite linear systems.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

GAMMA = 1e8
ROUNDS = 4
# A slack without any bound has no diagonal; with this one its row has no multiplier.
LEAST_DIAGONAL = 1e-20


class System(NamedTuple):
    """A Newton system and its factor.

    Args:
        hessian: H, as the algebra holds it.
        jacobian: J, likewise, without the columns of fixed variables.
        diagonal: D, 1 for fixed variables, (n,).
        compliance: 1 / S of moving slacks, 0 for others, (m,).
        softness: E, (m,).
        moves: which variables move, (n,).
        factor: of the condensed matrix.
    """

    hessian: Any
    jacobian: Any
    diagonal: jax.Array
    compliance: jax.Array
    softness: jax.Array
    moves: jax.Array
    factor: Any


class Step(NamedTuple):
    """A Newton step, or the right side of one: of variables, slacks and row multipliers."""

    x: jax.Array
    slack: jax.Array
    y: jax.Array


def factored(algebra: Any, hessian, jacobian, diagonal, free, rho) -> System:
    """Factor a system.

    Args:
        algebra: `Dense` or `Staged`.
        hessian: H.
        jacobian: J.
        diagonal: of v = (x, s), shift included, (n + m,).
        free: which entries of v move, (n + m,).
        rho: 1 in restoration, else 0.
    """
    moves, slides = free[: algebra.n], free[algebra.n :]
    of_x = jnp.where(moves, diagonal[: algebra.n], 1.0)
    compliance = jnp.where(slides, 1.0 / jnp.maximum(diagonal[algebra.n :], LEAST_DIAGONAL), 0.0)
    softness = compliance + rho
    factor = algebra.factor(hessian, of_x, jacobian, 1.0 / held(softness))
    return System(hessian, jacobian, of_x, compliance, softness, moves, factor)


def held(softness: jax.Array) -> jax.Array:
    """E, at least 1 / GAMMA."""
    return jnp.maximum(softness, 1.0 / GAMMA)


def solve(algebra: Any, system: System, right: Step) -> Step:
    """Solve [H + D, 0, J'; 0, S, -1; J, -1, -rho] (dx, ds, dy) = right; no step where nothing moves."""
    a = jnp.where(system.moves, right.x, 0.0)
    b = right.y + system.compliance * right.slack

    nothing = jnp.zeros_like(a), jnp.zeros_like(b), jnp.inf
    # The first round solves, the others refine: one piece of program for both.
    dx, dy, _ = jax.lax.fori_loop(
        0, ROUNDS, lambda _, found: refined(algebra, system, (a, b), found), nothing
    )
    return Step(dx, system.compliance * (dy + right.slack), dy)


def condensed(algebra: Any, system: System, a, b) -> tuple[jax.Array, jax.Array]:
    """Solve with E held above 1 / GAMMA."""
    weights = 1.0 / held(system.softness)
    dx = algebra.solve(system.factor, a + algebra.times_transposed(system.jacobian, weights * b))
    return dx, weights * (algebra.times(system.jacobian, dx) - b)


def refined(algebra: Any, system: System, right: tuple, found: tuple) -> tuple:
    """One round of refinement, kept where it leaves less of the right side than the one before."""
    (a, b), (dx, dy, size) = right, found
    product = algebra.times_hessian(system.hessian, dx) + system.diagonal * dx
    left_a = a - jnp.where(system.moves, product + algebra.times_transposed(system.jacobian, dy), dx)
    left_b = b - algebra.times(system.jacobian, dx) + system.softness * dy
    left = jnp.maximum(largest(left_a), largest(left_b))
    ex, ey = condensed(algebra, system, left_a, left_b)
    better = left < size
    return jnp.where(better, dx + ex, dx), jnp.where(better, dy + ey, dy), jnp.minimum(left, size)


def largest(values: jax.Array) -> jax.Array:
    """Largest magnitude, 0 for none; nan if there is one."""
    return jnp.max(jnp.abs(values), initial=0.0)

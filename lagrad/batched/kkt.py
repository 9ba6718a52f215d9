"""Compute the Newton step of the barrier problem, of x, slacks and multipliers.

With the slacks eliminated, S their diagonal, and rho 1 in restoration, else 0:

    [ H + D   J' ] [ dx ]   [ a ]          E = 1 / S + rho  on rows whose slack moves
    [ J      -E  ] [ dy ] = [ b ]          E = rho          on equalities

The inertia is right if H + D + J' E^-1 J is positive definite, so that one Cholesky factorisation of size n,
which fails item by item, is inertia test and factorisation at once, whatever the number of rows. Where E is
below 1 / GAMMA, that stands in its place, and refinement with the true E takes the difference back: a round
divides it by about GAMMA s, with s the least eigenvalue of J (H + D)^-1 J'. Two rounds are usual.

Vectors have the batch as their last axis, B in shapes; inside, they have the shape that the algebra wants.

Source: Golub and Greif (2003), On solving block-structured indefinite linear systems.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from lagrad.batched.places import spread, taken

GAMMA = 1e8
# Rounds at most, and the residual, relative to right side and solution, that rounding leaves of a step.
ROUNDS, EXACT = 4, 1e-13
# A slack without any bound has no diagonal; with this one its row has no multiplier.
LEAST_DIAGONAL = 1e-20


class System(NamedTuple):
    """A Newton system and its factor, in the shapes of the algebra.

    Args:
        hessian: H.
        jacobian: J, without the columns of fixed variables.
        diagonal: D, 1 for fixed variables.
        compliance: 1 / S, (k, B).
        softness: E.
        weights: 1 / E, at most GAMMA.
        moves: which variables move, (n, 1).
        sliding: rows that have slacks, (k,).
        factor: of the condensed matrix.
        accuracy: residual, relative to right side and solution, at which there are no more rounds.
    """

    hessian: Any
    jacobian: Any
    diagonal: jax.Array
    compliance: jax.Array
    softness: jax.Array
    weights: jax.Array
    moves: np.ndarray
    sliding: np.ndarray
    factor: Any
    accuracy: float = EXACT


class Step(NamedTuple):
    """A Newton step, or the right side of one: variables (n, B), slacks (k, B), multipliers (m, B)."""

    x: jax.Array
    slack: jax.Array
    y: jax.Array


class Refined(NamedTuple):
    """A solution under refinement.

    Args:
        x: steps of the variables, in the shape of the algebra, as everything here.
        y: steps of the multipliers.
        left_x: what they leave of the right side.
        left_y: likewise, of the rows.
        size: largest entry of that, (B,).
        goes_on: whose refinement goes on, (B,).
    """

    x: jax.Array
    y: jax.Array
    left_x: jax.Array
    left_y: jax.Array
    size: jax.Array
    goes_on: jax.Array


def factored(algebra: Any, hessian, jacobian, diagonals: tuple, free: tuple, rho) -> System:
    """Factor a system.

    Args:
        algebra: `Dense` or `Staged`.
        hessian: H.
        jacobian: J.
        diagonals: D and S, shift included, (n, B) and (k, B).
        free: which variables move, (n, 1), and which rows have slacks, (k,).
        rho: 1 in restoration, else 0, (B,).
    """
    (of_x, of_slacks), (moves, sliding) = diagonals, free
    of_x = algebra.variables(jnp.where(moves, of_x, 1.0), 1.0)
    compliance = 1.0 / jnp.maximum(of_slacks, LEAST_DIAGONAL)
    softness = algebra.rows(spread(compliance, sliding, algebra.m)) + rho
    weights = 1.0 / jnp.maximum(softness, 1.0 / GAMMA)
    factor = algebra.factor(hessian, of_x, jacobian, weights)
    return System(hessian, jacobian, of_x, compliance, softness, weights, moves, sliding, factor)


def solve(algebra: Any, system: System, right: Step) -> Step:
    """Solve [H + D, 0, J'; 0, S, -1; J, -1, -rho] (dx, ds, dy) = right; no step where nothing moves."""
    a = algebra.variables(jnp.where(system.moves, right.x, 0.0))
    of_slacks = spread(system.compliance * right.slack, system.sliding, right.y.shape[0])
    b = algebra.rows(right.y + of_slacks)
    asked = jnp.maximum(largest(a), largest(b))
    # The first round solves, the others refine: one piece of program for both.
    begin = 0, Refined(jnp.zeros_like(a), jnp.zeros_like(b), a, b, jnp.full_like(asked, jnp.inf), asked >= 0)
    found = jax.lax.while_loop(
        lambda state: (state[0] < ROUNDS) & jnp.any(state[1].goes_on),
        lambda state: (state[0] + 1, refined(algebra, system, (a, b, asked), state[1])),
        begin,
    )[1]
    dy = algebra.flat_rows(found.y)
    slack = system.compliance * (taken(dy, system.sliding) + right.slack)
    return Step(algebra.flat_variables(found.x), slack, dy)


def refined(algebra: Any, system: System, right: tuple, found: Refined) -> Refined:
    """One round of refinement, kept where it leaves less of the right side than the one before."""
    a, b, asked = right
    ex, ey = condensed(algebra, system, found.left_x, found.left_y)
    dx, dy = found.x + ex, found.y + ey
    product = algebra.times_hessian(system.hessian, dx) + system.diagonal * dx
    left_x = a - product - algebra.times_transposed(system.jacobian, dy)
    left_y = b - algebra.times(system.jacobian, dx) + system.softness * dy
    size = jnp.maximum(largest(left_x), largest(left_y))
    better = found.goes_on & (size < found.size)
    enough = system.accuracy * (asked + jnp.maximum(largest(dx), largest(dy)))
    dx, dy, left_x, left_y, size = (
        jnp.where(better, new, old)
        for new, old in zip((dx, dy, left_x, left_y, size), found[:5], strict=True)
    )
    return Refined(dx, dy, left_x, left_y, size, better & (size > enough))


def condensed(algebra: Any, system: System, a, b) -> tuple[jax.Array, jax.Array]:
    """Solve with E held above 1 / GAMMA."""
    right = a + algebra.times_transposed(system.jacobian, system.weights * b)
    dx = algebra.solve(system.factor, right)
    return dx, system.weights * (algebra.times(system.jacobian, dx) - b)


def largest(values: jax.Array) -> jax.Array:
    """Largest magnitude of each problem of a batch, (B,); 0 for none; nan if there is one."""
    return jnp.max(jnp.abs(values), axis=tuple(range(values.ndim - 1)), initial=0.0)

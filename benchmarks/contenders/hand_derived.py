"""Derivatives derived by hand: a case in, structures and JAX functions of the values out.

The floor for anyone who works in JAX: formulas simplified on paper, vectorised over the elements,
results stacked into one array, nothing evaluated twice.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np

from benchmarks.cases import Case


@dataclass(frozen=True)
class HandDerived:
    """Structures (rows, cols) and values in their order; the Hessian is one triangle."""

    jacobian_structure: tuple[np.ndarray, np.ndarray]
    jacobian: Callable
    hessian_structure: tuple[np.ndarray, np.ndarray]
    hessian: Callable


def stacked(*blocks) -> tuple[np.ndarray, np.ndarray]:
    """Structure of values stacked in the same order: (rows, cols) of each block, broadcast and raveled."""
    pairs = [np.broadcast_arrays(rows, cols) for rows, cols in blocks]
    return np.concatenate([r.ravel() for r, _ in pairs]), np.concatenate([c.ravel() for _, c in pairs])


def chained_rosenbrock(case: Case) -> HandDerived:
    """sin(b - c) sin(b + c) = sin^2 b - sin^2 c: the constraint couples only a with b."""
    k, i = np.arange(case.m), np.arange(case.n)

    def jacobian(x):
        a, b, c = x[:-2], x[1:-1], x[2:]
        grown = jnp.exp(a - b)
        return jnp.concatenate(
            [-(1 + a) * grown, 9 * b**2 + 4 + jnp.sin(2 * b) + a * grown, 2 - jnp.sin(2 * c)]
        )

    def hessian(x, multipliers, weight):
        a, b = x[:-2], x[1:-1]
        grown, cosine = multipliers * jnp.exp(a - b), 2 * jnp.cos(2 * x[1:])
        diagonal = jnp.pad(weight * (1200 * x[:-1] ** 2 - 400 * x[1:] + 2), (0, 1))
        diagonal += jnp.pad(jnp.full(case.n - 1, 200.0) * weight, (1, 0))
        diagonal += jnp.pad(-(2 + a) * grown, (0, 2))
        diagonal += jnp.pad(multipliers * (18 * b + cosine[:-1]) - a * grown, (1, 1))
        diagonal -= jnp.pad(multipliers * cosine[1:], (2, 0))
        beside = -400 * weight * x[:-1] + jnp.pad((1 + a) * grown, (0, 1))
        return jnp.concatenate([diagonal, beside])

    rows = stacked((k, k), (k, k + 1), (k, k + 2))
    return HandDerived(rows, jacobian, stacked((i, i), (i[1:], i[:-1])), hessian)


def quotient(numerator, denominator):
    """First and second derivatives of N / D in (angle, rate, force), D a function of the angle alone.

    Args:
        numerator: (N, (N_a, N_r, N_f), (N_aa, N_ar, N_rr, N_af)).
        denominator: (D, D_a, D_aa).

    Returns:
        ((q_a, q_r, q_f), (q_aa, q_ar, q_rr, q_af)); q_rf = q_ff = 0 for the cart and the pole.
    """
    n, (n_a, n_r, n_f), (n_aa, n_ar, n_rr, n_af) = numerator
    d, d_a, d_aa = denominator
    inverse = 1 / d
    q = n * inverse
    q_a, q_r, q_f = (n_a - q * d_a) * inverse, n_r * inverse, n_f * inverse
    q_aa = (n_aa - 2 * q_a * d_a - q * d_aa) * inverse
    return (q_a, q_r, q_f), (q_aa, (n_ar - q_r * d_a) * inverse, n_rr * inverse, (n_af - q_f * d_a) * inverse)


def cart_pole_rates(pole, z):
    """Derivatives of both accelerations at every node."""
    _, angle, _, rate, force = z
    s, c = jnp.sin(angle), jnp.cos(angle)
    double, sc = c**2 - s**2, s * c
    lm, mg = pole.length * pole.pole_mass, pole.pole_mass * pole.gravity
    weight = (pole.cart_mass + pole.pole_mass) * pole.gravity
    mass = (pole.cart_mass + pole.pole_mass * s**2, 2 * pole.pole_mass * sc, 2 * pole.pole_mass * double)
    r2 = rate**2
    cart = (
        lm * s * r2 + force + mg * sc,
        (lm * c * r2 + mg * double, 2 * lm * s * rate, jnp.ones_like(s)),
        (-lm * s * r2 - 4 * mg * sc, 2 * lm * c * rate, 2 * lm * s, jnp.zeros_like(s)),
    )
    turn = (
        lm * sc * r2 + force * c + weight * s,
        (lm * double * r2 - force * s + weight * c, 2 * lm * sc * rate, c),
        (-4 * lm * sc * r2 - force * c - weight * s, 2 * lm * double * rate, 2 * lm * sc, -s),
    )
    return quotient(cart, mass), quotient(turn, tuple(-pole.length * part for part in mass))


def cart_pole(case: Case) -> HandDerived:
    """Every node has two blocks of three derivatives; each serves the interval before and after."""
    pole = case.numbers
    half, nodes = 0.5 * pole.step, pole.intervals + 1
    i, node = np.arange(pole.intervals), np.arange(nodes)
    # Linear entries: the state at both ends, and the slopes of position and angle.
    constant = np.concatenate([np.repeat([-1.0, 1.0] * 4, pole.intervals), np.full(4 * pole.intervals, -half)])

    def jacobian(z):
        (cart, _), (turn, _) = cart_pole_rates(pole, z.reshape(5, nodes))
        blocks = -half * jnp.stack([*cart, *turn])
        return jnp.concatenate([constant, blocks[:, :-1].ravel(), blocks[:, 1:].ravel()])

    def hessian(z, multipliers, weight):
        (_, cart), (_, turn) = cart_pole_rates(pole, z.reshape(5, nodes))
        rows = multipliers.reshape(4, -1)[2:]
        at = -half * (jnp.pad(rows, ((0, 0), (0, 1))) + jnp.pad(rows, ((0, 0), (1, 0))))
        blocks = [at[0] * a + at[1] * b for a, b in zip(cart, turn)]
        effort = np.full(nodes, 4 * half)
        effort[[0, -1]] = 2 * half
        return jnp.concatenate([*blocks, weight * effort])

    states = [(k * pole.intervals + i, k * nodes + i + end) for k in range(4) for end in (0, 1)]
    slopes = [(k * pole.intervals + i, (k + 2) * nodes + i + end) for k in (0, 1) for end in (0, 1)]
    forces = [(k * pole.intervals + i, j * nodes + i + end) for end in (0, 1) for k in (2, 3) for j in (1, 3, 4)]
    pairs = [(1, 1), (3, 1), (3, 3), (4, 1), (4, 4)]
    lower = stacked(*((a * nodes + node, b * nodes + node) for a, b in pairs))
    return HandDerived(stacked(*states, *slopes, *forces), jacobian, lower, hessian)


def elliptic_control(case: Case) -> HandDerived:
    """Only the cube moves: one value per grid point in J, one in H, the rest constant."""
    grid = case.numbers
    square, points = grid.spacing**2, grid.side**2
    index = np.arange(points).reshape(grid.side, grid.side)
    ends = [(index[1:], index[:-1]), (index[:, 1:], index[:, :-1])]
    neighbors = stacked(*ends, *((b, a) for a, b in ends))
    constant = np.concatenate([np.full(points, -square), np.full(neighbors[0].size, -1.0)])
    k = np.arange(points)

    def jacobian(z):
        return jnp.concatenate([4 + 3 * square * z[:points] ** 2, constant])

    def hessian(z, multipliers, weight):
        states = weight * square + 6 * square * z[:points] * multipliers
        return jnp.concatenate([states, jnp.full(points, square * grid.weight) * weight])

    rows = stacked((k, k), (k, points + k), neighbors)
    return HandDerived(rows, jacobian, (np.arange(case.n),) * 2, hessian)


FORMULAS = {f.__name__: f for f in (chained_rosenbrock, cart_pole, elliptic_control)}

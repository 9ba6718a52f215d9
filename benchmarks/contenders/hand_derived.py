"""Give derivatives derived by hand: structures, and JAX functions of the values.

The floor for anyone who works in JAX: formulas simplified on paper, vectorised over the elements, sines and
exponentials in a first stage so that the compiler cannot repeat them for every output, constants left out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np

from benchmarks.cases import Case


@dataclass(frozen=True, eq=False)
class Staged:
    """Values of a matrix: the constant ones, followed by second(first(*arguments), *arguments).

    Args:
        first: what is costly, as a tuple of arrays.
        second: the values from those and the arguments, one array.
        constant: values that never change; they stand first.
    """

    first: Callable
    second: Callable
    constant: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class HandDerived:
    """Structures (rows, cols) and values in their order; the Hessian is one triangle."""

    jacobian_structure: tuple[np.ndarray, np.ndarray]
    jacobian: Staged
    hessian_structure: tuple[np.ndarray, np.ndarray]
    hessian: Staged


def stacked(*blocks) -> tuple[np.ndarray, np.ndarray]:
    """Structure of values stacked in the same order: (rows, cols) of each block, broadcast and raveled."""
    pairs = [np.broadcast_arrays(rows, cols) for rows, cols in blocks]
    return np.concatenate([r.ravel() for r, _ in pairs]), np.concatenate([c.ravel() for _, c in pairs])


def chained_rosenbrock(case: Case) -> HandDerived:
    """sin(b - c) sin(b + c) = sin^2 b - sin^2 c: the constraint couples only a with b."""
    k, i = np.arange(case.m), np.arange(case.n)

    def costly_slopes(x):
        return jnp.exp(x[:-2] - x[1:-1]), jnp.sin(2 * x[1:])

    def slopes(costly, x):
        grown, sine = costly
        a, b = x[:-2], x[1:-1]
        return jnp.concatenate([-(1 + a) * grown, 9 * b**2 + 4 + sine[:-1] + a * grown, 2 - sine[1:]])

    def costly_curvatures(x, multipliers, weight):
        return multipliers * jnp.exp(x[:-2] - x[1:-1]), 2 * jnp.cos(2 * x[1:])

    def curvatures(costly, x, multipliers, weight):
        grown, cosine = costly
        a, b = x[:-2], x[1:-1]
        diagonal = jnp.pad(weight * (1200 * x[:-1] ** 2 - 400 * x[1:] + 2), (0, 1))
        diagonal += jnp.pad(jnp.full(case.n - 1, 200.0) * weight, (1, 0))
        diagonal += jnp.pad(-(2 + a) * grown, (0, 2))
        diagonal += jnp.pad(multipliers * (18 * b + cosine[:-1]) - a * grown, (1, 1))
        diagonal -= jnp.pad(multipliers * cosine[1:], (2, 0))
        beside = -400 * weight * x[:-1] + jnp.pad((1 + a) * grown, (0, 1))
        return jnp.concatenate([diagonal, beside])

    rows, lower = stacked((k, k), (k, k + 1), (k, k + 2)), stacked((i, i), (i[1:], i[:-1]))
    return HandDerived(rows, Staged(costly_slopes, slopes), lower, Staged(costly_curvatures, curvatures))


def quotient(numerator, denominator):
    """First and second derivatives of N / D in (angle, spin, force), D a function of the angle alone.

    Args:
        numerator: (N, (N_a, N_s, N_f), (N_aa, N_as, N_ss, N_af)).
        denominator: (D, D_a, D_aa).

    Returns:
        ((q_a, q_s, q_f), (q_aa, q_as, q_ss, q_af)); q_sf = q_ff = 0 for the cart and the pole.
    """
    n, (n_a, n_s, n_f), (n_aa, n_as, n_ss, n_af) = numerator
    d, d_a, d_aa = denominator
    inverse = 1 / d
    q = n * inverse
    q_a, q_s, q_f = (n_a - q * d_a) * inverse, n_s * inverse, n_f * inverse
    q_aa = (n_aa - 2 * q_a * d_a - q * d_aa) * inverse
    return (q_a, q_s, q_f), (q_aa, (n_as - q_s * d_a) * inverse, n_ss * inverse, (n_af - q_f * d_a) * inverse)


def accelerations(cart, angle, spin, force):
    """Derivatives of the cart's and the pole's acceleration at every node."""
    s, c = jnp.sin(angle), jnp.cos(angle)
    double, sc, spin2 = c**2 - s**2, s * c, spin**2
    lm, mg = cart.length * cart.pole, cart.pole * cart.gravity
    weight = (cart.cart + cart.pole) * cart.gravity
    mass = (cart.cart + cart.pole * s**2, 2 * cart.pole * sc, 2 * cart.pole * double)
    along = (
        lm * s * spin2 + force + mg * sc,
        (lm * c * spin2 + mg * double, 2 * lm * s * spin, jnp.ones_like(s)),
        (-lm * s * spin2 - 4 * mg * sc, 2 * lm * c * spin, 2 * lm * s, jnp.zeros_like(s)),
    )
    around = (
        lm * sc * spin2 + force * c + weight * s,
        (lm * double * spin2 - force * s + weight * c, 2 * lm * sc * spin, c),
        (-4 * lm * sc * spin2 - force * c - weight * s, 2 * lm * double * spin, 2 * lm * sc, -s),
    )
    return quotient(along, mass), quotient(around, tuple(-cart.length * part for part in mass))


def cart_pole(case: Case) -> HandDerived:
    """Every node has two blocks of three derivatives; each serves the interval before and after."""
    cart = case.numbers
    half, nodes = 0.5 * cart.step, cart.intervals + 1
    i, node = np.arange(cart.intervals), np.arange(nodes)
    # Linear entries: the state at both ends, and the slopes of position and angle.
    constant = np.concatenate(
        [np.repeat([-1.0, 1.0] * 4, cart.intervals), np.full(4 * cart.intervals, -half)]
    )

    def at_nodes(z):
        states = z[nodes:].reshape(nodes, 4)
        return accelerations(cart, states[:, 1], states[:, 3], z[:nodes])

    def costly_slopes(z):
        (along, _), (around, _) = at_nodes(z)
        return (-half * jnp.stack([*along, *around]),)

    def slopes(costly, z):
        return jnp.concatenate([costly[0][:, :-1].ravel(), costly[0][:, 1:].ravel()])

    def curvatures(costly, z, multipliers, weight):
        along, around = costly
        rows = multipliers.reshape(-1, 4)[:, 2:].T
        at = -half * (jnp.pad(rows, ((0, 0), (0, 1))) + jnp.pad(rows, ((0, 0), (1, 0))))
        effort = np.full(nodes, 4 * half)
        effort[[0, -1]] = 2 * half
        return jnp.concatenate([(at[0] * along + at[1] * around).ravel(), weight * effort])

    def costly_curvatures(z, multipliers, weight):
        (_, along), (_, around) = at_nodes(z)
        return jnp.stack(along), jnp.stack(around)

    def place(k, at):
        """Position of angle (1), spin (3) or another state at nodes; 4 is the force."""
        return at if k == 4 else nodes + 4 * at + k

    states = [(4 * i + k, place(k, i + end)) for k in range(4) for end in (0, 1)]
    linear = [(4 * i + k, place(k + 2, i + end)) for k in (0, 1) for end in (0, 1)]
    forces = [(4 * i + k, place(j, i + end)) for end in (0, 1) for k in (2, 3) for j in (1, 3, 4)]
    pairs = [(1, 1), (3, 1), (3, 3), (1, 4), (4, 4)]
    lower = stacked(*((place(a, node), place(b, node)) for a, b in pairs))
    jacobian = Staged(costly_slopes, slopes, constant)
    return HandDerived(
        stacked(*states, *linear, *forces), jacobian, lower, Staged(costly_curvatures, curvatures)
    )


def nothing(*_arguments) -> tuple:
    """First stage of formulas without sines or exponentials."""
    return ()


def elliptic_control(case: Case) -> HandDerived:
    """Only the cube moves: one value per grid point in J, one in H, the rest constant."""
    numbers, side = case.numbers, case.numbers.grid
    square, points = numbers.spacing**2, side**2
    index = np.arange(points).reshape(side, side)
    ends = [(index[1:], index[:-1]), (index[:, 1:], index[:, :-1])]
    neighbors = stacked(*((a, points + b) for a, b in ends), *((b, points + a) for a, b in ends))
    constant = np.concatenate([np.full(points, -square), np.full(neighbors[0].size, -1.0)])
    k = np.arange(points)

    def slopes(costly, z):
        return 4 + 3 * square * z[points:] ** 2

    def curvatures(costly, z, multipliers, weight):
        states = weight * square + 6 * square * z[points:] * multipliers
        return jnp.concatenate([jnp.full(points, square * numbers.weight) * weight, states])

    rows = stacked((k, k), neighbors, (k, points + k))
    jacobian = Staged(nothing, slopes, constant)
    return HandDerived(rows, jacobian, stacked((k, k), (points + k, points + k)), Staged(nothing, curvatures))


def gather_network(case: Case) -> HandDerived:
    """One number per edge in H, placed four times; only metered ends have rows in J."""
    graph = case.numbers
    tail, head, weight = graph.tail, graph.head, graph.weight
    out, into = (np.flatnonzero(graph.meter[ends] < case.m) for ends in (tail, head))
    edges = np.concatenate([out, into])
    sign = np.repeat([1.0, -1.0], [out.size, into.size])
    row = np.concatenate([graph.meter[tail[out]], graph.meter[head[into]]])

    def costly_slopes(x):
        return ((sign * weight[edges]) * jnp.cos(x[tail[edges]] - x[head[edges]]),)

    def slopes(costly, x):
        return jnp.concatenate([costly[0], -costly[0]])

    def costly_curvatures(x, multipliers, objective_weight):
        difference, padded = x[tail] - x[head], jnp.pad(multipliers, (0, 1))
        pull = padded[graph.meter[tail]] - padded[graph.meter[head]]
        return (weight * (objective_weight * jnp.cos(difference - graph.angle) - pull * jnp.sin(difference)),)

    def curvatures(costly, x, multipliers, objective_weight):
        (curvature,) = costly
        return jnp.concatenate([curvature, curvature, -curvature, jnp.full(case.n, 0.1) * objective_weight])

    node = np.arange(case.n)
    lower = stacked(
        (tail, tail), (head, head), (np.maximum(tail, head), np.minimum(tail, head)), (node, node)
    )
    rows = stacked((row, tail[edges]), (row, head[edges]))
    return HandDerived(rows, Staged(costly_slopes, slopes), lower, Staged(costly_curvatures, curvatures))

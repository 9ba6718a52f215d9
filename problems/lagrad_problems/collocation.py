"""Collocate a differential equation at Gauss' points.

On each of N equal intervals of length h the solution is a polynomial: its value at the left end is `node`,
its derivatives at the s stages are `slope`.

    stage = node + h A slope                          values at the stages
    slope = rate(stage)                               the equation, there
    next node = node + h b' slope                     continuity

which is an implicit Runge-Kutta step of order 2 s.
"""

from __future__ import annotations

from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.polynomial import polynomial


@dataclass(frozen=True, eq=False)
class Gauss:
    """A rule with s stages on [0, 1].

    Args:
        points: c, shape (s,).
        weights: b, shape (s,).
        matrix: A, shape (s, s).
        coefficients: of the integrals of Lagrange's polynomials, one a row, lowest power first,
            shape (s, s + 1).
    """

    points: np.ndarray
    weights: np.ndarray
    matrix: np.ndarray
    coefficients: np.ndarray


def gauss(stages: int) -> Gauss:
    """The rule with so many stages.

    >>> gauss(1).points
    array([0.5])
    """
    points = (np.polynomial.legendre.leggauss(stages)[0] + 1) / 2
    rows = []
    for k in range(stages):
        others = np.delete(points, k)
        lagrange = polynomial.polyfromroots(others) / np.prod(points[k] - others)
        rows.append(polynomial.polyint(lagrange))
    coefficients = np.array(rows)
    matrix = np.stack([polynomial.polyval(points, row) for row in coefficients], axis=1)
    weights = np.asarray(polynomial.polyval(1.0, coefficients.T))
    return Gauss(points, weights, matrix, coefficients)


def stage_values(rule: Gauss, node: Array, slope: Array, h) -> Array:
    """Values at the stages, shape (N, s, e); node has shape (N + 1, e), slope (N, s, e)."""
    return node[:-1, None, :] + h * jnp.einsum("ij,kje->kie", rule.matrix, slope)


def continuity(rule: Gauss, node: Array, slope: Array, h) -> Array:
    """What is missing at the ends of the intervals, shape (N, e)."""
    return node[1:] - node[:-1] - h * jnp.einsum("j,kje->ke", rule.weights, slope)


def values_at(rule: Gauss, times: np.ndarray, node: Array, slope: Array, h: float) -> Array:
    """The solution at given times in [0, N h], shape (number of times, e)."""
    interval = np.minimum(np.floor(times / h + 1e-12).astype(int), slope.shape[0] - 1)
    place = times / h - interval
    integrals = np.stack([polynomial.polyval(place, row) for row in rule.coefficients], axis=1)
    return node[interval] + h * jnp.einsum("tj,tje->te", integrals, slope[interval])


def hold(times: np.ndarray, values: np.ndarray, intervals: int) -> np.ndarray:
    """At each node the first of the values measured no earlier, as a start, shape (intervals + 1, e)."""
    grid = np.linspace(0.0, times[-1], intervals + 1)
    return values[np.minimum(np.searchsorted(times, grid), len(times) - 1)]

"""Make convex problems whose minimum and multipliers are known.

    f(x) = 1/2 (x - x*)' Q (x - x*) + sum (x - x*)^4 + g' x          Q positive definite
    line(x) = a' (x - x*) = 0
    disks(x) = A (x - x*) + 1/2 (x - x*)' B_i (x - x*) <= slack      B_i positive semidefinite

x* and multipliers are drawn, and g is what makes grad f + J' multipliers + upper - lower vanish there. All is
convex and the gradients of active rows are independent, so that nothing else is a solution. The data are
params: all problems of one shape share one compilation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

N, DISKS = 6, 3


@dataclass(frozen=True, eq=False)
class Planted:
    """A problem's data and its solution.

    Args:
        params: data of the functions.
        start: somewhere else than x*, shape (N,).
        lower, upper: bounds, shape (N,).
        x: the minimum.
        line, disks: multipliers of the rows.
        below, above: multipliers of the bounds, shape (N,).
    """

    params: Data
    start: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    x: np.ndarray
    line: float
    disks: np.ndarray
    below: np.ndarray
    above: np.ndarray


class Data(NamedTuple):
    """Numbers of the functions, in the order of the formulas above."""

    x: np.ndarray
    curvature: np.ndarray
    slope: np.ndarray
    line: np.ndarray
    disks: np.ndarray
    bends: np.ndarray
    slack: np.ndarray


def objective(x, data):
    """f."""
    away = x - data.x
    return 0.5 * away @ data.curvature @ away + jnp.sum(away**4) + data.slope @ x


def line(x, data):
    """The equality row."""
    return data.line @ (x - data.x)


def disks(x, data):
    """The inequality rows, shape (DISKS,), at most zero."""
    away = x - data.x
    return data.disks @ away + 0.5 * jnp.einsum("kij,i,j->k", data.bends, away, away) - data.slack


def plant(seed: int) -> Planted:
    """A problem from a seed: one equality, up to two active disks, up to two active bounds."""
    random = np.random.default_rng(seed)
    x, start = random.normal(size=N), random.normal(size=N)
    curvature = semidefinite(random, N) + np.eye(N)
    active = random.permutation(DISKS)[: random.integers(0, 3)]
    multipliers = np.zeros(DISKS)
    multipliers[active] = random.uniform(0.5, 2.0, active.size)
    slack = np.where(multipliers > 0, 0.0, random.uniform(0.5, 2.0, DISKS))
    gradients, row, of_row = random.normal(size=(DISKS, N)), random.normal(size=N), random.normal()
    touched = random.permutation(N)[: random.integers(0, 3)]
    sides = random.choice([-1, 1], touched.size)
    below, above = np.zeros(N), np.zeros(N)
    below[touched[sides < 0]] = random.uniform(0.5, 2.0, (sides < 0).sum())
    above[touched[sides > 0]] = random.uniform(0.5, 2.0, (sides > 0).sum())
    room = random.uniform(0.5, 3.0, (2, N))
    lower, upper = x - np.where(below > 0, 0.0, room[0]), x + np.where(above > 0, 0.0, room[1])
    slope = -(gradients.T @ multipliers + row * of_row + above - below)
    bends = np.stack([semidefinite(random, N) for _ in range(DISKS)])
    data = Data(x, curvature, slope, row, gradients, bends, slack)
    start = np.clip(start, lower, upper)
    return Planted(data, start, lower, upper, x, of_row, multipliers, below, above)


def semidefinite(random: np.random.Generator, size: int) -> np.ndarray:
    """A random positive semidefinite matrix of rank size - 1."""
    factor = random.normal(size=(size, size - 1))
    return factor @ factor.T / size

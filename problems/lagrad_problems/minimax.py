"""Declare minimax problems.

    min t     s.t.  f_i(x) <= t   for all i

with the pieces f_i of a nonsmooth function max_i f_i(x): the textbook way to make it smooth. At a solution
several pieces are active at once, often as many as there are variables and one more. A pytree of "x" and
"level"; the constraint is called "pieces".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import exp as _exp
from math import sqrt
from typing import Any, cast

import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.numpy import cos, exp, sin

import lagrad
from lagrad_problems.entry import CLOSED_FORM, PUBLISHED, TWO_SOLVERS, Entry

SOURCE = (
    "L. Luksan, J. Vlcek, Test Problems for Nonsmooth Unconstrained and Linearly Constrained Optimization, "
    "report V798 (2000): {}"
)


@dataclass(frozen=True, eq=False)
class Minimax:
    """A maximum of smooth pieces.

    Args:
        title: the problem's name in the report.
        pieces: function of x, shape (n,), to all f_i.
        start: x, n numbers; the level starts at the largest piece.
        optimum: least maximum.
        evidence, note, other_optima: as in `Entry`.
    """

    title: str
    pieces: Callable[[Array], Array]
    start: Sequence[float]
    optimum: float
    evidence: str = PUBLISHED
    note: str = ""
    other_optima: tuple[float, ...] = ()


def cb2(x: Array) -> Array:
    """Charalambous and Bandler, first."""
    a, b = x
    return jnp.stack([a**2 + b**4, (2 - a) ** 2 + (2 - b) ** 2, 2 * exp(b - a)])


def cb3(x: Array) -> Array:
    """Charalambous and Bandler, second."""
    a, b = x
    return jnp.stack([a**4 + b**2, (2 - a) ** 2 + (2 - b) ** 2, 2 * exp(b - a)])


def dem(x: Array) -> Array:
    """Demyanov and Malozemov."""
    a, b = x
    return jnp.stack([5 * a + b, -5 * a + b, a**2 + b**2 + 4 * b])


def ql(x: Array) -> Array:
    """Two lines and a paraboloid."""
    a, b = x
    square = a**2 + b**2
    return jnp.stack([square, square + 10 * (-4 * a - b + 4), square + 10 * (-a - 2 * b + 6)])


def lq(x: Array) -> Array:
    """A line and a paraboloid."""
    a, b = x
    return jnp.stack([-a - b, -a - b + a**2 + b**2 - 1])


def mifflin1(x: Array) -> Array:
    """Mifflin, first."""
    a, b = x
    return jnp.stack([-a, -a + 20 * (a**2 + b**2 - 1)])


def mifflin2(x: Array) -> Array:
    """Mifflin, second."""
    a, b = x
    ring = a**2 + b**2 - 1
    return jnp.stack([-a + 2 * ring + 1.75 * ring, -a + 2 * ring - 1.75 * ring])


def crescent(x: Array) -> Array:
    """Kiwiel's crescent."""
    a, b = x
    return jnp.stack([a**2 + (b - 1) ** 2 + b - 1, -(a**2) - (b - 1) ** 2 + b + 1])


def rosen_suzuki(x: Array) -> Array:
    """Rosen and Suzuki's problem with an exact penalty of 10."""
    a, b, c, d = x
    f = a**2 + b**2 + 2 * c**2 + d**2 - 5 * a - 5 * b - 21 * c + 7 * d
    rows = (
        a**2 + b**2 + c**2 + d**2 + a - b + c - d - 8,
        a**2 + 2 * b**2 + c**2 + 2 * d**2 - a - d - 10,
        2 * a**2 + b**2 + c**2 + 2 * a - b - d - 5,
    )
    return jnp.stack([f, *(f + 10 * row for row in rows)])


SHOR_CENTERS = np.array(
    [
        [0, 0, 0, 0, 0],
        [2, 1, 1, 1, 3],
        [1, 2, 1, 1, 2],
        [1, 4, 1, 2, 2],
        [3, 2, 1, 0, 1],
        [0, 2, 1, 0, 1],
        [1, 1, 1, 1, 1],
        [1, 0, 1, 2, 1],
        [0, 0, 2, 1, 0],
        [1, 1, 2, 0, 0],
    ]
)
SHOR_WEIGHTS = np.array([1, 5, 10, 2, 4, 3, 1.7, 2.5, 6, 3.5])


def shor(x: Array) -> Array:
    """Ten weighted squared distances."""
    return jnp.asarray(SHOR_WEIGHTS) * jnp.sum((x - SHOR_CENTERS) ** 2, axis=1)


def _maxquad_numbers() -> tuple[np.ndarray, np.ndarray]:
    """Five positive definite matrices, of exp(i / j) cos(i j) sin(k), and vectors, of exp(i / k) sin(i k)."""
    i, k = np.arange(1.0, 11), np.arange(1.0, 6)[:, None, None]
    low, high = np.minimum(i[:, None], i), np.maximum(i[:, None], i)
    matrix = np.exp(low / high) * np.cos(low * high) * np.sin(k)
    matrix[:, np.arange(10), np.arange(10)] = 0
    diagonal = i / 10 * abs(np.sin(k[:, :, 0])) + abs(matrix).sum(axis=2)
    matrix[:, np.arange(10), np.arange(10)] = diagonal
    k = k[:, :, 0]
    return matrix, np.exp(i / k) * np.sin(i * k)


MAXQUAD_MATRICES, MAXQUAD_VECTORS = _maxquad_numbers()


def maxquad(x: Array) -> Array:
    """Lemarechal's maximum of five quadratics."""
    return jnp.einsum("kij,i,j->k", MAXQUAD_MATRICES, x, x) - MAXQUAD_VECTORS @ x


def wong1(x: Array) -> Array:
    """Problem 100 of Hock and Schittkowski with an exact penalty of 10."""
    a, b, c, d, e, f, g = x
    value = (
        (a - 10) ** 2
        + 5 * (b - 12) ** 2
        + c**4
        + 3 * (d - 11) ** 2
        + 10 * e**6
        + 7 * f**2
        + g**4
        - 4 * f * g
        - 10 * f
        - 8 * g
    )
    rows = (
        2 * a**2 + 3 * b**4 + c + 4 * d**2 + 5 * e - 127,
        7 * a + 3 * b + 10 * c**2 + d - e - 282,
        23 * a + b**2 + 6 * f**2 - 8 * g - 196,
        4 * a**2 + b**2 - 3 * a * b + 2 * c**2 + 5 * f - 11 * g,
    )
    return jnp.stack([value, *(value + 10 * row for row in rows)])


def wong2(x: Array) -> Array:
    """Problem 113 of Hock and Schittkowski with an exact penalty of 10."""
    a, b, c, d, e, f, g, h, i, j = x
    value = (
        a**2
        + b**2
        + a * b
        - 14 * a
        - 16 * b
        + (c - 10) ** 2
        + 4 * (d - 5) ** 2
        + (e - 3) ** 2
        + 2 * (f - 1) ** 2
        + 5 * g**2
        + 7 * (h - 11) ** 2
        + 2 * (i - 10) ** 2
        + (j - 7) ** 2
        + 45
    )
    rows = (
        3 * (a - 2) ** 2 + 4 * (b - 3) ** 2 + 2 * c**2 - 7 * d - 120,
        5 * a**2 + 8 * b + (c - 6) ** 2 - 2 * d - 40,
        0.5 * (a - 8) ** 2 + 2 * (b - 4) ** 2 + 3 * e**2 - f - 30,
        a**2 + 2 * (b - 2) ** 2 - 2 * a * b + 14 * e - 6 * f,
        4 * a + 5 * b - 3 * g + 9 * h - 105,
        10 * a - 8 * b - 17 * g + 2 * h,
        -3 * a + 6 * b + 12 * (i - 8) ** 2 - 7 * j,
        -8 * a + 2 * b + 5 * i - 2 * j - 12,
    )
    return jnp.stack([value, *(value + 10 * row for row in rows)])


def polak1(x: Array) -> Array:
    """Polak, first: two exponentials."""
    a, b = x
    smooth = a**2 / 1000
    return jnp.stack([exp(smooth + (b - 1) ** 2), exp(smooth + (b + 1) ** 2)])


def polak2(x: Array) -> Array:
    """Polak, second: exponentials of ten variables, enormous at the start."""
    square = 1e-8 * x[0] ** 2 + x[2] ** 2 + 4 * x[3] ** 2 + jnp.sum(x[4:] ** 2)
    return jnp.stack([exp(square + (x[1] + shift) ** 2) for shift in (2.0, -2.0)])


def polak3(x: Array) -> Array:
    """Polak, third: ten sums of exponentials in eleven variables."""
    i, j = np.arange(10)[:, None], np.arange(11)
    return jnp.sum(exp((x - np.sin(i + 2.0 * j)) ** 2) / (i + j + 1.0), axis=1)


DAVIDON_TIMES = np.arange(1, 21) / 5


def davidon2(x: Array) -> Array:
    """Twenty squared residuals of a fit of sine and exponential."""
    a, b, c, d = x
    t = DAVIDON_TIMES
    return (a + b * t - np.exp(t)) ** 2 + (c + d * np.sin(t) - np.cos(t)) ** 2


def chebyshev_fit(x: Array) -> Array:
    """OET5: quartic rational fit of sqrt(t) on [0.25, 1], errors of both signs."""
    t = np.linspace(0.25, 1.0, 101)
    error = x[3] - (x[0] * t**2 + x[1] * t + x[2]) ** 2 - np.sqrt(t)
    return jnp.concatenate([error, -error])


def gaussian_fit(x: Array) -> Array:
    """Madsen and Schjaer-Jacobsen's model: three residuals of either sign."""
    a, b = x
    values = jnp.stack([a**2 + b**2 + a * b, sin(a), cos(b)])
    return jnp.concatenate([values, -values])


MINIMAX: dict[str, Minimax] = {
    "cb2": Minimax("CB2", cb2, (1.0, -0.1), 1.952224494),
    "cb3": Minimax("CB3", cb3, (2.0, 2.0), 2.0),
    "dem": Minimax("DEM", dem, (1.0, 1.0), -3.0),
    "ql": Minimax("QL", ql, (-1.0, 5.0), 7.2),
    "lq": Minimax("LQ", lq, (-0.5, -0.5), -sqrt(2.0), CLOSED_FORM),
    "mifflin1": Minimax("Mifflin 1", mifflin1, (0.8, 0.6), -1.0, CLOSED_FORM),
    "mifflin2": Minimax("Mifflin 2", mifflin2, (-1.0, -1.0), -1.0, CLOSED_FORM),
    "crescent": Minimax("Crescent", crescent, (-1.5, 2.0), 0.0, CLOSED_FORM),
    "rosen_suzuki": Minimax("Rosen-Suzuki", rosen_suzuki, (0.0,) * 4, -44.0),
    "shor": Minimax("Shor", shor, (0.0, 0.0, 0.0, 0.0, 1.0), 22.60016210),
    "maxquad": Minimax("Maxquad", maxquad, (1.0,) * 10, -0.8414083346),
    "wong1": Minimax("Wong 1", wong1, (1.0, 2.0, 0.0, 4.0, 0.0, 1.0, 1.0), 680.6300574),
    "wong2": Minimax("Wong 2", wong2, (2.0, 3.0, 5.0, 5.0, 1.0, 2.0, 7.0, 3.0, 6.0, 10.0), 24.30620907),
    "polak1": Minimax("Polak 1", polak1, (50.0, 0.05), _exp(1.0), CLOSED_FORM),
    "polak2": Minimax("Polak 2", polak2, (100.0, *(0.1,) * 9), _exp(4.0), CLOSED_FORM),
    "polak3": Minimax("Polak 3", polak3, (1.0,) * 11, 3.703482717),
    "davidon2": Minimax("Davidon 2", davidon2, (25.0, 5.0, -5.0, -1.0), 115.7064395),
    "madsen": Minimax("Madsen", gaussian_fit, (3.0, 1.0), 0.6164324356),
    "oet5": Minimax("OET5", chebyshev_fit, (1.0,) * 4, 0.002649511018, TWO_SOLVERS),
}


def minimax(name: str) -> Entry:
    """One problem of the table.

    Args:
        name: see `MINIMAX`.

    Returns:
        Entry named "minimax_" and the name; x is a dict of "x", shape (n,), and "level".

    Raises:
        KeyError: there is no such problem.

    >>> minimax("maxquad").m
    5
    """
    one = MINIMAX[name]
    start = np.asarray(one.start, float)
    problem = lagrad.Problem(
        lambda v: v["level"],
        {"x": start, "level": np.array(float(np.max(one.pieces(cast(Any, start)))))},
        {"pieces": lagrad.Inequality(lambda v: one.pieces(v["x"]) - v["level"], upper=0.0)},
        name=f"minimax_{name}",
    )
    return Entry(
        f"minimax_{name}",
        problem,
        "minimax",
        one.optimum,
        SOURCE.format(one.title),
        note=one.note,
        other_optima=one.other_optima,
        evidence=one.evidence,
    )

"""Declare Luksan and Vlcek's problems with equalities.

Sums over overlapping windows of the variables, coupled by banded or few constraints; any size. Problem 1 is
`chained_rosenbrock`. In problems 11 to 18 the windows of a small problem of Hock and Schittkowski overlap in
one or two variables, and each window brings its constraints.

In CUTEst these are LUKVLE2 to LUKVLE18; in 11 to 18 its constraints sit on other windows than its objective.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.numpy import cos, exp, sin, tan

import lagrad
from lagrad_problems.entry import CLOSED_FORM, TWO_SOLVERS, Entry

SOURCE = (
    "L. Luksan, J. Vlcek, Sparse and Partially Separable Test Problems for Unconstrained and Equality "
    "Constrained Optimization, report V767 (1999), problem 5.{}"
)


def windows(x: Array, width: int, stride: int) -> list[Array]:
    """The first, second, ... members of all windows of x, each of shape (number of windows,)."""
    count = (x.shape[0] - width) // stride + 1
    return [x[k : k + stride * (count - 1) + 1 : stride] for k in range(width)]


def stacked(*rows: Any) -> Array:
    """Single rows as a vector."""
    return jnp.stack(rows)


def neighbors(x: Array, before: int, after: int) -> list[Array]:
    """x[k - before], ..., x[k + after] for each k, zero outside; each of shape (n,)."""
    padded = jnp.pad(x, (before, after))
    return [padded[k : k + x.shape[0]] for k in range(before + after + 1)]


def wood(x: Array) -> Array:
    """Chained Wood function."""
    a, b, c, d = windows(x, 4, 2)
    return jnp.sum(
        100 * (a**2 - b) ** 2
        + (a - 1) ** 2
        + 90 * (c**2 - d) ** 2
        + (c - 1) ** 2
        + 10 * (b + d - 2) ** 2
        + 0.1 * (b - d) ** 2
    )


def broyden_banded(x: Array) -> Array:
    """Rows 6 to n - 2: (2 + 5 x^2) x + 1 and the window's x (1 + x)."""
    members = windows(x[:-1], 7, 1)
    x_k = members[5]
    return (2 + 5 * x_k**2) * x_k + 1 + sum(y * (1 + y) for y in members)


def powell(x: Array) -> Array:
    """Chained Powell singular function."""
    a, b, c, d = windows(x, 4, 2)
    return jnp.sum((a + 10 * b) ** 2 + 5 * (c - d) ** 2 + (b - 2 * c) ** 4 + 10 * (a - d) ** 4)


def trigonometric_exponential_ends(x: Array) -> Array:
    """Two rows, one at each end."""
    a, b, y, z = x[0], x[1], x[-2], x[-1]
    return stacked(3 * a**3 + 2 * b + sin(a - b) * sin(a + b) - 5, 4 * y - y * exp(y - z) - 3)


def cragg_levy(x: Array) -> Array:
    """Chained Cragg and Levy function."""
    a, b, c, d = windows(x, 4, 2)
    return jnp.sum((exp(a) - b) ** 4 + 100 * (b - c) ** 6 + tan(c - d) ** 4 + a**8 + (d - 1) ** 2)


def tridiagonal(x: Array) -> Array:
    """Rows 2 to n - 1 of a tridiagonal system."""
    a, b, c = windows(x, 3, 1)
    return 8 * b * (b**2 - a) - 2 * (1 - b) + 4 * (b - c**2)


def broyden_tridiagonal_objective(x: Array) -> Array:
    """Generalized Broyden tridiagonal function, exponent 7/3."""
    before, x_k, after = neighbors(x, 1, 1)
    return jnp.sum(jnp.abs((3 - 2 * x_k) * x_k - before - after + 1) ** (7 / 3))


def five_diagonal(x: Array) -> Array:
    """Rows 3 to n - 2 of a five-diagonal system."""
    a, b, c, d, e = windows(x, 5, 1)
    return 8 * c * (c**2 - b) - 2 * (1 - c) + 4 * (c - d**2) + b**2 - a + d - e**2


def broyden_banded_objective(x: Array) -> Array:
    """Generalized Broyden banded function, exponent 7/3."""
    band = sum(y * (1 + y) for y in neighbors(x, 5, 1))
    return jnp.sum(jnp.abs((2 + 5 * x**2) * x + 1 + band) ** (7 / 3))


def exponential(x: Array) -> Array:
    """A row for each second window of three."""
    a, b, c = windows(x, 3, 2)
    return 4 * b - (a - c) * exp(a - b - c) - 3


def trigonometric(x: Array) -> Array:
    """Trigonometric tridiagonal function."""
    before, x_k, after = neighbors(x, 1, 1)
    return jnp.sum(jnp.arange(1, x.shape[0] + 1) * (1 - cos(x_k) + sin(before) - sin(after)))


def five_diagonal_ends(x: Array) -> Array:
    """The first two and last two rows of a five-diagonal system."""
    a, b, c, d = x[:4]
    w, v, y, z = x[-4:]
    return stacked(
        4 * (a - b**2) + b - c**2,
        8 * b * (b**2 - a) - 2 * (1 - b) + 4 * (b - c**2) + c - d**2,
        8 * y * (y**2 - v) - 2 * (1 - y) + 4 * (y - z**2) + v**2 - w,
        8 * z * (z**2 - y) + 2 * z + y**2 - v,
    )


def augmented_lagrangian(x: Array) -> Array:
    """A penalty function of Powell's problem with five variables, HS78."""
    a, b, c, d, e = windows(x, 5, 5)
    squares = a**2 + b**2 + c**2 + d**2 + e**2
    return jnp.sum(
        exp(a * b * c * d * e)
        + 10 * (squares - 10 + 0.002008) ** 2
        + 10 * (b * c - 5 * d * e + 0.0019) ** 2
        + 10 * (a**3 + b**3 + 1 + 0.000261) ** 2
    )


def boundary_value(x: Array) -> Array:
    """Discrete boundary value problem, without its first and last row."""
    a, b, c = windows(x, 3, 1)
    h = 1 / (x.shape[0] + 1)
    return 2 * b + h**2 * (b + h * jnp.arange(2, b.shape[0] + 2) + 1) ** 3 / 2 - a - c


def modified_brown(x: Array) -> Array:
    """Pairs of variables, held together by an exponential."""
    a, b = windows(x, 2, 2)
    return jnp.sum(a**2 / 1000 - (a - b) + exp(20 * (a - b)))


def seven_diagonal_ends(x: Array) -> Array:
    """The first three and last three rows of a seven-diagonal system."""
    a, b, c, d, e, f = x[:6]
    t, u, v, w, y, z = x[-6:]
    return stacked(
        4 * (a - b**2) + b - c**2 + c - d**2,
        8 * b * (b**2 - a) - 2 * (1 - b) + 4 * (b - c**2) + a**2 + c - d**2 + d - e**2,
        8 * c * (c**2 - b) - 2 * (1 - c) + 4 * (c - d**2) + b**2 - a + d - e**2 + a**2 + e - f**2,
        8 * w * (w**2 - v) - 2 * (1 - w) + 4 * (w - y**2) + v**2 - u + y - z**2 + u**2 + z - t,
        8 * y * (y**2 - w) - 2 * (1 - y) + 4 * (y - z**2) + w**2 - v + z + v**2 - u,
        8 * z * (z**2 - y) - 2 * (1 - z) + y**2 - w + w**2 - v,
    )


def brown(x: Array) -> Array:
    """Generalized Brown function: powers of one another."""
    a, b = windows(x, 2, 2)
    return jnp.sum((a**2) ** (b**2 + 1) + (b**2) ** (a**2 + 1))


def broyden_tridiagonal(x: Array) -> Array:
    """Rows 2 to n - 1 of Broyden's tridiagonal system."""
    a, b, c = windows(x, 3, 1)
    return (3 - 2 * b) * b + 1 - a - 2 * c


def window_sum(width: int, stride: int, term: Callable[..., Array]) -> Callable[[Array], Array]:
    """A sum of `term` over all windows."""
    return lambda x: jnp.sum(term(*windows(x, width, stride)))


def window_rows(stride: int, rows: Callable[..., tuple]) -> Callable[[Array], Array]:
    """All windows' rows, shape (number of windows, rows a window)."""
    return lambda x: jnp.stack(rows(*windows(x, 5, stride)), axis=1)


@dataclass(frozen=True, eq=False)
class Chain:
    """One problem of the report.

    Args:
        objective, rows: of x, shape (n,).
        start: the pattern that repeats in the starting point.
        n: a size that a test can afford.
        optima: n -> objective at the solution.
        evidence: why.
        other_optima: of the default size, as in `Entry`.
    """

    objective: Callable[[Array], Array]
    rows: Callable[[Array], Array]
    start: Sequence[float]
    n: int
    optima: dict[int, float]
    evidence: str = ""
    other_optima: tuple[float, ...] = ()


def distances(a, b, c, d, e):
    """Objective of HS47 and HS50."""
    return (a - b) ** 2 + (b - c) ** 2 + (c - d) ** 4 + (d - e) ** 4


PARABOLAS = window_rows(4, lambda a, b, c, d, e: (a**2 + 3 * b, c**2 + d - 2 * e, b**2 - e))
CHAINS: dict[int, Chain] = {
    2: Chain(wood, broyden_banded, (-2.0, 1.0), 50, {50: 1283.734012}),
    3: Chain(powell, trigonometric_exponential_ends, (3.0, -1.0, 0.0, 1.0), 50, {50: 27.58658376}),
    4: Chain(cragg_levy, tridiagonal, (1.0, 2.0, 2.0, 2.0), 50, {50: 211.7154271}),
    5: Chain(broyden_tridiagonal_objective, five_diagonal, (-1.0,), 50, {50: 2.639283703}),
    6: Chain(broyden_banded_objective, exponential, (3.0,), 49, {49: 2893.175864}),
    7: Chain(trigonometric, five_diagonal_ends, (1.0,), 50, {50: -13.76267124}),
    8: Chain(augmented_lagrangian, boundary_value, (-1.0, 2.0), 50, {50: 4120.873322}),
    9: Chain(modified_brown, seven_diagonal_ends, (-1.0,), 50, {50: 5.008950383}),
    10: Chain(brown, broyden_tridiagonal, (-1.0, 1.0), 50, {50: 17.24673386}),
    11: Chain(
        window_sum(5, 3, lambda a, b, c, d, e: (a - b) ** 2 + (c - 1) ** 2 + (d - 1) ** 4 + (e - 1) ** 6),
        window_rows(3, lambda a, b, c, d, e: (a**2 * d + sin(d - e) - 1, b + c**4 * d**2 - 2)),
        (2.0, 1.5, 0.5),
        50,
        {50: 0.0},
        CLOSED_FORM,
    ),
    12: Chain(
        window_sum(5, 4, distances),
        window_rows(4, lambda a, b, c, d, e: (a + b**2 + c**2 - 3, b + d - c**2 - 1, a * e - 1)),
        (2.0, 1.5, -1.0, 0.5),
        49,
        {49: 0.0},
        CLOSED_FORM,
        # Where the report's start leads.
        (54.56087855,),
    ),
    13: Chain(
        window_sum(5, 3, lambda a, b, c, d, e: (a - 1) ** 2 + (b - c) ** 2 + (d - e) ** 4),
        window_rows(3, lambda a, b, c, d, e: (a + b**2 + c + d + 4 * e - 5, c**2 - 2 * (d + e) - 3)),
        (3.0, 5.0, -3.0),
        50,
        {50: 209.4414129},
    ),
    14: Chain(
        window_sum(5, 3, lambda a, b, c, d, e: (a - b) ** 2 + (c - 1) ** 2 + (d - 1) ** 4 + (e - 1) ** 6),
        window_rows(3, lambda a, b, c, d, e: (a**2 + b + c + 4 * d - 7, c**2 - 5 * e - 6)),
        (10.0, 7.0, -3.0),
        50,
        {50: 249.5874596},
    ),
    15: Chain(
        window_sum(5, 4, distances),
        window_rows(
            4,
            lambda a, b, c, d, e: (
                a**2 + 2 * b + 3 * c - 6,
                b**2 + 2 * c + 3 * d - 6,
                c**2 + 2 * d + 3 * e - 6,
            ),
        ),
        (35.0, 11.0, 5.0, -5.0),
        49,
        {49: 0.0},
        CLOSED_FORM,
    ),
    16: Chain(
        window_sum(5, 4, lambda a, b, c, d, e: (a - b) ** 4 + (b + c - 2) ** 2 + (d - 1) ** 2 + (e - 1) ** 2),
        window_rows(4, lambda a, b, c, d, e: (a**2 + 3 * b - 4, c**2 + d - 2 * e, b**2 - e)),
        (2.5, 0.5, 2.0, -1.0),
        49,
        {49: 0.0},
        CLOSED_FORM,
    ),
    17: Chain(
        window_sum(
            5, 4, lambda a, b, c, d, e: (4 * a - b) ** 2 + (b + c - 2) ** 4 + (d - 1) ** 2 + (e - 1) ** 2
        ),
        PARABOLAS,
        (2.0,),
        49,
        {49: 68.58130983},
    ),
    18: Chain(
        window_sum(5, 4, lambda a, b, c, d, e: (a - b) ** 4 + (b + c - 2) ** 2 + (d - 1) ** 2 + (e - 1) ** 2),
        PARABOLAS,
        (2.0,),
        49,
        {49: 57.58733462},
    ),
}


def luksan_vlcek(number: int, n: int | None = None) -> Entry:
    """One problem of the report.

    Args:
        number: 2 to 18, as the report counts its section 5.
        n: number of variables, at least 8; problems on windows leave out what does not fill one.

    Returns:
        Entry; x has shape (n,), and the constraints are called "rows".

    Raises:
        KeyError: there is no such problem.
        ValueError: fewer than eight variables.

    >>> luksan_vlcek(4, 100).m
    98
    """
    chain = CHAINS[number]
    n = chain.n if n is None else n
    if n < 8:
        raise ValueError(f"luksan_vlcek_{number}: n is {n}, expected at least 8.")
    problem = lagrad.Problem(
        chain.objective,
        np.resize(chain.start, n),
        {"rows": lagrad.Equality(chain.rows)},
        name=f"luksan_vlcek_{number}({n})",
    )
    optimum = chain.optima.get(n)
    return Entry(
        f"luksan_vlcek_{number}",
        problem,
        "Luksan-Vlcek",
        optimum,
        SOURCE.format(number),
        other_optima=chain.other_optima if n == chain.n else (),
        evidence="" if optimum is None else chain.evidence or TWO_SOLVERS,
    )

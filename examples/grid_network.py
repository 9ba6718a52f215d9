"""A grid of substations in numbers, its power network as a MATPOWER case out: text that `lagrad solve` reads.

    rows x columns of high-voltage buses, lines between neighbors, a load at each;
    a fifth of them with a power plant behind a transformer, a ninth with a capacitor; one line shifts phases.

Loads, lengths and costs are drawn at random, with ranges as in textbooks on transmission at 230 kV; nothing
is taken from a real network.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

# Per kilometre of a 230 kV line, in per unit of 100 MVA: resistance, reactance, charging.
LINE = np.array([1.0e-4, 9.0e-4, 1.8e-3])
CAPACITOR_EVERY = 9
# In service, with at most 30 degrees between the ends.
ANGLES = (1, -30.0, 30.0)


def grid_network(rows: int = 24, columns: int = 24, seed: int = 0) -> str:
    """A MATPOWER case (format version 2) of a meshed grid.

    Args:
        rows, columns: substations along each side; 2 at least.
        seed: of the random numbers; the same seed gives the same network.

    Returns:
        Text of a .m file: rows * columns + plants buses, about 2 * rows * columns branches.

    >>> print(grid_network(2, 3).splitlines()[0])
    function mpc = grid_2x3
    """
    random = np.random.default_rng(seed)
    count = rows * columns
    row, column = np.divmod(np.arange(count), columns)
    # A knight's move apart: each substation has a plant or exactly one neighbor that does.
    plants = np.flatnonzero((2 * row + column) % 5 == 0)
    loads = random.uniform(20.0, 90.0, count)
    tables = {
        "bus": [*substations(loads, random), *plant_buses(count, len(plants))],
        "gen": generators(count, len(plants), loads.sum(), random),
        "gencost": costs(len(plants), random),
        "branch": [*lines(rows, columns, random), *transformers(plants, count)],
    }
    body = "\n".join(matrix(name, table) for name, table in tables.items())
    return f"function mpc = grid_{rows}x{columns}\nmpc.version = '2';\nmpc.baseMVA = 100.0;\n{body}"


def substations(loads: np.ndarray, random: np.random.Generator) -> Iterable[tuple]:
    """Buses with a load, some with a capacitor; numbered from 1."""
    for index, load in enumerate(loads):
        reactive = load * random.uniform(0.15, 0.35)
        capacitor = 30.0 if index % CAPACITOR_EVERY == 4 else 0.0
        yield index + 1, 1, load, reactive, 0.0, capacitor, 1, 1.0, 0.0, 230.0, 1, 1.06, 0.94


def plant_buses(first: int, count: int) -> Iterable[tuple]:
    """Buses of the power plants, behind the substations; the first is the reference."""
    for index in range(count):
        kind = 3 if index == 0 else 2
        yield first + index + 1, kind, 0.0, 0.0, 0.0, 0.0, 1, 1.0, 0.0, 20.0, 1, 1.06, 0.94


def generators(first: int, count: int, demand: float, random: np.random.Generator) -> Iterable[tuple]:
    """Plants that together could supply 1.6 times the demand."""
    sizes = random.uniform(0.6, 1.4, count)
    for index, most in enumerate(1.6 * demand * sizes / sizes.sum()):
        reactive = 0.6 * most
        yield first + index + 1, 0.5 * most, 0.0, reactive, -0.4 * most, 1.0, 100.0, 1, most, 0.1 * most


def costs(count: int, random: np.random.Generator) -> Iterable[tuple]:
    """Quadratic costs an hour: cheap plants and dear ones, so that power has reason to travel."""
    for _ in range(count):
        quadratic, linear = random.uniform(0.005, 0.04), random.uniform(12.0, 45.0)
        yield 2, 0.0, 0.0, 3, quadratic, linear, random.uniform(0.0, 500.0)


def lines(rows: int, columns: int, random: np.random.Generator) -> Iterable[tuple]:
    """Lines to the right and downward neighbor; the middle one shifts phases by 2 degrees."""
    number = np.arange(1, rows * columns + 1).reshape(rows, columns)
    right = zip(number[:, :-1].ravel(), number[:, 1:].ravel(), strict=True)
    down = zip(number[:-1].ravel(), number[1:].ravel(), strict=True)
    middle = rows * columns // 2
    for index, ends in enumerate([*right, *down]):
        limits = 3 * [random.choice([200.0, 300.0, 500.0])]
        ratio, shift = (1.0, 2.0) if index == middle else (0.0, 0.0)
        yield *ends, *LINE * random.uniform(10.0, 40.0), *limits, ratio, shift, *ANGLES


def transformers(plants: np.ndarray, first: int) -> Iterable[tuple]:
    """Transformers from the plants to their substations, with fixed taps."""
    for index, substation in enumerate(plants):
        plant = first + index + 1
        yield plant, substation + 1, 0.0005, 0.02, 0.0, *3 * [900.0], 1.02, 0.0, *ANGLES


def matrix(name: str, table: Iterable[tuple]) -> str:
    """A table as MATPOWER writes it."""
    body = "\n".join("\t" + "\t".join(f"{value:.10g}" for value in row) + ";" for row in table)
    return f"mpc.{name} = [\n{body}\n];\n"


if __name__ == "__main__":
    print(grid_network())

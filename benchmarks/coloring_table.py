"""Count colors of published matrices, beside the best counts reported, and time it.

    python -m benchmarks.coloring_table
    python -m benchmarks.coloring_table --quick

"reported" is the fewest of natural, largest-first, smallest-last and incidence-degree order in the
literature: Gebremedhin, Manne, Pothen (2005); Gebremedhin, Tarafdar, Manne, Pothen (2007);
SparseMatrixColorings.jl. The matrices are built by formula in `tests/coloring/matrices.py`.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks import tables
from benchmarks.measure import machine
from lagrad.coloring import (
    Coloring,
    color_bidirectional,
    color_columns,
    color_rows,
    color_symmetric,
    recovery,
)
from lagrad.pattern import SparsityPattern
from tests.coloring import matrices

NOTE = (
    "Colors (reported / ours), and seconds with loops already compiled. Reported is the fewest in the "
    "literature; `-` where none is known to us. Rounds: steps of substitution after acyclic coloring."
)
KINDS: dict[str, Callable[[SparsityPattern], Coloring]] = {
    "columns": color_columns,
    "rows": color_rows,
    "star": lambda pattern: color_symmetric(pattern, "star"),
    "acyclic": lambda pattern: color_symmetric(pattern, "acyclic"),
    "bidirectional": color_bidirectional,
}


@dataclass(frozen=True)
class Case:
    """A matrix and the color counts reported for it, by kind; None where it is only timed."""

    name: str
    build: Callable[[], SparsityPattern]
    reported: dict[str, int | None]
    is_quick: bool = True


def symmetric(columns: int | None, star: int | None, acyclic: int | None) -> dict[str, int | None]:
    """Counts for the three kinds that fit symmetric matrices."""
    return {"columns": columns, "star": star, "acyclic": acyclic}


CASES = (
    Case("tridiagonal, n = 1000", lambda: matrices.band(1000, 1), symmetric(3, 3, 2)),
    Case("tridiagonal, n = 1000000", lambda: matrices.band(10**6, 1), symmetric(3, 3, 2), False),
    Case("band with 10 off-diagonals", lambda: matrices.band(1000, 5), symmetric(11, 11, 6)),
    Case("band with 20 off-diagonals", lambda: matrices.band(1000, 10), symmetric(21, 21, 11)),
    Case("7-point grid 80 x 80 x 40", lambda: matrices.cross_grid(40, 80, 80), symmetric(11, 11, 7), False),
    Case("5-point grid 500 x 500", lambda: matrices.cross_grid(500, 500), symmetric(7, 5, 4), False),
    Case("9-point grid 500 x 500", lambda: matrices.box_grid(500, 500), symmetric(9, 12, 6), False),
    Case("27-point grid 40^3", lambda: matrices.box_grid(40, 40, 40), symmetric(27, 36, 19), False),
    Case(
        "block tridiagonal, 3 dense border rows",
        lambda: matrices.bordered_blocks(1000),
        symmetric(4003, 15, 11),
    ),
    Case(
        "shuffled band, half-width 200",
        lambda: matrices.permuted_band(10_000, 200),
        symmetric(401, 401, 201),
        False,
    ),
    Case("arrow, n = 1000", lambda: matrices.arrow(1000), symmetric(1000, 2, 2)),
    Case("arrow, n = 1000000", lambda: matrices.arrow(10**6), symmetric(10**6, 2, 2), False),
    Case(
        "multiple shooting, 200 intervals",
        lambda: matrices.multiple_shooting(200),
        {"columns": 1207, "rows": 801, "bidirectional": 14},
    ),
    Case(
        "power network, 40000 buses",
        lambda: matrices.power_network(40_000),
        symmetric(None, None, None),
        False,
    ),
)


def measured(case: Case, repeats: int) -> list[dict]:
    """One row for each kind of coloring of a case."""
    pattern = case.build()
    rows = []
    for kind, reported in case.reported.items():
        coloring, seconds = fastest(lambda kind=kind: KINDS[kind](pattern), repeats)
        rows.append(
            {
                "matrix": case.name,
                "n": pattern.shape[1],
                "nnz": pattern.nnz,
                "kind": kind,
                "reported": reported,
                "colors": coloring.num_colors,
                "seconds": seconds,
                "rounds": recovery(coloring).num_levels,
                "method": coloring.method,
            }
        )
    return rows


def fastest(action: Callable[[], Coloring], repeats: int) -> tuple[Coloring, float]:
    """The last result, and the least time of several runs after one that compiles."""
    action()
    times = []
    for _ in range(repeats):
        begin = time.perf_counter()
        result = action()
        times.append(time.perf_counter() - begin)
    return result, min(times)


def table(rows: Sequence[dict]) -> str:
    """One line a matrix, one column a kind: reported / ours (seconds)."""
    kinds = [kind for kind in KINDS if any(row["kind"] == kind for row in rows)]
    body = []
    for name in dict.fromkeys(row["matrix"] for row in rows):
        of_matrix = {row["kind"]: row for row in rows if row["matrix"] == name}
        first = next(iter(of_matrix.values()))
        body.append([name, first["n"], first["nnz"], *(cell(of_matrix.get(kind)) for kind in kinds)])
    return tables.markdown(["matrix", "n", "nnz", *kinds], body)


def cell(row: dict | None) -> str:
    """Reported and own count, and the time."""
    if row is None:
        return "-"
    rounds = f", {row['rounds']} rounds" if row["rounds"] > 1 else ""
    reported = "-" if row["reported"] is None else row["reported"]
    return f"{reported} / {row['colors']} ({row['seconds']:.2g} s{rounds})"


def worse(rows: Sequence[dict]) -> list[dict]:
    """Cells in which we need more colors than reported."""
    return [row for row in rows if row["reported"] is not None and row["colors"] > row["reported"]]


def main(arguments: Sequence[str] | None = None) -> int:
    """Color everything, print and write the table; 1 if a cell is worse than reported."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="small matrices only, nothing written")
    parser.add_argument(
        "--repeats", type=int, default=2, help="runs of each coloring, of which the fastest counts"
    )
    options = parser.parse_args(arguments)
    cases = [case for case in CASES if case.is_quick or not options.quick]
    rows = [row for case in cases for row in measured(case, options.repeats)]
    print(table(rows))
    if not options.quick:
        print(tables.write("coloring", "Colors", f"{NOTE}\n\n{machine()}", rows, table(rows)))
    for row in worse(rows):
        print(f"worse than reported: {row['matrix']}, {row['kind']}: {row['colors']} > {row['reported']}")
    return 1 if worse(rows) else 0


if __name__ == "__main__":
    raise SystemExit(main())

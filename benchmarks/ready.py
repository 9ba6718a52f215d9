"""How soon is a problem ready, and how soon solved? Cases in, medians beside CasADi's out.

python -m benchmarks.ready --quick
LAGRAD_PGLIB=FOLDER python -m benchmarks.ready
python -m benchmarks.ready --before CHECKOUT --no-solve     an older checkout of lagrad beside this one
python -m benchmarks.ready --cases cart_pole:505 --keep     other rows stay as they were measured
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks import apart, tables
from benchmarks.cases import catalog
from benchmarks.measure import machine

NOTE = (
    "**ready**: declaration, differentiation, compilation and one evaluation of everything, after a tiny "
    "problem in the same process. **sum**: that and the solve, by the same Ipopt with tol 1e-8 and MUMPS, "
    "which is told not to scale, as lagrad does by itself. **J**, **H**: values as the solver asks for them. "
    "**set-up MB**: by how much the largest memory of the process grew until ready. Medians of several runs, "
    "each in its own process, contenders taking turns."
)
CASES = (
    *(f"chained_rosenbrock:{n}" for n in (1000, 10_000, 100_000, 1_000_000)),
    *(f"cart_pole:{n}" for n in (505, 5005, 50_005)),
    *(f"elliptic_control:{n}" for n in (5000, 20_000, 180_000)),
)
QUICK = ("chained_rosenbrock:1000", "cart_pole:505", "elliptic_control:800")
FIGURES = {
    "ready s": "ready_s",
    "sum s": "sum_s",
    "J ms": "jacobian_ms",
    "H ms": "hessian_ms",
    "set-up MB": "set_up_mb",
}
BEFORE = "before"


def measure(case: str, contenders: Sequence[str], repeats: int, limits: apart.Limits) -> list[dict]:
    """Medians of one case, a row a contender."""
    found: dict[str, list[dict]] = {name: [] for name in contenders}
    for _ in range(repeats):
        for name in contenders:
            found[name].append(once(case, name, limits))
    return [summary(case, name, rows) for name, rows in found.items()]


def once(case: str, name: str, limits: apart.Limits) -> dict:
    """One process."""
    # The older checkout calls its own lagrad by that name.
    here, contender = (limits, "lagrad") if name == BEFORE else (replace(limits, root=apart.ROOT), name)
    with tempfile.TemporaryDirectory() as folder:
        row = apart.run(case, contender, Path(folder), here)
    if "solve_seconds" in row:
        row["sum_s"] = row["ready_s"] + row["solve_seconds"]
    if "ready_mb" in row:
        row["set_up_mb"] = row["ready_mb"] - row["before_mb"]
    return row


def summary(case: str, name: str, rows: Sequence[dict]) -> dict:
    """Medians of what several runs have."""
    found = {"case": case, "contender": name, "n": rows[-1].get("n"), "runs": len(rows)}
    for key in (*FIGURES.values(), "solve_iterations"):
        values = [row[key] for row in rows if key in row]
        found |= {key: statistics.median(values)} if values else {}
    failures = [row["failure"] for row in rows if "failure" in row]
    return found | ({"failure": failures[0]} if failures else {})


def table(rows: Sequence[dict]) -> str:
    """Cases down, figures across, in each cell one number a contender."""
    names = list(dict.fromkeys(row["contender"] for row in rows))
    found = {(row["case"], row["contender"]): row for row in rows}
    body = []
    for case in dict.fromkeys(row["case"] for row in rows):
        members = [found.get((case, name), {}) for name in names]
        n = next((int(row["n"]) for row in members if row.get("n")), "?")
        cells = [" / ".join(tables.cell(row.get(key)) for row in members) for key in FIGURES.values()]
        iterations = " / ".join(tables.cell(row.get("solve_iterations")) for row in members)
        body.append(
            [case, n, *cells, iterations, "; ".join(row.get("failure", "") for row in members).strip("; ")]
        )
    header = ["case", "n", *FIGURES, "iterations", "not measured"]
    return f"In each cell: {' / '.join(names)}.\n\n" + tables.markdown(header, body)


def results(chosen: Sequence[str], kept: Sequence[dict], options: argparse.Namespace) -> Iterator[list[dict]]:
    """All rows so far, after each case; failures are rows."""
    limits = apart.Limits(options.seconds, solve=not options.no_solve, budget=0.3)
    names = ["lagrad", "casadi_mx"]
    if options.before is not None:
        names, limits = [*names, BEFORE], replace(limits, root=options.before.resolve())
    rows = list(kept)
    for case in chosen:
        rows = [row for row in rows if row["case"] != case]
        rows += measure(case, names, options.repeats, limits)
        yield rows


def main(arguments: Sequence[str] | None = None) -> Path:
    """Command line; returns the path of the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cases", help="family:size, separated by commas; default: the whole table")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--before", type=Path, help="a checkout of lagrad to compare with")
    parser.add_argument("--no-solve", action="store_true")
    parser.add_argument("--keep", action="store_true", help="keep rows of the table that are not chosen")
    parser.add_argument("--quick", action="store_true", help="small sizes, once")
    parser.add_argument("--seconds", type=float, default=600.0, help="limit per process")
    parser.add_argument("--output", type=Path, default=tables.RESULTS)
    options = parser.parse_args(arguments)
    if options.quick:
        options.repeats = 1
    networks = catalog.power()
    default = QUICK if options.quick else (*CASES, *networks, *(f"complex_{name}" for name in networks[:2]))
    chosen = options.cases.split(",") if options.cases else default
    stem = "ready_quick" if options.quick else "ready"
    written = options.output / f"{stem}.csv"
    kept = tables.read_csv(written) if options.keep and written.exists() else []
    path, note = options.output / f"{stem}.md", f"{NOTE}\n\nMachine: {machine()}."
    for rows in results(chosen, kept, options):
        path = tables.write(stem, "Ready, and solved", note, rows, table(rows), options.output)
        print(*(row for row in rows if row["case"] == rows[-1]["case"]), sep="\n", flush=True)
    print(path.read_text())
    return path


if __name__ == "__main__":
    main()

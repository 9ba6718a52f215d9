"""Measure how soon each peer is ready, and how fast its J and H are.

python -m benchmarks.derivatives --quick
LAGRAD_PGLIB=FOLDER python -m benchmarks.derivatives
python -m benchmarks.derivatives --cases chained_rosenbrock:1000 --contenders lagrad,casadi_mx
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks import agreement, apart, command_line, contenders, tables, verdicts
from benchmarks.cases import catalog
from benchmarks.measure import machine

NOTE = (
    "Cells: ready s (declare, differentiate, compile, first evaluation of everything; without imports) · "
    "J ms · H ms (median of the values as the solver asks for them) · solve s. "
    "Every contender runs in its own process and has met a tiny problem before, so what a process pays once "
    "is left out (`benchmarks.first_use` has it). "
    "A cell in brackets disagrees with the reference's matrices by more than 1e-9 and does not count. "
    "Ratios under 1.5 are ties."
)


def agreements(rows: Sequence[dict], folders: Sequence[Path]) -> None:
    """Add to every row of one case its difference from the first run that recorded matrices."""
    recorded = [(row, folder / "matrices.npz") for row, folder in zip(rows, folders, strict=True)]
    recorded = [(row, path) for row, path in recorded if path.exists()]
    # Neither CasADi's nor the hand-derived matrices share code with lagrad.
    preferred = sorted(recorded, key=lambda pair: pair[0]["contender"] not in ("casadi_mx", "oracle"))
    for row, path in recorded:
        row["reference"] = preferred[0][0]["contender"]
        row["difference"] = agreement.difference(preferred[0][1], path)


def measure_case(case: str, names: Sequence[str], limits: apart.Limits) -> Iterator[dict]:
    """Rows of one case, one contender after the other, each in its own process."""
    with tempfile.TemporaryDirectory() as root:
        rows, folders = [], []
        for name in names:
            folder = Path(root) / name
            folder.mkdir()
            rows.append(apart.run(case, name, folder, limits))
            folders.append(folder)
            print(line(rows[-1]), flush=True)
        agreements(rows, folders)
    for row in rows:
        if row.get("difference", 0.0) > agreement.TOLERANCE:
            print(f"  {row['contender']} differs from {row['reference']} by {row['difference']:.1e}")
        yield row


def line(row: dict) -> str:
    """One row as a line of the terminal."""
    return f"{row['case']:28} {row['contender']:15} {summary(row)} {row.get('failure', '')}"


def summary(row: dict) -> str:
    """The cell of the table: ready · J · H · solve."""
    keys = ("ready_s", "jacobian_ms", "hessian_ms", "solve_seconds")
    if not any(key in row for key in keys):
        return "-"
    text = " · ".join(tables.cell(row.get(key)) for key in keys)
    agrees = row.get("difference", 0.0) <= agreement.TOLERANCE
    return text if agrees else f"({text})"


def table(rows: Sequence[dict]) -> str:
    """Cases down, contenders across."""
    names = list(dict.fromkeys(row["contender"] for row in rows))
    found = {(row["case"], row["contender"]): row for row in rows}
    sizes = {row["case"]: row["n"] for row in rows if "n" in row}
    body = [
        [f"{case} (n={sizes.get(case, '?')})", *(summary(found.get((case, name), {})) for name in names)]
        for case in dict.fromkeys(row["case"] for row in rows)
    ]
    return tables.markdown(["case", *names], body)


def failures(rows: Sequence[dict]) -> str:
    """What did not end, in words."""
    lines = [f"- {row['case']}, {row['contender']}: {row['failure']}" for row in rows if "failure" in row]
    return "\nNot measured, and why:\n\n" + "\n".join(lines) + "\n" if lines else ""


def main(arguments: Sequence[str] | None = None) -> Path:
    """Command line; returns the path of the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--cases", type=command_line.listed, help="family:size, separated by commas; default: the whole table"
    )
    parser.add_argument("--contenders", type=command_line.listed, default=list(contenders.installed()))
    parser.add_argument("--quick", action="store_true", help="small sizes, short timings")
    parser.add_argument("--no-solve", action="store_true")
    parser.add_argument("--seconds", type=float, default=600.0, help="limit per process")
    parser.add_argument("--output", type=Path, default=tables.RESULTS)
    options = parser.parse_args(arguments)
    chosen = options.cases or (catalog.QUICK if options.quick else catalog.table())
    budget = 0.2 if options.quick else 1.0
    limits = apart.Limits(seconds=options.seconds, solve=not options.no_solve, budget=budget)
    about = machine()
    rows = [row for case in chosen for row in measure_case(case, options.contenders, limits)]
    name = "derivatives_quick" if options.quick else "derivatives"
    note = f"{NOTE}\n\nMachine: {about}."
    path = tables.write(
        name,
        "Derivatives side by side",
        note,
        rows,
        table(rows) + verdicts.table(rows) + failures(rows),
        options.output,
    )
    print(path.read_text())
    return path


if __name__ == "__main__":
    main()

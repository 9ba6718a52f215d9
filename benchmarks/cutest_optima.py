"""Record on which optima of CUTEst two sources agree, from runs of `lagrad bench`.

    lagrad bench 'cutest:*' optimum=unknown 'n<=10000' --solvers ipopt,pounce --out run
    python -m benchmarks.cutest_optima run

A source is a solver that ends at a point with a good certificate, or the objective that sif2jax expects. An
optimum is known where at least two agree, one of them a solver, and no certified point is better. It need
not be IPOPT's: where the others agree and IPOPT ends elsewhere, IPOPT has failed.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from lagrad_problems.bench.runner import read_rows
from lagrad_problems.bench.selection import CUTEST
from lagrad_problems.cutest import sources
from lagrad_problems.entry import TWO_SOURCES

RECORD = Path(sources.__file__).with_name("checked.json")
EXPECTED = "sif2jax"
# Objectives agree to this, relative (absolute below one), as `lagrad_problems.cutest.get` asks of a solver.
TOLERANCE = 1e-5
# Largest scaled error of a certificate that makes a point count.
CERTIFIED = 1e-6


def certified(rows: Sequence[Mapping]) -> dict[str, dict[str, float]]:
    """Problem -> solver -> objective of its point, where the point has a good certificate.

    >>> row = {"problem": "cutest:A", "solver": "ipopt", "status": "optimal", "objective": 1.0, "error": 1e-9}
    >>> certified([row])
    {'A': {'IPOPT': 1.0}}
    """
    found: dict[str, dict[str, float]] = {}
    for row in rows:
        values = found.setdefault(row["problem"].removeprefix(CUTEST), {})
        if row.get("status") == "optimal" and row["error"] <= CERTIFIED and math.isfinite(row["objective"]):
            values[row["solver"].upper()] = row["objective"]
    return found


def agree(one: float, other: float) -> bool:
    """Whether two objectives are the same optimum's.

    >>> agree(1000.0, 1000.001), agree(0.0, 1e-3)
    (True, False)
    """
    return abs(one - other) <= TOLERANCE * max(1.0, abs(one), abs(other))


def settle(values: Mapping[str, float], expected: float | None) -> tuple[float, str] | None:
    """The optimum on which sources agree, and the evidence; None where they do not.

    Args:
        values: objectives at certified points, by solver.
        expected: what the collection says; None for nothing.

    >>> settle({"IPOPT": 2.0, "POUNCE": 1.0}, 1.0)
    (1.0, 'two sources agree: POUNCE, sif2jax')
    >>> settle({"IPOPT": 2.0, "POUNCE": 1.0}, None) is None
    True
    >>> settle({"IPOPT": 2.0, "POUNCE": 1.0}, 2.0) is None
    True
    """
    if not values:
        return None
    best = min(values.values())
    said = statements(values, expected)
    agreeing = sorted(name for name, value in said.items() if agree(value, best))
    return (best, f"{TWO_SOURCES}: {', '.join(agreeing)}") if len(agreeing) > 1 else None


def statements(values: Mapping[str, float], expected: float | None) -> dict[str, float]:
    """What each source says: the solvers, and the collection where it says anything."""
    return dict(values) | ({} if expected is None else {EXPECTED: expected})


def expectation(name: str) -> float | None:
    """The objective that sif2jax expects; None where it has none that is a number."""
    found = sources.find(name)
    value = None if found is None else found[1].expected_objective_value
    return float(value) if value is not None and np.ndim(value) == 0 and np.isfinite(value) else None


def extended(record: Mapping[str, Mapping], found: Mapping[str, Mapping[str, float]]) -> dict[str, dict]:
    """`checked.json` with what the runs add; what is known already stays."""
    optima, disagreements = dict(record["optima"]), dict(record["disagreements"])
    for name, values in found.items():
        if name in optima:
            continue
        expected = expectation(name)
        known = settle(values, expected)
        if known is not None:
            optima[name] = [float(f"{known[0]:.10g}"), known[1]]
        said = statements(values, expected)
        if not all(agree(value, min(said.values())) for value in said.values()):
            told = ", ".join(f"{who} {said[who]:.8g}" for who in sorted(said))
            disagreements.setdefault(name, f"objectives: {told}")
    return {"turned": dict(record["turned"]), "optima": optima, "disagreements": disagreements}


def text(record: Mapping[str, Mapping]) -> str:
    """`checked.json`: a line an entry, sorted, so that a change is a line.

    >>> print(text({"optima": {"B": [0.0, "x"], "A": [1.0, "y"]}}), end="")
    {
     "optima": {
      "A": [1.0, "y"],
      "B": [0.0, "x"]
     }
    }
    """
    parts = []
    for part, entries in record.items():
        lines = ",\n".join(f"  {json.dumps(name)}: {json.dumps(entries[name])}" for name in sorted(entries))
        parts.append(f' "{part}": {{\n{lines}\n }}')
    return "{\n" + ",\n".join(parts) + "\n}\n"


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line: folders of runs."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("runs", nargs="+", type=Path, help="folders of `lagrad bench`")
    rows = [row for folder in parser.parse_args(arguments).runs for row in read_rows(folder)]
    before = json.loads(RECORD.read_text())
    after = extended(before, certified(rows))
    RECORD.write_text(text(after))
    print(f"optima known: {len(before['optima'])} before, {len(after['optima'])} after")


if __name__ == "__main__":
    main()

"""Tell who is ahead: lagrad's ratios to the best of the others."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks import agreement, tables

QUANTITIES = {"ready_s": "ready", "jacobian_ms": "J", "hessian_ms": "H", "solve_seconds": "solve"}
OWN = ("lagrad", "lagrad_colored", "oracle")
NOTE = (
    "Time of the fastest peer over lagrad's: above 1 lagrad is ahead. Likewise for the hand-derived code "
    "and for lagrad's own coloring of the whole problem. "
    "H per gradient: Hessian values over lagrad's own gradient."
)


def counts(row: dict) -> bool:
    """Whether a row's matrices agree with the reference's."""
    return row.get("difference", 0.0) <= agreement.TOLERANCE


def fastest(rows: Sequence[dict], key: str) -> dict | None:
    """The peer with the least value that counts."""
    peers = [row for row in rows if row["contender"] not in OWN and key in row and counts(row)]
    return min(peers, key=lambda row: row[key], default=None)


def of(rows: Sequence[dict], contender: str) -> dict:
    """The row of a contender, empty if it is not there or does not count."""
    found = [row for row in rows if row["contender"] == contender and counts(row)]
    return found[0] if found else {}


def ratio(above: dict | None, below: dict, key: str) -> float | None:
    """Quotient of two measured values, None where one is missing."""
    return above[key] / below[key] if above and key in above and key in below else None


def against_peers(rows: Sequence[dict], ours: dict) -> list[str]:
    """One cell a quantity: the ratio and the peer's name."""
    cells = []
    for key in QUANTITIES:
        best = fastest(rows, key)
        value = ratio(best, ours, key)
        cells.append("-" if value is None or best is None else f"{value:.2f} ({best['contender']})")
    return cells


def table(rows: Sequence[dict]) -> str:
    """One line a case in which lagrad was measured; empty if there is none."""
    body = []
    for case in dict.fromkeys(row["case"] for row in rows):
        group = [row for row in rows if row["case"] == case]
        ours, colored, oracle = (of(group, name) for name in OWN)
        if not ours:
            continue
        own = [ratio(row, ours, key) for row in (oracle, colored) for key in ("jacobian_ms", "hessian_ms")]
        gradients = ours["hessian_ms"] / ours["gradient_ms"] if "gradient_ms" in ours else None
        body.append([case, *against_peers(group, ours), *own, gradients])
    if not body:
        return ""
    beside = ["J by hand", "H by hand", "J colored", "H colored", "H per gradient"]
    header = ["case", *QUANTITIES.values(), *beside]
    return f"\n{NOTE}\n\n" + tables.markdown(header, body)

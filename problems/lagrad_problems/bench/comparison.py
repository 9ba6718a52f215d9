"""Say what got worse, and what better, from one run to another."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lagrad_problems.bench.profiles import SUCCESSES, seconds
from lagrad_problems.bench.runner import read_rows

# Shorter times say more of the machine than of the solver, and ratios below this are noise.
SHORT, FACTOR = 0.2, 1.5


def compare(before: Path, after: Path) -> list[str]:
    """Differences between two runs, losses first.

    Args:
        before, after: folders of `run`.

    Returns:
        Lines: "lost", "slower", "changed", "gained", "faster", each with problem, solver and both values, and
        a last line that counts what both runs share.
    """
    old, new = ({(row["problem"], row["solver"]): row for row in read_rows(run)} for run in (before, after))
    shared = [pair for pair in old if pair in new]
    found = [line for pair in shared for line in differences(old[pair], new[pair])]
    order = ("lost", "slower", "changed", "gained", "faster")
    found.sort(key=lambda line: order.index(line.split()[0]))
    solved = [sum(rows[pair]["verdict"] in SUCCESSES for pair in shared) for rows in (old, new)]
    return [*found, f"{len(shared)} runs in both: {solved[0]} solved before, {solved[1]} after."]


def differences(old: dict, new: dict) -> Sequence[str]:
    """Lines about one problem and solver, none if nothing worth telling changed.

    >>> row = {"problem": "hs1", "solver": "ipopt", "verdict": "solved"}
    >>> differences(row, row | {"verdict": "time limit"})
    ['lost     hs1 ipopt: solved -> time limit']
    """
    name = f"{new['problem']} {new['solver']}:"
    was, is_now = (row["verdict"] in SUCCESSES for row in (old, new))
    if was and not is_now:
        return [f"lost     {name} {old['verdict']} -> {new['verdict']}"]
    if is_now and not was:
        return [f"gained   {name} {old['verdict']} -> {new['verdict']}"]
    if old["verdict"] != new["verdict"]:
        return [f"changed  {name} {old['verdict']} -> {new['verdict']}"]
    if not is_now:
        return []
    times = seconds(old), seconds(new)
    if max(times) < SHORT or max(times) < FACTOR * min(times):
        return []
    word = "slower  " if times[1] > times[0] else "faster  "
    return [f"{word} {name} {times[0]:.2f} s -> {times[1]:.2f} s"]

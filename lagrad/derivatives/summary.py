"""Summarize what was found and chosen, as nested labels and numbers for reports."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from lagrad.compile.blocks import Block
from lagrad.derivatives.candidates import directions
from lagrad.derivatives.density import densities
from lagrad.display.text import duration, plural
from lagrad.elements.groups import Group

# More sizes than this are summed up.
MOST_SIZES = 6


def figures(derivatives: Any) -> dict[str, object]:
    """What was found about a problem's derivatives, and how they are computed.

    Args:
        derivatives: Derivatives, from `differentiate`.

    Returns:
        Label to number, text or further labels, as `lagrad.display.text.outline` takes them.

    >>> problem = lagrad.Problem(lambda x: (x**4).sum(), [1.0, 2.0], lagrad.Equality(lambda x: 3.0 * x))
    >>> figures(lagrad.differentiate(problem))["Jacobian"]["constant rows"]
    2
    """
    n, m = derivatives.n, derivatives.m
    jacobian = count_entries(derivatives.jacobian_structure, n)
    hessian = count_entries(derivatives.hessian_structure, n)
    return {
        "variables": n,
        "constraint rows": m,
        "Jacobian": {
            "nonzeros": shares(jacobian, n * m),
            "constant rows": constant_rows(derivatives),
            **strategies(derivatives.jacobian_blocks),
            **sweeps(derivatives.jacobian_blocks),
        },
        "Hessian": {
            "nonzeros": shares(hessian, n * (n + 1) // 2) + " of the lower triangle",
            **strategies(derivatives.hessian_blocks),
            **sweeps(derivatives.hessian_blocks),
        },
        **dense(derivatives),
        **elements(derivatives.plan.groups),
        **({"not looked at": "; ".join(derivatives.unseen)} if derivatives.unseen else {}),
        "set-up": {step: duration(seconds) for step, seconds in derivatives.timings.items()},
    }


def count_entries(structure: tuple[np.ndarray, np.ndarray], n: int) -> int:
    """Number of different entries of a matrix with n columns.

    >>> count_entries((np.array([0, 0, 1]), np.array([2, 2, 0])), 3)
    2
    """
    rows, cols = structure
    return int(np.unique(rows.astype(np.int64) * n + cols).size)


def shares(part: int, whole: int) -> str:
    """A count and its share.

    >>> shares(30, 1200)
    '30, 2.5 %'
    """
    return f"{part:,}, {100 * part / max(whole, 1):.3g} %"


def constant_rows(derivatives: Any) -> int:
    """Number of constraint rows that are linear in x."""
    plan = derivatives.plan
    # Rows are nonlinear through an element, through the part that is colored, or through states.
    nonlinear = np.zeros(derivatives.m + 1, dtype=bool)
    if plan.structure is not None:
        nonlinear |= plan.structure.degrees > 1
    if plan.nonlinear is not None:
        nonlinear |= plan.nonlinear
    for group in plan.groups:
        if group.pairs:
            nonlinear[group.outputs.tocoo().row] = True
    return int(derivatives.m - nonlinear[1:].sum())


def strategies(blocks: Sequence[Block]) -> dict[str, str]:
    """How each part of a matrix is computed, and how many values that gives, repeated entries apart."""
    return {block.strategy: f"{block.rows.size:,} values, {block.compiler}" for block in blocks}


def sweeps(blocks: Sequence[Block]) -> dict[str, str]:
    """Colors of the colored part, sweeps through the whole function, and what was timed to choose them."""
    shown = {}
    for block in blocks:
        if block.coloring is not None and block.coloring.num_colors:
            without = min(block.coloring.pattern.shape)
            shown["colors"] = f"{directions(block.coloring)} sweeps, {without} without coloring"
        if block.timed is not None:
            shown["timed"] = ", ".join(f"{name} {duration(took)}" for name, took in block.timed.items())
    return shown


def dense(derivatives: Any) -> dict[str, object]:
    """Where many rows have many entries, and the lines that made it so."""
    found = densities(derivatives)
    return {"dense": {f"{each.matrix} of {each.function}": str(each) for each in found}} if found else {}


def elements(groups: Sequence[Group]) -> dict[str, object]:
    """Kinds of element that repeat, by inputs: a sweep an input of one element serves all of its kind."""
    sizes: dict[int, Counter[int]] = {}
    for group in groups:
        sizes.setdefault(len(group.slots), Counter())[group.outputs.shape[1]] += 1
    shown = {plural(inputs, "input"): frequencies(sizes[inputs]) for inputs in sorted(sizes, reverse=True)}
    return {"elements": shown} if shown else {}


def frequencies(counts: Counter[int]) -> str:
    """Sizes with how often they occur, the largest first.

    >>> frequencies(Counter([1495, 1495, 3]))
    '2 x 1,495, 1 x 3'
    """
    largest = sorted(counts, reverse=True)
    shown = ", ".join(f"{counts[size]} x {size:,}" for size in largest[:MOST_SIZES])
    return shown + (f" and {len(largest) - MOST_SIZES} smaller sizes" if len(largest) > MOST_SIZES else "")

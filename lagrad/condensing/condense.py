"""Compile a program whose loops have states: values, the gradient, J and H by x alone.

    x  ─ march ─▶  (x, states)  ─ elements ─▶  derivatives by x and states  ─ axpys ─▶  derivatives by x
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import scipy.sparse as sp

from lagrad.compile.blocks import Block
from lagrad.compile.deferred import Deferred, together
from lagrad.compile.native.element_loops import native_sums
from lagrad.condensing import first, second
from lagrad.condensing.evaluation import Gradient, Hessian, Jacobian, Numbers, Values, Walk, Workspaces
from lagrad.condensing.first import Condensation
from lagrad.condensing.march import march
from lagrad.condensing.states import States
from lagrad.elements import element_derivatives as elements
from lagrad.elements.classification import read
from lagrad.elements.split import Split, partially_separable
from lagrad.elements.wide_elements import without_crowded
from lagrad.program.lifting import Lifted, lifted
from lagrad.program.program import Program
from lagrad.program.roll.repeats import in_loops

# Numbers of one vector, and updates of it.
MOST_NUMBERS, MOST_UPDATES = 2**24, 2**22
# States times variables, whose pattern is dense.
MOST_MOVES = 2**25


@dataclass(frozen=True)
class Condensed:
    """What waits to be compiled.

    Args:
        jacobian: of the constraint rows.
        hessian: lower triangle.
        functions: "values" (f and c) and "gradient".
    """

    jacobian: Deferred[Block]
    hessian: Deferred[Block]
    functions: dict[str, Deferred[Any]]


def condense(program: Program, leaves: list, memory_limit: int) -> Condensed | None:
    """Derivatives of a program with loops by their states.

    Args:
        program: numbered equations of (x, *leaves) -> (f, c).
        leaves: shapes of the params.
        memory_limit: bytes that blocks of elements may take.

    Returns:
        Condensed; None where no loop has states, or something beside them has no elements.

    Raises:
        TooLong: code of elements would be.
    """
    looped = in_loops(program)
    found = lifted(looped, read(looped).values)
    if found is None:
        return None
    split = without_crowded(partially_separable(found.program), memory_limit)
    feeds = [partially_separable(each.feed) for each in found.recurrences]
    if split.rest or any(each.rest for each in feeds):
        return None
    states = States.of(found, elements.jacobian(split))
    if states.count * states.n > MOST_MOVES:
        return None
    matrix = elements.hessian(split)
    rows, curvature = first.jacobian(states), second.hessian(states, matrix)
    if any(too_many(each) for each in (rows, curvature)):
        return None
    sums = {
        "values": elements.outputs(without_states(split, found.m)),
        "gradient": elements.gradient(split),
        "jacobian": states.jacobian.sums,
        "hessian": matrix.sums,
        **{f"feed {number}": elements.outputs(each) for number, each in enumerate(feeds)},
    }
    waiting: dict[str, Deferred | None] = {
        name: None if each is None else native_sums(each, leaves) for name, each in sums.items()
    }
    waiting |= {f"march {number}": march(each) for number, each in enumerate(found.recurrences)}
    ready = {name: each for name, each in waiting.items() if each is not None}
    return condensed(found, states, (rows, curvature), ready) if len(ready) == len(waiting) else None


def too_many(condensation: Condensation) -> bool:
    """Whether a matrix takes too much room or time."""
    return condensation.size > MOST_NUMBERS or len(condensation.axpys.updates) > MOST_UPDATES


def without_states(split: Split, m: int) -> Split:
    """The part of a split that gives f and the first m rows."""
    kept = m + 1
    groups = [replace(group, outputs=sp.csr_array(group.outputs[:kept])) for group in split.groups]
    return replace(
        split,
        linear=sp.csr_array(split.linear[:kept]),
        groups=tuple(groups),
        offset=split.offset[:kept],
        fixed={i: sp.csr_array(matrix[:kept]) for i, matrix in split.fixed.items()},
    )


def condensed(
    found: Lifted,
    states: States,
    matrices: tuple[Condensation, Condensation],
    waiting: dict[str, Deferred],
) -> Condensed:
    """Put together what was laid out."""
    count = range(len(found.recurrences))
    steps = {name: waiting[name] for i in count for name in (f"feed {i}", f"march {i}")}

    def of(*names: str) -> Deferred[list[Any]]:
        parts = together(steps | {name: waiting[name] for name in names})
        feeds, marches = ([f"{part} {i}" for i in count] for part in ("feed", "march"))
        return parts.then(
            lambda done: [
                Walk(states, [done[name] for name in feeds], [done[name] for name in marches]),
                *(done[name] for name in names),
            ]
        )

    rows, curvature = matrices
    first_order, second_order = ("gradient", "jacobian"), ("gradient", "jacobian", "hessian")
    weights, spaces = second.adjoints(states), [Workspaces(each.size) for each in matrices]
    return Condensed(
        of("jacobian").then(lambda made: block(rows, Jacobian(*made, rows, spaces[0]))),
        of(*second_order).then(
            lambda made: block(curvature, Hessian(*made, weights, curvature, spaces[1]))
        ),
        {
            "values": of("values").then(lambda made: Values(*made)),
            "gradient": of(*first_order).then(lambda made: Gradient(*made, second.gradient(states))),
        },
    )


def block(condensation: Condensation, values: Numbers) -> Block:
    """Part of a matrix."""
    return Block("condensed", condensation.rows, condensation.columns, values, "machine code")

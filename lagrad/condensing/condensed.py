"""Compile a program whose loops have states: values, the gradient, J and H by x alone.

x  ─ march ─▶  (x, states)  ─ elements ─▶  derivatives by x and states  ─ axpys ─▶  derivatives by x
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import jax.numpy as jnp
import numpy as np
import scipy.sparse as sp

from lagrad.compile.blocks import Block
from lagrad.compile.deferred import Deferred, together
from lagrad.compile.native.element_loops import native_sums
from lagrad.compile.parts import native_part
from lagrad.compile.xla import lower
from lagrad.condensing import first, second
from lagrad.condensing.beside import parted
from lagrad.condensing.cuts import long_sums
from lagrad.condensing.evaluation import Gradient, Hessian, Jacobian, Numbers, Values, Walk, Workspaces
from lagrad.condensing.first import Condensation
from lagrad.condensing.march import march
from lagrad.condensing.states import States
from lagrad.elements import element_derivatives as elements
from lagrad.elements.classification import Classification, Kind, read
from lagrad.elements.products import rewritten
from lagrad.elements.split import Split, partially_separable
from lagrad.elements.wide_elements import without_crowded
from lagrad.program.cse import tidy
from lagrad.program.lifting import Lifted, lifted
from lagrad.program.program import Program
from lagrad.program.roll.repeats import in_loops

# Names of what runs before all else, in front of the number of the loop.
FEED, MARCH = "feed ", "march "
# Numbers of one vector, of so many bytes, and updates of it.
MOST_NUMBERS, BYTES, MOST_UPDATES = 2**24, 8, 2**22
# States times variables, whose pattern is dense, and products of that pattern with itself.
MOST_MOVES, MOST_PRODUCTS = 2**23, 2**32


@dataclass(frozen=True)
class Condensed:
    """What waits to be compiled.

    Args:
        jacobian: blocks of the constraint rows.
        hessian: of the lower triangle.
        functions: "values" (f and c) and "gradient".
        nonlinear: whether f, and each row, may be nonlinear.
    """

    jacobian: list[Deferred[Block]]
    hessian: list[Deferred[Block]]
    functions: dict[str, Deferred[Any]]
    nonlinear: np.ndarray


def condense(program: Program, leaves: list[Any], memory_limit: int) -> Condensed | None:
    """Derivatives of a program by the states of its loops, and by its long sums.

    Args:
        program: numbered equations of (x, *leaves) -> (f, c).
        leaves: shapes of the params.
        memory_limit: bytes that blocks of elements, or all numbers of one matrix on the way, may take.

    Returns:
        Condensed; None where there are none of these, or something beside them has no elements.

    Raises:
        TooLong: code of elements would be.
    """
    classification = read(tidy(in_loops(program)))
    if (written := rewritten(classification, matrices=True)) is not None:
        classification = read(written)
    both = elements_and_states(classification, memory_limit)
    if both is None:
        return None
    found, split = both
    alone, mixed = parted(split, found.n, found.m)
    states = States.of(found, elements.jacobian(mixed))
    if are_many(states):
        return None
    matrix = elements.hessian(mixed)
    rows, curvature = first.jacobian(states), second.hessian(states, matrix)
    if any(too_many(each, memory_limit) for each in (rows, curvature)):
        return None
    sums = {
        "values": elements.outputs(without_states(split, found.m)),
        "gradient": elements.gradient(split),
        "jacobian": states.jacobian.sums,
        "hessian": matrix.sums,
    }
    waiting: dict[str, Deferred[Any] | None] = {
        name: None if each is None else native_sums(each, leaves) for name, each in sums.items()
    }
    for number, each in enumerate(found.recurrences):
        waiting |= {f"{FEED}{number}": feed(each.feed, leaves), f"{MARCH}{number}": march(each)}
    ready = {name: each for name, each in waiting.items() if each is not None}
    if len(ready) < len(waiting):
        return None
    made = condensed(states, (rows, curvature), ready, nonlinear(split, states))
    if alone is None:
        return made
    beside = elements.jacobian(alone), elements.hessian(alone)
    parts = [[native_part(part, leaves)] if part.rows.size else [] for part in beside]
    if [None] in parts:
        return None
    return replace(made, jacobian=[*parts[0], *made.jacobian], hessian=[*parts[1], *made.hessian])


def elements_and_states(classification: Classification, memory_limit: int) -> tuple[Lifted, Split] | None:
    """A program with as few states as leave nothing but elements, and these; None if it cannot be."""
    tried = None
    for least in (Kind.NONLINEAR, Kind.AFFINE):
        cuts = long_sums(classification, least)
        if tried is not None and cuts.keys() == tried:
            return None
        tried = cuts.keys()
        found = lifted(classification.program, classification.values, cuts)
        if found is None:
            continue
        split = without_crowded(partially_separable(found.program), memory_limit)
        if not split.rest:
            return found, split
    return None


def feed(program: Program, leaves: list[Any]) -> Deferred[Numbers]:
    """What states start from, by machine code or else by XLA."""
    split = partially_separable(program)
    found = None if split.rest else elements.outputs(split)
    native = None if found is None else native_sums(found, leaves)
    return fed_by_xla(program, leaves) if native is None else native


def fed_by_xla(program: Program, leaves: list[Any]) -> Deferred[Numbers]:
    """The same as JAX has it."""

    def function(*arguments: Any) -> list[Any]:
        return [jnp.ravel(program.values(arguments)[output]) for output in program.outputs]

    def numbers(compiled: Callable[..., list[Any]]) -> Numbers:
        return lambda point, weights, leaves: np.concatenate(compiled(point, *leaves))

    return lower(function, [program.avals[program.inputs[0]], *leaves]).then(numbers)


def nonlinear(split: Split, states: States) -> np.ndarray:
    """Whether f and each constraint row may be nonlinear in x."""
    rows = [np.zeros(0, int), *(group.outputs.tocoo().row for group in split.groups if group.pairs)]
    found = np.zeros(1 + states.m + states.count, dtype=bool)
    found[np.concatenate(rows)] = True
    if found[1 + states.m :].any():
        found[0] = True
        found[1 + states.entries(False, True).rows] = True
    return found[: 1 + states.m]


def are_many(states: States) -> bool:
    """Whether patterns would take too much room or time."""
    if states.count * states.n > MOST_MOVES:
        return True
    # All variables that a state takes meet in the Hessian, if it is curved.
    squares = np.square(np.count_nonzero(states.pattern, axis=1))
    most = MOST_PRODUCTS if states.n <= second.FEW_VARIABLES else MOST_PRODUCTS // 32
    return int(squares.sum()) > most or int(squares.max(initial=0)) > MOST_NUMBERS


def too_many(condensation: Condensation, memory_limit: int) -> bool:
    """Whether a matrix takes too much room or time."""
    most = min(MOST_NUMBERS, memory_limit // BYTES)
    return condensation.size > most or len(condensation.axpys.updates) > MOST_UPDATES


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
    states: States,
    matrices: tuple[Condensation, Condensation],
    waiting: dict[str, Deferred[Any]],
    is_nonlinear: np.ndarray,
) -> Condensed:
    """Put together what was laid out."""
    count = sum(name.startswith(MARCH) for name in waiting)
    steps = {name: each for name, each in waiting.items() if name.startswith((FEED, MARCH))}
    rows, curvature = matrices
    weights, slopes = second.adjoints(states), second.gradient(states)
    spaces = [Workspaces(each.size) for each in matrices]

    def of(*names: str) -> Deferred[dict[str, Any]]:
        return together(steps | {name: waiting[name] for name in names})

    def walk(done: dict[str, Any]) -> Walk:
        feeds, marches = ([done[f"{part}{number}"] for number in range(count)] for part in (FEED, MARCH))
        return Walk(states, feeds, marches)

    def jacobian(done: dict[str, Any]) -> Block:
        return block(rows, Jacobian(walk(done), done["jacobian"], rows, spaces[0]))

    def hessian(done: dict[str, Any]) -> Block:
        numbers = done["gradient"], done["jacobian"], done["hessian"]
        return block(curvature, Hessian(walk(done), *numbers, weights, curvature, spaces[1]))

    values = of("values").then(lambda done: Values(walk(done), done["values"]))
    gradient = of("gradient", "jacobian").then(
        lambda done: Gradient(walk(done), done["gradient"], done["jacobian"], slopes)
    )
    return Condensed(
        [of("jacobian").then(jacobian)],
        [of("gradient", "jacobian", "hessian").then(hessian)],
        {"values": values, "gradient": gradient},
        is_nonlinear,
    )


def block(condensation: Condensation, values: Numbers) -> Block:
    """Part of a matrix."""
    return Block("condensed", condensation.rows, condensation.columns, values, "machine code")

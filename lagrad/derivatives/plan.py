"""The plan: a program in, how its Jacobian and its Hessian are computed, block by block, out.

    elements   what repeats small kernels over many elements, and constant entries: see `structure.lift`
    colored    what remains, or everything: see `structure.detect` and `coloring`
    dense      colored with a color for each column, where coloring saves nothing
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import jax.numpy as jnp
import numpy as np
import scipy.sparse as sp

from lagrad.coloring import Coloring, color_columns, color_rows, color_symmetric
from lagrad.derivatives import colored, elements
from lagrad.derivatives.blocks import Block, Pending, colored_block, constant_block, element_block
from lagrad.derivatives.stages import merged
from lagrad.pattern import SparsityPattern
from lagrad.precision import float64
from lagrad.program import Program
from lagrad.structure.detect import Structure, detect
from lagrad.structure.lift import Lift, lift

# A coloring that saves less than this is not worth reading entries out of its products.
LEAST_SAVING = 0.8


@dataclass
class Watch:
    """Seconds spent, by name of the step."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Add the time of a `with` block to a step."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - start


@dataclass(frozen=True, eq=False)
class Plan:
    """How each matrix is computed.

    Args:
        lift: the split of the program.
        structure: patterns of the colored part; None if nothing is colored.
        jacobian: blocks of the Jacobian, ready or waiting to be compiled.
        hessian: the same of the lower triangle of the Hessian.
        colorings: "jacobian" and "hessian" -> Coloring, of colored parts.
    """

    lift: Lift
    structure: Structure | None
    jacobian: list[Block | Pending]
    hessian: list[Block | Pending]
    colorings: dict[str, Coloring]


def make(program: Program, memory_limit: int, watch: Watch) -> Plan:
    """Plan the derivatives of a program.

    Args:
        program: traced f and c.
        memory_limit: bytes that the sweeps of a chunk may take together.
        watch: where seconds are noted, by step.

    Returns:
        Plan.
    """
    n, m = program.size(program.inputs[0]), program.size(program.outputs[1])
    leaves = [program.avals[number] for number in program.inputs[1:]]
    with watch.step("structure"):
        split = lift(program)
    plan = Plan(split, None, [], [], {})
    with watch.step("trace"), float64():
        if split.groups or not split.rest:
            plan.jacobian.append(element_part(elements.jacobian(split), n, m, leaves))
            plan.hessian.append(element_part(elements.hessian(split), n, m, leaves))
    if not split.rest:
        return plan
    return with_colored(plan, program, memory_limit, watch)


def element_part(pieces: elements.Pieces, n: int, m: int, leaves: list) -> Block | Pending:
    """Element derivatives, or a constant block where nothing varies."""
    if pieces.largest:
        return element_block(pieces, n, m, leaves)
    return constant_block(pieces.rows, pieces.columns, pieces.assembly.base)


def with_colored(plan: Plan, program: Program, memory_limit: int, watch: Watch) -> Plan:
    """Add colored blocks for what has no elements."""
    n, m = program.size(program.inputs[0]), program.size(program.outputs[1])
    leaves = [program.avals[number] for number in program.inputs[1:]]
    outputs = remainder(plan.lift) if plan.lift.groups else everything(program)
    with watch.step("structure"), float64():
        import jax

        structure = detect(jax.make_jaxpr(outputs)(*(program.avals[number] for number in program.inputs)))
    rows = SparsityPattern.from_scipy(structure.jacobian.to_scipy()[1:])
    with watch.step("coloring"):
        colorings = {"jacobian": jacobian_coloring(rows), "hessian": hessian_coloring(structure.hessian)}
    chunk = max(1, int(memory_limit // (8 * sum(program.size(number) for number in range(len(program.avals))))))
    blocks = {"jacobian": list(plan.jacobian), "hessian": list(plan.hessian)}
    with watch.step("trace"), float64():
        if rows.nnz:
            sweeps = colored.jacobian(lambda x, *leaves: outputs(x, *leaves)[1:], colorings["jacobian"], chunk)
            blocks["jacobian"].append(colored_block(sweeps, name_of(colorings["jacobian"]), n, m, leaves))
        if structure.hessian.nnz:
            sweeps = colored.hessian(outputs, colorings["hessian"], chunk)
            blocks["hessian"].append(colored_block(sweeps, name_of(colorings["hessian"]), n, m, leaves))
    return Plan(plan.lift, structure, blocks["jacobian"], blocks["hessian"], colorings)


def everything(program: Program) -> Callable:
    """(x, *leaves) -> f and c, stacked to shape (m + 1,)."""
    run = program.function()

    def outputs(x, *leaves):
        f, c = run(x, *leaves)
        return jnp.concatenate([f[None], c])

    return outputs


def remainder(split: Lift) -> Callable:
    """(x, *leaves) -> what elements and the linear part leave of f and c, shape (m + 1,)."""
    program, line = split.reading.program, merged(split.reading.program)
    targets = [line.name(variable) for variable in split.rest]
    known = {line.name(number): value for number, value in split.reading.values.items()}

    def outputs(x, *leaves):
        inputs = dict(zip(program.inputs, (x, *leaves), strict=True))
        values = line.evaluate(targets, known | inputs)
        parts = [applied(matrix, value) for matrix, value in zip(split.rest.values(), values, strict=True)]
        return sum(parts[1:], start=parts[0])

    return outputs


def applied(matrix: sp.csr_array, value):
    """B v in JAX."""
    triplets = matrix.tocoo()
    return jnp.zeros(matrix.shape[0]).at[triplets.row].add(triplets.data * value.reshape(-1)[triplets.col])


def jacobian_coloring(pattern: SparsityPattern) -> Coloring:
    """The coloring with fewest sweeps; one color a column or row where that saves little."""
    by_columns, by_rows = color_columns(pattern), color_rows(pattern)
    best = by_columns if by_columns.num_colors <= by_rows.num_colors else by_rows
    if best.num_colors < LEAST_SAVING * min(pattern.shape):
        return best
    return uncolored(pattern, "columns" if pattern.shape[1] <= pattern.shape[0] else "rows")


def hessian_coloring(pattern: SparsityPattern) -> Coloring:
    """The best symmetric coloring; one color a column where that saves little."""
    best = color_symmetric(pattern)
    used = np.unique(pattern.cols).size
    return best if best.num_colors < LEAST_SAVING * used else uncolored(pattern, "columns")


def uncolored(pattern: SparsityPattern, kind: str) -> Coloring:
    """A color of its own for every column, or row, that is not empty."""
    axis, nothing = (1, 0) if kind == "columns" else (0, 1)
    used = np.unique(pattern.cols if kind == "columns" else pattern.rows)
    colors = np.zeros(pattern.shape[axis], dtype=np.int32)
    colors[used] = np.arange(1, used.size + 1)
    others = np.zeros(pattern.shape[nothing], dtype=np.int32)
    pair = (colors, others) if kind == "columns" else (others, colors)
    return Coloring(kind, pattern, *pair, method="one color each")


def name_of(coloring: Coloring) -> str:
    """Strategy of a coloring."""
    return "dense" if coloring.method == "one color each" else "colored"

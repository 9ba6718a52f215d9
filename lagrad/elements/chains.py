"""Read loops of equal steps as chains: one small step an element, again and again.

    scan: z <- step(z, v), K times, row by row of a batch      ->      Chain(step, K), its inputs z and v

The rows of a batched loop (`jax.vmap` of an integrator) are elements. Only one step is written down and
differentiated, whatever the number of steps. See `chain`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import scipy.sparse as sp
from jax.extend import core as jex

from lagrad.elements.chain import Chain
from lagrad.elements.classification import Classification, Kind, read
from lagrad.elements.groups import Group, slotted
from lagrad.elements.indices import Indices
from lagrad.elements.kernels import Kernels, Pieces
from lagrad.elements.masks import Masks, bits, composed
from lagrad.elements.partials import NoRule, Partials
from lagrad.elements.recording import record_groups
from lagrad.elements.tape import CONSTANT, FLOAT, Tape
from lagrad.precision import float64
from lagrad.primitives.calls import length_of
from lagrad.primitives.equations import aval_of, shape_of, size_of
from lagrad.program.cse import tidy
from lagrad.program.equation import Equation
from lagrad.program.program import numbered
from lagrad.program.walk import needed, variables

# Loops of fewer equations in all are written out: what the steps share is then computed once.
FEWEST_EQUATIONS = 400
# Inputs of a step: its matrices are dense.
MOST_INPUTS = 48
# Numbers that all steps together keep for the way back.
MOST_KEPT = 4096


def chains(classification: Classification) -> dict[int, Chain]:
    """The loops of a program that are chains.

    Args:
        classification: a classified program.

    Returns:
        variable -> the chain that makes it.
    """
    found: dict[int, Chain] = {}
    for equation in classification.program.equations:
        if equation.name == "scan" and not equation.source.effects:
            chain = chain_of(classification, equation)
            if chain is not None:
                found |= {equation.outputs[place]: chain for place, _ in chain.outputs}
    return found


def chain_of(classification: Classification, equation: Equation) -> Chain | None:
    """The chain that a loop is; None if it is none."""
    params, kinds = equation.params, classification.kinds
    consts, carries = params["num_consts"], params["num_carry"]
    own = range(consts + carries, len(equation.inputs))
    if len(equation.outputs) > carries or any(equation.inputs[i] not in classification.values for i in own):
        return None
    if params["length"] < 2 or params["length"] * length_of(params["jaxpr"]) <= FEWEST_EQUATIONS:
        return None
    if not any(kinds[output] is Kind.NONLINEAR for output in equation.outputs):
        return None
    atoms = equation.source.invars
    handed = [i for i in range(consts, consts + carries) if is_float64(atoms[i])]
    shared = [i for i in range(consts) if kinds[equation.inputs[i]] > Kind.KNOWN]
    if not handed or not all(is_float64(atoms[i]) for i in (*shared, *own)):
        return None
    body = Body.of(equation, handed, shared, own, classification.values)
    return None if body is None else body.chain(params["length"])


def is_float64(atom: Any) -> bool:
    """Whether a variable is of double precision."""
    return atom.aval.dtype == FLOAT


@dataclass(frozen=True, eq=False)
class Body:
    """The body of a loop as a function of one vector: z of all rows, what steps share, what each has alone.

    Args:
        equation: the loop.
        operands: those that the vector is made of, in this order.
        handed: how many of these are parts of z.
        own: operand -> what each step has of its own, shape (length, size).
        classification: the body.
        pieces: kernels of the next z.
    """

    equation: Equation
    operands: tuple[int, ...]
    handed: int
    own: dict[int, np.ndarray]
    classification: Classification
    pieces: Pieces

    @classmethod
    def of(
        cls,
        equation: Equation,
        handed: Sequence[int],
        shared: Sequence[int],
        own: Sequence[int],
        values: dict[int, np.ndarray],
    ) -> Body | None:
        """Trace a body; None if it needs a counter."""
        params = equation.params
        closed, consts = params["jaxpr"], params["num_consts"]
        atoms = closed.jaxpr.invars
        targets = [closed.jaxpr.outvars[i - consts] for i in handed]
        operands = (*handed, *shared, *own)
        counted = [i for i in range(consts, len(atoms)) if i not in operands]
        used = [atom for each in needed(closed.jaxpr.eqns, targets) for atom in each.invars]
        if not variables([*used, *targets]).isdisjoint(closed.jaxpr.invars[i] for i in counted):
            return None
        starts = starts_of(atoms, operands)

        def function(x):
            arguments: list[Any] = [values.get(i, np.zeros(())) for i in equation.inputs]
            for i in counted:
                arguments[i] = np.zeros(shape_of(atoms[i]), aval_of(atoms[i]).dtype)
            for i, start in zip(operands, starts, strict=False):
                arguments[i] = x[start : start + size_of(atoms[i])].reshape(shape_of(atoms[i]))
            results = jex.jaxpr_as_fun(closed)(*arguments)
            return jnp.zeros(()), jnp.concatenate([results[i - consts].ravel() for i in handed])

        with float64():
            traced = jax.make_jaxpr(function)(jax.ShapeDtypeStruct((int(starts[-1]),), FLOAT))
        found = read(tidy(numbered(traced)))
        result = found.program.outputs[1]
        if found.kinds[result] < Kind.AFFINE:
            return None
        rows = {i: np.reshape(values[equation.inputs[i]], (params["length"], -1)) for i in own}
        if params["reverse"]:
            rows = {i: each[::-1] for i, each in rows.items()}
        return cls(equation, operands, len(handed), rows, found, Kernels(found)[result])

    def chain(self, length: int) -> Chain | None:
        """The chain of some steps, row by row, or as one row."""
        shapes = [shape_of(self.equation.source.invars[i]) for i in self.operands[: self.handed]]
        for rows in dict.fromkeys([shapes[0][0] if shapes[0] else 1, 1]):
            if all(shape[:1] == (rows,) or rows == 1 for shape in shapes):
                widths = [prod(shape) // rows for shape in shapes]
                if rows and sum(widths) <= MOST_INPUTS and sum(widths) * length <= MOST_KEPT:
                    found = self.by_rows(length, rows, widths)
                    if found is not None:
                        return found
        return None

    def by_rows(self, length: int, rows: int, widths: Sequence[int]) -> Chain | None:
        """The chain, if the next z of a row takes z of the same row only."""
        starts = np.cumsum([0, *(width * rows for width in widths)])
        consts = self.equation.params["num_consts"]
        inputs = [
            (self.operands[part], Indices(rows, entry, width if rows > 1 else 1))
            for part, width in enumerate(widths)
            for entry in range(width)
        ]
        numbers = {(operand, places.name): number for number, (operand, places) in enumerate(inputs)}
        own: dict[tuple[int, int], int] = {}
        groups, slots = [], []
        for part, width in enumerate(widths):
            for entry in range(width):
                group = self.group(Indices(rows, int(starts[part]) + entry, width if rows > 1 else 1))
                if group is None or not self.locate(group, inputs, numbers, own, slots):
                    return None
                groups.append(group)
        if len(inputs) > MOST_INPUTS:
            return None
        tape = Tape(rows)
        size = len(inputs)
        given = [tape.input(("chain", number)) for number in range(size)]
        data = [tape.input(("own", number)) for number in range(len(own))]
        # What a step has of its own comes behind the inputs, of which there were more and more.
        slots = [[number if number >= 0 else size - 1 - number for number in each] for each in slots]
        nodes = [*given, *data]
        results = record_groups(
            tape, self.classification, groups, [[nodes[number] for number in each] for each in slots]
        )
        steps = [group.masks.moved(each, len(nodes)) for group, each in zip(groups, slots, strict=True)]
        outputs = [
            (self.operands[p] - consts, entry) for p, width in enumerate(widths) for entry in range(width)
        ]
        try:
            derivatives = derived(tape, given, results)
        except NoRule:
            return None
        if any(has_arrays(tape, node) for node in range(len(tape.operations))):
            return None
        masks = tuple(each.limited(size) for each in repeated(steps, len(nodes), length))
        places = tuple(inputs), tuple(outputs)
        columns = [self.own[operand][:, entry] for operand, entry in own]
        alone = np.stack(columns, axis=1) if columns else np.zeros((length, 0))
        return Chain(
            length,
            rows,
            *places,
            tape,
            tuple(given),
            tuple(results),
            masks,
            *derivatives,
            tuple(data),
            np.ascontiguousarray(alone, dtype=float),
        )

    def group(self, elements: Indices) -> Group | None:
        """The elements of one entry of z as a group; None if they are not alike."""
        labels = self.pieces.labels
        if labels is not None and np.unique(labels[elements.array]).size > 1:
            return None
        kernel = self.pieces.at(elements)
        if kernel is None:
            return None
        slots = slotted(self.classification, kernel, always_single=True)
        nothing = sp.csr_array((1, elements.size))
        return Group(self.classification.program.outputs[1], elements, *slots, nothing, kernel.depth)

    def locate(self, group: Group, inputs: list, numbers: dict, own: dict, slots: list) -> bool:
        """Add the input of the chain that each slot is, below zero for a step's own; whether all are some."""
        starts, found = starts_of(self.equation.params["jaxpr"].jaxpr.invars, self.operands), []
        for slot in group.slots:
            layers = slot.form.layers
            if layers is None or len(layers) != 1 or slot.offset is not None or np.ptp(layers[0].factor):
                return False
            if np.ravel(layers[0].factor)[0] != 1.0:
                return False
            indices = layers[0].indices
            part = int(np.searchsorted(starts, indices.array[0], side="right")) - 1
            local = indices.array - starts[part]
            if local.min() < 0 or local.max() >= starts[part + 1] - starts[part]:
                return False
            if self.operands[part] in self.own:
                if np.ptp(local):
                    return False
                found.append(-1 - own.setdefault((self.operands[part], int(local[0])), len(own)))
                continue
            places = Indices.of(local)
            key = (self.operands[part], places.name)
            if key not in numbers:
                if part < self.handed:
                    return False
                numbers[key] = len(inputs)
                inputs.append((self.operands[part], places))
            found.append(numbers[key])
        slots.append(found)
        return True


def derived(
    tape: Tape, given: Sequence[int], results: Sequence[int]
) -> tuple[tuple[int, ...], dict[tuple[int, int], int], dict[tuple[int, int], int]]:
    """Weights, slopes and curvature of a step."""
    partials = Partials.of(tape, given, results)
    numbers = {node: number for number, node in enumerate(given)}
    weights = tuple(tape.input(("weight", number)) for number in range(len(results)))
    slopes = {
        (place, numbers[node]): slope
        for place, row in enumerate(partials.jacobian(results))
        for node, slope in row.items()
    }
    adjoints: dict[int, int] = {}
    for result, weight in zip(results, weights, strict=True):
        adjoints[result] = tape.plus(adjoints[result], weight) if result in adjoints else weight
    pairs = {
        (min(numbers[a], numbers[b]), max(numbers[a], numbers[b])): value
        for (a, b), value in partials.hessian(adjoints).items()
    }
    return weights, slopes, pairs


def starts_of(atoms: Sequence[Any], operands: Sequence[int]) -> np.ndarray:
    """Where each operand begins in the vector that they make up, and where the last one ends."""
    return np.cumsum([0, *(size_of(atoms[i]) for i in operands)])


def has_arrays(tape: Tape, node: int) -> bool:
    """Whether a node is a constant that differs from row to row."""
    operation = tape.operations[node]
    return operation.name == CONSTANT and operation.params["value"].size > 1


def repeated(steps: Sequence[Masks], size: int, length: int) -> tuple[Masks, ...]:
    """Masks of z after all steps, by the inputs of the chain."""
    flat = (0,) * size
    units = [Masks(1 << number, flat) for number in range(size)]
    current = list(units)
    for _ in range(length):
        following = [after(step, current) for step in steps] + units[len(steps) :]
        if following == current:
            break
        current = following
    return tuple(current[: len(steps)])


def after(step: Masks, inputs: Sequence[Masks]) -> Masks:
    """Masks of a function of functions."""
    chosen = list(bits(step.first))
    places = {number: place for place, number in enumerate(chosen)}
    meeting = [(places[a], places[b]) for a, b in step.pairs() if a in places and b in places]
    return (
        composed([inputs[number] for number in chosen], meeting) if chosen else Masks(0, (0,) * len(inputs))
    )

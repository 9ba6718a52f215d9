"""Say where patterns are dense, and which lines of the user made them so.

Detection walks the operations once more and looks at what each of them adds:

    rows    the first operations whose results depend on many inputs, though their operands do not
    pairs   the operations that make many inputs meet
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from lagrad.errors import DerivativeError
from lagrad.precision import float64
from lagrad.program.equation import Equation
from lagrad.program.program import Program
from lagrad.program.trace import operations
from lagrad.program.walk import needed, walk
from lagrad.sparsity.deps import MOST_ENTRIES, Deps, TooDense, identity, pooled
from lagrad.sparsity.interpreter import Rule, Walk
from lagrad.sparsity.liveness import live_pairs, meetings, products_of, symmetric_matrix
from lagrad.sparsity.rules import RULES
from lagrad.sparsity.value import AFFINE, Value, known_value, unknown_constant

# Rows of fewer columns are never called dense, nor is a block of fewer such rows.
MANY_COLUMNS, MANY_ROWS = 50, 10
# Part of the columns of a dense row, and of the entries of a dense Hessian.
SHARE = 0.1
# Lines that are named, the first or the worst ones.
LISTED = 3


@dataclass(frozen=True)
class DensePart:
    """A dense part of a pattern.

    Args:
        rows: number of dense rows.
        columns: inputs that the widest of them depends on.
        places: the user's lines that made them so.
    """

    rows: int
    columns: int
    places: tuple[str, ...]


def is_dense(counts: np.ndarray, n: int) -> np.ndarray:
    """Which rows are dense, by their numbers of columns out of n; none if they are few."""
    wide = counts >= max(MANY_COLUMNS, SHARE * n)
    return wide & (wide.sum() >= MANY_ROWS)


def dense_parts(
    program: Program, rules: Mapping[str, Rule] = RULES
) -> tuple[DensePart | None, DensePart | None]:
    """Dense parts of the derivatives of a function.

    Args:
        program: its operations, with the user's lines; the first input is x.
        rules: primitive name -> sparsity rule.

    Returns:
        Of the Jacobian and of the Hessian of its outputs; None where it is not dense.
    """
    n = program.size(program.inputs[0])
    if n < MANY_COLUMNS:
        return None, None
    seen = Seen.of(program, n, rules)
    outputs = [seen.values[i] for i in program.outputs]
    try:
        counts = np.diff(pooled([Deps(0, n), *(value.deps for value in outputs)]).matrix.indptr)
    except TooDense as error:
        raise at_lines(error, seen.widening(max(MANY_COLUMNS, int(SHARE * n)))) from None
    return seen.rows(counts), seen.pairs()


@dataclass(frozen=True, eq=False)
class Seen:
    """A program walked.

    Args:
        program: its operations.
        n: number of inputs.
        values: variable -> what it depends on.
        walk: which wrote the tape.
        lengths: length of the tape behind each operation.
    """

    program: Program
    n: int
    values: dict[int, Value]
    walk: Walk
    lengths: Sequence[int]

    @classmethod
    def of(cls, program: Program, n: int, rules: Mapping[str, Rule]) -> Seen:
        """A program walked, its first input being active."""
        found, lengths = Walk(n, rules), []
        values = {number: known_value(array, n) for number, array in program.constants.items()}
        shapes = {number: program.avals[number].shape for number in program.inputs}
        values |= {number: unknown_constant(shape, n) for number, shape in shapes.items()}
        values[program.inputs[0]] = Value(shapes[program.inputs[0]], identity(n), AFFINE)

        def visit(equation: Equation, operands: list[Value]) -> Sequence[Value]:
            try:
                results = found.visit(equation.source, operands)
            except TooDense as error:
                raise at_lines(error, [equation.place]) from None
            lengths.append(len(found.tape))
            return results

        with float64(), warnings.catch_warnings():
            # What has no rule was warned of when the problem was differentiated.
            warnings.simplefilter("ignore")
            walk(program.equations, values, visit)
        return cls(program, n, values, found, lengths)

    def rows(self, counts: np.ndarray) -> DensePart | None:
        """The dense rows among those of the outputs, which have these numbers of columns."""
        dense = counts[is_dense(counts, self.n)]
        if not dense.size:
            return None
        return DensePart(dense.size, int(dense.max()), self.widening(int(dense.min())))

    def widening(self, least: int) -> tuple[str, ...]:
        """The user's lines behind which an element first depends on at least so many inputs."""
        made = [
            equation.place
            for equation in needed(self.program.equations, self.program.outputs)
            if self.widest(equation.outputs) >= least > self.widest(equation.inputs)
        ]
        return tuple(dict.fromkeys(made))[:LISTED]

    def widest(self, variables: Sequence[int]) -> int:
        """Inputs that the widest element of some variables depends on, at most."""
        return max((width(self.values[i].deps) for i in variables), default=0)

    def pairs(self) -> DensePart | None:
        """The dense part of the Hessian of the outputs."""
        outputs = [self.values[i] for i in self.program.outputs]
        live = live_pairs(self.walk.tape, outputs, [True] * len(outputs))
        try:
            counts = np.diff(symmetric_matrix(live, self.n).indptr)
        except TooDense as error:
            raise at_lines(error, self.meeting(SHARE * MOST_ENTRIES)) from None
        dense = counts[is_dense(counts, self.n)]
        if not dense.size:
            return None
        return DensePart(dense.size, int(dense.max()), self.meeting(SHARE * float(dense.sum())))

    def meeting(self, least: float) -> tuple[str, ...]:
        """The user's lines that make at least so many pairs of inputs meet, most first."""
        made: dict[str, int] = {}
        starts = [0, *self.lengths]
        for equation, start, stop in zip(self.program.equations, starts, self.lengths, strict=False):
            steps = self.walk.tape[start:stop]
            pairs = [pair for step in steps for pair in step.pairs([True] * len(step.outputs))]
            products = sum(product.products for product in products_of(meetings(pairs)))
            if products >= least:
                made[equation.place] = made.get(equation.place, 0) + products
        return tuple(sorted(made, key=lambda place: -made[place]))[:LISTED]


def at_lines(error: TooDense, places: Sequence[str]) -> DerivativeError:
    """The same error with the user's lines."""
    return DerivativeError(f"{error} It comes from {'; '.join(places) or 'an unknown line'}.")


def located(
    error: TooDense, function: Callable, inputs: Sequence, rules: Mapping[str, Rule] = RULES
) -> DerivativeError:
    """The same error with the user's lines, if a function alone meets it.

    Args:
        error: of a pattern in which the function has a part.
        function: of `inputs`, the first of which is x.
        inputs: arrays; only shapes and dtypes count.
        rules: primitive name -> sparsity rule.
    """
    try:
        dense_parts(operations(function, inputs, rules_whole=True), rules)
    except DerivativeError as found:
        return found
    return error


def width(deps: Deps) -> int:
    """Inputs that the widest element depends on, those of several slots counted apart."""
    total = np.zeros(deps.size, dtype=np.int64)
    for slot in deps.slots:
        lengths = 1 if slot.base is None else np.diff(slot.base.indptr)[slot.index]
        total += np.where(slot.index >= 0, lengths, 0)
    return min(int(total.max(initial=0)), deps.n)

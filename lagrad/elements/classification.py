"""Classify every variable of a program: known, parametric, affine or nonlinear.

known       its numbers are fixed by the program         idx, 2.0
parametric  changes with params only                     p * 3
affine      A x + b with A and b known                   theta[i] - theta[j]
nonlinear   anything else                                sin(x), p * x
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from functools import reduce
from typing import Any

import numpy as np

from lagrad.elements.affine import Affine, layered_form
from lagrad.elements.calls import CALL, ElementCall, element_call
from lagrad.elements.chain import Chain
from lagrad.elements.indices import Indices
from lagrad.elements.linear import Maps, broadcast, maps
from lagrad.elements.lookups import GATHER, Table, is_lookup
from lagrad.elements.searches import Search, searches
from lagrad.primitives.elementwise import interaction_of
from lagrad.primitives.interaction import Interaction, parse
from lagrad.program.entries import Entries, Knowledge, known_entries
from lagrad.program.equation import Equation
from lagrad.program.folding import fold
from lagrad.program.program import Program

# A read takes a table and a place, a search four operands of a loop: none of them has a derivative.
CHOSEN, NOWHERE = parse(". . |"), parse(". . . . |")


class Kind(IntEnum):
    """What a variable depends on, from least to most."""

    KNOWN = 0
    PARAMETRIC = 1
    AFFINE = 2
    NONLINEAR = 3


@dataclass(frozen=True, eq=False)
class Classification:
    """A program with the kind of each variable.

    Args:
        program: what was read.
        kinds: variable -> Kind.
        values: variable -> its numbers, for known ones.
        entries: variable -> its known numbers, where only some are.
        linear: variable -> linear maps of its equation; None where it is not linear.
        producers: variable -> index of the equation that makes it.
        forms: cache of `form`.
        offsets: cache of `offset`.
        forms_at: cache of `form_at`.
        offsets_at: cache of `offset_at`.
        calls: cache of `call`.
        tables: cache of `table`.
        searches: cache of `search`.
        chains: variable -> the chain of steps that makes it; for what reads the program.
        recipes: cache of how elements of variables are recorded.
    """

    program: Program
    kinds: dict[int, Kind]
    values: dict[int, np.ndarray]
    entries: dict[int, Entries]
    linear: dict[int, Maps | None]
    producers: dict[int, int]
    forms: dict[int, Affine] = field(default_factory=dict)
    offsets: dict[int, np.ndarray] = field(default_factory=dict)
    forms_at: dict[tuple[int, tuple | bytes], Affine] = field(default_factory=dict)
    offsets_at: dict[tuple[int, tuple | bytes], np.ndarray | None] = field(default_factory=dict)
    calls: dict[int, ElementCall | None] = field(default_factory=dict)
    tables: dict[int, Table] = field(default_factory=dict)
    searches: dict[int, Sequence[Search | None]] = field(default_factory=dict)
    chains: dict[int, Chain] = field(default_factory=dict)
    recipes: dict[tuple[int, tuple | bytes], Any] = field(default_factory=dict)

    def knowledge(self, variable: int) -> Knowledge:
        """What is known of the numbers of a variable: all of them, some, or nothing."""
        return self.values[variable] if variable in self.values else self.entries.get(variable)

    def maps_of(self, variable: int) -> Maps:
        """Linear maps of an equation that is known to be linear."""
        found = self.linear[variable]
        assert found is not None
        return found

    def call(self, equation: Equation) -> ElementCall | None:
        """The function of scalars that a call of a function with its own rule applies to each element."""
        key = equation.outputs[0]
        if key not in self.calls:
            self.calls[key] = element_call(equation.source)
        return self.calls[key]

    def interaction(self, equation: Equation, output: int) -> Interaction | None:
        """Which derivatives of an elementwise equation can be nonzero; None if it is not elementwise."""
        if self.is_lookup(equation):
            return CHOSEN
        if self.search(equation, output) is not None:
            return NOWHERE
        if equation.name != CALL:
            return interaction_of(equation.source)
        call = self.call(equation)
        return None if call is None else call.interactions[equation.outputs.index(output)]

    def is_lookup(self, equation: Equation) -> bool:
        """Whether an equation reads a known table at a place that depends on x, one for each element."""
        return equation.name == GATHER and equation.inputs[0] in self.values and is_lookup(equation.source)

    def table(self, variable: int) -> Table:
        """A known variable as a table."""
        if variable not in self.tables:
            self.tables[variable] = Table.of(self.values[variable])
        return self.tables[variable]

    def search(self, equation: Equation, output: int) -> Search | None:
        """The search of a known sorted array that gives an output of a loop; None if it is none."""
        if equation.name != "scan":
            return None
        key = equation.outputs[0]
        if key not in self.searches:
            self.searches[key] = searches(equation.source, [self.values.get(i) for i in equation.inputs])
        return self.searches[key][equation.outputs.index(output)]

    def places(self, equation: Equation, operand: int, output: int) -> Indices:
        """Element of an operand that each element of an output of an elementwise equation takes."""
        place = equation.outputs.index(output)
        call = self.call(equation) if equation.name == CALL else None
        return broadcast(equation.source, operand, place) if call is None else call.places[place][operand]

    def form(self, variable: int) -> Affine:
        """A of an affine variable A x + b, shape (size, n)."""
        for index in self.pending(variable, self.forms):
            equation = self.program.equations[index]
            for output in equation.outputs:
                linear = self.maps_of(output)
                parts = [self.forms[equation.inputs[i]].through(linear[i]) for i in sorted(linear)]
                self.forms[output] = reduce(Affine.plus, parts)
        return self.forms[variable]

    def offset(self, variable: int) -> np.ndarray:
        """b of an affine variable A x + b, shape (size,): its value at x = 0."""
        for index in self.pending(variable, self.offsets):
            equation = self.program.equations[index]
            operands = [
                self.values[i] if i in self.values else self.offsets[i].reshape(self.program.avals[i].shape)
                for i in equation.inputs
            ]
            values = [np.asarray(value).reshape(-1) for value in fold(equation.source, operands)]
            self.offsets.update(zip(equation.outputs, values, strict=True))
        return self.offsets[variable]

    def form_at(self, variable: int, indices: Indices) -> Affine:
        """The same for some elements, by layers where that can be; many kernels ask for the same ones."""
        key = variable, indices.name
        if key not in self.forms_at:
            self.forms_at[key] = layered_form(self.form(variable).at(indices))
        return self.forms_at[key]

    def offset_at(self, variable: int, indices: Indices) -> np.ndarray | None:
        """b of some elements; None for zero."""
        key = variable, indices.name
        if key not in self.offsets_at:
            offset = indices.take(self.offset(variable))
            self.offsets_at[key] = offset if offset.any() else None
        return self.offsets_at[key]

    def pending(self, variable: int, done: dict) -> list[int]:
        """Equations still to be worked through before an affine variable is in `done`, in order."""
        found, stack = set(), [variable]
        while stack:
            current = stack.pop()
            index = self.producers.get(current)
            if current in done or index is None or index in found:
                continue
            found.add(index)
            stack += [i for i in self.program.equations[index].inputs if self.kinds[i] is Kind.AFFINE]
        return sorted(found)


def read(program: Program) -> Classification:
    """Classify every variable of a program.

    Args:
        program: numbered equations of (x, *param leaves) -> (f, c).

    Returns:
        Classification; known equations are folded by executing them.
    """
    x, *leaves = program.inputs
    values = dict(program.constants)
    kinds = dict.fromkeys(values, Kind.KNOWN) | dict.fromkeys(leaves, Kind.PARAMETRIC) | {x: Kind.AFFINE}
    n = program.size(x)
    found = Classification(program, kinds, values, {}, {}, {}, {x: Affine.identity(n)}, {x: np.zeros(n)})
    for index, equation in enumerate(program.equations):
        classify(found, equation)
        found.producers.update(dict.fromkeys(equation.outputs, index))
    return found


def classify(classification: Classification, equation: Equation) -> None:
    """Add the outputs of one equation to the classification of what is before it."""
    kinds, values, entries = classification.kinds, classification.values, classification.entries
    known = [values.get(variable) for variable in equation.inputs]
    kind = max((kinds[variable] for variable in equation.inputs), default=Kind.KNOWN)
    if kind is Kind.KNOWN and not equation.source.effects:
        values.update(zip(equation.outputs, fold(equation.source, known), strict=True))
    elif kind >= Kind.AFFINE:
        found = dict(zip(equation.outputs, maps(equation.source, known), strict=True))
        operands = [kinds[variable] for variable in equation.inputs]
        classification.linear.update(found)
        kind = max((curvature(each, operands) for each in found.values()), default=Kind.NONLINEAR)
    else:
        kind = Kind.PARAMETRIC
    kinds.update(dict.fromkeys(equation.outputs, kind))
    if kind is not Kind.KNOWN:
        partly = known_entries(equation.source, [classification.knowledge(i) for i in equation.inputs])
        pairs = zip(equation.outputs, partly, strict=True)
        entries.update((output, each) for output, each in pairs if each is not None)


def curvature(linear: Maps | None, kinds: list[Kind]) -> Kind:
    """Kind of the output of an equation that depends on x."""
    if linear is None or any(kinds[operand] in (Kind.PARAMETRIC, Kind.NONLINEAR) for operand in linear):
        return Kind.NONLINEAR
    return Kind.AFFINE

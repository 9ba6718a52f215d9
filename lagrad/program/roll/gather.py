"""Gather equations that differ only in places: a program of single elements becomes batches and long sums.

Bottom-up, each equation is named by its primitive, its parameters and the kinds of its operands. Equal names
are one batch, which costs one equation however many elements it has. Sums are taken apart into their terms,
since a chain of a thousand additions is a thousand different names but one long sum.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import cast

import numpy as np

from lagrad.primitives.movers import scatter_positions
from lagrad.program.alike import told_by
from lagrad.program.equation import Equation
from lagrad.program.folding import fold_quickly
from lagrad.program.program import Lines
from lagrad.program.roll.gathered import Batch, Filled, Gathered, SignedSum, Stack, Sums
from lagrad.program.roll.places import CHOOSING, LARGEST_ELEMENT, Place, places_of
from lagrad.program.roll.terms import Entry, Member, Number, Picked, Row, Term, Whole

# Sums of so many terms are written out where something nonlinear takes them.
SHORT_SUM = 8
# Operands that a stack of elements has at least, and equations that fill an array at once.
FEWEST_STACKED, FEWEST_FILLING = 8, 4
SIGNS = {"add": (1, 1), "add_any": (1, 1), "sub": (1, -1), "neg": (-1,)}
AXES = {"concatenate": "dimension", "stack": "axis"}
FLOAT64 = np.dtype(np.float64)
FILLING = ("scatter", "scatter-add")
# Kinds of dtypes whose values are numbers or truths.
NUMERIC = "biufc"
SPECIAL = CHOOSING.union(AXES, FILLING)
# What is done with an equation: number of the key of its batch, signs of a sum, or None, where it has to be
# looked at.
Action = int | tuple[int, ...] | None
PASSED_ON = ("reshape", "broadcast_in_dim", "squeeze", "copy", *AXES)


def gathered(
    program: Lines, most: float, runs: Mapping[int, tuple[int, int]] | None = None
) -> Gathered | None:
    """Gather equations.

    Args:
        program: the equations.
        most: number of equations that are worth it.
        runs: variables that are entries of an input, one after the other: the input, and the first of them.

    Returns:
        What was gathered; None if that is more than `most` equations.
    """
    inputs = chain.from_iterable([equation.inputs for equation in program.equations])
    uses = np.bincount(np.fromiter(chain(program.outputs, inputs), np.int64), minlength=len(program.avals))
    gatherer = Gatherer(Gathered(program), uses.tolist(), arrays(program), only_stacked(program, uses))
    for variable, (source, first) in (runs or {}).items():
        gatherer.entries(variable, source, first)
    if not gatherer.add_all(most):
        return None
    for variable in program.outputs:
        gatherer.term(variable)
    return gatherer.found if gatherer.found.equations <= most else None


def arrays(program: Lines) -> set[int]:
    """Variables that are no elements."""
    return {
        n for n, aval in enumerate(program.avals) if aval.shape and math.prod(aval.shape) > LARGEST_ELEMENT
    }


def on_arrays(program: Lines) -> int:
    """Number of equations that stay as they are, because they compute with arrays."""
    large = arrays(program)
    return sum([each.name not in SPECIAL and each.touches(large) for each in program.equations])


def only_stacked(program: Lines, uses: np.ndarray) -> list[bool]:
    """For each variable, whether it does nothing but become entries of the outputs.

    Args:
        program: the equations.
        uses: how often each variable is used.
    """
    passing = [each for each in program.equations if each.name in PASSED_ON]
    others = uses.tolist()
    for variable in chain(program.outputs, *(each.inputs for each in passing)):
        others[variable] -= 1
    stacked = [not count for count in others]
    for equation in reversed(passing):
        if not stacked[equation.outputs[0]]:
            for operand in equation.inputs:
                stacked[operand] = False
    return stacked


@dataclass(eq=False)
class Gatherer:
    """The work in progress.

    Args:
        found: what is gathered so far.
        uses: how often each variable is used.
        arrays: variables that are no elements.
        stacked: whether each variable only becomes entries of outputs.
        keys: name and parameters of an equation -> their number.
        names: kinds of operands, and number of a key -> number of the batch.
        pending: variables that are sums not yet written: signs and terms.
        filling: variables that are arrays still being filled.
        left: primitive, parameters and operands -> an equation that stays as it is.

    Attributes:
        known: variable -> its value, of constants and of indices that are computed from these.
        sums: signs -> number of the key, and the sum, of a few terms with these.
    """

    found: Gathered
    uses: list[int]
    arrays: set[int]
    stacked: list[bool]
    keys: dict[tuple, int] = field(default_factory=dict)
    names: dict[tuple, int] = field(default_factory=dict)
    pending: dict[int, list[tuple[int, Term]]] = field(default_factory=dict)
    filling: dict[int, Filled] = field(default_factory=dict)
    left: dict[tuple, Equation] = field(default_factory=dict)

    def __post_init__(self):
        self.known = dict(self.found.program.constants)
        self.sums: dict[tuple[int, ...], tuple[int, SignedSum]] = {}

    def add_all(self, most: float) -> bool:
        """Take all equations, in order, and tell whether they are at most so many batches."""
        # Equations of a list share what they were traced to, which is then looked at once.
        actions, batches = dict[int, Action](), self.found.batches
        for equation in self.found.program.equations:
            source = id(equation.source)
            if source not in actions:
                actions[source] = self.action(equation)
            action = actions[source]
            if isinstance(action, int):
                self.take(action, equation)
            elif action is not None:
                self.sum(action, equation)
            else:
                self.add(equation)
            if len(batches) > most:
                return False
        return True

    def action(self, equation: Equation) -> Action:
        """Number of the key of one of a batch, signs of a sum; None where more has to be looked at."""
        variables, avals, name = equation.inputs + equation.outputs, self.found.program.avals, equation.name
        if equation.source.effects or name in SPECIAL or not self.arrays.isdisjoint(variables):
            return None
        aval = avals[equation.outputs[0]]
        # Whole numbers may be indices that are known.
        if aval.dtype.kind in "iub":
            return None
        is_sum = name in SIGNS and aval.dtype == FLOAT64
        if is_sum and all(avals[each].shape == aval.shape for each in equation.inputs):
            return SIGNS[name]
        return self.key(equation)

    def add(self, equation: Equation) -> None:
        """Take the next equation."""
        name = equation.name
        if self.is_known(equation) or (name in CHOOSING and self.view(equation)):
            return
        if (name in AXES and self.stack(equation)) or (name in FILLING and self.fill(equation)):
            return
        self.ordinary(equation)

    def ordinary(self, equation: Equation) -> None:
        """Take an equation as one of a batch, or leave it as it is."""
        if equation.source.effects or equation.touches(self.arrays):
            self.leave(equation)
        else:
            self.take(self.key(equation), equation)

    def take(self, key: int, equation: Equation) -> None:
        """Take an equation as one of a batch."""
        known = self.found.terms
        # Most operands are known, and a call would take longer than all else here.
        terms = [known.get(operand) or self.term(operand) for operand in equation.inputs]
        batch, place = self.member(key, equation, terms)
        if len(batch.results) == 1:
            known[equation.outputs[0]] = batch.results[0], place
            return
        for variable, result in zip(equation.outputs, batch.results, strict=True):
            known[variable] = result, place

    def key(self, equation: Equation) -> int:
        """Number of a name and parameters."""
        name, new = (equation.name, *equation.params.values()), len(self.keys)
        try:
            found = self.keys.get(name)
        except TypeError:
            name, found = (equation.name, id(equation.params)), None
        if found is None:
            # Most parameters are the same objects, or simple ones.
            found = self.keys.setdefault(told_by(equation.source), new)
            self.keys[name] = found
        return found

    def shape(self, variable: int) -> tuple[int, ...]:
        """Shape of a variable."""
        return self.found.program.avals[variable].shape

    def term(self, variable: int) -> Term:
        """What a variable is; a sum that waited to be written is written."""
        known = self.found.terms.get(variable)
        if known is None:
            waiting, filled = self.pending.pop(variable, None), self.filling.pop(variable, None)
            if filled is not None:
                return self.settled(variable, filled)
            known = self.origin(variable) if waiting is None else self.written(variable, waiting)
            self.found.terms[variable] = known
        return known

    def origin(self, variable: int) -> Term:
        """A variable that no equation gives: numbers, or an array as it is."""
        value = self.known.get(variable)
        # A random key is no NumPy array.
        if isinstance(value, np.ndarray) and variable not in self.arrays and value.dtype.kind in NUMERIC:
            if value.ndim:
                return self.found.kinds.number(0, Number, value.dtype, value.shape), value.tobytes()
            number = value.item()
            # 0.0 and -0.0 are equal, but not the same.
            if number != 0 or not np.signbit(np.real(number)):
                return self.found.kinds.number(0, Number, value.dtype, ()), number
        return self.found.kinds.number(0, Whole, variable), None

    def entries(self, variable: int, source: int, first: int) -> None:
        """Note that a variable is entries of an input."""
        kinds = self.found.kinds
        self.found.terms[variable] = kinds.number(0, Entry, source, self.shape(variable)), first

    def level(self, terms: Sequence[Term]) -> int:
        """How many long sums lie behind terms, one in the other."""
        levels = self.found.kinds.levels
        return max([levels[number] for number, _ in terms], default=0)

    def is_known(self, equation: Equation) -> bool:
        """Whether an equation computes with known indices; then it is computed."""
        known, avals = self.known, self.found.program.avals
        if not all(map(known.__contains__, equation.inputs)) or equation.source.effects:
            return False
        if not all(avals[i].dtype.kind in "iub" and i not in self.arrays for i in equation.outputs):
            return False
        values = fold_quickly(equation.source, [known[i] for i in equation.inputs])
        if values is not None:
            known.update(zip(equation.outputs, values, strict=True))
        return values is not None

    def view(self, equation: Equation) -> bool:
        """Whether the results are entries of an array at known places; then they are noted."""
        operand, kinds = equation.inputs[0], self.found.kinds
        number, place = self.term(operand)
        kind = kinds.found[number]
        at: Place
        if operand in self.found.program.constants:
            source, at = operand, 0
        elif isinstance(kind, Whole):
            source, at = kind.variable, 0
        elif isinstance(kind, Entry):
            source, at = kind.source, cast(int, place)
        elif isinstance(kind, Picked):
            source, at = kind.source, np.frombuffer(cast(bytes, place), np.int64)
        else:
            return False
        found = places_of(equation, at, self.shape(operand), [self.known.get(i) for i in equation.inputs])
        if found is None:
            return False
        level = kinds.levels[number]
        for result, each in zip(equation.outputs, found, strict=True):
            if isinstance(each, int):
                self.found.terms[result] = kinds.number(level, Entry, source, self.shape(result)), each
            else:
                entries = np.asarray(each, np.int64).tobytes()
                self.found.terms[result] = kinds.number(level, Picked, source, self.shape(result)), entries
        return True

    def sum(self, signs: tuple[int, ...], equation: Equation) -> None:
        """Take an equation that adds up elements; its terms wait until something else takes the sum."""
        found: list[tuple[int, Term]] = []
        known, pending, uses = self.found.terms, self.pending, self.uses
        for sign, operand in zip(signs, equation.inputs, strict=True):
            if operand in pending and uses[operand] == 1:
                terms = pending.pop(operand)
                part = terms if sign > 0 else [(-each, term) for each, term in terms]
            else:
                part = [(sign, known.get(operand) or self.term(operand))]
            # The longer is extended by the other: a chain of sums costs no more than its length.
            if len(part) > len(found):
                found, part = part, found
            found.extend(part)
        pending[equation.outputs[0]] = found

    def written(self, variable: int, terms: list[tuple[int, Term]]) -> Term:
        """A sum as one of the long ones of its level, or as an element if it is short and more follows."""
        kinds = self.found.kinds
        if len(terms) <= SHORT_SUM and not self.stacked[variable]:
            signs, operands = zip(*terms, strict=True)
            if (known := self.sums.get(signs)) is None:
                number = self.keys.setdefault(("sum", signs), len(self.keys))
                known = self.sums[signs] = number, SignedSum(signs)
            batch, place = self.member(*known, operands)
            return batch.results[0], place
        # Without zeros.
        terms = [
            each for each in terms if each[1][1] != 0 or not isinstance(kinds.found[each[1][0]], Number)
        ] or terms[:1]
        aval, level = self.found.program.avals[variable], 1 + self.level([term for _, term in terms])
        kind = Row(level, aval.shape)
        sums = self.found.sums.setdefault(kind, Sums())
        for sign, (number, place) in terms:
            if (row := sums.terms.get(number)) is None:
                row = sums.terms[number] = [], [], []
            row[0].append(sums.count)
            row[1].append(place)
            row[2].append(sign)
        sums.count += 1
        return kinds.number(level, Row, level, aval.shape), sums.count - 1

    def stack(self, equation: Equation) -> bool:
        """Whether an equation puts many elements side by side; then they are noted."""
        if len(equation.inputs) < FEWEST_STACKED or equation.params[AXES[equation.name]] != 0:
            return False
        (result,), stack, start = equation.outputs, Stack(), 0
        terms = [self.term(operand) for operand in equation.inputs]
        for operand, (number, place) in zip(equation.inputs, terms, strict=True):
            size = math.prod(self.shape(operand))
            starts, places, _ = stack.parts.setdefault(number, ([], [], size))
            starts.append(start)
            places.append(place)
            start += size
        self.found.stacks[result] = stack
        self.whole(result, terms)
        return True

    def fill(self, equation: Equation) -> bool:
        """Whether an equation fills an array at known places; then it waits for others that go on."""
        operand, _, updates = equation.inputs
        entries = self.entries_filled(equation)
        if entries is None:
            return False
        found = self.filling.get(operand) if self.uses[operand] == 1 else None
        if found is not None and found.goes_on(equation, entries):
            del self.filling[operand]
        else:
            found = Filled(self.term(operand))
        found.add(equation, entries, self.term(updates))
        self.filling[equation.outputs[0]] = found
        return True

    def entries_filled(self, equation: Equation) -> np.ndarray | None:
        """Entry of the flat array that each update goes to; None if that is not known, or two meet there."""
        avals, params, indices = self.found.program.avals, equation.params, self.known.get(equation.inputs[1])
        operand, _, updates = (avals[i] for i in equation.inputs)
        is_sum = equation.name == "scatter-add"
        if (
            indices is None
            or operand.dtype != updates.dtype
            or not (is_sum or params["update_jaxpr"] is None)
        ):
            return None
        shapes = operand.shape, indices.shape, updates.shape
        found = scatter_positions(shapes, indices, **params).reshape(-1)
        is_clear = found.min(initial=0) >= 0 and (is_sum or np.unique(found).size == found.size)
        return found if is_clear else None

    def settled(self, variable: int, filled: Filled) -> Term:
        """An array that something takes: filled at once, or as it was written by a few equations."""
        if len(filled.equations) < FEWEST_FILLING:
            for equation in filled.equations:
                self.ordinary(equation)
        else:
            self.found.filled[variable] = filled
            self.whole(variable, [filled.base, *((number, None) for number in filled.parts)])
        return self.found.terms[variable]

    def leave(self, equation: Equation) -> None:
        """Keep an equation as it is, once if there are several that are equal."""
        terms = [self.term(operand) for operand in equation.inputs]
        if self.is_left(equation, terms):
            return
        for result in equation.outputs:
            self.found.single[result] = equation
            self.whole(result, terms)

    def is_left(self, equation: Equation, operands: Sequence[Term]) -> bool:
        """Whether an equal equation is kept; then its results are taken."""
        if equation.source.effects:
            return False
        try:
            key = (equation.name, *equation.params.values(), *operands)
            first = self.left.setdefault(key, equation)
        except TypeError:
            # Parameters that cannot be compared are equal to no others.
            return False
        if first is equation:
            return False
        terms = self.found.terms
        terms.update((each, terms[same]) for each, same in zip(equation.outputs, first.outputs, strict=True))
        return True

    def whole(self, variable: int, terms: Sequence[Term]) -> None:
        """Note an array that is computed from some terms."""
        self.found.terms[variable] = self.found.kinds.number(self.level(terms), Whole, variable), None

    def member(self, key: int, element: Equation | SignedSum, terms: Sequence[Term]) -> tuple[Batch, int]:
        """The batch of one more element, and its place there, or that of the equal one that it has."""
        batches = self.found.batches
        if len(terms) == 2:
            (first, place), (second, other) = terms
            kinds, places = (first, second), (place, other)
        else:
            kinds, places = zip(*terms, strict=True) if terms else ((), ())
        number = self.names.setdefault((key, kinds), len(batches))
        if number == len(batches):
            batches.append(self.batch(element, kinds, self.level(terms)))
        batch = batches[number]
        return batch, batch.members.setdefault(places, len(batch.members))

    def batch(self, element: Equation | SignedSum, kinds: tuple[int, ...], level: int) -> Batch:
        """The next batch, still empty."""
        own, number = len(self.found.batches), self.found.kinds.number
        results = tuple(number(level, Member, own, i) for i in range(len(element.outputs)))
        return Batch(element, kinds, results)

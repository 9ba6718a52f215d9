"""Hold a gathered program: batches of equal equations, long sums, arrays put together, what stays single."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field

import numpy as np

from lagrad.program.equation import Equation
from lagrad.program.program import Lines
from lagrad.program.roll.terms import Kinds, Row, Term


@dataclass(frozen=True)
class SignedSum:
    """A sum of a few terms, from left to right, as an equation of its own.

    Args:
        signs: 1 or -1 for each term.
    """

    signs: tuple[int, ...]
    outputs: tuple[int, ...] = (0,)
    source: None = None

    def bind(self, *terms) -> tuple:
        """The sum."""
        total = terms[0] if self.signs[0] > 0 else -terms[0]
        for sign, term in zip(self.signs[1:], terms[1:], strict=True):
            total = total + term if sign > 0 else total - term
        return (total,)


@dataclass(eq=False)
class Batch:
    """Equations that differ only in the places of their operands.

    Args:
        element: one of them.
        kinds: number of the kind of each operand.
        results: number of the kind of each result.
        members: places of the operands of each equation -> its number; equal equations are one.
    """

    element: Equation | SignedSum
    kinds: tuple[int, ...]
    results: tuple[int, ...]
    members: dict[tuple[Hashable, ...], int] = field(default_factory=dict)

    @property
    def places(self) -> list[tuple[Hashable, ...]]:
        """For each operand, its place in each equation."""
        return [*zip(*self.members, strict=True)]


@dataclass(eq=False)
class Sums:
    """Long sums of one level: which terms each adds up, by the kind of the term.

    Args:
        terms: number of the kind -> (sums, places of the terms, signs).
        count: how many sums.
    """

    terms: dict[int, tuple[list[int], list[Hashable], list[int]]] = field(default_factory=dict)
    count: int = 0


@dataclass(eq=False)
class Stack:
    """An array put together from elements, one after the other.

    Args:
        parts: number of the kind -> (first entries in the flat array, places of the elements, their size).
    """

    parts: dict[int, tuple[list[int], list[Hashable], int]] = field(default_factory=dict)


@dataclass(eq=False)
class Filled:
    """An array some entries of which are replaced, or added to, by one element after the other.

    Args:
        base: the array.
        equations: which did so, all by the same primitive.
        parts: number of the kind -> (entries of the flat array for each element, places of the elements).
        replaced: all these entries, where they are replaced.
    """

    base: Term
    equations: list[Equation] = field(default_factory=list)
    parts: dict[int, tuple[list[np.ndarray], list[Hashable]]] = field(default_factory=dict)
    replaced: set[int] = field(default_factory=set)

    def goes_on(self, equation: Equation, entries: np.ndarray) -> bool:
        """Whether another equation fills likewise, and replaces nothing that was replaced before."""
        return equation.name == self.equations[0].name and self.replaced.isdisjoint(entries.tolist())

    def add(self, equation: Equation, entries: np.ndarray, term: Term) -> None:
        """Take one more equation, the entries that it fills, and what with."""
        number, place = term
        where, places = self.parts.setdefault(number, ([], []))
        where.append(entries)
        places.append(place)
        self.equations.append(equation)
        if equation.name == "scatter":
            self.replaced.update(entries.tolist())


@dataclass(eq=False)
class Gathered:
    """A program as batches, sums, stacks and what remains single.

    Args:
        program: what it was.
        kinds: of all operands.
        batches: in order of their first equations.
        sums: by their kind.
        stacks: by the array that each makes.
        filled: likewise.
        single: equations that stay as they are, by each of their results.
        terms: what variables are.
    """

    program: Lines
    kinds: Kinds = field(default_factory=Kinds)
    batches: list[Batch] = field(default_factory=list)
    sums: dict[Row, Sums] = field(default_factory=dict)
    stacks: dict[int, Stack] = field(default_factory=dict)
    filled: dict[int, Filled] = field(default_factory=dict)
    single: dict[int, Equation] = field(default_factory=dict)
    terms: dict[int, Term] = field(default_factory=dict)

    @property
    def equations(self) -> int:
        """About how many equations the batched program has: operands are gathered by equations, too."""
        parts = [batch.kinds for batch in self.batches] + [sums.terms for sums in self.sums.values()]
        parts += [each.parts for each in (*self.stacks.values(), *self.filled.values())]
        return len(self.single) + sum(1 + len(part) for part in parts)

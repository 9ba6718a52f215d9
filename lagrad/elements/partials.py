"""Differentiate tapes: nodes of first and second derivatives of recorded values.

Gradients run backwards. So do second derivatives, all pairs at once (see `pairs`): they begin with the
adjoint of each node z of operands a, b times its own second derivative z_ab.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from lagrad.elements.masks import bits
from lagrad.elements.pairs import hessian
from lagrad.elements.preaccumulation import for_results
from lagrad.elements.systems import is_solution, second_of_system, slopes_of_residual, slopes_of_solution
from lagrad.elements.tape import CHAIN, ENTRY, FLOAT, RESIDUAL, SYSTEM, Tape
from lagrad.primitives.derivatives import Row, row_of
from lagrad.primitives.expression import Expression

# A value with a rule of its author's: the value, then the operands of the rule.
CUSTOM = "custom rule"
# A node that stands for another one, and is independent of what that is made of.
INDEPENDENT = "independent"
# (tape, operands) -> derivative of the value by each operand.
AuthorsRule = Callable[[Tape, Sequence[int]], Sequence[int]]


def independent(tape: Tape, nodes: Sequence[int]) -> list[int]:
    """Nodes of the same values that nothing is known about, not even that two of them are equal."""
    return [tape.add(INDEPENDENT, (node,), {"number": number}, FLOAT) for number, node in enumerate(nodes)]


class NoRule(Exception):
    """A primitive has no row, so that JAX has to differentiate."""


@dataclass(eq=False)
class Partials:
    """Derivatives of the nodes of a tape by some of them.

    Args:
        tape: what is differentiated, and where derivatives are recorded.
        inputs: nodes that are independent of one another.
        active: nodes that depend on them.
        firsts: cache of `first`.
    """

    tape: Tape
    inputs: frozenset[int]
    active: set[int]
    firsts: dict[int, dict[int, int]] = field(default_factory=dict)

    @classmethod
    def of(cls, tape: Tape, inputs: Iterable[int], nodes: Iterable[int]) -> Partials:
        """Derivatives of some nodes.

        Raises:
            NoRule: something on the way is no float64.
        """
        active = set(inputs)
        for node in tape.needed(nodes, active):
            operation = tape.operations[node]
            if active.isdisjoint(operation.operands):
                continue
            if operation.dtype == FLOAT:
                active.add(node)
            elif np.issubdtype(operation.dtype, np.inexact):
                raise NoRule(operation.name)
        return cls(tape, frozenset(inputs), active)

    def first(self, node: int) -> dict[int, int]:
        """Operand -> derivative of a node by it; zeros are left out."""
        if node not in self.firsts:
            self.firsts[node] = self.find_first(node)
        return self.firsts[node]

    def find_first(self, node: int) -> dict[int, int]:
        """The same, not found before."""
        operation = self.tape.operations[node]
        if operation.name in (CHAIN, SYSTEM):
            # Its entries hand on to its operands themselves.
            return {}
        if is_solution(self.tape, node):
            terms = slopes_of_solution(self.tape, node)
        elif operation.name == RESIDUAL:
            slopes = slopes_of_residual(self.tape, node)
            terms = [(operand, slope) for operand, slope in slopes if operand in self.active]
        elif operation.name == ENTRY:
            terms = self.slopes_of_entry(node)
        elif operation.name == CUSTOM:
            terms = self.slopes_of_rule(node, operation.operands[1:])
        else:
            formulas = self.row(node).first
            terms = [
                (operand, self.formula(formula, node))
                for operand, formula in zip(operation.operands, formulas, strict=True)
                if formula is not None and operand in self.active
            ]
        return self.added_up(terms)

    def added_up(self, terms: Iterable[tuple[int, int]]) -> dict[int, int]:
        """Operand -> sum of the partial derivatives by it; zeros are left out."""
        tape, found = self.tape, dict[int, int]()
        for operand, partial in terms:
            found[operand] = tape.plus(found[operand], partial) if operand in found else partial
        return {operand: partial for operand, partial in found.items() if not tape.is_number(partial, 0.0)}

    def slopes_of_rule(self, node: int, written: Sequence[int]) -> list[tuple[int, int]]:
        """Operands and derivatives of a value by its author's rule, other nodes in the operands' places."""
        operation = self.tape.operations[node]
        slopes = operation.params["rule"](self.tape, written)
        pairs = zip(operation.operands[1:], slopes, strict=True)
        return [(operand, slope) for operand, slope in pairs if operand in self.active]

    def slopes_of_entry(self, node: int) -> list[tuple[int, int]]:
        """Operands of a chain, and the derivatives of one entry of its values by them."""
        tape, operation = self.tape, self.tape.operations[node]
        source, place = tape.operations[operation.operands[0]], operation.params["place"]
        if source.name != CHAIN or source.params["what"] != "values":
            raise NoRule(ENTRY)
        chain, operands = source.params["chain"], source.operands
        slopes = tape.add(CHAIN, operands, {"chain": chain, "what": "slopes"}, FLOAT)
        return [
            (operands[number], tape.entry(slopes, place * len(operands) + number))
            for number in bits(chain.masks[place].first)
            if operands[number] in self.active
        ]

    def second_of_vector(
        self, node: int, adjoints: Mapping[int, int], waiting: Mapping[int, int]
    ) -> Iterable[tuple[int, int, int]]:
        """Operands and second derivatives of the sum of adjoints times entries of a vector.

        Args:
            node: of the vector.
            adjoints: of its entries.
            waiting: adjoints of what these were handed on to.
        """
        if self.tape.operations[node].name == CHAIN:
            return self.second_of_chain(node, adjoints)
        found = second_of_system(self.tape, node, waiting)
        return ((a, b, value) for a, b, value in found if a in self.active)

    def second_of_chain(self, node: int, adjoints: Mapping[int, int]) -> Iterable[tuple[int, int, int]]:
        """Operands and second derivatives of the sum of adjoints times entries of a chain's values."""
        tape, operation = self.tape, self.tape.operations[node]
        chain, operands = operation.params["chain"], operation.operands
        weights = [adjoints.get(place, tape.constant(0.0)) for place in range(chain.size)]
        params = {"chain": chain, "what": "curvature"}
        curvature = tape.add(CHAIN, (*operands, *weights), params, FLOAT)
        for i, j in sorted({pair for place in adjoints for pair in chain.masks[place].pairs()}):
            a, b = operands[i], operands[j]
            if a in self.active and b in self.active:
                value = tape.entry(curvature, i * len(operands) + j)
                yield a, b, tape.times(tape.constant(2.0), value) if a == b and i != j else value

    def second(self, node: int) -> dict[tuple[int, int], int]:
        """(operand, operand) -> second derivative of a node, each pair once."""
        tape, operation = self.tape, self.tape.operations[node]
        if operation.name in (ENTRY, RESIDUAL):
            # Those of all entries of a vector are found together.
            return {}
        if operation.name == CUSTOM:
            return self.second_of_rule(node)
        found: dict[tuple[int, int], int] = {}
        for (i, j), formula in self.row(node).second.items():
            a, b = operation.operands[i], operation.operands[j]
            if a in self.active and b in self.active:
                # Of one operand in two places both mixed derivatives count.
                partial = self.formula(formula, node)
                partial = tape.times(tape.constant(2.0), partial) if a == b and i != j else partial
                key = (min(a, b), max(a, b))
                found[key] = tape.plus(found[key], partial) if key in found else partial
        return found

    def second_of_rule(self, node: int) -> dict[tuple[int, int], int]:
        """The same of a value with its author's rule: the rule's own derivatives."""
        tape, operands, slopes = self.tape, self.tape.operations[node].operands[1:], self.first(node)
        moved = sorted(self.active.intersection(operands))
        seeds, inner = dict(zip(moved, moved, strict=True)), Partials.of(tape, moved, slopes.values())
        if self.share(moved) or self.is_bypassed(inner, slopes.values()):
            seeds = dict(zip(moved, independent(tape, moved), strict=True))
            slopes = self.added_up(self.slopes_of_rule(node, [seeds.get(each, each) for each in operands]))
            inner = Partials.of(tape, seeds.values(), slopes.values())
        found, operands = {}, sorted(slopes)
        for b in operands:
            for a, slope in inner.forwards([slopes[a] for a in operands if a <= b], seeds[b], operands):
                found[a, b] = slope
        return found

    def share(self, operands: Sequence[int]) -> bool:
        """Whether operands have something in common, so that one may stand where another is meant."""
        if len(operands) < 2:
            return False
        behind = [self.active.intersection(self.tape.needed([each])) for each in operands]
        return len(set().union(*behind)) < sum(map(len, behind))

    def is_bypassed(self, inner: Partials, slopes: Iterable[int]) -> bool:
        """Whether slopes go back to the inputs by another way than over the inputs of `inner`.

        A tape writes 1 - y for 1 + z where z = -y, in a rule of z too, whose derivative by z is then lost.
        """
        between = self.tape.needed(slopes, inner.inputs)
        return any(node in self.active and node not in inner.active for node in between)

    def forwards(self, nodes: Sequence[int], seed: int, names: Sequence[int]) -> Iterable[tuple[int, int]]:
        """(name, derivative of its node by one input), for several nodes."""
        tape = self.tape
        tangents = {seed: tape.constant(1.0)}
        for node in tape.needed(nodes, self.inputs):
            if node in self.active:
                slope = tape.constant(0.0)
                for operand, partial in self.first(node).items():
                    if operand in tangents:
                        slope = tape.plus(slope, tape.times(partial, tangents[operand]))
                tangents[node] = slope
        zero = tape.constant(0.0)
        return [(name, tangents.get(node, zero)) for name, node in zip(names, nodes, strict=False)]

    def jacobian(self, nodes: Sequence[int]) -> list[dict[int, int]]:
        """Input -> derivative, for each of some nodes."""
        firsts, one = self.firsts_behind(nodes), self.tape.constant(1.0)
        if len(nodes) > 1:
            firsts = for_results(self.tape, firsts, nodes)
        return [self.backwards(firsts, {node: one}) for node in nodes]

    def firsts_behind(self, nodes: Sequence[int]) -> dict[int, dict[int, int]]:
        """Derivatives of what some nodes depend on by what that is made of, the last node first."""
        found: dict[int, dict[int, int]] = {}
        reached = self.active.intersection(nodes)
        for node in reversed(self.tape.needed(reached, self.inputs)):
            if node in reached and node not in self.inputs:
                found[node] = self.first(node)
                reached.update(found[node])
        return found

    def backwards(
        self, firsts: Mapping[int, Mapping[int, int]], adjoints: Mapping[int, int]
    ) -> dict[int, int]:
        """Input -> derivative of the sum of adjoints times nodes.

        Args:
            firsts: derivatives between nodes, the last node first.
            adjoints: node -> factor.
        """
        waiting = dict(adjoints)
        for node, first in firsts.items():
            adjoint = waiting.pop(node, None)
            if adjoint is not None:
                for operand, partial in first.items():
                    self.add(waiting, operand, self.tape.times(adjoint, partial))
        return {node: adjoint for node, adjoint in waiting.items() if node in self.inputs}

    def hessian(self, adjoints: Mapping[int, int]) -> dict[tuple[int, int], int]:
        """(input, input) -> second derivative of the sum of adjoints times nodes, each pair once."""
        tape, waiting, reached = self.tape, dict(adjoints), set(adjoints)
        entries: dict[int, dict[int, int]] = defaultdict(dict)
        firsts, seconds = dict[int, dict[int, int]](), list[tuple[int, int, int]]()
        for node in reversed(tape.needed(adjoints, self.inputs)):
            if node in entries:
                found = list(self.second_of_vector(node, entries.pop(node), waiting))
            elif node in reached and node in self.active:
                firsts[node] = self.first(node)
                reached.update(firsts[node])
                found = self.handed_on(node, waiting, entries)
            else:
                continue
            reached.update(each for a, b, _ in found for each in (a, b))
            seconds += found
        return hessian(tape, firsts, seconds)

    def handed_on(
        self, node: int, waiting: dict[int, int], entries: dict[int, dict[int, int]]
    ) -> list[tuple[int, int, int]]:
        """Hand the adjoint of a node on to its operands; its second derivatives by these."""
        adjoint, operation = waiting.pop(node, None), self.tape.operations[node]
        if adjoint is None:
            return []
        if operation.name == ENTRY:
            entries[operation.operands[0]][operation.params["place"]] = adjoint
        for operand, partial in self.first(node).items():
            self.add(waiting, operand, self.tape.times(adjoint, partial))
        return [(a, b, self.tape.times(adjoint, value)) for (a, b), value in self.second(node).items()]

    def add(self, sums: dict[int, int], key: int, value: int) -> None:
        """Add to one of several sums."""
        if not self.tape.is_number(value, 0.0):
            sums[key] = self.tape.plus(sums[key], value) if key in sums else value

    def row(self, node: int) -> Row:
        """Derivatives of the primitive behind a node."""
        operation = self.tape.operations[node]
        row = row_of(operation.name, operation.params)
        if row is None or len(row.first) != len(operation.operands):
            raise NoRule(operation.name)
        return row

    def formula(self, formula: Callable, node: int) -> int:
        """Record a formula of the table."""
        operation = self.tape.operations[node]
        operands = (Expression(self.tape, each) for each in operation.operands)
        params = {"y": operation.params["y"]} if "y" in operation.params else {}
        value = formula(*operands, Expression(self.tape, node), **params)
        return value.node if isinstance(value, Expression) else self.tape.constant(value)

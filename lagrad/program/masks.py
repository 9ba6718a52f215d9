"""Leave the slopes of branches that are not taken out: a jaxpr in, one with the same values out.

    where(x > 0, sqrt(x), 0)     at x = 0 JAX gives 0 times the infinite slope of the root: nan
    where(x > 0, sqrt(y), 0)     with y = where(x > 0, x, constant(x)): 0

What lies between a branch and the functions in it that can have endless slopes is written once more for each
`select_n`, on operands that are constants where the branch is not taken. Values stay what they are, and so do
finite derivatives. Branches are followed through elementwise equations, in which numbers may meet arrays, and
not into loops and functions with rules of their own.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.extend import source_info_util

from lagrad.precision import float64
from lagrad.primitives.elementwise import ELEMENTWISE
from lagrad.primitives.equations import is_inexact
from lagrad.program.equation import Equation
from lagrad.program.program import Program, numbered

# Their slope is not finite somewhere, or a result of theirs is not.
STEEP = frozenset(
    (
        *("sqrt", "rsqrt", "cbrt", "log", "log1p", "div", "pow", "asin", "acos", "acosh", "atanh", "atan2"),
        *("tan", "exp", "exp2", "expm1", "sinh", "cosh", "lgamma", "digamma", "polygamma", "erf_inv"),
    )
)

# What spreads a number over an array.
SPREADING = frozenset({"broadcast_in_dim", "convert_element_type", "reshape"})

# Equations of a branch that are looked at, and branches inside one another.
LONGEST, DEEPEST = 200, 20

# A variable that chooses, and the case that it has to choose.
Mask = tuple[int, int]


def masked(program: Program) -> Program:
    """The same function, whose branches that are not taken have no derivatives.

    Args:
        program: any function; comes back as it is where no branch is steep.

    >>> root = numbered(jax.make_jaxpr(lambda x: jnp.where(x > 0, jnp.sqrt(x), 0.0))(0.0))
    >>> float(jax.grad(lambda x: masked(root).function()(x)[0])(0.0))
    0.0
    """
    names = program.names
    if "pow" not in names and ("select_n" not in names or not (names & STEEP or "integer_pow" in names)):
        return program
    rewriting = Rewriting.of(program)
    if not rewriting.choices and not rewriting.powers:
        return program
    with float64():
        return numbered(jax.make_jaxpr(rewriting.evaluate)(*program.closed.in_avals))


@dataclass(frozen=True, eq=False)
class Branch:
    """What is written once more for one case of a `select_n`.

    Args:
        mask: where it is taken.
        result: number of the variable that it gives.
        steep: variables from its steep functions up to its result, in order; empty if none is.
        inside: those of them that `select_n` gives, and their branches.
    """

    mask: Mask
    result: int
    steep: tuple[int, ...]
    inside: Mapping[int, list[Branch]]


@dataclass(frozen=True, eq=False)
class Rewriting:
    """Which branches of a program are written once more.

    Args:
        program: as it was traced.
        producers: variable -> the equation that gives it.
        uses: variable -> how often it is used.
        choices: what a steep `select_n` gives -> its branches.
        powers: what powers give whose exponent may be 0 or 1.
    """

    program: Program
    producers: dict[int, Equation]
    uses: Counter[int]
    choices: dict[int, list[Branch]]
    powers: set[int]

    @classmethod
    def of(cls, program: Program) -> Rewriting:
        """Find all steep branches."""
        producers = {number: each for each in program.equations for number in each.outputs}
        uses = Counter(number for each in program.equations for number in each.inputs)
        uses.update(program.outputs)
        found = cls(program, producers, uses, {}, set())
        found.powers.update(each.outputs[0] for each in program.equations if found.is_kinked(each))
        # From the end, so that a choice inside a branch is met with that, and not apart.
        absorbed: set[int] = set()
        for equation in reversed(program.equations):
            if is_choice(equation, program) and not absorbed.intersection(equation.outputs):
                branches = found.branches(equation, 0)
                if any(branch.steep for branch in branches):
                    found.choices[equation.outputs[0]] = branches
                    absorbed.update(choices_inside(branches))
        return found

    def branches(self, choice: Equation, depth: int) -> list[Branch]:
        """The branches of a `select_n`."""
        which, *cases = choice.inputs
        return [self.branch((which, case), number, depth) for case, number in enumerate(cases)]

    def branch(self, mask: Mask, result: int, depth: int) -> Branch:
        """One of them; what is chosen for this branch alone is looked into."""
        waiting, cone = deque([result]), set[int]()
        inside: dict[int, list[Branch]] = {}
        while waiting and len(cone) < LONGEST:
            number = waiting.popleft()
            equation = self.producers.get(number)
            if number in cone or equation is None:
                continue
            if is_choice(equation, self.program):
                if self.uses[number] == 1 and depth < DEEPEST:
                    cone.add(number)
                    inside[number] = self.branches(equation, depth + 1)
            elif equation.name in ELEMENTWISE and len(equation.outputs) == 1:
                cone.add(number)
                waiting.extend(equation.inputs)
        steep: set[int] = set()
        # Variables are numbered in the order of evaluation.
        for number in sorted(cone):
            equation = self.producers[number]
            goes_on = number not in inside and not steep.isdisjoint(equation.inputs)
            if goes_on or is_steep(equation) or any(each.steep for each in inside.get(number, ())):
                steep.add(number)
        if result not in steep:
            return Branch(mask, result, (), {})
        chosen = {number: branches for number, branches in inside.items() if number in steep}
        return Branch(mask, result, tuple(sorted(steep)), chosen)

    def evaluate(self, *arguments: Any) -> list:
        """The function, traceable by JAX."""
        program = self.program
        values = program.constants | dict(zip(program.inputs, arguments, strict=True))
        for equation in self.live():
            branches = self.choices.get(equation.outputs[0]) if equation.outputs else None
            if branches is None:
                operands = [values[number] for number in equation.inputs]
            else:
                operands = [values[equation.inputs[0]], *(self.value(each, (), values) for each in branches)]
            values.update(zip(equation.outputs, self.bind(equation, operands), strict=True))
        return [values[number] for number in program.outputs]

    def live(self) -> list[Equation]:
        """Equations that something takes, once branches are written anew, in order."""
        wanted, found = set(self.program.outputs), []
        for equation in reversed(self.program.equations):
            if not wanted.isdisjoint(equation.outputs) or not equation.outputs:
                branches = self.choices.get(equation.outputs[0]) if equation.outputs else None
                wanted.update(equation.inputs if branches is None else self.entries(branches))
                found.append(equation)
        return found[::-1]

    def entries(self, branches: list[Branch]) -> Iterator[int]:
        """Variables that branches take from outside."""
        for branch in branches:
            yield branch.mask[0]
            if not branch.steep:
                yield branch.result
            for number in set(branch.steep) - branch.inside.keys():
                yield from set(self.producers[number].inputs) - set(branch.steep)
            for inner in branch.inside.values():
                yield from self.entries(inner)

    def value(self, branch: Branch, around: tuple[Mask, ...], values: dict[int, Any]) -> Any:
        """The result of a branch, a constant where one of some masks is not met."""
        if not branch.steep:
            return self.entry(branch.result, around, values)
        masks, inside = (*around, branch.mask), dict[int, Any]()
        for number in branch.steep:
            equation = self.producers[number]
            if number in branch.inside:
                chosen = [self.value(each, masks, values) for each in branch.inside[number]]
                operands = jnp.broadcast_arrays(values[equation.inputs[0]], *chosen)
            else:
                for each in equation.inputs:
                    if each not in inside:
                        inside[each] = self.entry(each, masks, values)
                operands = self.level([inside[each] for each in equation.inputs], equation)
            (inside[number],) = self.bind(equation, operands)
        return inside[branch.result]

    def level(self, operands: list, equation: Equation) -> list:
        """Operands of an equation in one shape, where a mask has spread one of them."""
        shapes = [self.program.avals[number].shape for number in equation.inputs]
        as_they_were = all(jnp.shape(each) == shape for each, shape in zip(operands, shapes, strict=True))
        return operands if as_they_were else jnp.broadcast_arrays(*operands)

    def entry(self, number: int, masks: tuple[Mask, ...], values: dict[int, Any]) -> Any:
        """A variable, a constant where one of some masks is not met."""
        value = values[number]
        if number in self.program.constants or not is_inexact(self.program.avals[number]):
            return value
        still = lax.stop_gradient(value)
        for which, case in masks:
            taken = values[which]
            if taken.dtype != bool:
                taken, case = taken == case, 1
            if taken.ndim and taken.shape != value.shape:
                # JAX lets numbers and axes of length 1 meet arrays; masked, they are one value an entry.
                taken, value, still = jnp.broadcast_arrays(taken, value, still)
            value = lax.select_n(taken, *((still, value) if case else (value, still)))
        return value

    def bind(self, equation: Equation, operands: list) -> Sequence[Any]:
        """Results of an equation, whose line in the user's code stays known."""
        with source_info_util.user_context(equation.source.source_info.traceback):
            if self.powers.isdisjoint(equation.outputs):
                return equation.bind(*operands)
            return [safe_power(*operands)]

    def is_kinked(self, equation: Equation) -> bool:
        """Whether an equation is a power whose exponent, a float, may be 0 or 1."""
        if equation.name != "pow" or not is_inexact(self.program.avals[equation.inputs[1]]):
            return False
        exponent = equation.inputs[1]
        while exponent in self.producers and self.producers[exponent].name in SPREADING:
            exponent = self.producers[exponent].inputs[0]
        known = self.program.constants.get(exponent)
        return known is None or bool(np.isin(known, (0.0, 1.0)).any())


def safe_power(x: jax.Array, y: jax.Array) -> jax.Array:
    """x ** y: one where both are zero, x where x is zero and y is one, with the slopes of these."""
    x, y = jnp.broadcast_arrays(x, y)
    at_zero = (x == 0) & ((y == 0) | (y == 1))
    power = lax.pow(jnp.where(at_zero, jnp.ones_like(x), x), y)
    return jnp.where(at_zero, jnp.where(y == 0, jnp.ones_like(x), x), power)


def choices_inside(branches: list[Branch]) -> Iterator[int]:
    """What is chosen inside branches, at any depth."""
    for branch in branches:
        for number, inner in branch.inside.items():
            yield number
            yield from choices_inside(inner)


def is_choice(equation: Equation, program: Program) -> bool:
    """Whether an equation chooses among numbers that can be differentiated."""
    return equation.name == "select_n" and is_inexact(program.avals[equation.outputs[0]])


def is_steep(equation: Equation) -> bool:
    """Whether the slope of an elementwise function may not be finite."""
    return equation.name in STEEP or (equation.name == "integer_pow" and equation.params["y"] < 0)

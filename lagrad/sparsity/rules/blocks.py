"""Make outputs depend on whole lanes of their operands: dense blocks.

Toy version: a batch of k matrix inverses has k lanes; each output element of lane i depends on every
input element of lane i and on no other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any

import numpy as np
from jax.extend import core as jex

from lagrad.sparsity.deps import Deps, spread, taken, union
from lagrad.sparsity.links import Live, settled
from lagrad.sparsity.rule_result import Pair, RuleResult, is_inexact
from lagrad.sparsity.value import GENERAL, Value, highest


def dense(equation: jex.JaxprEqn, operands: Sequence[Value], *, is_linear: bool = False) -> RuleResult:
    """One block: every output element on every operand element, to second order unless linear."""
    return blocks(equation, operands, 0, is_linear=is_linear)


def blocks(
    equation: jex.JaxprEqn, operands: Sequence[Value], batch_axes: int, *, is_linear: bool = False
) -> RuleResult:
    """A dense block for each index of the leading axes.

    Args:
        equation: what was traced.
        operands: its values; one whose leading axes are others enters every block.
        batch_axes: number of leading axes of the first output.
        is_linear: the outputs are linear in all operands together.

    Returns:
        RuleResult.
    """
    shapes = [getattr(variable.aval, "shape", ()) for variable in equation.outvars]
    batch = shapes[0][:batch_axes]
    if any(shape[:batch_axes] != batch for shape in shapes):
        batch = ()
    members = [lane_of(value.shape, batch) for value in operands]
    owners = [np.repeat(np.arange(prod(batch)), prod(shape[len(batch) :])) for shape in shapes]
    return Lanes(tuple(operands), tuple(members), tuple(owners), prod(batch), is_linear).outcome(
        equation, 0 if is_linear else GENERAL
    )


def lane_of(shape: tuple[int, ...], batch: tuple[int, ...]) -> np.ndarray | None:
    """Block that each element is in; None for every block."""
    if shape[: len(batch)] != batch:
        return None
    return np.repeat(np.arange(prod(batch)), prod(shape[len(batch) :]))


@dataclass(frozen=True, eq=False)
class Lanes:
    """Elements grouped into lanes.

    Args:
        operands: values.
        members: lane of each element of each operand; None if it enters every lane.
        owners: lane of each element of each output.
        count: number of lanes.
        is_linear: no second derivatives.
    """

    operands: tuple[Value, ...]
    members: tuple[np.ndarray | None, ...]
    owners: tuple[np.ndarray, ...]
    count: int
    is_linear: bool

    @cached_property
    def deps(self) -> Deps:
        """Inputs that each lane depends on."""
        return union([self.grouped(*member) for member in zip(self.operands, self.members, strict=True)])

    def grouped(self, value: Value, lane: np.ndarray | None) -> Deps:
        """What one operand brings to each lane."""
        if lane is not None:
            return spread(value.deps, lane, self.count)
        together = spread(value.deps, np.zeros(value.size, np.int64), 1)
        return taken(together, np.zeros(self.count, np.int64))

    def outcome(self, equation: jex.JaxprEqn, least: int) -> RuleResult:
        """RuleResult of an equation whose outputs depend on their whole lane, of degree `least` at least."""
        degree = max([least, *(highest(value.degree) for value in self.operands)])
        places = zip(equation.outvars, self.owners, strict=True)
        outputs = tuple(self.output(variable.aval, owner, degree) for variable, owner in places)
        return RuleResult(self.operands, outputs, self.backward, self.pairs)

    def output(self, aval: Any, owner: np.ndarray, degree: int) -> Value:
        """Value of an output."""
        shape = getattr(aval, "shape", ())
        if not is_inexact(aval):
            return Value(shape, Deps(prod(shape), self.deps.n), degree)
        curved = any(value.is_curved for value in self.operands) or bool(self.deps and not self.is_linear)
        return Value(shape, taken(self.deps, owner), degree, is_curved=curved)

    def live(self, lives: Sequence[Live]) -> np.ndarray:
        """Lanes with a live output element, shape (count,)."""
        found = np.zeros(self.count, dtype=bool)
        for live, owner in zip(lives, self.owners, strict=True):
            found[owner if live is True else owner[:0] if live is False else owner[live]] = True
        return found

    def backward(self, lives: Sequence[Live]) -> list[Live]:
        """Live elements of the operands."""
        found = self.live(lives)
        return [bool(found.any()) if lane is None else settled(found[lane]) for lane in self.members]

    def pairs(self, lives: Sequence[Live]) -> list[Pair]:
        """Every two inputs of a lane."""
        return [] if self.is_linear else [Pair(self.deps, self.deps, settled(self.live(lives)))]

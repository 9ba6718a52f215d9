"""Take variables of a program as variables of their own: single ones, and those that run along an axis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from lagrad.precision import float64
from lagrad.primitives.equations import shape_of
from lagrad.program.equation import Equation
from lagrad.program.program import Program, numbered
from lagrad.program.recurrence import Recurrence

FLOAT = np.dtype(np.float64)
# Results of an equation from states, what these should be, and what it takes to compute them.
FromStates = tuple[list[Any], jax.Array, jax.Array]


@dataclass(frozen=True, eq=False)
class Cut:
    """A variable of the program that is taken as one of its own, as the states of a loop are.

    Args:
        variable: its number.
        moves: whether it moves with x; if not, it is a number that has to be found again at each point.
    """

    variable: int
    moves: bool

    def count(self, program: Program) -> int:
        """How many states there are."""
        return program.size(self.variable)

    def at_once(self, equation: Equation, operands: Sequence[Any], states: jax.Array) -> FromStates:
        """Results of the equation from states; what these should be; what it takes to compute them.

        Args:
            equation: that makes the variable.
            operands: their values.
            states: as many as the variable has elements.
        """
        (value,) = equation.bind(*operands)
        feed = jnp.ravel(value)
        return [states.reshape(jnp.shape(value))], feed if self.moves else jnp.zeros_like(feed), feed

    def recurrence(self, first: int, count: int, feed: Program) -> Recurrence:
        """What computes states, without steps.

        Args:
            first: number of the first state among all.
            count: how many there are.
            feed: program of what it takes.
        """
        return Recurrence(first, count, 0, None, feed, 0, 0)


# What each result on the way is made of: the one before, and a number.
RUNNING = {
    "cumsum": jnp.add,
    "cumprod": jnp.multiply,
    "reduce_prod": jnp.multiply,
    "reduce_max": jnp.maximum,
    "reduce_min": jnp.minimum,
}


@dataclass(frozen=True, eq=False)
class Running:
    """A running sum or product, or a largest or smallest number: a loop of one step a row.

    Args:
        name: of its equation, one of `RUNNING`.
        rows: shape of the operand, what it runs along first.
        axes: along which it runs.
        reverse: whether from the end.
        moves: whether it moves with x, as `Cut` has it.
    """

    name: str
    rows: tuple[int, int]
    axes: tuple[int, ...]
    reverse: bool = False
    moves: bool = True

    def count(self, program: Program) -> int:
        """As `Cut` has it."""
        return prod(self.rows)

    def at_once(self, equation: Equation, operands: Sequence[Any], states: jax.Array) -> FromStates:
        """As `Cut` has it."""
        moved = jnp.moveaxis(operands[0], self.axes, range(len(self.axes)))
        rows = jnp.reshape(moved[::-1] if self.reverse else moved, self.rows)
        found = states.reshape(self.rows)
        after = jnp.concatenate([rows[:1], RUNNING[self.name](found[:-1], rows[1:])])
        if self.is_last:
            output = found[-1].reshape(shape_of(equation.source.outvars[0]))
        else:
            back = (found[::-1] if self.reverse else found).reshape(jnp.shape(moved))
            output = jnp.moveaxis(back, range(len(self.axes)), self.axes)
        return [output], jnp.ravel(after if self.moves else jnp.zeros_like(after)), jnp.ravel(rows)

    @property
    def is_last(self) -> bool:
        """Whether only the last result counts."""
        return self.name.startswith("reduce")

    def recurrence(self, first: int, count: int, feed: Program) -> Recurrence:
        """As `Cut` has it, of a step a row."""
        length, width = self.rows

        def step(vector):
            return jnp.zeros(()), RUNNING[self.name](vector[:width], vector[width:])

        with float64():
            program = numbered(jax.make_jaxpr(step)(jax.ShapeDtypeStruct((2 * width,), FLOAT)))
        return Recurrence(first, width, length - 1, program, feed, 0, width)

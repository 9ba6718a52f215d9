"""Take the states of a loop as variables of their own: then no step waits for the one before.

    z = start(x)                       Z_0 = start(x)
    for u in rows:             ->      Z_1, Z_2, ... = step(Z_0, u_0), step(Z_1, u_1), ...     all at once
        z = step(z, u)

What a loop adds up, shifts or writes beside such a recurrence has the other forms of `loops`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from lagrad.precision import float64
from lagrad.program.cse import tidy
from lagrad.program.cuts import FLOAT, FromStates
from lagrad.program.equation import Equation
from lagrad.program.loops import Loop, Resolution, Steps, begun, loop_of, resolution, with_numbers
from lagrad.program.program import Program, numbered
from lagrad.program.recurrence import Recurrence
from lagrad.program.walk import evaluate, needed, reached

LIFTED = "lifted"


@dataclass(frozen=True, eq=False)
class Lift:
    """A loop, and which of its carries become variables.

    Args:
        loop: the scan.
        order: how each carry is said, each by those before.
    """

    loop: Loop
    order: tuple[Resolution, ...]

    @property
    def carries(self) -> list[int]:
        """The carries that become variables."""
        return [each.carry for each in self.order if each.kind == LIFTED]

    @property
    def results(self) -> list[int]:
        """What becomes of each of them in a step."""
        return [self.loop.results[carry] for carry in self.carries]

    @cached_property
    def moving(self) -> set[int]:
        """What is made of states, those included."""
        return reached(self.loop.body.equations, self.carries)

    @cached_property
    def step(self) -> list[Equation]:
        """The equations of a step that are made of states."""
        equations = needed(self.loop.body.equations, self.results, self.loop.body.inputs)
        return [each for each in equations if not self.moving.isdisjoint(each.outputs)]

    @cached_property
    def read(self) -> list[int]:
        """What these read beside states."""
        taken = {i for each in self.step for i in each.inputs} | {*self.results}
        return sorted(taken - self.moving - self.loop.body.constants.keys())

    @cached_property
    def varying(self) -> set[int]:
        """What may be another in each step."""
        kept = {each.carry for each in self.order if each.kind == "kept"}
        changing = {*self.loop.rows, *self.loop.carry} - kept
        return reached(self.loop.body.equations, changing)

    @property
    def shared(self) -> list[int]:
        """What of `read` is the same in all steps."""
        return [i for i in self.read if i not in self.varying]

    @property
    def own(self) -> list[int]:
        """What of it is another in each."""
        return [i for i in self.read if i in self.varying]

    def shape(self, variable: int) -> tuple[int, ...]:
        """Shape of a variable of the body."""
        return self.loop.body.avals[variable].shape

    def size(self, variables: Sequence[int]) -> int:
        """How many numbers variables of the body have together."""
        return sum(prod(self.shape(i)) for i in variables)

    def count(self, program: Program) -> int:
        """How many states there are."""
        return (self.loop.length + 1) * self.size(self.carries)

    def at_once(self, equation: Equation, operands: Sequence[Any], states: jax.Array) -> FromStates:
        """Outputs of the loop from states; what these should be; what it takes to compute them.

        Args:
            equation: the scan.
            operands: their values.
            states: before each step and after the last, one behind the other.
        """
        loop, carries = self.loop, self.carries
        inputs, steps = begun(loop, operands)
        final: dict[int, Any] = {}
        stops = np.cumsum([self.size([carry]) for carry in carries])[:-1]
        parts = jnp.split(states.reshape(loop.length + 1, -1), stops, axis=1)
        rows = dict(zip(carries, parts, strict=True))
        for each in self.order:
            if each.kind != LIFTED:
                final[each.carry] = steps.settle(each, inputs[each.carry])
                continue
            part = rows[each.carry].reshape(-1, *self.shape(each.carry))
            steps.rows[each.carry], final[each.carry] = part[:-1], part[-1]
        feed = feed_of(self, steps)
        following = [jnp.reshape(each, (loop.length, -1)) for each in steps.stacked(self.results)]
        start = jnp.concatenate([jnp.ravel(inputs[carry]) for carry in carries])
        after = jnp.concatenate([start, jnp.concatenate(following, axis=1).reshape(-1)])
        return steps.outputs(final), after, jnp.concatenate([start, *feed])

    def recurrence(self, first: int, count: int, feed: Program) -> Recurrence:
        """What computes states.

        Args:
            first: number of the first state among all.
            count: how many there are.
            feed: program of what it takes.
        """
        given = [*self.carries, *self.shared, *self.own]
        stops = np.cumsum([self.size([i]) for i in given])
        body = self.loop.body

        def step(vector):
            values: dict[int, Any] = dict(body.constants)
            for i, part in zip(given, jnp.split(vector, stops[:-1]), strict=True):
                values[i] = part.reshape(self.shape(i)).astype(body.avals[i].dtype)
            values = evaluate(self.step, values)
            return jnp.zeros(()), jnp.concatenate([jnp.ravel(values[i]) for i in self.results])

        with float64():
            program = tidy(numbered(jax.make_jaxpr(step)(jax.ShapeDtypeStruct((int(stops[-1]),), FLOAT))))
        sizes = [self.size(part) for part in (self.carries, self.shared, self.own)]
        return Recurrence(first, sizes[0], self.loop.length, program, feed, *sizes[1:])


def lift(equation: Equation, known: Sequence[np.ndarray | None]) -> Lift | None:
    """Say a loop with as few of its carries as variables as it takes; None if that cannot be."""
    loop = loop_of(equation.source, known)
    if loop.length == 0 or any(each.source.effects for each in loop.body.equations):
        return None
    order: list[Resolution] = []
    left, behind = list(loop.carry), set()
    while left:
        waiting = loop.waiting({each.carry for each in order})
        found = [each for carry in left if (each := resolution(loop, carry, waiting)) is not None]
        if not found:
            found = [
                Resolution(carry, LIFTED, loop.results[carry]) for carry in recurrent(loop, left, waiting)
            ]
            if any(loop.body.avals[each.carry].dtype != FLOAT for each in found):
                return None
        elif any(each.kind == LIFTED for each in order):
            behind |= {each.carry for each in found}
        order += found
        left = [carry for carry in left if all(each.carry != carry for each in found)]
        for each in found:
            loop = with_numbers(loop, each)
    made = Lift(loop, tuple(order))
    are_numbers = all(np.issubdtype(loop.body.avals[i].dtype, np.number) for i in made.read)
    # What is said by states is not there before the steps are.
    late = reached(loop.body.equations, behind)
    return made if are_numbers and late.isdisjoint(made.read) else None


def recurrent(loop: Loop, left: Sequence[int], waiting: dict[int, set[int]]) -> list[int]:
    """Carries that are made of themselves, with all that they wait for."""
    alone = [
        carry
        for carry in left
        if carry in waiting[loop.results[carry]]
        and resolution(loop, carry, loop.waiting({*loop.carry} - {carry})) is None
    ]
    found = {*(alone or left)}
    while found != (wider := found.union(*(waiting[loop.results[carry]] for carry in found))):
        found = wider
    return [carry for carry in left if carry in found]


def feed_of(lift: Lift, steps: Steps) -> list[jax.Array]:
    """What steps share, and what each has of its own, as float64 numbers."""
    body = lift.loop.body
    values = evaluate(needed(body.equations, lift.shared, body.inputs), body.constants | steps.fixed)
    fixed = [jnp.ravel(values[i]).astype(FLOAT) for i in lift.shared]
    rows = [jnp.reshape(each, (lift.loop.length, -1)).astype(FLOAT) for each in steps.stacked(lift.own)]
    return [*fixed, jnp.concatenate(rows, axis=1).reshape(-1)] if rows else fixed

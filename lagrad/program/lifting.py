"""Take the states of loops as variables of their own: then no step waits for the one before.

    z = start(x)                       Z_0 = start(x)
    for u in rows:             ->      Z_1, Z_2, ... = step(Z_0, u_0), step(Z_1, u_1), ...     all at once
        z = step(z, u)

x and all Z are what the program takes, and what each Z should be is what it gives beside f and c. What a loop
adds up, shifts or writes beside such a recurrence has the other forms of `loops`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import prod
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from lagrad.precision import float64
from lagrad.program.cse import tidy
from lagrad.program.equation import Equation
from lagrad.program.loops import Loop, Resolution, Steps, begun, loop_of, resolution, with_numbers
from lagrad.program.program import Program, numbered
from lagrad.program.walk import needed, reached, walk

FLOAT = np.dtype(np.float64)
LIFTED = "lifted"


@dataclass(frozen=True, eq=False)
class Recurrence:
    """The states of one loop, or numbers that are taken as states are.

    Args:
        first: number of its first state among all.
        size: numbers of one state.
        length: number of steps; there is a state more.
        step: program of one vector, a state, what steps share and what each has alone -> (0, next state);
            None without steps.
        feed: program of (x and states, *leaves) -> (0, (first state, what steps share, what each has alone)).
        shared: how many numbers steps share.
        own: how many each has alone.
    """

    first: int
    size: int
    length: int
    step: Program | None
    feed: Program
    shared: int
    own: int

    @property
    def blocks(self) -> list[int]:
        """How many states belong together: those after a step; what has no steps stands alone."""
        return [self.size] * (self.length + 1) if self.length else [1] * self.size


@dataclass(frozen=True, eq=False)
class Lifted:
    """A program whose loops have become equations between variables.

    Args:
        program: of (x and states, *leaves) -> (f, (c, what the states should be)).
        recurrences: the loops, in order of evaluation.
        n: number of variables without states.
        m: number of constraint rows without those of states.
    """

    program: Program
    recurrences: tuple[Recurrence, ...]
    n: int
    m: int


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


@dataclass(frozen=True, eq=False)
class Cut:
    """A variable of the program that is taken as one of its own, as the states of a loop are.

    Args:
        variable: its number.
        moves: whether it moves with x; if not, it is a number that has to be found again at each point.
    """

    variable: int
    moves: bool

    def at_once(self, value: jax.Array, operand: Any, states: jax.Array) -> tuple[Any, jax.Array, jax.Array]:
        """The variable; what its states should be; what it takes to compute them.

        Args:
            value: of the variable.
            operand: of its equation, the first.
            states: as many.
        """
        feed = jnp.ravel(value)
        return states.reshape(jnp.shape(value)), feed if self.moves else jnp.zeros_like(feed), feed


# What each result on the way is made of: the one before, and a number.
RUNNING = {
    "cumsum": jnp.add,
    "cumprod": jnp.multiply,
    "reduce_max": jnp.maximum,
    "reduce_min": jnp.minimum,
}


@dataclass(frozen=True, eq=False)
class Running:
    """A running sum or product, or a largest or smallest number: a loop of one step a row.

    Args:
        variable: its number.
        name: of its equation, one of `RUNNING`.
        rows: shape of the operand, what it runs along first.
        axes: along which it runs.
        reverse: whether from the end.
        moves: whether it moves with x, as `Cut` has it.
    """

    variable: int
    name: str
    rows: tuple[int, int]
    axes: tuple[int, ...]
    reverse: bool = False
    moves: bool = True

    def at_once(self, value: jax.Array, operand: Any, states: jax.Array) -> tuple[Any, jax.Array, jax.Array]:
        """As `Cut` has it."""
        moved = jnp.moveaxis(operand, self.axes, range(len(self.axes)))
        rows = jnp.reshape(moved[::-1] if self.reverse else moved, self.rows)
        found = states.reshape(self.rows)
        after = jnp.concatenate([rows[:1], RUNNING[self.name](found[:-1], rows[1:])])
        if self.is_last:
            output = found[-1].reshape(jnp.shape(value))
        else:
            back = (found[::-1] if self.reverse else found).reshape(jnp.shape(moved))
            output = jnp.moveaxis(back, range(len(self.axes)), self.axes)
        return output, jnp.ravel(after if self.moves else jnp.zeros_like(after)), jnp.ravel(rows)

    @property
    def is_last(self) -> bool:
        """Whether only the last result counts."""
        return self.name.startswith("reduce")

    def recurrence(self, first: int, feed: Program) -> Recurrence:
        """The loop."""
        length, width = self.rows

        def step(vector):
            return jnp.zeros(()), RUNNING[self.name](vector[:width], vector[width:])

        with float64():
            program = numbered(jax.make_jaxpr(step)(jax.ShapeDtypeStruct((2 * width,), FLOAT)))
        return Recurrence(first, width, length - 1, program, feed, 0, width)


def lifted(
    program: Program, known: Mapping[int, np.ndarray], cuts: Mapping[int, Cut | Running] | None = None
) -> Lifted | None:
    """Take the states of all loops as variables, and others that are named.

    Args:
        program: numbered equations of (x, *leaves) -> (f, c).
        known: variable -> its numbers, for those that are known.
        cuts: place of an equation -> its only result, which is taken.

    Returns:
        Lifted; None if there is nothing to take, or a loop has states that are no float64 numbers.
    """
    found: dict[int, Lift | Cut | Running] = {**(cuts or {})}
    moving = reached(program.equations, program.inputs[:1])
    for place, equation in enumerate(program.equations):
        if equation.name == "scan" and not moving.isdisjoint(equation.outputs):
            loop = lift(equation, [known.get(i) for i in equation.inputs])
            if loop is not None and loop.carries:
                found[place] = loop
    if not found:
        return None
    lifts = dict(sorted(found.items()))
    n, m = (program.size(i) for i in (program.inputs[0], program.outputs[1]))
    sizes = [size_of(program, each) for each in lifts.values()]
    firsts = [sum(sizes[:number]) for number in range(len(sizes))]

    def function(x, *leaves):
        values = program.constants | dict(zip(program.inputs, (x[:n], *leaves), strict=True))
        start, following, feeds = 0, [], []
        for (place, each), first, size in zip(lifts.items(), firsts, sizes, strict=True):
            equation, states = program.equations[place], x[n + first : n + first + size]
            is_loop = isinstance(each, Lift)
            walk(program.equations[start : place + (not is_loop)], values, bound)
            operands = [values[i] for i in equation.inputs]
            if is_loop:
                states = states.reshape(each.loop.length + 1, -1)
                outputs, after, feed = at_once(each, operands, states)
            else:
                output, after, feed = each.at_once(values[each.variable], operands[0], states)
                outputs = [output]
            values.update(zip(equation.outputs, outputs, strict=True))
            following.append(after)
            feeds.append(feed)
            start = place + 1
        walk(program.equations[start:], values, bound)
        f, c = (values[i] for i in program.outputs)
        return [f, jnp.concatenate([c, *following]), jnp.zeros(()), *feeds]

    with float64():
        aval = jax.ShapeDtypeStruct((n + sum(sizes),), FLOAT)
        whole = tidy(numbered(jax.make_jaxpr(function)(aval, *program.closed.in_avals[1:])))
    f, c, zero, *feeds = whole.outputs
    recurrences = [
        recurrence(each, first, size, giving(whole, (zero, feed)))
        for each, first, size, feed in zip(lifts.values(), firsts, sizes, feeds, strict=True)
    ]
    return Lifted(giving(whole, (f, c)), tuple(recurrences), n, m)


def size_of(program: Program, each: Lift | Cut | Running) -> int:
    """How many variables something becomes."""
    if isinstance(each, Lift):
        return (each.loop.length + 1) * each.size(each.carries)
    return program.size(each.variable) if isinstance(each, Cut) else prod(each.rows)


def bound(equation: Equation, operands: Sequence[Any]) -> Sequence[Any]:
    """Results of an equation as it is."""
    return equation.bind(*operands)


def giving(program: Program, outputs: tuple[int, ...]) -> Program:
    """The part of a program that some outputs take."""
    return replace(program, equations=tuple(needed(program.equations, outputs)), outputs=outputs)


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


def at_once(lift: Lift, operands: Sequence[Any], states: jax.Array) -> tuple[list, jax.Array, jax.Array]:
    """A loop with the states of all steps given.

    Args:
        lift: the loop.
        operands: of the scan.
        states: before each step and after the last, shape (length + 1, size).

    Returns:
        Outputs of the scan; what the states should be; what it takes to compute them, as `Recurrence` says.
    """
    loop, carries = lift.loop, lift.carries
    inputs, steps = begun(loop, operands)
    final: dict[int, Any] = {}
    stops = np.cumsum([lift.size([carry]) for carry in carries])[:-1]
    parts = dict(zip(carries, jnp.split(states, stops, axis=1), strict=True))
    for each in lift.order:
        if each.kind != LIFTED:
            final[each.carry] = steps.settle(each, inputs[each.carry])
            continue
        part = parts[each.carry].reshape(-1, *lift.shape(each.carry))
        steps.rows[each.carry], final[each.carry] = part[:-1], part[-1]
    feed = feed_of(lift, steps)
    following = [jnp.reshape(each, (loop.length, -1)) for each in steps.stacked(lift.results)]
    start = jnp.concatenate([jnp.ravel(inputs[carry]) for carry in carries])
    after = jnp.concatenate([start, jnp.concatenate(following, axis=1).reshape(-1)])
    return steps.outputs(final), after, jnp.concatenate([start, *feed])


def feed_of(lift: Lift, steps: Steps) -> list[jax.Array]:
    """What steps share, and what each has of its own, as float64 numbers."""
    body = lift.loop.body
    values = dict(body.constants) | steps.fixed
    walk(needed(body.equations, lift.shared, body.inputs), values, bound)
    fixed = [jnp.ravel(values[i]).astype(FLOAT) for i in lift.shared]
    rows = [jnp.reshape(each, (lift.loop.length, -1)).astype(FLOAT) for each in steps.stacked(lift.own)]
    return [*fixed, jnp.concatenate(rows, axis=1).reshape(-1)] if rows else fixed


def recurrence(lift: Lift | Cut | Running, first: int, size: int, feed: Program) -> Recurrence:
    """States whose operands are known."""
    if isinstance(lift, Running):
        return lift.recurrence(first, feed)
    if isinstance(lift, Cut):
        return Recurrence(first, size, 0, None, feed, 0, 0)
    given = [*lift.carries, *lift.shared, *lift.own]
    stops = np.cumsum([lift.size([i]) for i in given])
    body = lift.loop.body

    def step(vector):
        values: dict[int, Any] = dict(body.constants)
        for i, part in zip(given, jnp.split(vector, stops[:-1]), strict=True):
            values[i] = part.reshape(lift.shape(i)).astype(body.avals[i].dtype)
        walk(lift.step, values, bound)
        return jnp.zeros(()), jnp.concatenate([jnp.ravel(values[i]) for i in lift.results])

    with float64():
        program = tidy(numbered(jax.make_jaxpr(step)(jax.ShapeDtypeStruct((int(stops[-1]),), FLOAT))))
    sizes = [lift.size(part) for part in (lift.carries, lift.shared, lift.own)]
    return Recurrence(first, sizes[0], lift.loop.length, program, feed, *sizes[1:])

"""Take what makes steps wait for one another, or elements large, as variables of their own.

    z = step(z, u), again and again      ->      Z_1 = step(Z_0, u_0),  Z_2 = step(Z_1, u_1), ...
    log(sum of exp(x_k))                 ->      Z = sum of exp(x_k),  log(Z)

x and all Z, the states, are what the program takes then; what each state should be is what it gives beside f
and c.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import jax
import jax.numpy as jnp
import numpy as np

from lagrad.precision import float64
from lagrad.program.cse import tidy
from lagrad.program.cuts import FLOAT, Cut, Running
from lagrad.program.loop_states import Lift, lift
from lagrad.program.program import Program, numbered
from lagrad.program.recurrence import Recurrence
from lagrad.program.walk import evaluate, needed, reached

Taken = Lift | Cut | Running


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


def lifted(
    program: Program, known: Mapping[int, np.ndarray], cuts: Mapping[int, Taken] | None = None
) -> Lifted | None:
    """Take the states of all loops as variables, and others that are named.

    Args:
        program: numbered equations of (x, *leaves) -> (f, c).
        known: variable -> its numbers, for those that are known.
        cuts: place of an equation -> its only result, which is taken.

    Returns:
        Lifted; None if there is nothing to take, or a loop has states that are no float64 numbers.
    """
    found: dict[int, Taken] = {**(cuts or {})}
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
    sizes = [each.count(program) for each in lifts.values()]
    firsts = [sum(sizes[:number]) for number in range(len(sizes))]

    def function(x, *leaves):
        values = program.constants | dict(zip(program.inputs, (x[:n], *leaves), strict=True))
        start, following, feeds = 0, [], []
        for (place, each), first, size in zip(lifts.items(), firsts, sizes, strict=True):
            equation, states = program.equations[place], x[n + first : n + first + size]
            values = evaluate(program.equations[start:place], values)
            operands = [values[i] for i in equation.inputs]
            outputs, after, feed = each.at_once(equation, operands, states)
            values.update(zip(equation.outputs, outputs, strict=True))
            following.append(after)
            feeds.append(feed)
            start = place + 1
        values = evaluate(program.equations[start:], values)
        f, c = (values[i] for i in program.outputs)
        return [f, jnp.concatenate([c, *following]), jnp.zeros(()), *feeds]

    with float64():
        aval = jax.ShapeDtypeStruct((n + sum(sizes),), FLOAT)
        whole = tidy(numbered(jax.make_jaxpr(function)(aval, *program.closed.in_avals[1:])))
    f, c, zero, *feeds = whole.outputs
    recurrences = [
        each.recurrence(first, size, giving(whole, (zero, feed)))
        for each, first, size, feed in zip(lifts.values(), firsts, sizes, feeds, strict=True)
    ]
    return Lifted(giving(whole, (f, c)), tuple(recurrences), n, m)


def giving(program: Program, outputs: tuple[int, ...]) -> Program:
    """The part of a program that some outputs take."""
    return replace(program, equations=tuple(needed(program.equations, outputs)), outputs=outputs)

"""Keep XLA from computing a transcendental twice, by barriers around them.

XLA on a CPU fuses a cheap function into every output that uses it: each of twelve derivative arrays then
evaluates its own sine. The remedy is to have such results written to memory once. `optimization_barrier`
does not survive until fusion; a conditional whose predicate is an argument does. So equations are sorted by
how many transcendentals lie before them, each level is one conditional, and what is cheap is left to fusion.
"""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend import core as jex

from lagrad.primitives.calls import RULED
from lagrad.primitives.elementwise import ELEMENTWISE
from lagrad.program.cse import Merged, merged
from lagrad.program.program import numbered
from lagrad.program.walk import needed

EXPENSIVE = {name for name, facts in ELEMENTWISE.items() if facts.expensive} | RULED.keys()
MOST_LEVELS = 4


def with_barriers(
    closed: jex.ClosedJaxpr, barrier: bool = True, effects: bool = False
) -> tuple[Callable, list[np.ndarray]]:
    """The function of a closed jaxpr, its transcendentals behind barriers level by level.

    Args:
        closed: jaxpr of (*arguments) -> results.
        barrier: whether to have barriers; without them equal equations are still merged.
        effects: whether equations with effects, such as `jax.debug.print`, are kept.

    Returns:
        function (go, captured, *arguments) -> list of results, to be called with `go` True; and the captured
        arrays, which are arguments because XLA takes long over large constants.
    """
    program = numbered(closed)
    line = merged(program)
    levels = transcendental_levels(line) if barrier else []
    captured = [number for number, value in program.constants.items() if np.size(value) > 1]

    def run(go, arrays, *arguments):
        known = {number: value for number, value in program.constants.items() if np.size(value) <= 1}
        known |= dict(zip(captured, arrays, strict=True)) | dict(zip(program.inputs, arguments, strict=True))
        known = {line.name(number): value for number, value in known.items()}
        for level in levels:
            known |= behind_barrier(go, line, level, known)
        return line.evaluate(line.program.outputs, known, keeps_effects=effects)

    return run, [np.asarray(program.constants[number]) for number in captured]


def transcendental_levels(line: Merged) -> list[list[int]]:
    """Results of transcendentals that the outputs need, by the number of transcendentals before them."""
    level: dict[int, int] = {}
    found: list[list[int]] = [[] for _ in range(MOST_LEVELS)]
    for equation in needed(line.program.equations, line.program.outputs):
        before = max((level.get(operand, 0) for operand in equation.inputs), default=0)
        costly = equation.name in EXPENSIVE and before < MOST_LEVELS
        if costly:
            found[before] += equation.outputs
        level |= dict.fromkeys(equation.outputs, before + costly)
    return [results for results in found if results]


def behind_barrier(go, line: Merged, results: list[int], known: dict) -> dict:
    """Values of some variables, each written to memory."""
    avals = [line.program.avals[number] for number in results]
    values = jax.lax.cond(
        go,
        lambda: line.evaluate(results, known),
        lambda: [jnp.zeros(aval.shape, aval.dtype) for aval in avals],
    )
    return dict(zip(results, values, strict=True))

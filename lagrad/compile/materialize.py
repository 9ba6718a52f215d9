"""Stages: a traced function in, the same function with no transcendental computed twice, out.

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

from lagrad.program.cse import Merged, merged
from lagrad.program.program import Program, numbered

EXPENSIVE = frozenset(
    {
        *(
            "sin",
            "cos",
            "tan",
            "asin",
            "acos",
            "atan",
            "atan2",
            "sinh",
            "cosh",
            "tanh",
            "asinh",
            "acosh",
            "atanh",
        ),
        *("exp", "exp2", "expm1", "log", "log1p", "logistic", "pow", "sqrt", "rsqrt", "cbrt"),
        *("erf", "erfc", "erf_inv", "lgamma", "digamma", "polygamma", "igamma", "igammac"),
        *("bessel_i0e", "bessel_i1e", "custom_jvp_call", "custom_vjp_call"),
    }
)
MOST_STAGES = 4


def staged(
    closed: jex.ClosedJaxpr, barrier: bool = True, effects: bool = False
) -> tuple[Callable, list[np.ndarray]]:
    """The function of a closed jaxpr in stages.

    Args:
        closed: jaxpr of (*arguments) -> results.
        barrier: whether to have stages; without them equal equations are still merged.
        effects: whether equations with effects, such as `jax.debug.print`, are kept.

    Returns:
        function (go, captured, *arguments) -> list of results, to be called with `go` True; and the captured
        arrays, which are arguments because XLA takes long over large constants.
    """
    program = numbered(closed)
    line = merged(program)
    levels = stages(program, line) if barrier else []
    captured = [number for number, value in program.constants.items() if np.size(value) > 1]

    def run(go, arrays, *arguments):
        known = {number: value for number, value in program.constants.items() if np.size(value) <= 1}
        known |= dict(zip(captured, arrays, strict=True)) | dict(zip(program.inputs, arguments, strict=True))
        known = {line.name(number): value for number, value in known.items()}
        for level in levels:
            known |= behind_barrier(go, line, level, known)
        effectful = [i for i, equation in enumerate(program.equations) if effects and equation.source.effects]
        return line.evaluate([line.name(number) for number in program.outputs], known, effectful)

    return run, [np.asarray(program.constants[number]) for number in captured]


def stages(program: Program, line: Merged) -> list[list[int]]:
    """Results of transcendentals that the outputs need, by the number of transcendentals before them."""
    outputs = [line.name(number) for number in program.outputs]
    level: dict[int, int] = {}
    found: list[list[int]] = [[] for _ in range(MOST_STAGES)]
    for index in line.needed(outputs, ()):
        equation = program.equations[index]
        before = max((level.get(line.name(operand), 0) for operand in equation.inputs), default=0)
        costly = equation.name in EXPENSIVE and before < MOST_STAGES
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

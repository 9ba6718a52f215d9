"""Write functions so that XLA gives what JAX gives one equation at a time, and their derivatives, too.

XLA is free to compute a value twice, and to write over memory that it takes for its own. Where that goes
wrong, `largest.py` and `overlaps.py` say how, and what to write instead.
"""

from __future__ import annotations

from collections.abc import Callable

from jax.extend import core as jex

from lagrad.program.largest import LARGEST
from lagrad.program.overlaps import WRITING, overlapping, written_apart
from lagrad.program.program import Program
from lagrad.program.rebuild import Replaced, holds, rebuilt, rewritten


def steadily(fun: Callable, program: jex.ClosedJaxpr) -> Callable:
    """The same function, written so that XLA gets it right.

    Args:
        fun: function of arrays, traceable by JAX.
        program: what it evaluates, or more.

    Returns:
        A function of the same arguments; `fun` itself where nothing is to be done.

    >>> shift = lambda x: x.at[1:].set(2 * x[:-1])
    >>> program = jax.make_jaxpr(shift)(jax.numpy.ones(3))
    >>> jax.jit(steadily(shift, program))(jax.numpy.ones(3)).tolist()
    [1.0, 2.0, 2.0]
    """
    if not holds(program, LARGEST) and not (holds(program, WRITING) and overlapping(program)):
        return fun
    return rewritten(fun, lambda program, operands: rebuilt(instead(program), program, operands))


def steady_function(program: Program) -> Callable:
    """(x, *param leaves) -> (f, c), so written."""
    return steadily(program.function(), program.closed)


def instead(program: jex.ClosedJaxpr) -> Replaced:
    """What is written instead of equations of a program."""
    found = overlapping(program)
    if not found:
        return LARGEST

    def written(equation: jex.JaxprEqn, operands: list) -> list | None:
        return written_apart(equation, operands) if id(equation) in found else None

    return {**LARGEST, **dict.fromkeys(WRITING, written)}

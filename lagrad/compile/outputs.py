"""Outputs by XLA: a program in, f and c and the gradient of f as functions that wait to be compiled, out."""

from __future__ import annotations

from lagrad.compile.ad_modes import gradient
from lagrad.compile.xla import Lowered, lower
from lagrad.program.program import Program


def lower_values(program: Program) -> Lowered:
    """(x, *leaves) -> f, c."""
    return lower(program.function(), [program.avals[number] for number in program.inputs], effects=True)


def lower_gradient(program: Program) -> Lowered:
    """(x, *leaves) -> gradient of f."""
    run = program.function()

    def slope(x, *leaves):
        return gradient(lambda x: run(x, *leaves)[0])(x)

    return lower(slope, [program.avals[number] for number in program.inputs])

"""Reference values: a program, x and params in, f and c by NumPy, one equation after the other, out.

Slow, uncompiled and free of everything that the fast ways are built on: what machine code gives is held
against it once, at set-up.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lagrad.program.folding import fold
from lagrad.program.program import Program
from lagrad.program.walk import walk


def reference(program: Program, x: np.ndarray, leaves: Sequence) -> np.ndarray:
    """Values of f, then c.

    Args:
        program: traced f and c.
        x: point, shape (n,).
        leaves: leaves of the params.

    Returns:
        array of shape (m + 1,).
    """
    inputs = dict(zip(program.inputs, (x, *map(np.asarray, leaves)), strict=True))
    execute = lambda equation, operands: fold(equation.source, operands)  # noqa: E731
    values = walk(program.equations, program.constants | inputs, execute)
    return np.concatenate([np.reshape(values[variable], -1) for variable in program.outputs])

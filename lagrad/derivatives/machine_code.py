"""Hand out a model as machine code on fixed arrays, where all of its functions are machine code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lagrad.compile.blocks import Block
from lagrad.compile.native.routines import Routine, routine


@dataclass(frozen=True, eq=False)
class MachineCode:
    """Everything a solver asks for, computed from `x` and `weights` into the routines' outputs.

    Args:
        x: the point, shape (n,); written by who calls.
        weights: objective weight and multipliers, shape (m + 1,); likewise.
        values: f, then c; shape (m + 1,).
        gradient: shape (n,).
        jacobian: entries of J; at least one number.
        hessian: entries of the Lagrangian's Hessian; at least one number.
    """

    x: np.ndarray
    weights: np.ndarray
    values: Routine
    gradient: Routine
    jacobian: Routine
    hessian: Routine


def machine_code(
    functions: tuple[Any, Any],
    blocks: tuple[Sequence[Block], Sequence[Block]],
    sizes: tuple[int, int],
    leaves: Sequence[Any],
) -> MachineCode | None:
    """A model's machine code with arrays of its own, so that several solves may run at once.

    Args:
        functions: values and gradient.
        blocks: of the Jacobian and of the Hessian.
        sizes: n and m.
        leaves: leaves of the params.

    Returns:
        MachineCode; None where a function is not machine code.
    """
    n, m = sizes
    x, weights = np.zeros(n), np.zeros(m + 1)
    parts = [[getattr(each, "numbers", None)] for each in functions]
    parts += [[part_of(block, x, weights, leaves) for block in each] for each in blocks]
    found = [routine(each, x, weights, leaves, room=1) for each in parts]
    values, gradient, jacobian, hessian = found
    if values is None or gradient is None or jacobian is None or hessian is None:
        return None
    return MachineCode(x, weights, values, gradient, jacobian, hessian)


def part_of(block: Block, x: np.ndarray, weights: np.ndarray, leaves: Sequence[Any]) -> Any:
    """What computes a block; the numbers of a constant one."""
    return block.values(x, weights, leaves) if block.strategy == "constant" else block.values

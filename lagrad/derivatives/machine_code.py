"""Hand out a model as machine code on fixed arrays, where all of its functions are machine code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
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
        idle: where it waits for its next use; see `give_back`.
        extras: what its users made for it, to be used again with it.
    """

    x: np.ndarray
    weights: np.ndarray
    values: Routine
    gradient: Routine
    jacobian: Routine
    hessian: Routine
    idle: list[MachineCode]
    extras: dict[str, Any] = field(default_factory=dict[str, Any])

    def give_back(self) -> None:
        """Leave it to the next who asks for this model's machine code, who may have other params."""
        self.idle.append(self)

    def bind(self, leaves: Sequence[Any]) -> None:
        """Compute with other params from now on.

        Args:
            leaves: of the params.
        """
        for each in (self.values, self.gradient, self.jacobian, self.hessian):
            each.bind(leaves)


def idle_code(idle: list[MachineCode], leaves: Sequence[Any]) -> MachineCode | None:
    """Machine code that was given back, now for these params; None if there is none."""
    try:
        code = idle.pop()
    except IndexError:
        return None
    code.bind(leaves)
    return code


def machine_code(
    functions: tuple[Any, Any],
    blocks: tuple[Sequence[Block], Sequence[Block]],
    sizes: tuple[int, int],
    leaves: Sequence[Any],
    idle: list[MachineCode],
) -> MachineCode | None:
    """A model's machine code made anew, with arrays that nobody else uses: several solves may run at once.

    Args:
        functions: values and gradient.
        blocks: of the Jacobian and of the Hessian.
        sizes: n and m.
        leaves: leaves of the params.
        idle: where it is to be given back.

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
    return MachineCode(x, weights, values, gradient, jacobian, hessian, idle)


def part_of(block: Block, x: np.ndarray, weights: np.ndarray, leaves: Sequence[Any]) -> Any:
    """What computes a block; the numbers of a constant one."""
    return block.values(x, weights, leaves) if block.strategy == "constant" else block.values

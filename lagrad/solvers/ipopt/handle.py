"""Create Ipopt's own problem, set its options, solve and free it: sizes, sides and callbacks in."""

from __future__ import annotations

import ctypes
import weakref
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from lagrad.solvers.ipopt import interface
from lagrad.solvers.ipopt.backend import refused
from lagrad.solvers.solver import Options

# Indices begin at zero.
C_STYLE = 0


class Sizes(NamedTuple):
    """Numbers of variables, of rows, and of entries in the Jacobian and in the Hessian."""

    n: int
    m: int
    jacobian: int
    hessian: int


class Handle:
    """A problem of Ipopt's with its options, which can be solved more than once.

    Args:
        ipopt: the library.
        sizes: of the problem.
        sides: lower and upper bounds, lower and upper sides of the rows; copied by Ipopt.
        addresses: of f, c, gradient, Jacobian, Hessian, and of what notes an iteration.
        options: names and values.

    Attributes:
        address: of the problem.

    Raises:
        ProblemError: Ipopt refuses an option.
    """

    def __init__(
        self,
        ipopt: ctypes.CDLL,
        sizes: Sizes,
        sides: Sequence[np.ndarray],
        addresses: Sequence[int],
        options: Options,
    ):
        sides = [np.ascontiguousarray(side, float) for side in sides]
        low, high, row_low, row_high = map(pointer, sides)
        self.address = ipopt.CreateIpoptProblem(
            *(sizes.n, low, high, sizes.m, row_low, row_high),
            *(sizes.jacobian, sizes.hessian, C_STYLE),
            *addresses[:5],
        )
        self.close = weakref.finalize(self, ipopt.FreeIpoptProblem, self.address)
        # The end of the process frees all, and a thread may still be solving.
        self.close.atexit = False
        self._sides, self._options, self._ipopt = sides, dict(options), ipopt
        for name, value in options.items():
            if not interface.add_option(ipopt, self.address, name, value):
                self.close()
                raise refused(name, value)
        ipopt.SetIntermediateCallback(self.address, addresses[5])

    def fits(self, sides: Sequence[np.ndarray], options: Options) -> bool:
        """Whether another solve would make the same."""
        return options == self._options and all(map(is_same, sides, self._sides))

    def solve(self, x: np.ndarray, multipliers: Sequence[np.ndarray], user_data: int | None) -> int:
        """Run IPOPT.

        Args:
            x: the start; the last point when it is done.
            multipliers: of the rows, lower and upper bounds, likewise.
            user_data: what callbacks are given.

        Returns:
            Its return code.
        """
        places = map(pointer, multipliers)
        return self._ipopt.IpoptSolve(self.address, pointer(x), None, None, *places, user_data)


def is_same(array: np.ndarray, other: np.ndarray) -> bool:
    """Whether two arrays hold the same; those of a problem never change, and mostly are the same array."""
    return array is other or np.array_equal(array, other)


def pointer(array: np.ndarray) -> int:
    """Address of an array's numbers."""
    return array.__array_interface__["data"][0]

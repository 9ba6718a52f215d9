"""What both ways to IPOPT offer: by its C interface, and through cyipopt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from lagrad.errors import ProblemError
from lagrad.solvers.evaluation import Multipliers
from lagrad.solvers.solver import Options, Task


@dataclass(frozen=True, eq=False)
class End:
    """What IPOPT gives back.

    Args:
        code: its return code.
        x: its last point, shape (n,).
        multipliers: rows (m,), lower (n,), upper (n,).
    """

    code: int
    x: np.ndarray
    multipliers: Multipliers


class Backend(Protocol):
    """A way to IPOPT: a module with these functions."""

    def load(self) -> None:
        """Make sure that this way can be gone.

        Raises:
            ImportError: it cannot; the message says why.
        """
        ...

    def versions(self) -> Mapping[str, str]:
        """Versions of Ipopt and of what it came with."""
        ...

    def place(self) -> str:
        """Where the library is, or what it belongs to."""
        ...

    def has_mumps(self) -> bool:
        """Whether Ipopt was built with MUMPS."""
        ...

    def library(self) -> str:
        """What `trial.py` is told to find Ipopt again: a path, or the name of a module."""
        ...

    def solve(self, task: Task, options: Options) -> End:
        """Run IPOPT.

        Raises:
            ProblemError: it refuses an option.
        """
        ...


def refused(name: str, value: object) -> ProblemError:
    """The error for an option that Ipopt does not have, or whose value it does not take."""
    return ProblemError(
        f"`options`: Ipopt refuses {name!r} = {value!r}: out of range, or not in this build of Ipopt. "
        "What it takes instead it has printed on stdout."
    )

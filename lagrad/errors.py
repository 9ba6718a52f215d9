"""Define the errors a user can meet.

    ValueError
    ├── ProblemError       the declaration: shapes, bounds, names, starting point, options
    └── DerivativeError    the functions: they cannot be traced, or are not finite where they must be
    RuntimeError
    └── SolveError         no solution was found, and the user asked to be stopped by that
    UserWarning
    └── LagradWarning      lagrad went on, but the user should know

A solver's outcome is an error only where `solution.raise_for_status()` asks for it; see `lagrad.Status`.
"""

from __future__ import annotations

from typing import Any


class ProblemError(ValueError):
    """What the user declared cannot be a problem: the message names the argument and the cure."""


class DerivativeError(ValueError):
    """A function cannot be traced or differentiated, or is not finite at the start."""


class SolveError(RuntimeError):
    """A solve did not succeed; raised by `solution.raise_for_status()` only.

    Args:
        message: the summary of the Solution.
        solution: the Solution.
    """

    def __init__(self, message: str, solution: Any = None):
        super().__init__(message)
        self.solution = solution


class LagradWarning(UserWarning):
    """Something was decided or converted on the user's behalf."""

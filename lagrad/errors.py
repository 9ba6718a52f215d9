"""The errors a user can meet: what was declared wrongly, and what cannot be differentiated.

    ValueError
    ├── ProblemError       the declaration: shapes, bounds, names, starting point, options
    └── DerivativeError    the functions: they cannot be traced, or are not finite where they must be
    UserWarning
    └── LagradWarning      lagrad went on, but the user should know

A solver's outcome is never an error; see `lagrad.Status`.
"""


class ProblemError(ValueError):
    """What the user declared cannot be a problem: the message names the argument and the cure."""


class DerivativeError(ValueError):
    """A function cannot be traced or differentiated, or is not finite at the start."""


class LagradWarning(UserWarning):
    """Something was decided or converted on the user's behalf."""

"""Functions in, exact sparse derivatives out, any solver served.

    problem      what you declare: an objective, a start, constraints, bounds
    derivatives  gradient, sparse Jacobian and sparse Hessian of the Lagrangian, compiled
    solution     point, multipliers, status, history
"""

from lagrad.errors import DerivativeError, LagradWarning, ProblemError
from lagrad.pattern import SparsityPattern

__all__ = [
    "DerivativeError",
    "LagradWarning",
    "ProblemError",
    "SparsityPattern",
]

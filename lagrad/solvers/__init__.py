"""Solve problems; see `solve`."""

from lagrad.solvers.solve import solve

__all__ = ["solve"]

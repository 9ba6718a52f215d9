"""Solvers: derivatives in, a Solution out. See `solve`."""

from lagrad.solvers.solve import solve

__all__ = ["solve"]

"""Solve a problem for many params and starts at once, as one pure JAX function."""

from lagrad.batched.batched import BatchedSolver, batched

__all__ = ["BatchedSolver", "batched"]

"""Batched solves: a problem in, a pure JAX function from params and a start to its solution out."""

from lagrad.batched.batched import BatchedSolver, batched

__all__ = ["BatchedSolver", "batched"]

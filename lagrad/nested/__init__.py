"""Nested and mixed-mode differentiation: JAX functions in, JAX functions with the right derivatives out."""

from lagrad.nested.gradients import grad
from lagrad.nested.modes import MODES, hessian, hvp, jacobian

__all__ = ["MODES", "grad", "hessian", "hvp", "jacobian"]

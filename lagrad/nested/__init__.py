"""Nest and mix modes of differentiation, with the right derivatives at any depth."""

from lagrad.nested.cross import cross_hessian, cross_product, cross_transpose_product, sparse_cross_hessian
from lagrad.nested.custom_rules import both_modes, has_custom_vjp
from lagrad.nested.gradients import grad
from lagrad.nested.implicit import implicit
from lagrad.nested.islands import forward_mode
from lagrad.nested.kinks import smooth_abs, smooth_max, smooth_norm, smooth_relu
from lagrad.nested.linear import LinearSolver, sparse_solver
from lagrad.nested.memory import checkpointed_scan
from lagrad.nested.modes import MODES, hessian, hvp, jacobian

__all__ = [
    "MODES",
    "LinearSolver",
    "both_modes",
    "checkpointed_scan",
    "cross_hessian",
    "cross_product",
    "cross_transpose_product",
    "forward_mode",
    "grad",
    "has_custom_vjp",
    "hessian",
    "hvp",
    "implicit",
    "jacobian",
    "smooth_abs",
    "smooth_max",
    "smooth_norm",
    "smooth_relu",
    "sparse_cross_hessian",
    "sparse_solver",
]

"""Derivatives: structure and colorings in, compiled exact sparse derivatives out."""

from lagrad.derivatives.derivatives import Derivatives, differentiate
from lagrad.derivatives.functions import sparse_hessian, sparse_jacobian

__all__ = ["Derivatives", "differentiate", "sparse_hessian", "sparse_jacobian"]

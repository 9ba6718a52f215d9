"""Differentiate: a problem becomes compiled exact sparse derivatives."""

from lagrad.derivatives.derivatives import Derivatives
from lagrad.derivatives.differentiate import differentiate
from lagrad.derivatives.functions import sparse_hessian, sparse_jacobian

__all__ = ["Derivatives", "differentiate", "sparse_hessian", "sparse_jacobian"]

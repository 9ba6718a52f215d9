"""Structure: a traced program in; its sparsity patterns, degrees and repeated elements out."""

from lagrad.sparsity.detect import Structure, detect
from lagrad.sparsity.rules import RULES
from lagrad.sparsity.sparsity import hessian_sparsity, jacobian_sparsity

__all__ = ["RULES", "Structure", "detect", "hessian_sparsity", "jacobian_sparsity"]

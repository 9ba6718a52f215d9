"""Structure: a traced program in; its sparsity patterns, degrees and repeated elements out."""

from lagrad.structure.detect import Structure, detect
from lagrad.structure.rules import RULES
from lagrad.structure.sparsity import hessian_sparsity, jacobian_sparsity

__all__ = ["RULES", "Structure", "detect", "hessian_sparsity", "jacobian_sparsity"]

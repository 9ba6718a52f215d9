"""Structure: a traced program in; its sparsity patterns and degrees out."""

from lagrad.sparsity.detect import Structure, detect
from lagrad.sparsity.rules import RULES
from lagrad.sparsity.rules.arithmetic import elementwise
from lagrad.sparsity.sparsity import hessian_sparsity, jacobian_sparsity

__all__ = ["RULES", "Structure", "detect", "elementwise", "hessian_sparsity", "jacobian_sparsity"]

"""Find the sparsity patterns and the degrees of a traced program."""

from lagrad.sparsity.detect import Structure, detect
from lagrad.sparsity.rules import RULES
from lagrad.sparsity.rules.arithmetic import elementwise
from lagrad.sparsity.sparsity import hessian_sparsity, jacobian_sparsity
from lagrad.sparsity.value import AFFINE

__all__ = ["AFFINE", "RULES", "Structure", "detect", "elementwise", "hessian_sparsity", "jacobian_sparsity"]

"""Plot solutions, patterns and courses on Matplotlib axes; Matplotlib is needed only here.

convergence   how residuals fell, a line a solve
objective     how the objective went, a line a solve
sparsity      where a Jacobian or Hessian can be nonzero
trajectory    the arrays of x along their first axis, a panel each
problem       the picture that suits a solution: fields as images, courses, numbers told
"""

from lagrad.plot.convergence import convergence, objective
from lagrad.plot.drawing import pyplot
from lagrad.plot.sparsity import sparsity
from lagrad.plot.trajectory import problem, trajectory

__all__ = ["convergence", "objective", "problem", "pyplot", "sparsity", "trajectory"]

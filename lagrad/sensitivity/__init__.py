"""Sensitivity: a problem with params in, the differentiable map from params to its solution out."""

from lagrad.sensitivity.mapping import Optimum, SolutionMap, solution_map

__all__ = ["Optimum", "SolutionMap", "solution_map"]

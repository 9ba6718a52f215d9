"""Differentiate solutions with respect to params."""

from lagrad.sensitivity.mapping import Optimum, SolutionMap, solution_map

__all__ = ["Optimum", "SolutionMap", "solution_map"]

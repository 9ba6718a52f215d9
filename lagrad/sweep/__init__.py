"""Solve one problem for many params or starts, on any executor."""

from lagrad.sweep.many import solve_many
from lagrad.sweep.starts import Group, Multistart, multistart

__all__ = ["Group", "Multistart", "multistart", "solve_many"]

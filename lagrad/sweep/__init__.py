"""Sweeps: one problem and many params or starts in, a Solution for each out, on any executor."""

from lagrad.sweep.many import solve_many
from lagrad.sweep.starts import Group, Multistart, multistart

__all__ = ["Group", "Multistart", "multistart", "solve_many"]

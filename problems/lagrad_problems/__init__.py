"""Collect test problems with known optima."""

from lagrad_problems.entry import Entry
from lagrad_problems.registry import get, names

__all__ = ["Entry", "get", "names"]

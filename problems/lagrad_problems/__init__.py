"""Test problems with known optima: a name in, a problem out."""

from lagrad_problems.entry import Entry
from lagrad_problems.registry import get, names

__all__ = ["Entry", "get", "names"]

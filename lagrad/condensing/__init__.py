"""Derivatives of loops whose steps wait for one another, by their states."""

from lagrad.condensing.condensed import Condensed, condense

__all__ = ["Condensed", "condense"]

"""Derivatives of loops whose steps wait for one another, by their states."""

from lagrad.condensing.condense import Condensed, condense

__all__ = ["Condensed", "condense"]

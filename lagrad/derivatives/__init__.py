"""Derivatives: structure and colorings in, compiled exact sparse derivatives out."""

from lagrad.derivatives.derivatives import Derivatives, differentiate

__all__ = ["Derivatives", "differentiate"]

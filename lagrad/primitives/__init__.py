"""Primitives: what is true of each, stated once."""

"""Declare: the user's functions, start, bounds and constraints become a checked, flat Problem."""

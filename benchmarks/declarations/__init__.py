"""Declare the cases in each modeling language."""

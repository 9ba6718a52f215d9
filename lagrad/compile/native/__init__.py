"""Compile loops over elements to machine code."""

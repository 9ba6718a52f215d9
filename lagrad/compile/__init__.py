"""Compile: element derivatives and colored sweeps become callables, by XLA or as machine code."""

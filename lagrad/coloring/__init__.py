"""Coloring: a sparsity pattern in, groups of columns or rows that can be computed together out."""

from lagrad.coloring.coloring import Coloring, compress
from lagrad.coloring.portfolio import color_bidirectional, color_columns, color_rows, color_symmetric
from lagrad.coloring.recovery import Recovery, decompress, recovery

__all__ = [
    "Coloring",
    "Recovery",
    "color_bidirectional",
    "color_columns",
    "color_rows",
    "color_symmetric",
    "compress",
    "decompress",
    "recovery",
]

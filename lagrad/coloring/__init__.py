"""Color sparsity patterns: which columns or rows can be computed together."""

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

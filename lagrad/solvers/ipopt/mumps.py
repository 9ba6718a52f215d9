"""Choose MUMPS's options by what it factorizes: no scaling, and an ordering for what falls apart."""

from __future__ import annotations

from typing import Any

import numpy as np

from lagrad.derivatives.triplets import rows_and_columns
from lagrad.solvers.ipopt.options import KINDS
from lagrad.solvers.model import hessian_structure
from lagrad.solvers.solver import Task

# MUMPS scales matrices before it factorizes them, unless told not to. In those of an interior-point method
# large entries belong to what is nearly decided; made even, they take pivots that cost more refinement, and
# now and then show a wrong inertia: `benchmarks.linear_solvers` has a case of three times the iterations.
UNSCALED = {"mumps_scaling": 0}
# Quasi-dense minimum degree, entries left where they are. MUMPS's own choice for large matrices is nested
# dissection, which takes quadratic time where there is nothing to dissect.
LOOSE = {"mumps_pivot_order": 6, "mumps_permuting_scaling": 0}
# From so many pieces on it matters, where they are a good part of all variables and rows.
FEWEST, SHARE = 1000, 0.1
# A variable or row that is joined to this share of all others does not count: the ordering puts it last.
DENSE = 0.1
LINEAR_SOLVER = {"linear_solver", "linear_system_scaling"} | {
    name for name in KINDS if name.startswith("mumps_")
}


def suited(task: Task) -> dict[str, Any]:
    """Options for a task; the ordering is the user's who names a linear solver or any of its options."""
    is_free = task.options.keys().isdisjoint(LINEAR_SOLVER)
    return UNSCALED | (LOOSE if is_free and is_loose(task) else {})


def is_loose(task: Task) -> bool:
    """Whether variables and rows, joined by the entries of J and H, fall into many small pieces."""
    n, model = task.problem.n, task.evaluation.derivatives
    size = n + task.problem.m
    needed = max(FEWEST, SHARE * size)
    if size < needed:
        return False
    rows, columns = rows_and_columns(model.jacobian_structure)
    first, second = rows_and_columns(hessian_structure(model))
    # NumPy is many times slower at places of another type than its own.
    starts = np.concatenate([first, rows + n], dtype=np.intp)
    ends = np.concatenate([second, columns], dtype=np.intp)
    degrees = np.bincount(starts, minlength=size) + np.bincount(ends, minlength=size)
    is_light = degrees <= DENSE * size
    if not is_light.all():
        kept = is_light[starts] & is_light[ends]
        starts, ends = starts[kept], ends[kept]
    return has_pieces(needed, size, starts, ends)


def has_pieces(needed: float, size: int, starts: np.ndarray, ends: np.ndarray) -> bool:
    """Whether a graph has so many connected pieces.

    Each round joins every start with its smallest end, and every end with the smallest that its starts came
    to (after Boruvka, 1926); of a graph in few pieces the first round mostly leaves too few. SciPy counts
    them, too, but its import takes longer than many a solve.

    Args:
        needed: number of pieces.
        size: number of nodes.
        starts: of the edges, shape (k,), int.
        ends: likewise.

    >>> [has_pieces(pieces, 5, np.array([0, 1, 3]), np.array([1, 2, 4])) for pieces in (2, 3)]
    [True, False]
    """
    while size >= needed:
        nodes = np.arange(size)
        root = nodes.copy()
        np.minimum.at(root, starts, ends)
        np.minimum.at(root, ends, root[starts])
        while not np.array_equal(root, above := root[root]):
            root = above
        is_root = root == nodes
        size = int(np.count_nonzero(is_root))
        if size >= needed:
            place = np.cumsum(is_root)[root] - 1
            starts, ends = place[starts], place[ends]
            apart = starts != ends
            starts, ends = starts[apart], ends[apart]
            if not starts.size:
                return True
    return False

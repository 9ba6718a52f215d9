"""Tell whether contenders compute the same J and H, from two recorded runs.

A contender may order its constraint rows differently. Its rows are matched by their product with one random
vector, and the multipliers of the recorded Hessian are functions of those products (see `worker.matrices`).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import scipy.sparse as sp

TOLERANCE = 1e-9
POINTS = ("start", "random")


def relative(difference, reference) -> float:
    """Largest entry of a difference over the largest entry of the reference, or over one."""
    scale = max(1.0, float(abs(reference).max()) if reference.size else 0.0)
    return float(abs(difference).max()) / scale if difference.size else 0.0


def symmetric(recorded, name: str, n: int) -> sp.csr_array:
    """Both triangles of a recorded Hessian, whichever one was given."""
    rows, cols = recorded["hessian_rows"], recorded["hessian_cols"]
    low, high = np.minimum(rows, cols), np.maximum(rows, cols)
    return sp.csr_array((recorded[f"hessian_{name}"], (high, low)), shape=(n, n))


def row_order(recorded) -> np.ndarray:
    """Rows by their moments: an order that does not depend on the order of declaration."""
    return np.argsort(recorded["moments_random"], kind="stable")


def jacobian_difference(one, other, shape) -> float:
    """Largest relative difference of the Jacobians; rows matched by moments only if a run reorders them."""
    reordered = bool(one["reorders_rows"]) or bool(other["reorders_rows"])
    worst = 0.0
    for name in POINTS:
        pair = []
        for recorded in (one, other):
            position = recorded["jacobian_rows"], recorded["jacobian_cols"]
            matrix = sp.csr_array((recorded[f"jacobian_{name}"], position), shape=shape)
            pair.append(matrix[row_order(recorded)] if reordered else matrix)
        apart = sp.csr_array(pair[0] - pair[1])
        worst = max(worst, relative(apart.data, pair[0].data))
    return worst


def difference(one: Path, other: Path) -> float:
    """Largest relative difference of gradient, J and H between two recorded runs.

    Args:
        one: npz of the first run.
        other: npz of the second.

    Returns:
        A number at most TOLERANCE where they agree; inf where the shapes differ.
    """
    with np.load(one) as first, np.load(other) as second:
        one_run, other_run = dict(first), dict(second)
    n, m = one_run["gradient_start"].size, one_run["moments_start"].size
    if (n, m) != (other_run["gradient_start"].size, other_run["moments_start"].size):
        return float("inf")
    worst = jacobian_difference(one_run, other_run, (m, n))
    for name in POINTS:
        gradient = one_run[f"gradient_{name}"]
        worst = max(worst, relative(gradient - other_run[f"gradient_{name}"], gradient))
        hessian = symmetric(one_run, name, n)
        apart = sp.csr_array(hessian - symmetric(other_run, name, n))
        worst = max(worst, relative(apart.data, hessian.data))
    return worst

"""A problem's sides and a point's values in, how far the point is outside out."""

from __future__ import annotations

from typing import Any

import numpy as np


def row_violations(problem: Any, c: np.ndarray) -> np.ndarray:
    """How far each constraint row lies outside its sides, shape (m,), zero inside."""
    return np.maximum(np.maximum(problem.constraint_lower - c, c - problem.constraint_upper), 0.0)


def bound_violations(problem: Any, x: np.ndarray) -> np.ndarray:
    """How far each variable lies outside its bounds, shape (n,), zero inside."""
    return np.maximum(np.maximum(problem.lower - x, x - problem.upper), 0.0)


def largest_violation(problem: Any, x: np.ndarray, c: np.ndarray) -> float:
    """The largest violation of a row or bound; nan if a value is."""
    rows = row_violations(problem, c).max() if c.size else 0.0
    return float(max(rows, bound_violations(problem, x).max()) if rows == rows else rows)

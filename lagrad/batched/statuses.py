"""Translate the codes in arrays to statuses."""

from __future__ import annotations

from lagrad.solution.status import Status

UNDER_WAY, OPTIMAL, ACCEPTABLE, INFEASIBLE, UNBOUNDED, ITERATION_LIMIT, INVALID_NUMBER, ERROR = range(8)

STATUSES = {
    OPTIMAL: Status.OPTIMAL,
    ACCEPTABLE: Status.ACCEPTABLE,
    INFEASIBLE: Status.INFEASIBLE,
    UNBOUNDED: Status.UNBOUNDED,
    ITERATION_LIMIT: Status.ITERATION_LIMIT,
    INVALID_NUMBER: Status.INVALID_NUMBER,
    ERROR: Status.ERROR,
}


def status_of(code: int) -> Status:
    """The status that a code stands for.

    >>> status_of(1)
    <Status.OPTIMAL: 'optimal'>
    """
    return STATUSES[int(code)]

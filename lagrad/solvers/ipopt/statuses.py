"""Translate Ipopt's return codes into a Status."""

from __future__ import annotations

from collections.abc import Mapping

from lagrad.solution.status import Status

# Code -> (Ipopt's own name, status in lagrad's words). Optimal and acceptable are claims that lagrad checks.
CODES: Mapping[int, tuple[str, Status]] = {
    0: ("Solve_Succeeded", Status.OPTIMAL),
    1: ("Solved_To_Acceptable_Level", Status.ACCEPTABLE),
    2: ("Infeasible_Problem_Detected", Status.INFEASIBLE),
    3: ("Search_Direction_Becomes_Too_Small", Status.OPTIMAL),
    4: ("Diverging_Iterates", Status.UNBOUNDED),
    5: ("User_Requested_Stop", Status.INTERRUPTED),
    6: ("Feasible_Point_Found", Status.OPTIMAL),
    -1: ("Maximum_Iterations_Exceeded", Status.ITERATION_LIMIT),
    -2: ("Restoration_Failed", Status.ERROR),
    -3: ("Error_In_Step_Computation", Status.ERROR),
    -4: ("Maximum_CpuTime_Exceeded", Status.TIME_LIMIT),
    -5: ("Maximum_WallTime_Exceeded", Status.TIME_LIMIT),
    -10: ("Not_Enough_Degrees_Of_Freedom", Status.ERROR),
    -11: ("Invalid_Problem_Definition", Status.ERROR),
    -12: ("Invalid_Option", Status.ERROR),
    -13: ("Invalid_Number_Detected", Status.INVALID_NUMBER),
    -100: ("Unrecoverable_Exception", Status.ERROR),
    -101: ("NonIpopt_Exception_Thrown", Status.ERROR),
    -102: ("Insufficient_Memory", Status.ERROR),
    -199: ("Internal_Error", Status.ERROR),
}

INVALID_OPTION = -12
# MUMPS out of memory ends as the first.
FACTORIZATION_FAILED = {
    -3: "The linear solver failed, for bad scaling or want of memory",
    -102: "Memory ran out in the factorization",
}

# No step was small enough to go on, which may or may not be because the point is optimal.
STALLED = (1, 3)


def translate(code: int) -> tuple[str, Status]:
    """Ipopt's name of a code and its Status; a code of a future Ipopt is an error that keeps its number.

    >>> translate(2)
    ('Infeasible_Problem_Detected', <Status.INFEASIBLE: 'infeasible'>)
    >>> translate(-42)
    ('unknown code -42', <Status.ERROR: 'error'>)
    """
    return CODES.get(code, (f"unknown code {code}", Status.ERROR))

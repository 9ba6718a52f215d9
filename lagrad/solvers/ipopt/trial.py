"""Try whether an Ipopt solves min (x - 1)^2 over 0 <= x <= 9 with some options: exit status 0 if it does.

    python -P trial.py '{"library": "/usr/lib/libipopt.so.3", "options": {"linear_solver": "ma57"}}'

A process of its own: some linear solvers that are not there crash Ipopt. Only the standard library is used,
and cyipopt where that is the library.
"""

from __future__ import annotations

import ctypes
import json
import os
import runpy
import sys
from typing import Any

QUIET = {"print_level": 0, "sb": "yes", "option_file_name": "", "hessian_approximation": "limited-memory"}


def solves(library: str, options: dict[str, Any]) -> bool:
    """Whether Ipopt solves the problem.

    Args:
        library: path of Ipopt's library, or "cyipopt".
        options: name -> value, set after those that keep it quiet.
    """
    solve = solve_through_cyipopt if library == "cyipopt" else solve_directly
    return solve(library, QUIET | options) == 0


def solve_directly(path: str, options: dict[str, Any]) -> int:
    """Code with which Ipopt ends, by its C interface."""
    interface: dict[str, Any] = runpy.run_path(os.path.join(os.path.dirname(__file__), "interface.py"))
    ipopt = interface["declared"](ctypes.CDLL(path))

    def numbers(address: int) -> Any:
        return (ctypes.c_double * 1).from_address(address)

    def objective(n: int, x: int, is_new: bool, value: int, user: object) -> bool:
        numbers(value)[0] = (numbers(x)[0] - 1.0) ** 2
        return True

    def gradient(n: int, x: int, is_new: bool, value: int, user: object) -> bool:
        numbers(value)[0] = 2.0 * (numbers(x)[0] - 1.0)
        return True

    callbacks = (
        interface["OBJECTIVE"](objective),
        interface["CONSTRAINTS"](lambda *_: True),
        interface["GRADIENT"](gradient),
        interface["JACOBIAN"](lambda *_: True),
        interface["HESSIAN"](lambda *_: False),
    )
    lower, upper, x = (ctypes.c_double * 1)(0.0), (ctypes.c_double * 1)(9.0), (ctypes.c_double * 1)(5.0)
    sides = ctypes.addressof(lower), ctypes.addressof(upper), 0, None, None
    problem = ipopt.CreateIpoptProblem(1, *sides, 0, 0, 0, *map(interface["address"], callbacks))
    if not all(interface["add_option"](ipopt, problem, *option) for option in options.items()):
        return 1
    return ipopt.IpoptSolve(problem, ctypes.addressof(x), None, None, None, None, None, None)


def solve_through_cyipopt(library: str, options: dict[str, Any]) -> int:
    """Code with which Ipopt ends, through cyipopt."""
    import cyipopt  # pyright: ignore[reportMissingImports]

    class Parabola:
        """The problem, for cyipopt."""

        def objective(self, x: Any) -> float:
            """(x - 1)^2."""
            return float((x[0] - 1.0) ** 2)

        def gradient(self, x: Any) -> Any:
            """2 (x - 1)."""
            return 2.0 * (x - 1.0)

        def constraints(self, x: Any) -> Any:
            """None."""
            return x[:0]

        def jacobian(self, x: Any) -> Any:
            """None."""
            return x[:0]

    problem: Any = cyipopt.Problem(  # pyright: ignore[reportAttributeAccessIssue]
        n=1, m=0, problem_obj=Parabola(), lb=[0.0], ub=[9.0]
    )
    for name, value in options.items():
        problem.add_option(name, value)
    return problem.solve([5.0])[1]["status"]


if __name__ == "__main__":
    sys.exit(0 if solves(**json.loads(sys.argv[1])) else 1)

"""The name of a linear solver in, an error out unless Ipopt has it: tried in another process.

Ipopt loads most of its linear solvers from libraries that may not be there. It finds out in the middle of a
solve, and for one of them (ma97 in Ipopt 3.14) crashes then.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from functools import cache

from lagrad.errors import ProblemError

NAMES = ("ma27", "ma57", "ma77", "ma86", "ma97", "mumps", "pardiso", "pardisomkl", "spral", "wsmp")
# Part of nearly every Ipopt, and what it takes if nothing is asked for.
USUAL = "mumps"
PATIENCE = 60.0

# For each name, a fork solves min (x - 1)^2 over 0 <= x <= 9; names of those that do not fail are printed.
TRIAL = """
import json, os, sys
sys.path[:], names, options = json.loads(sys.argv[1])
import cyipopt, numpy
class Parabola:
    def objective(self, x): return float((x[0] - 1) ** 2)
    def gradient(self, x): return 2 * (x - 1)
    def constraints(self, x): return numpy.zeros(0)
    def jacobian(self, x): return numpy.zeros(0)
def solves(name):
    problem = cyipopt.Problem(n=1, m=0, problem_obj=Parabola(), lb=[0.0], ub=[9.0])
    for option, value in (options | {"linear_solver": name}).items():
        problem.add_option(option, value)
    return problem.solve(numpy.array([5.0]))[1]["status"] == 0
def survives(name):
    child = os.fork()
    if child:
        return os.waitpid(child, 0)[1] == 0
    try:
        os._exit(0 if solves(name) else 1)
    finally:
        os._exit(1)
print("\\n", json.dumps([name for name in names if survives(name)]))
"""
QUIET = {"print_level": 0, "sb": "yes", "option_file_name": "", "hessian_approximation": "limited-memory"}


def check_linear_solver(name: str, libraries: Mapping[str, str]) -> None:
    """Pass if Ipopt can solve with it.

    Args:
        name: as given to the option `linear_solver`.
        libraries: the options `hsllib` and `pardisolib`, if they were given.

    Raises:
        ProblemError: it cannot; the message lists the ones that are there.
    """
    if name.lower() == USUAL:
        return
    there = available(tuple(sorted(libraries.items())))
    if name.lower() not in there:
        raise ProblemError(
            f"`options`: 'linear_solver' is {name!r}, which this Ipopt does not have or cannot load. It has "
            f"{', '.join(there)}. 'hsllib' and 'pardisolib' name libraries with others."
        )


@cache
def available(libraries: tuple[tuple[str, str], ...] = ()) -> tuple[str, ...]:
    """Names of the linear solvers with which Ipopt works here; all there are if it cannot be tried.

    Args:
        libraries: name and value of the options that name libraries to load.
    """
    # Without -P the working directory would be first on the import path.
    task = json.dumps([[*map(str, sys.path)], NAMES, QUIET | dict(libraries)])
    command = [sys.executable, "-P", "-c", TRIAL, task]
    try:
        ended = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=True)
        return tuple(json.loads(ended.stdout.splitlines()[-1]))
    except (OSError, subprocess.SubprocessError, ValueError, IndexError):
        return NAMES

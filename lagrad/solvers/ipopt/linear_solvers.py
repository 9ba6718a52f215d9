"""Find out which linear solvers an Ipopt has, each tried in a process of its own.

Ipopt loads most of its linear solvers from libraries that may not be there. It finds out in the middle of a
solve, and for one of them (ma97 in Ipopt 3.14) crashes then.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

from lagrad.errors import ProblemError

NAMES = ("ma27", "ma57", "ma77", "ma86", "ma97", "mumps", "pardiso", "pardisomkl", "spral", "wsmp")
# Part of nearly every Ipopt, and what it takes if nothing is asked for.
USUAL = "mumps"
PATIENCE = 60.0
TRIAL = Path(__file__).with_name("trial.py")


def check_linear_solver(name: str, ipopt: str, libraries: Mapping[str, str]) -> None:
    """Pass if Ipopt can solve with it.

    Args:
        name: as given to the option `linear_solver`.
        ipopt: path of Ipopt's library, or "cyipopt".
        libraries: the options `hsllib` and `pardisolib`, if they were given.

    Raises:
        ProblemError: it cannot; the message lists the ones that are there.
    """
    given = tuple(sorted(libraries.items()))
    if name.lower() == USUAL or name.lower() in NAMES and works(name.lower(), ipopt, given):
        return
    raise ProblemError(
        f"`options`: 'linear_solver' is {name!r}, which this Ipopt does not have or cannot load. It has "
        f"{', '.join(available(ipopt, given))}. 'hsllib' and 'pardisolib' name libraries with others."
    )


def available(ipopt: str, libraries: tuple[tuple[str, str], ...] = ()) -> tuple[str, ...]:
    """Names of the linear solvers with which an Ipopt works here.

    Args:
        ipopt: path of its library, or "cyipopt".
        libraries: name and value of the options that name libraries to load.
    """
    with ThreadPoolExecutor(4) as pool:
        found = pool.map(lambda name: works(name, ipopt, libraries), NAMES)
        return tuple(name for name, is_there in zip(NAMES, found, strict=True) if is_there)


@cache
def works(name: str, ipopt: str, libraries: tuple[tuple[str, str], ...] = ()) -> bool:
    """Whether an Ipopt works with a linear solver; yes if it cannot be tried."""
    task = json.dumps({"library": ipopt, "options": dict(libraries) | {"linear_solver": name}})
    # Without -P the working directory would be first on the import path.
    command = [sys.executable, "-P", str(TRIAL), task]
    try:
        return subprocess.run(command, capture_output=True, timeout=PATIENCE).returncode == 0
    except subprocess.TimeoutExpired:
        return False
    except OSError:
        return True

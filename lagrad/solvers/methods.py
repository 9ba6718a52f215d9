"""The methods of `lagrad.solve`, by name; "auto" is the first that can be used."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import cache

from lagrad.errors import ProblemError
from lagrad.solvers import ipopt, pounce, trust_constr, uno
from lagrad.solvers.options import suggestion, words
from lagrad.solvers.solver import Solver

# The best first: "auto" tries them in this order. A new solver is a file and a row.
METHODS: dict[str, Solver] = {"ipopt": ipopt, "pounce": pounce, "uno": uno, "trust-constr": trust_constr}
AUTO = "auto"
# Methods of scipy.optimize.minimize, none of which uses sparse second derivatives of constraints.
SCIPYS = words(
    "nelder-mead powell cg bfgs newton-cg l-bfgs-b tnc cobyla cobyqa slsqp dogleg trust-ncg trust-exact "
    "trust-krylov"
)
OF_SCIPY = (
    "is a method of SciPy. Here 'ipopt' solves what SLSQP, L-BFGS-B, BFGS and the like do, with exact sparse "
    'second derivatives: leave `method` out. For SciPy\'s own, scipy.optimize.minimize(method="{}", '
    "**lagrad.to_scipy(problem)) gives it lagrad's derivatives."
)
BEST = next(iter(METHODS))


@dataclass(frozen=True)
class Method:
    """A solver that can be used.

    Args:
        name: its own, never "auto".
        solver: the module.
        note: a sentence for `Solution.message` where it stands in for a better one, else empty.
    """

    name: str
    solver: Solver
    note: str = ""


def find_method(name: object) -> Method:
    """The solver of a method's name.

    Args:
        name: "auto" or a key of METHODS, in any case.

    Raises:
        ProblemError: there is no such method.
        ImportError: its solver is not installed; the message says how to get it.

    >>> find_method("Trust-Constr").name
    'trust-constr'
    """
    key = name.lower().replace("_", "-") if isinstance(name, str) else ""
    if key == AUTO:
        return first_there()
    if key in SCIPYS:
        raise ProblemError(f"`method`: {name!r} {OF_SCIPY.format(name)}")
    if key not in METHODS:
        known = [AUTO, *METHODS]
        hint = f" {suggestion(name, known)}" if isinstance(name, str) else ""
        raise ProblemError(f"`method`: {name!r}, expected one of {', '.join(map(repr, known))}.{hint}")
    METHODS[key].load()
    return Method(key, METHODS[key])


def first_there() -> Method:
    """The best solver that can be used."""
    for name, solver in METHODS.items():
        try:
            solver.load()
        except ImportError:
            continue
        if name == BEST:
            return Method(name, solver)
        note = f"Solved by {name}, since {BEST} is not there: `lagrad doctor` says how to get it."
        tell_once(note)
        return Method(name, solver, note)
    raise AssertionError("SciPy's trust-constr is always there.")


@cache
def tell_once(note: str) -> None:
    """Log a note, once a process."""
    logging.getLogger("lagrad").info(note)

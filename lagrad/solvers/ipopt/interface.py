"""Declare Ipopt's C interface to ctypes, as in IpStdCInterface.h of Ipopt 3.14; Bool was an int before.

Only the standard library is used, so that `trial.py` can run this file by its path.
"""

from __future__ import annotations

from ctypes import CDLL, CFUNCTYPE, addressof, c_bool, c_char_p, c_double, c_int, c_void_p, sizeof
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lagrad.solvers.options import Option

# (n, x, is x new, where the value goes, user data): whether it could be evaluated; likewise below.
OBJECTIVE = CFUNCTYPE(c_bool, c_int, c_void_p, c_bool, c_void_p, c_void_p)
GRADIENT = OBJECTIVE
CONSTRAINTS = CFUNCTYPE(c_bool, c_int, c_void_p, c_bool, c_int, c_void_p, c_void_p)
# (n, x, is x new, m, entries, rows, columns, values, user data); without values, the structure is asked for.
JACOBIAN = CFUNCTYPE(c_bool, c_int, c_void_p, c_bool, c_int, c_int, c_void_p, c_void_p, c_void_p, c_void_p)
# (n, x, is x new, weight of f, m, multipliers, are they new, entries, rows, columns, values, user data)
HESSIAN = CFUNCTYPE(
    c_bool,
    *(c_int, c_void_p, c_bool, c_double, c_int, c_void_p, c_bool, c_int),
    *(c_void_p, c_void_p, c_void_p, c_void_p),
)
# (mode, iteration, f, inf_pr, inf_du, mu, step, regularization, alpha_du, alpha_pr, trials, user data)
INTERMEDIATE = CFUNCTYPE(c_bool, c_int, c_int, *(c_double,) * 8, c_int, c_void_p)

# What machine code calls to have Python run: whether to go on.
LISTENER = CFUNCTYPE(c_bool)

# Result, then arguments; pointers to arrays and functions are addresses.
PROTOTYPES: dict[str, tuple[Any, ...]] = {
    "CreateIpoptProblem": (
        c_void_p,
        *(c_int, c_void_p, c_void_p, c_int, c_void_p, c_void_p, c_int, c_int, c_int),
        *(c_void_p,) * 5,
    ),
    "FreeIpoptProblem": (None, c_void_p),
    "AddIpoptStrOption": (c_bool, c_void_p, c_char_p, c_char_p),
    "AddIpoptNumOption": (c_bool, c_void_p, c_char_p, c_double),
    "AddIpoptIntOption": (c_bool, c_void_p, c_char_p, c_int),
    "SetIntermediateCallback": (c_bool, c_void_p, c_void_p),
    "IpoptSolve": (c_int, *(c_void_p,) * 8),
    "GetIpoptCurrentIterate": (
        c_bool,
        *(c_void_p, c_bool, c_int, c_void_p, c_void_p, c_void_p, c_int, c_void_p, c_void_p),
    ),
}
# Since 3.14, like a Bool of one byte.
NEW = "GetIpoptCurrentIterate"


def declared(library: CDLL) -> CDLL:
    """The library, its functions' arguments and results declared.

    Raises:
        AttributeError: it lacks one of them.
    """
    for name, (result, *arguments) in PROTOTYPES.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


def version(library: CDLL) -> tuple[int, ...]:
    """Ipopt's version; (3, 14) where it cannot say more."""
    if not hasattr(library, "GetIpoptVersion"):
        return (3, 14)
    numbers = (c_int * 3)()
    library.GetIpoptVersion.argtypes, library.GetIpoptVersion.restype = [c_void_p] * 3, None
    library.GetIpoptVersion(*(addressof(numbers) + place * sizeof(c_int) for place in range(3)))
    return tuple(numbers)


def address(function: Any) -> int:
    """Where a callback's code begins."""
    # `cast` would leave a reference of the function to itself behind.
    return c_void_p.from_buffer(function).value or 0


def add_option(library: CDLL, problem: int, name: str, value: Option) -> bool:
    """Hand an option to Ipopt; whether it took it."""
    key = name.encode()
    if isinstance(value, str):
        return library.AddIpoptStrOption(problem, key, value.encode())
    if isinstance(value, int):
        return library.AddIpoptIntOption(problem, key, value)
    return library.AddIpoptNumOption(problem, key, value)

"""Check a solver's options as the user wrote them, and turn them into plain Python values.

A table names each option and its kind. Names are checked before the solve with the nearest ones as
suggestions; NumPy scalars become Python's; options that lagrad sets itself are refused with the reason.
"""

from __future__ import annotations

import difflib
import numbers
from collections.abc import Callable, Mapping
from pathlib import Path

from lagrad.errors import ProblemError

# What fits an int of C; and the options whose values are paths.
LARGEST = 2**31 - 1
# What an option of a solver may be, once checked.
Option = str | int | float | bool
PATHS = frozenset({"output_file", "hsllib", "pardisolib"})


# Words that are an argument of `lagrad.solve`, and no option of its solvers.
OF_SOLVE: dict[str, str] = {
    "maxiter": "Give solve `max_iterations=...`.",
    "max_iterations": "Give solve `max_iterations=...`.",
    "maxfun": "Give solve `max_iterations=...`.",
    "time_limit": "Give solve `time_limit=...`.",
    "params": "Give solve `params=...`.",
}


def words(text: str) -> frozenset[str]:
    """The words of a text, for tables of names."""
    return frozenset(text.split())


def check_options(
    options: Mapping[str, object] | None,
    kinds: Mapping[str, type],
    owned: Mapping[str, str],
    others: frozenset[str] = frozenset(),
) -> dict[str, Option]:
    """Options with known names and values of the right kind.

    Args:
        options: name -> value, or None.
        kinds: name -> int, float or str.
        owned: name -> why the user cannot set it.
        others: names that exist but whose kind is the solver's own affair.

    Returns:
        dict name -> int, float or str.

    Raises:
        ProblemError: no mapping, an unknown name, an owned name, or a value of the wrong kind.

    >>> check_options({"max_iter": np.int64(5), "tol": 1}, {"max_iter": int, "tol": float}, {})
    {'max_iter': 5, 'tol': 1.0}
    """
    if options is None:
        return {}
    if not isinstance(options, Mapping):
        raise ProblemError(f"`options`: a {type(options).__name__}, expected a dict name -> value.")
    return {name: check_option(name, value, kinds, owned, others) for name, value in options.items()}


def check_option(
    name: object, value: object, kinds: Mapping[str, type], owned: Mapping[str, str], others: frozenset[str]
) -> Option:
    """One option's value in its own kind; see `check_options`."""
    if not isinstance(name, str):
        raise ProblemError(f"`options`: the name {name!r} is a {type(name).__name__}, expected a string.")
    if name in owned:
        raise ProblemError(f"`options`: {name!r} cannot be set: {owned[name]}")
    if name not in kinds and name not in others:
        hint = OF_SOLVE.get(name.lower()) or suggestion(name, [*kinds, *others])
        raise ProblemError(f"`options`: {name!r} is unknown. {hint}")
    return CONVERSIONS[kinds.get(name, object)](name, plain(value))


def suggestion(name: str, known: list[str]) -> str:
    """The nearest names, as a sentence."""
    near = difflib.get_close_matches(name.lower(), known, n=3, cutoff=0.6)
    return f"Did you mean {' or '.join(map(repr, near))}?" if near else "See the solver's list of options."


def plain(value: object) -> object:
    """A NumPy or JAX scalar as a Python one, bytes as text."""
    if isinstance(value, bytes):
        return value.decode("ascii", "replace")
    item = getattr(value, "item", None)
    return item() if callable(item) and getattr(value, "ndim", 0) == 0 else value


def to_int(name: str, value: object) -> int:
    """A whole number that a solver written in C can hold."""
    value = int(value) if isinstance(value, float) and value.is_integer() else value
    if not isinstance(value, int) or isinstance(value, bool):
        raise ProblemError(f"`options`: {name!r} is {value!r}, expected a whole number.")
    if abs(value) > LARGEST:
        raise ProblemError(f"`options`: {name!r} is {value!r}, expected at most {LARGEST}.")
    return value


def to_float(name: str, value: object) -> float:
    """A real number that is not nan."""
    if not isinstance(value, numbers.Real) or isinstance(value, bool) or value != value:
        raise ProblemError(f"`options`: {name!r} is {value!r}, expected a real number.")
    return float(value)


def to_word(name: str, value: object) -> str:
    """Text, ASCII but for paths; True and False become yes and no."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    value = str(value) if name in PATHS and isinstance(value, Path) else value
    if not isinstance(value, str) or not value.isprintable() or not (name in PATHS or value.isascii()):
        raise ProblemError(f"`options`: {name!r} is {value!r}, expected text (ASCII).")
    return value


def to_bool(name: str, value: object) -> bool:
    """True or False."""
    if not isinstance(value, bool):
        raise ProblemError(f"`options`: {name!r} is {value!r}, expected True or False.")
    return value


def as_it_is(name: str, value: object) -> Option:
    """A value whose kind only the solver knows."""
    if not isinstance(value, (str, int, float)) or value != value:
        raise ProblemError(f"`options`: {name!r} is {value!r}, expected text or a number.")
    return value


CONVERSIONS: dict[type, Callable[[str, object], Option]] = {
    int: to_int,
    float: to_float,
    str: to_word,
    bool: to_bool,
    object: as_it_is,
}


def with_output_file(options: dict[str, Option]) -> dict[str, Option]:
    """Checked options, with Ipopt's `output_file`, if it is among them, as an absolute path.

    Raises:
        ProblemError: see `check_output_file`.
    """
    value = options.get("output_file")
    if not value:
        return options
    return options | {"output_file": check_output_file(str(value), options.get("file_append", "no") == "yes")}


def check_output_file(value: str, may_append: bool) -> str:
    """An output file that can be written without harm, as an absolute path.

    Args:
        value: path as the user gave it.
        may_append: whether the file may exist already.

    Raises:
        ProblemError: the folder is missing or read-only, the file exists, or the path climbs with `..`.
    """
    path = Path(value).expanduser()
    if ".." in path.parts:
        raise ProblemError(
            f"`options`: 'output_file' is {value!r}, which contains '..'. Give the path itself."
        )
    path = path.absolute()
    if not path.parent.is_dir():
        raise ProblemError(f"`options`: 'output_file': there is no folder {path.parent}. Make it first.")
    if path.is_file() and not may_append:
        raise ProblemError(
            f"`options`: 'output_file': {path} exists. Give another name, or 'file_append': 'yes'."
        )
    if not is_writable(path):
        raise ProblemError(
            f"`options`: 'output_file': {path} cannot be written. Give a file in a folder of yours."
        )
    return str(path)


def is_writable(path: Path) -> bool:
    """Whether a file can be written, found by opening it; what that creates is removed."""
    is_new = not path.exists()
    try:
        path.open("ab").close()
        if is_new:
            path.unlink()
    except OSError:
        return False
    return True


def check_library(name: str, value: str) -> str:
    """An absolute path of a solver library; anything else would be searched in places others can write to.

    Raises:
        ProblemError: the path is not absolute, or no such file exists.
    """
    path = Path(value)
    if not path.is_absolute() or not path.is_file():
        raise ProblemError(f"`options`: {name!r} is {value!r}, expected the absolute path of a library.")
    return value

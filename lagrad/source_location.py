"""Find the user's own file and line behind exceptions, call stacks and traced equations."""

from __future__ import annotations

import inspect
import linecache
import sysconfig
import traceback
import warnings
from collections.abc import Iterable
from pathlib import Path
from types import FrameType
from typing import Any

import jax
import numpy as np
import scipy

from lagrad.errors import LagradWarning

_LONGEST_QUOTE = 90
_STANDARD_LIBRARY = sysconfig.get_paths()["stdlib"]
_NOT_THE_USERS = tuple(
    str(Path(str(file)).parent) + "/" for file in (__file__, jax.__file__, np.__file__, scipy.__file__)
)


def is_users(filename: str) -> bool:
    """Whether a source file is neither lagrad's, nor JAX's, NumPy's, SciPy's or Python's own."""
    if filename.startswith(_NOT_THE_USERS) or filename.startswith("<frozen"):
        return False
    # Generated code, such as a dataclass's __init__, is "<string>"; a prompt is "<stdin>" or "<ipython-...>".
    installed = "site-packages" in filename or "dist-packages" in filename
    return filename != "<string>" and (installed or not filename.startswith(_STANDARD_LIBRARY))


def users_line(error: BaseException, library: str = "") -> str:
    """Where in the user's own code an exception arose.

    Args:
        error: an exception that has been raised.
        library: folder of a library whose lines do not count.

    Returns:
        Such as "model.py, line 12: `if x[0] > 0:`"; if the user's function is one of SciPy's or NumPy's, its
        line; "an unknown line" if the exception was never raised.
    """
    frames = traceback.extract_tb(error.__traceback__)
    inside = [s for s in frames if not s.filename.startswith((*_NOT_THE_USERS[:2], _STANDARD_LIBRARY))]
    frames = [s for s in frames if not (library and is_in(s.filename, library))]
    summaries = [s for s in frames if is_users(s.filename)] or inside
    if not summaries:
        return "an unknown line"
    last = summaries[-1]
    return _quoted(last.filename, last.lineno, last.line or "")


def through(error: BaseException, libraries: Iterable[str]) -> str:
    """The library that an exception came from: the first of them in whose code it passed, else "".

    Args:
        error: an exception that has been raised.
        libraries: their folders.
    """
    files = [frame.filename for frame in traceback.extract_tb(error.__traceback__)]
    return next((each for each in libraries if any(is_in(file, each) for file in files)), "")


def is_in(file: str, library: str) -> bool:
    """Whether a file belongs to an installed library, or was made by it."""
    return f"-packages/{library}/" in file or (library == "sympy" and file.startswith("<lambdifygenerated"))


def line_of(equation: Any, default: str) -> str:
    """The innermost line of the user's at which an equation was traced.

    Args:
        equation: of a jaxpr.
        default: what to say of an equation without one.
    """
    frames = getattr(getattr(equation.source_info, "traceback", None), "frames", ())
    own = next((frame for frame in frames if is_users(frame.file_name)), None)
    if own is None:
        return default
    code = linecache.getline(own.file_name, own.line_num).strip()
    return _quoted(own.file_name, own.line_num, code)


def _quoted(file_name: str, line: int | None, code: str) -> str:
    """A line of a file, its code behind it if there is any."""
    quote = code if len(code) <= _LONGEST_QUOTE else f"{code[:_LONGEST_QUOTE]}..."
    return f"{file_name}, line {line}" + (f": `{quote}`" if quote else "")


def warn_user(message: str) -> None:
    """Issue a LagradWarning that points at the user's line, however deep in lagrad it arose."""
    depth, frame = 1, inspect.currentframe()
    while frame is not None and frame.f_back is not None and not is_users(frame.f_code.co_filename):
        depth, frame = depth + 1, frame.f_back
    warnings.warn(message, LagradWarning, stacklevel=depth)


def is_called_from(frame: FrameType | None, modules: frozenset[str]) -> bool:
    """Whether a frame or one of its callers belongs to one of these top-level modules."""
    while frame is not None:
        if str(frame.f_globals.get("__name__", "")).partition(".")[0] in modules:
            return True
        frame = frame.f_back
    return False

"""Run loops over index arrays: interpreted when short, compiled by numba when long.

A loop is written once, over anything that can be indexed by integers. Short loops run as ordinary Python on
lists, with no compiler imported: 20 000 steps take about 2 ms. Long ones are compiled by numba on first use
and kept on disk; a million vertices then take milliseconds. Without numba everything still works, slower.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable
from functools import cache
from types import FunctionType

import numpy as np

from lagrad.source_location import warn_user

# Below, a compiled loop gains a millisecond or two at most, and small problems stay free of compilation.
SHORT = 20_000
# Python spends about 0.1 s on so many steps, the price of importing numba and loading a loop kept on disk.
LONG = 800_000

_interpreted: dict[FunctionType, int] = {}


def run(loop: FunctionType, inputs: tuple, outputs: tuple = (), *, steps: float):
    """Call `loop(*inputs, *outputs)` in the cheaper way and leave its results in `outputs`.

    Args:
        loop: a function of arrays and numbers that only indexes, computes and calls other such functions.
        inputs: arrays and numbers it reads, or uses as scratch.
        outputs: integer arrays that it writes.
        steps: about how many times its innermost line runs.

    Returns:
        What the loop returns.

    >>> def double(source, target):
    ...     for i in range(len(source)):
    ...         target[i] = 2 * source[i]
    >>> target = np.zeros(3, dtype=np.int32)
    >>> run(double, (np.arange(3),), (target,), steps=3)
    >>> target.tolist()
    [0, 2, 4]
    """
    if is_worth_compiling(loop, steps):
        return run_compiled(loop, (*map(as_plain, inputs), *outputs))
    lists = [as_list(output) for output in outputs]
    result = loop(*map(as_list, inputs), *lists)
    for output, values in zip(outputs, lists, strict=True):
        output[:] = values
    return result


def run_compiled(loop: FunctionType, arguments: tuple):
    """Call a compiled loop; one that is kept on disk and cannot be loaded from there is compiled again."""
    try:
        return compiled(loop)(*arguments)
    # numba lets everything through that pickle, or a full or closed disk, raises.
    except Exception as error:
        warn_user(
            f"coloring: a loop that numba keeps on disk cannot be used ({type(error).__name__}: {error}). It "
            "was compiled again. To end this, delete the .nbi files in its folders or in NUMBA_CACHE_DIR."
        )
        return compiled_anew(loop)(*arguments)


def as_list(value):
    """A list from an array (lists index several times faster in Python), anything else unchanged."""
    return value.tolist() if isinstance(value, np.ndarray) else value


def as_plain(value):
    """Arrays contiguous and writable: for any other kind numba would compile the loop once more."""
    if not isinstance(value, np.ndarray) or (value.flags.c_contiguous and value.flags.writeable):
        return value
    return value.copy()


def is_worth_compiling(loop: FunctionType, steps: float) -> bool:
    """Whether compiling pays: once a loop has been interpreted for as long as loading it compiled takes."""
    if steps <= SHORT or not has_numba():
        return False
    _interpreted[loop] = _interpreted.get(loop, 0) + int(steps)
    return _interpreted[loop] > LONG


@cache
def has_numba() -> bool:
    """Whether numba is installed."""
    return importlib.util.find_spec("numba") is not None


@cache
def compiled(loop: FunctionType) -> FunctionType:
    """The loop and the loops it calls, compiled for the types of the first call, and kept on disk."""
    return translated(loop, compiled, is_kept=True)


@cache
def compiled_anew(loop: FunctionType) -> FunctionType:
    """The same, whatever is on disk."""
    return translated(loop, compiled_anew, is_kept=False)


def translated(loop: FunctionType, inner: Callable, is_kept: bool) -> FunctionType:
    """A loop for numba; compiled when it is called, it releases the GIL.

    Args:
        loop: see `run`.
        inner: what makes the same of the loops that it calls.
        is_kept: whether the compiled form is kept on disk.
    """
    # numba is imported here, by name, because importing it costs more than solving a small problem.
    numba = importlib.import_module("numba")
    called = {name: loop.__globals__.get(name) for name in loop.__code__.co_names}
    helpers = {name: inner(value) for name, value in called.items() if isinstance(value, FunctionType)}
    bound = FunctionType(loop.__code__, {**loop.__globals__, **helpers}, loop.__name__)
    bound.__qualname__, bound.__module__ = loop.__qualname__, loop.__module__
    return numba.njit(bound, cache=is_kept, nogil=True)

"""Refuse programs that cannot be followed, and warn of those that are long, large or captured in float32."""

from __future__ import annotations

from collections import Counter

import jax
import numpy as np
from jax.core import Tracer
from jax.extend import core as jex

from lagrad.errors import DerivativeError
from lagrad.primitives.calls import IN_PLACE, constants_in, names_in
from lagrad.problem.user_functions import STALE
from lagrad.source_location import warn_user

LONG_PROGRAM = 3000
LARGE_CONSTANTS = 100_000_000


def check_program(program: jex.ClosedJaxpr) -> None:
    """Refuse a program that uses values of another trace; warn of a long one, and of large captured arrays.

    Args:
        program: objective and constraints, traced.

    Raises:
        DerivativeError: a function uses a traced value that is not its argument, or writes in place.

    >>> check_program(jax.make_jaxpr(jnp.sin)(1.0))
    """
    if any(isinstance(array, Tracer) for array in constants_in(program)):
        raise DerivativeError(
            f"`objective` or `constraints`: use a traced value that is no argument. {STALE}"
        )
    names = Counter(names_in(program))
    if names.keys() & IN_PLACE:
        raise DerivativeError(
            "`objective` or `constraints`: write into an array of jax.new_ref, which cannot be followed. "
            "Make a new array, as x.at[i].set(value) does."
        )
    warn_of_single_precision(program)
    count = sum(names.values())
    if count > LONG_PROGRAM:
        name, times = names.most_common(1)[0]
        warn_user(
            f"`objective` and `constraints`: {count} operations ({name} {times} times), which take long to "
            "compile. If they come from a Python loop, use array operations, jax.vmap or jax.lax.scan."
        )
    # A random key has a dtype that is not NumPy's.
    sizes = [np.size(array) * array.dtype.itemsize for array in constants_in(program)]
    if sum(sizes) > LARGE_CONSTANTS:
        warn_user(
            f"`objective` and `constraints`: {sum(sizes) / 1e6:.0f} MB of captured arrays, the largest "
            f"{max(sizes) / 1e6:.0f} MB, are copied into the compiled program. Pass them as params."
        )


def warn_of_single_precision(program: jex.ClosedJaxpr) -> None:
    """Warn of JAX arrays that a function captured in float32, because they were made while x64 was off."""
    if jax.config.values["jax_enable_x64"]:
        return
    arrays = [array for array in constants_in(program) if isinstance(array, jax.Array)]
    for array in arrays:
        if array.dtype == np.float32 and _is_rounded(np.asarray(array)):
            begin = np.array2string(np.ravel(array)[:3], separator=", ", precision=4).strip("[]")
            more = ", ..." if array.size > 3 else ""
            warn_user(
                f"`objective` or `constraints`: capture a float32 array of shape {array.shape}, "
                f"[{begin}{more}], made by jax.numpy while jax_enable_x64 is off: it has seven digits. "
                "Make it with np.asarray, or switch x64 on first."
            )


def _is_rounded(array: np.ndarray) -> bool:
    """Whether float32 has probably rounded numbers: multiples of 1/4096 are what they were meant to be."""
    finite = array[np.isfinite(array)].astype(np.float64) * 4096.0
    return bool((finite != np.round(finite)).any())

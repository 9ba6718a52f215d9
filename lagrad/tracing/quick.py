"""Trace functions with less work for each operation."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial, wraps
from typing import Any

from lagrad.tracing.forms import is_sample, sample
from lagrad.tracing.tracer import written


def quick(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function that JAX traces sooner.

    Args:
        function: pytrees of arrays -> pytree of arrays.

    Returns:
        The same function. Where it is not traced, or not by jit or make_jaxpr, nothing is different.

    >>> jax.make_jaxpr(quick(lambda x: 2.0 * x[0]))(np.zeros(3)).eqns[-1].primitive.name
    'mul'
    """

    @wraps(function)
    def run(*arguments: Any) -> Any:
        return written(function, *arguments) if is_known() else function(*arguments)

    return run


@cache
def is_known() -> bool:
    """Whether what is written at once is what the installed JAX writes by itself."""
    return is_sample(partial(written, sample))

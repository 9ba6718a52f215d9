"""Compute in float64 without touching the user's setting.

JAX spells it `jax.enable_x64` from 0.8 on and `jax.experimental.enable_x64` before; this is the only
place that knows.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any

import jax
import jax.experimental

_enable_x64 = jax.enable_x64 if hasattr(jax, "enable_x64") else vars(jax.experimental)["enable_x64"]
_SWITCHES = {
    "jax_disable_jit": jax.disable_jit,
    "jax_debug_nans": jax.debug_nans,
    "jax_debug_infs": jax.debug_infs,
}


def float64() -> AbstractContextManager[Any, bool | None]:
    """Context in which JAX traces, compiles and runs in float64, in this thread only.

    The global `jax_enable_x64` stays as the user set it. A thread started inside does not inherit it. JAX's
    switches for debugging are off inside: compiled code does not run without jit, and a trial point that is
    not finite is the solver's business.

    Returns:
        Context manager; may be nested and entered in several threads at once.

    >>> import jax.numpy as jnp
    >>> with float64():
    ...     jnp.ones(2).dtype
    dtype('float64')
    """
    disturbed = any(getattr(jax.config, name) for name in _SWITCHES)
    return _undisturbed() if disturbed else _enable_x64(True)


@contextmanager
def _undisturbed() -> Generator[None]:
    """The same where a switch for debugging is on."""
    with ExitStack() as stack:
        for switch in _SWITCHES.values():
            stack.enter_context(switch(False))
        stack.enter_context(_enable_x64(True))
        yield

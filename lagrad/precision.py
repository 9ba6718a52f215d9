"""Double precision without touching the user's setting: nothing in, a context that computes in float64 out.

JAX spells it `jax.enable_x64` from 0.8 on and `jax.experimental.enable_x64` before; this is the only
place that knows.
"""

from __future__ import annotations

from contextlib import AbstractContextManager

import jax
import jax.experimental

_enable_x64 = jax.enable_x64 if hasattr(jax, "enable_x64") else vars(jax.experimental)["enable_x64"]


def float64() -> AbstractContextManager:
    """Context in which JAX traces, compiles and runs in float64, in this thread only.

    The global `jax_enable_x64` stays as the user set it. A thread started inside does not inherit it.

    Returns:
        Context manager; may be nested and entered in several threads at once.

    >>> import jax.numpy as jnp
    >>> with float64():
    ...     jnp.ones(2).dtype
    dtype('float64')
    """
    return _enable_x64(True)

"""Directions of differentiation: a function in, its gradient by whatever sweeps it allows out.

Reverse mode cannot run `lax.while_loop` backwards, forward mode cannot enter a `custom_vjp`. JAX says so
while tracing; then the other direction is taken, and the user is told what it costs.
"""

from __future__ import annotations

from collections.abc import Callable

import jax

from lagrad.places import warn_user

NO_REVERSE = "Reverse-mode differentiation does not work"
NO_FORWARD = "custom_vjp"


def refuses_reverse(error: Exception) -> bool:
    """Whether JAX means that a function has no reverse mode."""
    return isinstance(error, ValueError) and NO_REVERSE in str(error)


def refuses_forward(error: Exception) -> bool:
    """Whether JAX means that a function has no forward mode."""
    return isinstance(error, TypeError) and NO_FORWARD in str(error)


def gradient(fun: Callable) -> Callable:
    """Gradient of a scalar function of a flat x, by one reverse sweep or, failing that, n forward ones.

    Args:
        fun: x of shape (n,) -> scalar, traceable.

    Returns:
        x -> array of shape (n,); differentiable in forward mode either way.
    """

    def found(x):
        try:
            return jax.grad(fun)(x)
        except ValueError as error:
            if not refuses_reverse(error):
                raise
            warn_user(
                f"`objective` or `constraints`: a lax.while_loop has no reverse mode; {x.size} forward "
                "sweeps take its place in every gradient. Use lax.scan, lax.fori_loop with a fixed number of "
                "steps, lagrad.nested.forward_mode around the loop, or lagrad.nested.implicit around the "
                "solver."
            )
            return jax.jacfwd(fun)(x)

    return found

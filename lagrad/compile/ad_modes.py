"""Differentiate a function in whatever direction it allows.

Reverse mode cannot run `lax.while_loop` backwards, forward mode cannot enter a `custom_vjp`. JAX says so
while tracing; then the other direction is taken, and the user is told what it costs. What has no derivative
in any direction is an error that names the operation and the way out.

A rule that runs a loop backwards, itself a loop, can only be differentiated forward; but it calls rules in
turn, as diffrax does. These are turned round or, where they hold loops as well, read as they are written.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

import jax
import jax.numpy as jnp
from jax.extend.core import jaxpr_as_fun

from lagrad.errors import DerivativeError
from lagrad.nested.custom_rules import forward_anyway, loops
from lagrad.primitives.calls import CALLBACKS
from lagrad.source_location import warn_user

NO_REVERSE = "Reverse-mode differentiation does not work"
NO_FORWARD = "custom_vjp"
AS_WRITTEN = (
    "`objective` or `constraints`: a rule given by jax.custom_vjp holds a lax.while_loop and calls functions "
    "with rules of their own. In second derivatives these are differentiated forward, as they are written; "
    "gradient and Jacobian keep all rules. Nothing is to be done if the rules are the functions' derivatives."
)
OWN_RULE = "Give it a rule with jax.custom_jvp, itself differentiable, or write the function with jax.numpy."
# What JAX says -> the operation, and the way out.
REFUSALS = {
    "Pure callbacks do not support": ("pure_callback", OWN_RULE),
    "IO callbacks do not support": ("io_callback", OWN_RULE),
    NO_REVERSE: (
        "while_loop",
        "Use lax.scan, lax.fori_loop of a fixed number of steps, or lagrad.nested.implicit around a solver. "
        "Diffrax has second derivatives in forward mode: diffeqsolve(..., adjoint=diffrax.ForwardMode()).",
    ),
    NO_FORWARD: (
        "custom_vjp",
        "It has a reverse rule only: wrap your function in lagrad.nested.both_modes, or use jax.custom_jvp.",
    ),
    "non-symmetric eigenvectors": ("eig", "Use jnp.linalg.eigh if the matrix is symmetric."),
}


def refuses_reverse(error: Exception) -> bool:
    """Whether JAX means that a function has no reverse mode."""
    return isinstance(error, ValueError) and NO_REVERSE in str(error)


def refuses_callback(error: Exception) -> bool:
    """Whether JAX means that a callback, which only a rule differentiates, met it without its rule."""
    found = refusal(str(error)) if isinstance(error, ValueError) else None
    return found is not None and found[0] in CALLBACKS


def refuses_forward(error: Exception) -> bool:
    """Whether JAX means that a function has no forward mode."""
    return isinstance(error, TypeError) and NO_FORWARD in str(error)


@contextmanager
def differentiable() -> Generator[None]:
    """Context, or decorator, in which JAX's refusals to differentiate name the operation and the way out.

    Raises:
        DerivativeError: an operation has no derivative.
    """
    try:
        yield
    except (TypeError, ValueError, NotImplementedError) as error:
        found = refusal(str(error))
        if found is None or isinstance(error, DerivativeError):
            raise
        name, cure = found
        raise DerivativeError(
            f"`objective` or `constraints`: `{name}` has no derivative of the kind that is needed. {cure}"
        ) from error


def refusal(text: str) -> tuple[str, str] | None:
    """The operation that JAX refuses to differentiate, and the way out; None if it is another error.

    >>> refusal("Differentiation rule for 'mystery' not implemented")[0]
    'mystery'
    """
    unknown = re.search(r"rule .*for '([^']+)' not implemented", text)
    # The rule keeps an operand that was not meant to be traced: it can be differentiated by nobody.
    unknown = unknown or re.search(r"traced array.*\n.*while tracing the function (\w+)", text)
    if unknown:
        return unknown[1], OWN_RULE
    return next((found for words, found in REFUSALS.items() if words in text), None)


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


def along(fun: Callable, x: jax.Array, v: jax.Array) -> Any:
    """Derivative of a function along v, by a forward sweep or, failing that, two reverse ones.

    The second of these transposes the first: u -> J' u is linear, and its transposed map is v -> J v. A rule
    that holds a while_loop cannot be transposed; then each output takes a reverse sweep.

    Args:
        fun: x of shape (n,) -> array or pytree of arrays, traceable.
        x: where.
        v: direction, shape (n,).

    Returns:
        What `fun` returns.
    """
    try:
        return pushed(jax.linearize(fun, x)[1], v)
    except TypeError as error:
        if not refuses_forward(error):
            raise
    value, pull = jax.vjp(fun, x)
    push = jax.vjp(lambda u: pull(u)[0], jax.tree.map(jnp.zeros_like, value))[1]
    try:
        return push(v)[0]
    except ValueError as error:
        if not refuses_reverse(error):
            raise
    return jax.tree.map(lambda rows: rows @ v, jax.jacrev(fun)(x))


def hessian_products(fun: Callable, x: jax.Array, sweep: Callable[[Callable], Any]) -> Any:
    """Products with the Hessian of a scalar function, forward over reverse or, failing that, reverse twice.

    Where neither can be, forward over reverse once more, through the rules that it calls as they are written.
    A loop loses the rules of what it calls once it is turned round: where these are all that can be
    differentiated, reverse over forward.

    Args:
        fun: x of shape (n,) -> scalar, traceable.
        x: where.
        sweep: (v -> H v, a linear map of arrays of shape (n,)) -> the products that are wanted, vectorised:
            no sooner does JAX say that a function has no forward mode. It is called once for each attempt.

    Returns:
        What `sweep` returns.
    """
    slope = gradient(fun)
    # Rules may take seconds to be traced, and each attempt would do so: their equations serve from here on.
    written = jax.make_jaxpr(slope)(x)

    def again(x):
        return jaxpr_as_fun(written)(x)[0]

    try:
        return sweep(jax.linearize(again, x)[1])
    except TypeError as error:
        if is_zero_lost(error):
            return sweep(jax.linearize(lambda x: gradient(lambda y: one(x) * fun(y))(x), x)[1])
        if not refuses_forward(error):
            raise
    except ValueError as error:
        if not refuses_callback(error):
            raise
        return sweep(lambda v: jax.grad(lambda x: jax.jvp(fun, (x,), (v,))[1])(x))
    if loops(written):
        warn_user(AS_WRITTEN)
        return sweep(jax.linearize(forward_anyway(again), x)[1])
    # H is symmetric, so that its transposed product is the product.
    pull = jax.vjp(again, x)[1]
    return sweep(lambda v: pull(v)[0])


def hessian_product(fun: Callable, x: jax.Array, v: jax.Array) -> jax.Array:
    """H v of a scalar function, as `hessian_products` finds it."""
    return hessian_products(fun, x, lambda push: pushed(push, v))


def pushed(push: Callable, v: jax.Array) -> Any:
    """push(v), as the only one of many."""
    return jax.tree.map(lambda products: products[0], jax.vmap(push)(v[None]))


def is_zero_lost(error: TypeError) -> bool:
    """Whether JAX met the tangent of an adjoint that does not move, as of an affine row through a solver.

    Its rule for the transpose of `custom_linear_solve` wants numbers, not a symbol for zero.
    """
    return "custom_linear_solve" in str(error) and "Zero" in str(error)


@jax.custom_jvp
def one(x: jax.Array) -> jax.Array:
    """The number one, whose derivative is made of numbers that are zero, not of a symbol."""
    return jnp.ones(())


# Linear in the tangent, or JAX would make a symbol of it again.
one.defjvp(lambda primals, tangents: (one(*primals), 0.0 * jnp.sum(tangents[0])))

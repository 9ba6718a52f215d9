"""Take gradients that are differentiated again: their derivatives are JVPs.

Why it can be done: see `lagrad.nested.symmetric`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
from jax.extend.core import ClosedJaxpr, jaxpr_as_fun

from lagrad.nested.custom_rules import with_both_rules
from lagrad.nested.symmetric import Derivative, hoisted, replaced

Tree = Any


def grad(f: Callable, argnums: int | Sequence[int] = 0) -> Callable:
    """Gradient of a scalar function whose own derivatives cost forward sweeps over one gradient.

    Values are those of `jax.grad`. What differs is the cost of differentiating again: the reverse derivative,
    in every argument and every closed-over array, is one JVP over the gradient, so that nothing but the
    inputs is stored, where `jax.grad` of `jax.grad` stores every intermediate value of the gradient.

    Args:
        f: `f(*args) -> scalar`. Its derivative rules must be those of a twice differentiable function: a
            custom rule that is not a derivative (a straight-through estimator) has no symmetric Hessian.
        argnums: position, or positions, of the arguments to differentiate: arrays or pytrees of real floats.

    Returns:
        A function of the same arguments; it gives the gradient with the structure of the argument, or a tuple
        of them if `argnums` is a sequence.

    Raises:
        TypeError: when called, if an argument of `argnums` holds something else than real floats, or `f` does
            not return a real scalar.

    Source: symmetry of higher derivatives; Griewank and Walther (2008), section 5.4.

    >>> slope = grad(lambda x: jnp.sum(x ** 3))
    >>> jax.grad(lambda x: jnp.sum(slope(x) ** 2))(jnp.array([1.0, 2.0])).tolist()
    [36.0, 288.0]
    """
    chosen = (argnums,) if isinstance(argnums, int) else tuple(argnums)

    def gradient(*args, **kwargs):
        places = [_position(i, len(args)) for i in chosen]
        moved, tree = jax.tree.flatten([args[i] for i in places])

        def scalar_of(*leaves):
            return f(*replaced(args, places, jax.tree.unflatten(tree, leaves)), **kwargs)

        parts = jax.tree.unflatten(tree, _flat_gradient(scalar_of, _real_leaves(moved)))
        return parts[0] if isinstance(argnums, int) else tuple(parts)

    return gradient


@dataclass(frozen=True)
class ByReverse:
    """A potential given as a program; one reverse sweep gives its gradient."""

    scalar: ClosedJaxpr

    @property
    def avals(self) -> tuple:
        """Shape and dtype of each input."""
        return tuple(self.scalar.in_avals)

    def gradient(self, a: Sequence, rows: tuple[int, ...]) -> list:
        """Partial gradients in the inputs `rows`."""

        def value(moved):
            return jaxpr_as_fun(self.scalar)(*replaced(a, rows, moved))[0]

        return jax.grad(value)([a[i] for i in rows])

    def batched(self, mapped: tuple[bool, ...], size: int) -> ByReverse:
        """The sum over samples: its gradient holds each sample's own, and shared inputs stay shared."""
        return ByReverse(_summed_over_batch(self.scalar, mapped, size))


def _flat_gradient(scalar_of: Callable, leaves: list) -> list:
    scalar, closed_over = hoisted(scalar_of, *leaves)
    scalar = with_both_rules(scalar)
    _check_scalar(scalar.out_avals)
    return Derivative(ByReverse(scalar), tuple(range(len(leaves)))).bind([*leaves, *closed_over], [])


@lru_cache(maxsize=1024)
def _summed_over_batch(scalar: ClosedJaxpr, mapped: tuple[bool, ...], size: int) -> ClosedJaxpr:
    axes = [0 if batched else None for batched in mapped]
    shapes = [
        jax.ShapeDtypeStruct((size, *aval.shape) if batched else aval.shape, aval.dtype)
        for aval, batched in zip(scalar.in_avals, mapped, strict=True)
    ]
    return jax.make_jaxpr(lambda *a: jnp.sum(jax.vmap(jaxpr_as_fun(scalar), in_axes=axes)(*a)[0]))(*shapes)


def _position(i: int, count: int) -> int:
    if -count <= i < count:
        return i % count
    raise TypeError(f"nested.grad: `argnums` holds {i}, but the function got {count} positional arguments.")


def _real_leaves(leaves: list) -> list:
    arrays = [jnp.asarray(leaf) for leaf in leaves]
    for leaf in arrays:
        if not jnp.issubdtype(leaf.dtype, jnp.floating):
            raise TypeError(
                f"nested.grad: an argument to differentiate holds {leaf.dtype}, expected real floats. "
                "Convert it, or choose other `argnums`."
            )
    return arrays


def _check_scalar(avals) -> None:
    if len(avals) == 1 and avals[0].shape == () and jnp.issubdtype(avals[0].dtype, jnp.floating):
        return
    found = ", ".join(str(aval) for aval in avals)
    raise TypeError(f"nested.grad: the function returns {found}, expected one real scalar. Sum its result.")

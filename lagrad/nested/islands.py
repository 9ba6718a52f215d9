"""Differentiate by forward mode inside reverse mode what reverse mode cannot take.

Legend: y = c(a) is the function, J = dc/da, w a cotangent like y, n the number of scalar inputs.
The potential f(a, w) = w . c(a) has the gradient (J'w, c(a)): the function itself is the gradient in w, and
the reverse derivative J'w is the one in a, here computed by n forward sweeps. What `lagrad.nested.symmetric`
does with a potential then makes every derivative of any order, in either mode, from forward sweeps alone.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jax.extend.core import ClosedJaxpr, jaxpr_as_fun

from lagrad.errors import LagradWarning
from lagrad.nested.custom_rules import with_both_rules
from lagrad.nested.modes import over_basis
from lagrad.nested.symmetric import Derivative, hoisted, replaced


def forward_mode(fun: Callable, *, chunk: int = 32, wide: int = 256) -> Callable:
    """The same function, reverse-differentiable to any order by forward sweeps only.

    For code that has a forward derivative but no reverse one, such as `lax.while_loop` whose trip count
    depends on values, inside of code that needs reverse mode. With n scalar inputs that are differentiated, a
    reverse derivative costs n forward sweeps, a Hessian-vector product n of second order: for few inputs.
    Memory is that of `chunk` forward sweeps, whatever the number of iterations.

    Args:
        fun: function of arrays or pytrees, giving arrays or pytrees, traceable by JAX.
        chunk: forward sweeps made at once.
        wide: number of inputs above which a reverse derivative gives a warning.

    Returns:
        A function of the same arguments with the same values.

    Warns:
        LagradWarning: a reverse derivative was asked for with more than `wide` inputs.

    >>> import jax
    >>> def halve(x):
    ...     return jax.lax.while_loop(lambda x: x > 1, lambda x: x / 2, x)
    >>> float(jax.grad(forward_mode(halve))(6.0))
    0.125
    """

    def island(*args, **kwargs):
        leaves, tree = jax.tree.flatten((args, kwargs))
        trees = []

        def flat(*leaves):
            args, kwargs = jax.tree.unflatten(tree, leaves)
            out, out_tree = jax.tree.flatten(fun(*args, **kwargs))
            trees[:] = [out_tree]
            return out

        values = _island_values(flat, leaves, chunk, wide)
        return jax.tree.unflatten(trees[0], values)

    return island


@dataclass(frozen=True)
class BySweeps:
    """The potential w . c(a): gradient in w by one run of c, in a by one forward sweep an input.

    Args:
        program: c; its inputs are a, its outputs like w.
        chunk: sweeps made at once.
        wide: inputs above which the gradient in a gives a warning.
    """

    program: ClosedJaxpr
    chunk: int
    wide: int

    @property
    def avals(self) -> tuple:
        """Shape and dtype of a and w."""
        return (*self.program.in_avals, *self.program.out_avals)

    def gradient(self, a: Sequence, rows: tuple[int, ...]) -> list:
        """Partial gradients in the inputs `rows`."""
        count = len(self.program.in_avals)
        a, w = list(a[:count]), list(a[count:])
        self._warn_if_wide([a[i] for i in rows if i < count])
        values = jaxpr_as_fun(self.program)(*a) if max(rows) >= count else []
        return [self._swept(a, w, i) if i < count else values[i - count] for i in rows]

    def batched(self, mapped: tuple[bool, ...], size: int) -> Batch:
        """The sum over samples, each swept by itself."""
        return Batch(self, mapped, size)

    def _swept(self, a, w, i):
        def slope(seed):
            def moved(part):
                return jaxpr_as_fun(self.program)(*replaced(a, [i], [part]))

            _, tangents = jax.jvp(moved, (a[i],), (seed.reshape(a[i].shape),))
            return sum(jnp.sum(left * right) for left, right in zip(w, tangents, strict=True))

        flat = jnp.zeros(a[i].size, a[i].dtype)
        return over_basis(slope, flat, self.chunk).astype(a[i].dtype).reshape(a[i].shape)

    def _warn_if_wide(self, swept) -> None:
        n = sum(leaf.size for leaf in swept)
        if n > self.wide:
            warnings.warn(
                f"nested.forward_mode: the reverse derivative of a function of {n} inputs costs {n} forward "
                f"sweeps, {self.chunk} at once; above {self.wide} this warning comes. Pass fewer inputs, use "
                "nested.implicit if the function solves equations, or raise `wide` if the cost is meant.",
                LagradWarning,
                stacklevel=2,
            )


@dataclass(frozen=True)
class Batch:
    """The sum of a potential over points: `mapped` inputs hold one point each along their first axis."""

    potential: BySweeps | Batch
    mapped: tuple[bool, ...]
    size: int

    @property
    def avals(self) -> tuple:
        """Shape and dtype of each input."""
        return tuple(
            jax.ShapeDtypeStruct((self.size, *aval.shape) if mapped else aval.shape, aval.dtype)
            for aval, mapped in zip(self.potential.avals, self.mapped, strict=True)
        )

    def gradient(self, a: Sequence, rows: tuple[int, ...]) -> list:
        """Each point's own gradient; the sum over points in inputs that all points share."""
        axes = [0 if mapped else None for mapped in self.mapped]
        parts = jax.vmap(lambda *a: self.potential.gradient(a, rows), in_axes=axes, axis_size=self.size)(*a)
        return [part if self.mapped[i] else jnp.sum(part, 0) for i, part in zip(rows, parts, strict=True)]

    def batched(self, mapped: tuple[bool, ...], size: int) -> Batch:
        """The sum over another batch around this one."""
        return Batch(self, mapped, size)


def _island_values(flat: Callable, leaves: list, chunk: int, wide: int) -> list:
    operands = [jnp.asarray(leaf) for leaf in leaves]
    program, closed_over = hoisted(flat, *operands)
    program = with_both_rules(program)
    _check_real(program.out_avals)
    weights = [jnp.zeros(aval.shape, aval.dtype) for aval in program.out_avals]
    count = len(program.in_avals)
    rows = tuple(range(count, count + len(weights)))
    return Derivative(BySweeps(program, chunk, wide), rows).bind([*operands, *closed_over, *weights], [])


def _check_real(avals) -> None:
    for aval in avals:
        if not jnp.issubdtype(aval.dtype, jnp.floating):
            raise TypeError(
                f"nested.forward_mode: the function returns {aval}, expected real floats. "
                "Return integers and logicals from a function of their own."
            )

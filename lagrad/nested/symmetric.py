"""Differentiate a gradient field by forward sweeps, its Jacobian being symmetric.

Legend: f(a) is a scalar function of all its inputs a = (a_1, ..., a_p), the potential; G = df/da;
D^k G(a)[t_1, ..., t_k] is the k-th directional derivative of G. It is symmetric in everything: its product
with w is d^(k+1) f along t_1, ..., t_k and w. So the transpose of D^k G in the direction t_i is D^k G again,
with w in the place of t_i and other rows asked for, and the derivative of D^k G in `a` is D^(k+1) G. The one
primitive below stands for all of them; no derivative of it ever transposes anything but the first gradient.

    h(x) = g(grad f(x))              order 0
    grad h = H w                     order 1: one JVP over the gradient, nothing stored but x
    H_h v  = D^2 G[w, v] + H w_dot   order 2 and order 1
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

import jax
import jax.numpy as jnp
from jax.extend.core import ClosedJaxpr, Primitive, jaxpr_as_fun
from jax.interpreters import ad, batching, mlir


class Potential(Protocol):
    """A scalar function of flat inputs that knows how its gradient is computed. Hashable."""

    @property
    def avals(self) -> tuple:
        """Shape and dtype of each input."""
        ...

    def gradient(self, a: Sequence, rows: tuple[int, ...]) -> list:
        """Partial gradients in the inputs `rows`, differentiable by JVPs."""
        ...

    def batched(self, mapped: tuple[bool, ...], size: int) -> Potential:
        """The sum over a batch of points, `mapped` inputs having it as their first axis."""
        ...


@dataclass(frozen=True)
class Layer:
    """A batch axis that only directions have: `mapped[k][j]` tells whether leaf j of direction k has it."""

    size: int
    mapped: tuple[tuple[bool, ...], ...]


@dataclass(frozen=True)
class Derivative:
    """D^k G of a potential: what distinguishes one use of the primitive from another.

    Args:
        potential: f, in a form that gives its gradient.
        rows: inputs whose partial gradient is asked for.
        slots: for each direction, the inputs that it moves.
        layers: batch axes that only directions have, the outermost first.
    """

    potential: Potential
    rows: tuple[int, ...]
    slots: tuple[tuple[int, ...], ...] = ()
    layers: tuple[Layer, ...] = ()

    @property
    def inputs(self) -> int:
        """Number of leaves of a: the operands in front of the directions."""
        return len(self.potential.avals)

    def split(self, operands: Sequence) -> tuple[list, list[list]]:
        """Operands as a and the leaves of each direction."""
        leaves = iter(operands[self.inputs :])
        return list(operands[: self.inputs]), [[next(leaves) for _ in slot] for slot in self.slots]

    def bind(self, a: Sequence, directions: Sequence[Sequence]) -> list:
        """Put the derivative into the program being traced, or compute it."""
        if not self.rows:
            return []
        leaves = [leaf for direction in directions for leaf in direction]
        return gradient_derivative_p.bind(*a, *leaves, derivative=self, jaxpr=_program(self))

    def with_direction(self, k: int | None, slot: tuple[int, ...], mapped: Sequence[tuple]) -> Derivative:
        """Direction k replaced, or appended if None, by one that moves `slot`, `mapped` in each layer."""
        at = len(self.slots) if k is None else k
        layers = tuple(
            Layer(layer.size, layer.mapped[:at] + (new,) + layer.mapped[at + 1 :])
            for layer, new in zip(self.layers, mapped, strict=True)
        )
        return Derivative(self.potential, self.rows, self.slots[:at] + (slot,) + self.slots[at + 1 :], layers)

    def with_rows(self, rows: tuple[int, ...]) -> Derivative:
        """The same derivative, other rows of it."""
        return Derivative(self.potential, rows, self.slots, self.layers)

    def evaluate(self, *operands) -> list:
        """D^k G by nested JVPs over one gradient, in plain JAX."""
        a, directions = self.split(operands)
        sweep = self._derivative_at
        for layer in reversed(self.layers):
            axes = [[0 if mapped else None for mapped in leaves] for leaves in layer.mapped]
            sweep = jax.vmap(sweep, in_axes=(None, axes), axis_size=layer.size)
        return sweep(a, directions)

    def _derivative_at(self, a, directions):
        def field(a):
            return self.potential.gradient(a, self.rows)

        for slot, direction in zip(self.slots, directions, strict=True):
            field = _along(field, slot, direction)
        return field(a)


gradient_derivative_p = Primitive("gradient_derivative")
gradient_derivative_p.multiple_results = True


def _along(field: Callable, slot: tuple[int, ...], direction: list) -> Callable:
    def slope(a):
        def moved_field(moved):
            return field(replaced(a, slot, moved))

        return jax.jvp(moved_field, ([a[i] for i in slot],), (direction,))[1]

    return slope


@lru_cache(maxsize=1024)
def _program(derivative: Derivative) -> ClosedJaxpr:
    avals = derivative.potential.avals
    shapes = [jax.ShapeDtypeStruct(aval.shape, aval.dtype) for aval in avals]
    for k, slot in enumerate(derivative.slots):
        for j, i in enumerate(slot):
            axes = tuple(layer.size for layer in derivative.layers if layer.mapped[k][j])
            shapes.append(jax.ShapeDtypeStruct(axes + avals[i].shape, avals[i].dtype))
    return jax.make_jaxpr(derivative.evaluate)(*shapes)


def _run(*operands, derivative: Derivative, jaxpr: ClosedJaxpr):
    return jaxpr_as_fun(jaxpr)(*operands)


def _abstract(*avals, derivative: Derivative, jaxpr: ClosedJaxpr):
    return jaxpr.out_avals


def _differentiate(primals, tangents, *, derivative: Derivative, jaxpr: ClosedJaxpr):
    a, directions = derivative.split(primals)
    a_dot, directions_dot = derivative.split(tangents)
    terms = [_new_direction(derivative, a, directions, a_dot)]
    terms += [_changed_direction(derivative, a, directions, k, dot) for k, dot in enumerate(directions_dot)]
    out = derivative.bind(a, directions)
    present = [term for term in terms if term]
    if not present:
        return out, [ad.Zero(jax.typeof(part).to_tangent_aval()) for part in out]
    return out, [sum(parts[1:], parts[0]) for parts in zip(*present, strict=True)]


def _new_direction(derivative: Derivative, a, directions, a_dot) -> list:
    slot = tuple(i for i in range(derivative.inputs) if _moves(a_dot[i], derivative.potential.avals[i]))
    if not slot:
        return []
    mapped = [(False,) * len(slot) for _ in derivative.layers]
    return derivative.with_direction(None, slot, mapped).bind(a, [*directions, [a_dot[i] for i in slot]])


def _changed_direction(derivative: Derivative, a, directions, k: int, dot) -> list:
    keep = [j for j, leaf in enumerate(dot) if type(leaf) is not ad.Zero]
    if not keep:
        return []
    slot = tuple(derivative.slots[k][j] for j in keep)
    mapped = [tuple(layer.mapped[k][j] for j in keep) for layer in derivative.layers]
    changed = [*directions[:k], [dot[j] for j in keep], *directions[k + 1 :]]
    return derivative.with_direction(k, slot, mapped).bind(a, changed)


def _transpose(cotangents, *operands, derivative: Derivative, jaxpr: ClosedJaxpr):
    a, directions = derivative.split(operands)
    k = next(k for k, leaves in enumerate(directions) if any(map(ad.is_undefined_primal, leaves)))
    wanted = [j for j, leaf in enumerate(directions[k]) if ad.is_undefined_primal(leaf)]
    keep = [j for j, w in enumerate(cotangents) if type(w) is not ad.Zero]
    result: list[Any] = [None] * len(operands)
    if not keep:
        return result
    mapped = [(True,) * len(keep) for _ in derivative.layers]
    swapped = derivative.with_direction(k, tuple(derivative.rows[j] for j in keep), mapped)
    swapped = swapped.with_rows(tuple(derivative.slots[k][j] for j in wanted))
    pulled = swapped.bind(a, [*directions[:k], [cotangents[j] for j in keep], *directions[k + 1 :]])
    start = derivative.inputs + sum(map(len, directions[:k]))
    for j, part in zip(wanted, pulled, strict=True):
        unmapped = tuple(axis for axis, layer in enumerate(derivative.layers) if not layer.mapped[k][j])
        result[start + j] = jnp.sum(part, unmapped) if unmapped else part
    return result


def _batch(operands, dims, *, derivative: Derivative, jaxpr: ClosedJaxpr):
    size = next(x.shape[d] for x, d in zip(operands, dims, strict=True) if d is not None)
    a, directions = derivative.split(operands)
    a_dims, direction_dims = derivative.split(dims)
    if all(d is None for d in a_dims):
        return _batch_directions(derivative, size, a, directions, direction_dims)
    return _batch_points(derivative, size, a, a_dims, directions, direction_dims)


def _batch_directions(derivative: Derivative, size: int, a, directions, dims):
    mapped = tuple(tuple(d is not None for d in leaves) for leaves in dims)
    fronted = [
        [leaf if d is None else jnp.moveaxis(leaf, d, 0) for leaf, d in zip(*pair, strict=True)]
        for pair in zip(directions, dims, strict=True)
    ]
    layers = (Layer(size, mapped), *derivative.layers)
    out = Derivative(derivative.potential, derivative.rows, derivative.slots, layers).bind(a, fronted)
    return out, [0] * len(out)


def _batch_points(derivative: Derivative, size: int, a, a_dims, directions, dims):
    batched = _inputs_to_batch(derivative, a_dims, dims)
    points = [_with_axis(a[i], a_dims[i], 0, size) if i in batched else a[i] for i in range(len(a))]
    moved = [list(leaves) for leaves in directions]
    for k, slot in enumerate(derivative.slots):
        for j, i in enumerate(slot):
            if i in batched:
                axis = sum(layer.mapped[k][j] for layer in derivative.layers)
                moved[k][j] = _with_axis(directions[k][j], dims[k][j], axis, size)
    mapped = tuple(i in batched for i in range(derivative.inputs))
    potential = derivative.potential.batched(mapped, size)
    out = Derivative(potential, derivative.rows, derivative.slots, derivative.layers).bind(points, moved)
    return out, [len(derivative.layers)] * len(out)


def _inputs_to_batch(derivative: Derivative, a_dims, dims) -> set[int]:
    # An input shared by all samples stays shared, unless its own gradient or direction differs between them.
    batched = {i for i, d in enumerate(a_dims) if d is not None} | set(derivative.rows)
    for slot, leaves in zip(derivative.slots, dims, strict=True):
        batched |= {i for i, d in zip(slot, leaves, strict=True) if d is not None}
    return batched


def _with_axis(x, dim: int | None, axis: int, size: int):
    if dim is not None:
        return jnp.moveaxis(x, dim, axis)
    shape = (*x.shape[:axis], size, *x.shape[axis:])
    return jnp.broadcast_to(jnp.expand_dims(x, axis), shape)


def _moves(tangent, aval) -> bool:
    return type(tangent) is not ad.Zero and jnp.issubdtype(aval.dtype, jnp.inexact)


def hoisted(f: Callable, *leaves) -> tuple[ClosedJaxpr, list]:
    """Program of `f` with its closed-over arrays as further inputs, so that no derivative in them is lost.

    Args:
        f: function of arrays, traceable by JAX.
        leaves: arrays, or `jax.ShapeDtypeStruct`, to trace it with.

    Returns:
        Program of (leaves, closed-over arrays) without constants that are tracers, and those arrays.

    >>> scale = jnp.array([2.0, 3.0])
    >>> hoisted(lambda x: x * scale, jnp.ones(2))[1][0].tolist()
    [2.0, 3.0]
    """
    closed = jax.make_jaxpr(f)(*leaves)
    if not closed.consts:
        return closed, []
    count = len(leaves)

    def program(*operands):
        return jaxpr_as_fun(ClosedJaxpr(closed.jaxpr, list(operands[count:])))(*operands[:count])

    return jax.make_jaxpr(program)(*leaves, *closed.consts), list(closed.consts)


def replaced(values: Sequence, places: Sequence[int], new: Sequence) -> list:
    """List of `values` with `new` at the `places`."""
    out = list(values)
    for i, value in zip(places, new, strict=True):
        out[i] = value
    return out


gradient_derivative_p.def_impl(_run)
gradient_derivative_p.def_abstract_eval(_abstract)
ad.primitive_jvps[gradient_derivative_p] = _differentiate
ad.primitive_transposes[gradient_derivative_p] = _transpose
batching.primitive_batchers[gradient_derivative_p] = _batch
mlir.register_lowering(gradient_derivative_p, mlir.lower_fun(_run, multiple_results=True))

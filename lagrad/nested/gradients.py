"""Gradients to be differentiated again: a scalar function in, a gradient whose derivatives are JVPs out.

Legend: f(a) is the scalar function of all its inputs a = (a_1, ..., a_p), closed-over arrays among them;
G = df/da; D^k G(a)[t_1, ..., t_k] is the k-th directional derivative of G. It is symmetric in everything:
its product with w is d^(k+1) f along t_1, ..., t_k and w. So the transpose of D^k G in the direction t_i is
D^k G again, with w in the place of t_i and other rows asked for, and the derivative of D^k G in `a` is
D^(k+1) G. The one primitive below stands for all of them; no derivative of it ever transposes a gradient.

    h(x) = g(grad f(x))       order 0
    grad h = H w              order 1: one JVP over the gradient, nothing stored but x
    H_h v  = D^2 G[w, v] + H w_dot   order 2 and order 1
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
from jax.extend.core import ClosedJaxpr, Primitive, jaxpr_as_fun
from jax.interpreters import ad, batching, mlir

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
            return f(*_replaced(args, places, jax.tree.unflatten(tree, leaves)), **kwargs)

        parts = jax.tree.unflatten(tree, _flat_gradient(scalar_of, _real_leaves(moved)))
        return parts[0] if isinstance(argnums, int) else tuple(parts)

    return gradient


@dataclass(frozen=True)
class Layer:
    """A batch axis that only directions have: `mapped[k][j]` tells whether leaf j of direction k has it."""

    size: int
    mapped: tuple[tuple[bool, ...], ...]


@dataclass(frozen=True)
class Derivative:
    """D^k G of a scalar program: what distinguishes one use of the primitive from another.

    Args:
        scalar: the program of f; its inputs are a, it gives one scalar.
        rows: inputs whose partial gradient is asked for.
        slots: for each direction, the inputs that it moves.
        layers: batch axes that only directions have, the outermost first.
    """

    scalar: ClosedJaxpr
    rows: tuple[int, ...]
    slots: tuple[tuple[int, ...], ...] = ()
    layers: tuple[Layer, ...] = ()

    @property
    def inputs(self) -> int:
        """Number of leaves of a: the operands in front of the directions."""
        return len(self.scalar.in_avals)

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
        return Derivative(self.scalar, self.rows, self.slots[:at] + (slot,) + self.slots[at + 1 :], layers)

    def with_rows(self, rows: tuple[int, ...]) -> Derivative:
        """The same derivative, other rows of it."""
        return Derivative(self.scalar, rows, self.slots, self.layers)

    def evaluate(self, *operands) -> list:
        """D^k G by nested JVPs over one gradient, in plain JAX."""
        a, directions = self.split(operands)
        sweep = self._derivative_at
        for layer in reversed(self.layers):
            axes = [[0 if mapped else None for mapped in leaves] for leaves in layer.mapped]
            sweep = jax.vmap(sweep, in_axes=(None, axes), axis_size=layer.size)
        return sweep(a, directions)

    def _derivative_at(self, a, directions):
        field = self._gradient_at
        for slot, direction in zip(self.slots, directions, strict=True):
            field = _along(field, slot, direction)
        return field(a)

    def _gradient_at(self, a):
        def value(moved):
            return jaxpr_as_fun(self.scalar)(*_replaced(a, self.rows, moved))[0]

        return jax.grad(value)([a[i] for i in self.rows])


gradient_derivative_p = Primitive("gradient_derivative")
gradient_derivative_p.multiple_results = True


def _flat_gradient(scalar_of: Callable, leaves: list) -> list:
    closed = jax.make_jaxpr(scalar_of)(*leaves)
    _check_scalar(closed.out_avals)
    # Closed-over arrays become inputs too, so that derivatives with respect to them are not lost.
    count = len(leaves)

    def hoisted(*operands):
        return jaxpr_as_fun(ClosedJaxpr(closed.jaxpr, list(operands[count:])))(*operands[:count])

    operands = [*leaves, *closed.consts]
    scalar = jax.make_jaxpr(hoisted)(*operands) if closed.consts else closed
    return Derivative(scalar, tuple(range(count))).bind(operands, [])


def _along(field: Callable, slot: tuple[int, ...], direction: list) -> Callable:
    def slope(a):
        def moved_field(moved):
            return field(_replaced(a, slot, moved))

        return jax.jvp(moved_field, ([a[i] for i in slot],), (direction,))[1]

    return slope


@lru_cache(maxsize=1024)
def _program(derivative: Derivative) -> ClosedJaxpr:
    avals = derivative.scalar.in_avals
    shapes = [jax.ShapeDtypeStruct(aval.shape, aval.dtype) for aval in avals]
    for k, slot in enumerate(derivative.slots):
        for j, i in enumerate(slot):
            axes = tuple(layer.size for layer in derivative.layers if layer.mapped[k][j])
            shapes.append(jax.ShapeDtypeStruct(axes + avals[i].shape, avals[i].dtype))
    return jax.make_jaxpr(derivative.evaluate)(*shapes)


@lru_cache(maxsize=1024)
def _summed_over_batch(scalar: ClosedJaxpr, mapped: tuple[bool, ...], size: int) -> ClosedJaxpr:
    # G of a sum over samples holds each sample's own gradient: a batch of gradients is again a gradient.
    axes = [0 if batched else None for batched in mapped]
    shapes = [
        jax.ShapeDtypeStruct((size, *aval.shape) if batched else aval.shape, aval.dtype)
        for aval, batched in zip(scalar.in_avals, mapped, strict=True)
    ]
    return jax.make_jaxpr(lambda *a: jnp.sum(jax.vmap(jaxpr_as_fun(scalar), in_axes=axes)(*a)[0]))(*shapes)


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
    slot = tuple(i for i in range(derivative.inputs) if _moves(a_dot[i], derivative.scalar.in_avals[i]))
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
    out = Derivative(derivative.scalar, derivative.rows, derivative.slots, layers).bind(a, fronted)
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
    scalar = _summed_over_batch(derivative.scalar, mapped, size)
    out = Derivative(scalar, derivative.rows, derivative.slots, derivative.layers).bind(points, moved)
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


def _replaced(values: Sequence, places: Sequence[int], new: Sequence) -> list:
    out = list(values)
    for i, value in zip(places, new, strict=True):
        out[i] = value
    return out


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


gradient_derivative_p.def_impl(_run)
gradient_derivative_p.def_abstract_eval(_abstract)
ad.primitive_jvps[gradient_derivative_p] = _differentiate
ad.primitive_transposes[gradient_derivative_p] = _transpose
batching.primitive_batchers[gradient_derivative_p] = _batch
mlir.register_lowering(gradient_derivative_p, mlir.lower_fun(_run, multiple_results=True))

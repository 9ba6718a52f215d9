"""Outputs by elements: a lift in, machine code of f and c and of the gradient out, None where it cannot be.

outputs = C x + B k(u) + b,     gradient of f = C[0] + A' (k'(u) * B[0]')
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from lagrad.compile.native.batch_loops import Loops, OfParams, Run, Target, batch_loops
from lagrad.compile.native.loops import Write
from lagrad.compile.native.products import Product
from lagrad.compile.xla import Lowered, lower
from lagrad.elements.affine import Layer, Part, parts
from lagrad.elements.element_derivatives import Batch, Bundle, alike, first_derivatives
from lagrad.elements.indices import Indices, everything
from lagrad.elements.kernel_values import fixed_values, group_values
from lagrad.elements.lines import Source
from lagrad.elements.split import Group, Lift

NO_WEIGHTS = np.zeros(0)
# What a vector gets from one result: single entries of stretches of elements, or A of shape (count, size).
Share = Sequence[Part] | sp.csr_array


@dataclass(frozen=True, eq=False)
class Vector:
    """base + linear @ x + what elements add, as a compiled function.

    Args:
        run: the loops; None if nothing is curved.
        base: constants, shape (size,).
        linear: shape (size, n); None for zero.
        uneven: product that adds to it what lies behind it in the loops' output.
        behind: number of results there.
        params: arrays that are added by the matrices `fixed`.
        fixed: one matrix for each of these arrays.
    """

    run: Run | None
    base: np.ndarray
    linear: Product | None
    uneven: Product | None
    behind: int
    params: OfParams | None
    fixed: tuple[sp.csr_array, ...]

    def __call__(self, x: np.ndarray, *leaves) -> np.ndarray:
        """The vector, a new array."""
        size = self.base.size
        numbers = np.empty(size + self.behind)
        vector = numbers[:size]
        vector[:] = self.base
        x = np.ascontiguousarray(x)
        if self.linear is not None:
            self.linear.add(x, vector)
        if self.params is not None:
            for matrix, value in zip(self.fixed, self.params(leaves), strict=True):
                vector += matrix @ value
        if self.run is not None:
            self.run(numbers, x, NO_WEIGHTS, leaves)
        if self.uneven is not None:
            self.uneven.add(numbers[size:], vector)
        return vector


@dataclass(frozen=True, eq=False)
class Values:
    """f and c of one point."""

    outputs: Vector

    def __call__(self, x: np.ndarray, *leaves) -> list:
        """[f, c]."""
        found = self.outputs(x, *leaves)
        return [found[0], found[1:]]


@dataclass(frozen=True, eq=False)
class Gradient:
    """Gradient of f at one point."""

    slopes: Vector

    def __call__(self, x: np.ndarray, *leaves) -> list:
        """[gradient]."""
        return [self.slopes(x, *leaves)]


@dataclass(frozen=True, eq=False)
class Uncompiled:
    """A vector that waits to be compiled: arguments as of `Vector`, and what it is wrapped into."""

    wrap: type[Values] | type[Gradient]
    loops: Loops | None
    base: np.ndarray
    linear: Product | None
    uneven: Product | None
    behind: int
    params: Lowered | None
    fixed: tuple[sp.csr_array, ...]

    def compile(self) -> Values | Gradient:
        """Compile; may run in any thread."""
        run = self.loops and self.loops.compile()
        params = self.params and OfParams(self.params.compile())
        return self.wrap(Vector(run, self.base, self.linear, self.uneven, self.behind, params, self.fixed))


def native_values(lift: Lift, leaves: list) -> Uncompiled | None:
    """f and c of a program that is linear but for elements.

    Args:
        lift: split of the program.
        leaves: shapes of the params.

    Returns:
        What compiles to (x, *leaves) -> [f, c]; None if something is no element or has no rule.
    """
    if lift.rest or lift.reading.program.closed.effects:
        return None
    bundles = alike(group for group in lift.groups if group.outputs.nnz)
    batches = [values_of(lift, number, bundle) for number, bundle in enumerate(bundles)]
    shares = [
        [((number, (member, 0)), share_of(group.outputs)) for member, group in enumerate(bundle.groups)]
        for number, bundle in enumerate(bundles)
    ]
    params = lower_fixed(lift, leaves) if lift.fixed else None
    return vector(
        Values, lift, batches, shares, leaves, lift.offset, lift.linear, params, tuple(lift.fixed.values())
    )


def native_gradient(lift: Lift, leaves: list) -> Uncompiled | None:
    """Gradient of an objective that is linear but for elements.

    Args:
        lift: split of the program.
        leaves: shapes of the params.

    Returns:
        What compiles to (x, *leaves) -> [gradient]; None if something is no element or has no rule.
    """
    if any(outputs[[0]].nnz for outputs in lift.rest.values()):
        return None
    bundles = alike(group for group in lift.groups if group.outputs[[0]].nnz and group.active)
    batches = [first_derivatives(lift, number, bundle) for number, bundle in enumerate(bundles)]
    shares = [
        [
            ((number, (member, slot)), slope_share(group, slot))
            for member, group in enumerate(bundle.groups)
            for slot in group.active
        ]
        for number, bundle in enumerate(bundles)
    ]
    base = lift.linear[[0]].toarray()[0]
    return vector(Gradient, lift, batches, shares, leaves, base, None, None, ())


def values_of(lift: Lift, batch: int, bundle: Bundle) -> Batch:
    """Values of the elements of each group of a bundle."""

    def values(slots: list, weights: list, fixed: dict) -> dict:
        members = enumerate(zip(bundle.groups, bundle.numbers, strict=True))
        return {
            (batch, (member, 0)): group_values(lift.reading, group, [slots[i] for i in numbers], fixed)
            for member, (group, numbers) in members
        }

    return Batch(bundle.slots, (), values, bundle.count)


def share_of(outputs: sp.csr_array) -> Share:
    """What the outputs get from elements."""
    transposed = sp.csr_array(outputs.T)
    return parts(transposed) or transposed


def slope_share(group: Group, slot: int) -> Share:
    """What the gradient gets from the derivatives by a slot; nothing where the objective takes nothing."""
    factors, form = group.outputs[[0]].toarray()[0], group.slots[slot].form
    if form.layers is None or not factors.all():
        share = sp.csr_array(sp.diags_array(factors) @ form.to_scipy())
        share.eliminate_zeros()
        return share
    whole = everything(factors.size)
    return [Part(whole, Layer(layer.indices, layer.factor * factors)) for layer in form.layers]


def lower_fixed(lift: Lift, leaves: list) -> Lowered:
    """(*leaves) -> arrays that the outputs take linearly and that depend on params only."""

    def values(*leaves) -> list:
        found = fixed_values(lift.reading, list(leaves))
        return [found[variable].reshape(-1) for variable in lift.fixed]

    return lower(values, leaves)


def vector(
    wrap: type[Values] | type[Gradient],
    lift: Lift,
    batches: list[Batch],
    shares: Sequence[Sequence[tuple[Source, Share]]],
    leaves: list,
    base: np.ndarray,
    linear: sp.csr_array | None,
    params: Lowered | None,
    fixed: tuple[sp.csr_array, ...],
) -> Uncompiled | None:
    """Lay out what batches add to a vector."""
    targets, uneven, start = [], [], base.size
    for each in shares:
        found = []
        for source, share in each:
            if isinstance(share, sp.csr_array):
                found.append(Target(source, 1.0, Write(Indices(share.shape[0], start))))
                uneven.append(share.T)
                start += share.shape[0]
            else:
                found += [
                    Target(source, part.layer.factor, Write(part.layer.indices, True, part.elements.start))
                    for part in share
                ]
        targets.append(found)
    loops = batch_loops(lift.reading, batches, targets, leaves) if batches else None
    if batches and loops is None:
        return None
    last = Product(sp.csr_array(sp.hstack(uneven))) if uneven else None
    moving = Product(linear) if linear is not None and linear.nnz else None
    return Uncompiled(wrap, loops, base, moving, last, start - base.size, params, fixed)

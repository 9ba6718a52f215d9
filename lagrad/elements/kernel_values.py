"""Element kernels as JAX code: a group and arrays of its slots in, one value an element out.

The equations behind the group are bound again, on vectors with one entry an element; slices, gathers and
short sums on the way have become index arrays.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import reduce

import jax
import jax.numpy as jnp
import numpy as np

from lagrad.elements.calls import CALL
from lagrad.elements.classification import Kind, Reading
from lagrad.elements.indices import Indices
from lagrad.elements.kernels import Key, contraction_terms
from lagrad.elements.maps import Factor
from lagrad.elements.split import Group, LeafValue
from lagrad.elements.sums import LARGEST, PRODUCTS, lanes, terms
from lagrad.program.equation import Equation
from lagrad.program.folding import fold
from lagrad.program.walk import evaluate


def group_values(
    reading: Reading, group: Group, slots: list[jax.Array], fixed: dict[int, jax.Array]
) -> jax.Array:
    """Values of the elements of a group, traceable and differentiable in the slots.

    Args:
        reading: the program that the group comes from.
        group: E elements.
        slots: one array for each slot, shape (E,).
        fixed: variable -> value, for those that depend on params only.

    Returns:
        array of shape (E,).
    """
    leaves = {value.leaf.key: leaf_value(value, slots) for value in group.leaves}
    count = group.outputs.shape[1]
    return Evaluation(reading, leaves, fixed, count).value(group.variable, group.elements)


def leaf_value(value: LeafValue, slots: list[jax.Array]) -> jax.Array:
    """Sum of coefficients times slots, plus offset."""
    terms = [times(slots[slot], factor) for slot, factor in zip(value.slots, value.factors, strict=True)]
    return added(terms, value.offset)


def added(terms: list[jax.Array], offset: np.ndarray | None) -> jax.Array:
    """Sum of arrays and a constant; the constant is there if the arrays are not."""
    if not terms:
        return jnp.asarray(offset)
    result = sum(terms[1:], start=terms[0])
    return result if offset is None else result + compact(offset)


def times(array: jax.Array, factor: Factor) -> jax.Array:
    """Product with constants, none where they are all one."""
    number = compact(np.asarray(factor))
    if np.ndim(number) == 0:
        return array if number == 1.0 else (-array if number == -1.0 else array * number)
    return array * number


def compact(numbers: np.ndarray) -> np.ndarray | float:
    """One number for an array that repeats it: literals are cheaper than arrays."""
    if numbers.size and (numbers == numbers.flat[0]).all():
        return numbers.flat[0]
    return numbers


@dataclass
class Evaluation:
    """Values of variables at index arrays, each computed once.

    Args:
        reading: the program.
        leaves: key of a leaf -> its values.
        fixed: values that depend on params only.
        count: number of elements E.
        known: what was computed so far.
    """

    reading: Reading
    leaves: dict[Key, jax.Array]
    fixed: dict[int, jax.Array]
    count: int
    known: dict[Key, jax.Array] = field(default_factory=dict)

    def value(self, variable: int, indices: Indices) -> jax.Array:
        """`variable.ravel()[indices]`, shape (E,)."""
        key = (variable, indices.name)
        if key in self.leaves:
            return self.leaves[key]
        if key not in self.known:
            self.known[key] = self.compute(variable, indices)
        return self.known[key]

    def compute(self, variable: int, indices: Indices) -> jax.Array:
        """The same, not computed before."""
        kind = self.reading.kinds[variable]
        if kind is Kind.KNOWN:
            return self.spread(compact(indices.take(self.reading.values[variable].reshape(-1))), variable)
        if kind is Kind.FIXED:
            return self.spread(self.fixed[variable].reshape(-1)[indices.array], variable)
        equation = self.reading.program.equations[self.reading.producers[variable]]
        if self.reading.interaction(equation, variable) is not None:
            return self.elementwise(variable, equation, indices)
        if self.reading.linear[variable] is not None:
            return self.sum(variable, equation, indices)
        return (self.contraction if equation.name == "dot_general" else self.reduction)(equation, indices)

    def spread(self, numbers, variable: int) -> jax.Array:
        """Numbers as an array of shape (E,) in the dtype of the variable."""
        dtype = self.reading.program.avals[variable].dtype
        return jnp.broadcast_to(jnp.asarray(numbers, dtype=dtype), (self.count,))

    def elementwise(self, variable: int, equation: Equation, indices: Indices) -> jax.Array:
        """Bind an elementwise primitive to the same elements of its operands."""
        operands = [
            self.value(operand, self.reading.places(equation, i, variable).at(indices))
            for i, operand in enumerate(equation.inputs)
        ]
        if equation.name != CALL:
            return equation.bind(*operands)[0]
        call = self.reading.call(equation)
        assert call is not None
        return jax.vmap(call.function)(*operands)[equation.outputs.index(variable)]

    def contraction(self, equation: Equation, indices: Indices) -> jax.Array:
        """Sum of products over the contracted index."""
        left, right = equation.inputs
        terms = [
            self.value(left, i.at(indices)) * self.value(right, j.at(indices))
            for i, j in contraction_terms(equation)
        ]
        return sum(terms[1:], start=terms[0])

    def reduction(self, equation: Equation, indices: Indices) -> jax.Array:
        """Product, or largest or smallest, of a few elements."""
        (linear,) = (lanes(equation) or {}).values()
        values = [self.value(equation.inputs[0], places) for places, _ in terms(linear, indices)]
        if equation.name in PRODUCTS:
            return reduce(operator.mul, values)
        return extreme(values, jnp.maximum if equation.name in LARGEST else jnp.minimum)

    def sum(self, variable: int, equation: Equation, indices: Indices) -> jax.Array:
        """Elements moved, or a few of them added up, with what known operands contribute."""
        values = [
            times(self.value(equation.inputs[operand], places), factor)
            for operand, linear in self.reading.maps_of(variable).items()
            for places, factor in terms(linear, indices)
        ]
        if not values or equation.name == "scatter-add":
            values.append(self.constant(variable, equation, indices))
        return sum(values[1:], start=values[0])

    def constant(self, variable: int, equation: Equation, indices: Indices) -> jax.Array:
        """What the known operands of a linear equation contribute."""
        avals = self.reading.program.avals
        operands = [self.reading.values.get(i, np.zeros(avals[i].shape)) for i in equation.inputs]
        values = fold(equation.source, operands)[equation.outputs.index(variable)]
        return self.spread(compact(indices.take(np.asarray(values).reshape(-1))), variable)


def extreme(values: list[jax.Array], choose: Callable) -> jax.Array:
    """Largest or smallest of a few arrays; at a tie each has its share of the derivative, as in JAX."""
    if len(values) == 1:
        return values[0]
    best = jax.lax.stop_gradient(reduce(choose, values))
    ties = [value == best for value in values]
    shares = [jnp.where(tie, value, 0) for tie, value in zip(ties, values, strict=True)]
    return reduce(operator.add, shares) / reduce(operator.add, [tie.astype(best.dtype) for tie in ties])


def fixed_values(reading: Reading, leaves: list[jax.Array]) -> dict[int, jax.Array]:
    """Every variable that depends on params only.

    Args:
        reading: a classified program.
        leaves: the leaves of params.

    Returns:
        variable -> value.
    """
    fixed = [
        equation
        for equation in reading.program.equations
        if equation.outputs and reading.kinds[equation.outputs[0]] is Kind.FIXED
    ]
    return evaluate(fixed, reading.values | dict(zip(reading.program.inputs[1:], leaves, strict=True)))

"""Element kernels as JAX code: a group and arrays of its slots in, one value an element out.

The equations behind the group are bound again, on vectors with one entry an element; slices, gathers and
short sums on the way have become index arrays.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import jax
import jax.numpy as jnp
import numpy as np

from lagrad.program import Equation
from lagrad.structure.kernels import Key, contraction_terms, depending, digest, source_of, sum_terms
from lagrad.structure.lift import Group
from lagrad.structure.reading import Kind, Reading
from lagrad.structure.rules.elementwise import ELEMENTWISE
from lagrad.structure.rules.folding import fold

Indices = np.ndarray | None


def group_values(reading: Reading, group: Group, slots: list[jax.Array], fixed: dict[int, jax.Array]) -> jax.Array:
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


def leaf_value(value, slots: list[jax.Array]) -> jax.Array:
    """Sum of coefficients times slots, plus offset."""
    terms = [times(slots[slot], number) for slot, number in zip(value.slots, value.coefficients, strict=True)]
    result = sum(terms[1:], start=terms[0]) if terms else jnp.zeros(value.leaf_size)
    return result if value.offset is None else result + compact(value.offset)


def times(array: jax.Array, coefficients: np.ndarray) -> jax.Array:
    """Product that costs nothing where all coefficients are one."""
    factor = compact(coefficients)
    return array if np.ndim(factor) == 0 and factor == 1.0 else array * factor


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
        key = (variable, digest(indices))
        if key in self.leaves:
            return self.leaves[key]
        if key not in self.known:
            self.known[key] = self.compute(variable, indices)
        return self.known[key]

    def compute(self, variable: int, indices: Indices) -> jax.Array:
        """The same, not computed before."""
        kind = self.reading.kinds[variable]
        if kind is Kind.KNOWN:
            return self.spread(compact(taken(self.reading.values[variable].reshape(-1), indices)), variable)
        if kind is Kind.FIXED:
            return self.spread(taken(self.fixed[variable].reshape(-1), indices), variable)
        equation = self.reading.program.equations[self.reading.producers[variable]]
        if equation.name in ELEMENTWISE:
            return self.elementwise(equation, indices)
        if equation.name == "dot_general":
            return self.contraction(equation, indices)
        return self.sum(variable, equation, indices)

    def spread(self, numbers, variable: int) -> jax.Array:
        """Numbers as an array of shape (E,) in the dtype of the variable."""
        dtype = self.reading.program.avals[variable].dtype
        return jnp.broadcast_to(jnp.asarray(numbers, dtype=dtype), (self.count,))

    def elementwise(self, equation: Equation, indices: Indices) -> jax.Array:
        """Bind an elementwise primitive to the same elements of its operands."""
        size, program = self.reading.program.size(equation.outputs[0]), self.reading.program
        operands = []
        for variable in equation.inputs:
            if program.size(variable) == size:
                operands.append(self.value(variable, indices))
            else:
                everywhere = np.zeros(size, dtype=np.int64)
                operands.append(self.value(variable, everywhere if indices is None else everywhere[indices]))
        return equation.bind(*operands)[0]

    def contraction(self, equation: Equation, indices: Indices) -> jax.Array:
        """Sum of products over the contracted index."""
        left, right = equation.inputs
        terms = [
            self.value(left, taken(i, indices)) * self.value(right, taken(j, indices))
            for i, j in contraction_terms(equation)
        ]
        return sum(terms[1:], start=terms[0])

    def sum(self, variable: int, equation: Equation, indices: Indices) -> jax.Array:
        """Elements moved, or a few of them added up."""
        operands, linear = depending(self.reading, equation), self.reading.linear[variable]
        terms = sum_terms(linear[operands[0]]) if len(operands) == 1 else None
        if terms is None:
            return self.choice(variable, equation, indices)
        values = [self.value(equation.inputs[operands[0]], through(term, indices)) for term in terms]
        return sum(values[1:], start=values[0])

    def choice(self, variable: int, equation: Equation, indices: Indices) -> jax.Array:
        """Elements moved from one of several operands, all of them from the same."""
        linear = self.reading.linear[variable]
        sources = taken(source_of(linear, list(linear)), indices)
        if sources[0] >= 0:
            operand = int(sources[0])
            return self.value(equation.inputs[operand], through(linear[operand].indices, indices))
        avals = self.reading.program.avals
        operands = [self.reading.values.get(i, np.zeros(avals[i].shape)) for i in equation.inputs]
        values = fold(equation.source, operands)[equation.outputs.index(variable)]
        return self.spread(compact(taken(np.asarray(values).reshape(-1), indices)), variable)


def through(first: Indices, then: Indices) -> Indices:
    """Index array of one selection after another."""
    return then if first is None else taken(first, then)


def taken(values, indices: Indices):
    """All values, or those at the indices."""
    return values if indices is None else values[indices]


def fixed_values(reading: Reading, leaves: list[jax.Array]) -> dict[int, jax.Array]:
    """Every variable that depends on params only.

    Args:
        reading: a classified program.
        leaves: the leaves of params.

    Returns:
        variable -> value.
    """
    found = dict(zip(reading.program.inputs[1:], leaves, strict=True))
    for equation in reading.program.equations:
        if reading.kinds[equation.outputs[0]] is Kind.FIXED:
            operands = [found[i] if i in found else reading.values[i] for i in equation.inputs]
            found |= dict(zip(equation.outputs, equation.bind(*operands), strict=True))
    return found

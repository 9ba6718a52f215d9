"""Record the kernel of a group of elements on a tape.

The equations behind the group are recorded on one number an element; slices, gathers and short sums on the
way have become index arrays.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial, reduce
from heapq import heappop, heappush
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from lagrad.elements.authors_rules import ruled
from lagrad.elements.calls import CALL
from lagrad.elements.classification import Classification, Kind
from lagrad.elements.groups import Group, LeafValue
from lagrad.elements.indices import Indices
from lagrad.elements.kernels import Key, contraction_terms, depending, entries_of, matrices
from lagrad.elements.maps import Factor
from lagrad.elements.sums import LARGEST, PRODUCTS, lanes, terms
from lagrad.elements.systems import solution
from lagrad.elements.tape import BOOL, CHAIN, FLOAT, LOOKUP, SEARCH, Tape
from lagrad.primitives.equations import aval_of
from lagrad.primitives.small_solve import SMALL_SOLVE
from lagrad.program.equation import Equation
from lagrad.program.folding import fold
from lagrad.program.walk import evaluate

# Elements of variables that an element of another is made of.
Operands = list[tuple[int, Indices]]
# These, and (recording, their nodes) -> the node of the element.
Recipe = tuple[Operands, Callable[..., int]]


@dataclass(frozen=True)
class ParamsInput:
    """Name of an input: elements of a variable that depends on params only."""

    variable: int
    indices: Indices = field(compare=False)
    name: tuple | bytes

    @classmethod
    def at(cls, variable: int, indices: Indices) -> ParamsInput:
        """The elements at some places."""
        return cls(variable, indices, indices.name)


def record_groups(
    tape: Tape,
    classification: Classification,
    groups: Sequence[Group],
    slots: Sequence[Sequence[int]],
    opaque: bool = False,
) -> list[int]:
    """Record the values of the elements of several groups; what they share is recorded once.

    Args:
        tape: of as many elements.
        classification: the program that the groups come from.
        groups: their elements.
        slots: for each group, the node of each slot.
        opaque: whether functions with a rule of their own are recorded as one operation, for JAX.

    Returns:
        Node of the values of each group.
    """
    recording = Recording(tape, classification, {}, opaque)
    for group, given in zip(groups, slots, strict=True):
        recording.nodes |= {value.leaf.key: leaf_node(tape, value, given) for value in group.leaves}
    return [recording.node(group.variable, group.elements) for group in groups]


def leaf_node(tape: Tape, value: LeafValue, slots: Sequence[int]) -> int:
    """Sum of coefficients times slots, plus offset."""
    terms = [
        times(tape, slots[slot], factor) for slot, factor in zip(value.slots, value.factors, strict=True)
    ]
    return added(tape, terms, value.offset)


def added(tape: Tape, terms: Sequence[int], offset: np.ndarray | None) -> int:
    """Sum of nodes and a constant."""
    constants = [] if offset is None else [tape.constant(np.asarray(offset, dtype=float))]
    return reduce(tape.plus, [*terms, *constants], tape.constant(0.0))


def times(tape: Tape, node: int, factor: Factor) -> int:
    """Product with constants."""
    if isinstance(factor, float):
        return tape.times(tape.constant(factor), node)
    return tape.times(tape.constant(np.asarray(factor, dtype=float)), node)


@dataclass
class Recording:
    """Elements of variables on a tape, each recorded once.

    Args:
        tape: where they are recorded.
        classification: the program.
        nodes: variable and name of its elements -> node; the leaves at first.
        opaque: whether functions with a rule of their own are recorded as one operation.
    """

    tape: Tape
    classification: Classification
    nodes: dict[Key, int]
    opaque: bool

    def node(self, variable: int, indices: Indices) -> int:
        """The node of `variable.ravel()[indices]`.

        Equations are visited from the last one to the first to find what is needed, then recorded in order:
        a long chain of steps is no deep recursion.
        """
        requests, heap = {}, []

        def ask(variable: int, indices: Indices) -> None:
            key = (variable, indices.name)
            if key not in self.nodes and key not in requests:
                requests[key] = indices
                heappush(heap, (-self.classification.producers.get(variable, -1), len(requests), key))

        ask(variable, indices)
        order = []
        while heap:
            _, _, key = heappop(heap)
            operands, build = self.recipe(key, requests[key])
            order.append((key, operands, build))
            for operand in operands:
                ask(*operand)
        for key, operands, build in reversed(order):
            given = [self.nodes[operand, places.name] for operand, places in operands]
            self.nodes[key] = build(self, *given)
        return self.nodes[variable, indices.name]

    def recipe(self, key: Key, indices: Indices) -> Recipe:
        """What elements of a variable are made of, and how; values, J and H ask for the same."""
        recipes = self.classification.recipes
        if key not in recipes:
            recipes[key] = self.find_recipe(key[0], indices)
        return recipes[key]

    def find_recipe(self, variable: int, indices: Indices) -> Recipe:
        """The same, not asked for before."""
        kind = self.classification.kinds[variable]
        if kind is Kind.KNOWN:
            numbers = indices.take(self.classification.values[variable].reshape(-1))
            return [], lambda recording: recording.constant(variable, numbers)
        dtype = self.classification.program.avals[variable].dtype
        if kind is Kind.PARAMETRIC:
            name = ParamsInput.at(variable, indices)
            return [], lambda recording: recording.tape.input(name, dtype)
        equation = self.classification.program.equations[self.classification.producers[variable]]
        if variable in self.classification.chains:
            return self.chain(variable, equation, indices)
        if self.classification.is_lookup(equation):
            place = equation.inputs[1], self.classification.places(equation, 1, variable).at(indices)
            return [place], lambda recording, node: recording.lookup(variable, equation, node)
        search = self.classification.search(equation, variable)
        if search is not None:
            (number,) = depending(self.classification, equation)
            places = self.classification.places(equation, number, variable)
            value = equation.inputs[number], places.at(indices)
            params = {"search": search}
            return [value], lambda recording, node: recording.tape.add(SEARCH, (node,), params, search.dtype)
        if self.classification.interaction(equation, variable) is not None:
            operands = [
                (operand, self.classification.places(equation, i, variable).at(indices))
                for i, operand in enumerate(equation.inputs)
            ]
            return operands, lambda recording, *nodes: recording.elementwise(variable, equation, *nodes)
        if self.classification.linear[variable] is not None:
            return self.sum(variable, equation, indices)
        if equation.name == SMALL_SOLVE:
            return self.solution(equation, indices)
        return (self.contraction if equation.name == "dot_general" else self.reduction)(equation, indices)

    def constant(self, variable: int, numbers: Any) -> int:
        """Numbers in the dtype of the variable."""
        return self.tape.constant(
            np.asarray(numbers, dtype=self.classification.program.avals[variable].dtype)
        )

    def elementwise(self, variable: int, equation: Equation, *operands: int) -> int:
        """An elementwise primitive, or a function with a rule of its own."""
        dtype = self.classification.program.avals[variable].dtype
        if equation.name == "pow":
            # A whole exponent may be an array of integers, which its derivatives are not.
            operands = tuple(self.floating(operand, dtype) for operand in operands)
        if equation.name == "select_n" and self.tape.operations[operands[0]].dtype != BOOL:
            return self.chosen(operands[0], operands[1:])
        if equation.name != CALL:
            return self.tape.add(equation.name, operands, equation.params, dtype, equation.bind)
        call, output = self.classification.call(equation), equation.outputs.index(variable)
        assert call is not None
        if not self.opaque:
            return ruled(self.tape, equation.source, operands, output)
        mapped = jax.vmap(call.function)

        def bind(*values: Any) -> list:
            # Constants alone are no arrays to map over.
            function = mapped if any(map(np.ndim, values)) else call.function
            return [function(*values)[output]]

        return self.tape.add(CALL, operands, {"call": call, "output": output}, dtype, bind)

    def chosen(self, number: int, cases: Sequence[int], first: int = 0) -> int:
        """The case of a number, the first or last one for numbers beyond, as XLA has it: choices of two."""
        if len(cases) == 1:
            return cases[0]
        tape, middle = self.tape, len(cases) // 2
        limit = tape.constant(np.asarray(first + middle, dtype=tape.operations[number].dtype))
        is_before = tape.add("lt", (number, limit), {}, BOOL)
        before = self.chosen(number, cases[:middle], first)
        behind = self.chosen(number, cases[middle:], first + middle)
        return tape.add("select_n", (is_before, behind, before), {}, tape.operations[before].dtype)

    def lookup(self, variable: int, equation: Equation, place: int) -> int:
        """Numbers of a known table."""
        table = self.classification.table(equation.inputs[0])
        return self.tape.add(
            LOOKUP, (place,), {"table": table}, self.classification.program.avals[variable].dtype
        )

    def floating(self, node: int, dtype: np.dtype) -> int:
        """A node of whole numbers as one of `dtype`; any other as it is."""
        is_whole = np.issubdtype(self.tape.operations[node].dtype, np.integer)
        return self.typed(node, dtype) if is_whole else node

    def typed(self, node: int, dtype: np.dtype) -> int:
        """A node as one of `dtype`."""
        if self.tape.operations[node].dtype == dtype:
            return node
        value = self.tape.value(node)
        if value is not None:
            return self.tape.constant(np.asarray(value, dtype=dtype))
        params = {"new_dtype": dtype, "weak_type": False, "sharding": None}
        return self.tape.add(
            "convert_element_type", (node,), params, dtype, lambda value: [value.astype(dtype)]
        )

    def chain(self, variable: int, equation: Equation, indices: Indices) -> Recipe:
        """One entry of the rows of a loop of equal steps."""
        chain, output = self.classification.chains[variable], equation.outputs.index(variable)
        width = sum(place == output for place, _ in chain.outputs)
        rows, number = Indices.of(indices.array // width), int(indices.array[0]) % width
        operands = [(equation.inputs[operand], places.at(rows)) for operand, places in chain.inputs]

        def build(recording: Recording, *nodes: int) -> int:
            values = recording.tape.add(CHAIN, nodes, {"chain": chain, "what": "values"}, FLOAT)
            return recording.tape.entry(values, chain.numbers[output, number])

        return operands, build

    def solution(self, equation: Equation, indices: Indices) -> Recipe:
        """One entry of the solutions of small systems."""
        _, count = matrices(equation)
        systems, place = Indices.of(indices.array // count), int(indices.array[0]) % count
        operands = [(equation.inputs[operand], places) for operand, places in entries_of(systems, count)]

        def build(recording: Recording, *nodes: int) -> int:
            return recording.tape.entry(solution(recording.tape, nodes[:-count], nodes[-count:]), place)

        return operands, build

    def contraction(self, equation: Equation, indices: Indices) -> Recipe:
        """Sum of products over the contracted index."""
        pairs = [(i.at(indices), j.at(indices)) for i, j in contraction_terms(equation)]
        operands = [
            (variable, places)
            for pair in pairs
            for variable, places in zip(equation.inputs, pair, strict=True)
        ]

        # Real numbers may meet complex ones, which JAX then makes of them.
        dtype = aval_of(equation.source.outvars[0]).dtype

        def build(recording: Recording, *nodes: int) -> int:
            given = [recording.typed(node, dtype) for node in nodes]
            pairs = zip(given[::2], given[1::2], strict=True)
            products = [recording.binary("mul", left, right, dtype) for left, right in pairs]
            return reduce(partial(recording.binary, "add", dtype=dtype), products)

        return operands, build

    def reduction(self, equation: Equation, indices: Indices) -> Recipe:
        """Product, or largest or smallest, of a few elements."""
        (linear,) = (lanes(equation) or {}).values()
        operands = [(equation.inputs[0], places) for places, _ in terms(linear, indices)]
        if equation.name in PRODUCTS:
            return operands, lambda recording, *nodes: reduce(partial(recording.binary, "mul"), nodes)
        name = "max" if equation.name in LARGEST else "min"
        return operands, lambda recording, *nodes: recording.extreme(name, nodes)

    def extreme(self, name: str, nodes: Sequence[int]) -> int:
        """Largest or smallest of a few nodes; at a tie each has its share of the derivative, as in JAX."""
        if len(nodes) == 1:
            return nodes[0]
        best = reduce(partial(self.binary, name), nodes)
        still = self.tape.add("stop_gradient", (best,), {}, FLOAT, lambda x: [jax.lax.stop_gradient(x)])
        ties = [self.binary("eq", node, still) for node in nodes]
        zero, one = self.tape.constant(0.0), self.tape.constant(1.0)
        shares = [self.tape.choose(tie, zero, node) for tie, node in zip(ties, nodes, strict=True)]
        counts = [self.tape.choose(tie, zero, one) for tie in ties]
        add = partial(self.binary, "add")
        return self.binary("div", reduce(add, shares), reduce(add, counts))

    def binary(self, name: str, left: int, right: int, dtype: np.dtype = FLOAT) -> int:
        """A primitive on two nodes of one type."""
        return self.tape.add(name, (left, right), {}, np.dtype(bool) if name == "eq" else dtype)

    def sum(self, variable: int, equation: Equation, indices: Indices) -> Recipe:
        """Elements moved, or a few of them added up, with what known operands contribute."""
        parts = [
            (equation.inputs[operand], places, factor)
            for operand, linear in self.classification.maps_of(variable).items()
            for places, factor in terms(linear, indices)
        ]
        is_shifted = not parts or equation.name == "scatter-add"
        numbers = self.known(variable, equation, indices) if is_shifted else None

        def build(recording: Recording, *nodes: int) -> int:
            tape = recording.tape
            scaled = [times(tape, node, part[2]) for node, part in zip(nodes, parts, strict=True)]
            constant = [] if numbers is None else [recording.constant(variable, numbers)]
            return reduce(tape.plus, [*scaled, *constant])

        return [part[:2] for part in parts], build

    def known(self, variable: int, equation: Equation, indices: Indices) -> np.ndarray:
        """What the known operands of a linear equation contribute."""
        avals = self.classification.program.avals
        operands = [
            self.classification.values.get(i, np.zeros(avals[i].shape, avals[i].dtype))
            for i in equation.inputs
        ]
        values = fold(equation.source, operands)[equation.outputs.index(variable)]
        return indices.take(np.asarray(values).reshape(-1))


def fixed_values(classification: Classification, leaves: Sequence[jax.Array]) -> dict[int, jax.Array]:
    """Every variable that depends on params only.

    Args:
        classification: a classified program.
        leaves: the leaves of params.

    Returns:
        variable -> value.
    """
    fixed = [
        equation
        for equation in classification.program.equations
        if equation.outputs and classification.kinds[equation.outputs[0]] is Kind.PARAMETRIC
    ]
    return evaluate(
        fixed, classification.values | dict(zip(classification.program.inputs[1:], leaves, strict=True))
    )


def value_of_params(name: ParamsInput, fixed: dict[int, jax.Array]) -> jax.Array:
    """Value of an input of params."""
    return jnp.reshape(fixed[name.variable], -1)[name.indices.array]

"""Compile what elements add up to into machine code."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import scipy.sparse as sp

from lagrad.compile.deferred import Deferred, ready, together
from lagrad.compile.native.emission import supports
from lagrad.compile.native.loops import Loop, Read, Write
from lagrad.compile.native.machine import Machine
from lagrad.compile.native.products import Product
from lagrad.compile.of_params import Leaves, OfParams
from lagrad.compile.xla import lower
from lagrad.elements.element_sums import Addend, Batch, ElementSums
from lagrad.elements.indices import Indices, everywhere
from lagrad.elements.maps import Factor
from lagrad.elements.recording import ParamsInput, fixed_values, times
from lagrad.elements.tape import FLOAT, INPUT, Tape
from lagrad.elements.tape_evaluation import evaluate
from lagrad.elements.terms import combined, slot_terms, weight_terms

# Arguments of the machine code: x, sums over x made by the host, weights, sums over those, then what
# depends on params only.
X, WEIGHTS, PARAMS = 0, 2, 4
# Operations of a kernel and its derivatives; longer code compiles for longer than sweeps of all by XLA.
LONGEST = 200_000


@dataclass
class Sums:
    """Rows of sums A v over a vector v, which the host evaluates before the loops run."""

    rows: list[sp.csr_array] = field(default_factory=list)
    size: int = 0

    def add(self, rows: sp.csr_array) -> Indices:
        """Where the sums of further rows will lie."""
        self.rows.append(rows)
        self.size += rows.shape[0]
        return Indices(rows.shape[0], self.size - rows.shape[0])

    def product(self) -> Product | None:
        """The product with all rows."""
        return Product(sp.csr_array(sp.vstack(self.rows))) if self.rows else None


@dataclass(frozen=True)
class Supply:
    """Pieces of one vector, as inputs of one tape.

    Args:
        tape: what they are inputs of.
        reads: where each lies, by its node.
        argument: number of the vector; sums over it are the next argument.
        sums: sums over the vector, of all loops.
    """

    tape: Tape
    reads: dict[int, Read]
    argument: int
    sums: Sums

    def request(self, indices: Indices) -> int:
        """Node of the piece v[indices]."""
        return self.read(self.argument, indices)

    def request_rows(self, rows: sp.csr_array) -> int:
        """Node of the piece A v."""
        return self.read(self.argument + 1, self.sums.add(rows))

    def read(self, argument: int, indices: Indices) -> int:
        """Node of some entries of an argument."""
        node = self.tape.input((argument, indices.name))
        self.reads[node] = Read(argument, indices)
        return node


@dataclass
class ParamsReads:
    """What all loops read that depends on params only.

    Args:
        variables: variables that are read as they are, in the order of their arguments.
        derived: tapes and nodes that are evaluated on the host, whose arguments follow.
    """

    variables: dict[int, int] = field(default_factory=dict)
    derived: list[tuple[Tape, int]] = field(default_factory=list)

    def number(self, variable: int) -> int:
        """Number of a variable among those that are read."""
        return self.variables.setdefault(variable, len(self.variables))

    def leaves(self, sums: ElementSums) -> Leaves | None:
        """The same without any computation; None if something is made of the leaves, or is not float64."""
        program = sums.split.classification.program
        inputs, given = program.inputs[1:], self.variables
        if self.derived or sums.fixed or not set(given) <= set(inputs):
            return None
        if any(program.avals[variable].dtype != np.float64 for variable in given):
            return None
        return Leaves(tuple(inputs.index(variable) for variable in given))

    def function(self, sums: ElementSums) -> Callable[..., list]:
        """(*leaves) -> variables, what is derived from them, and what is added as it is."""

        def values(*leaves) -> list:
            fixed = fixed_values(sums.split.classification, leaves)
            whole = [jnp.ravel(fixed[variable]) for variable in self.variables]
            made = [jnp.ravel(evaluated(tape, node, fixed)) for tape, node in self.derived]
            return [*whole, *made, *(jnp.ravel(fixed[variable]) for variable in sums.fixed or ())]

        return values


def evaluated(tape: Tape, node: int, fixed: dict[int, jax.Array]) -> jax.Array:
    """Value of a node that depends on params only; one number if it is the same for all elements."""
    inputs = {}
    for each in tape.needed([node]):
        name = tape.operations[each].params.get("name")
        if isinstance(name, ParamsInput):
            is_one = name.indices.listed is None and name.indices.stride == 0
            places = name.indices.array[:1] if is_one else name.indices.array
            inputs[name] = jnp.ravel(fixed[name.variable])[places]
    return evaluate(tape, [node], inputs)[0]


@dataclass(frozen=True, eq=False)
class NativeSums:
    """Numbers that elements add up to, evaluated by machine code.

    Args:
        sums: what they are.
        machine: the loops; None if there are none.
        x_sums: sums over x that the loops read.
        weight_sums: sums over the weights that they read.
        params: what depends on params only: what the loops read, then what is added as it is.
        linear: product with x.
        behind: product with the results behind the numbers.
    """

    sums: ElementSums
    machine: Machine | None
    x_sums: Product | None
    weight_sums: Product | None
    params: OfParams | Leaves | None
    linear: Product | None
    behind: Product | None

    def __call__(self, x: np.ndarray, weights: np.ndarray, leaves: Sequence) -> np.ndarray:
        """The numbers, a new array."""
        numbers, size, x = self.sums.start(), self.sums.size, np.ascontiguousarray(x)
        if self.linear is not None:
            self.linear.add(x, numbers)
        params, matrices = [] if self.params is None else self.params(leaves), self.sums.fixed or {}
        read = len(params) - len(matrices)
        for matrix, value in zip(matrices.values(), params[read:], strict=True):
            numbers[:size] += matrix @ value
        if self.machine is not None:
            x_sums = self.x_sums and self.x_sums(x)
            weight_sums = self.weight_sums and self.weight_sums(weights)
            self.machine(numbers, x, x_sums, weights, weight_sums, *params[:read])
        if self.behind is not None:
            self.behind.add(numbers[size:], numbers)
        return numbers[:size] if numbers.size > size else numbers


def native_sums(sums: ElementSums, leaves: list) -> Deferred[NativeSums] | None:
    """Machine code for what elements add up to.

    Args:
        sums: what it is.
        leaves: shapes of the params.

    Returns:
        What waits to be compiled; None if a kernel has an equation that machine code has no rule for.

    Raises:
        TooLong: derivatives of a kernel take more operations than `LONGEST`.
    """
    x_sums, weight_sums, params, loops = Sums(), Sums(), ParamsReads(), []
    derived: list[list[tuple[int, int]]] = []
    for batch, addends in zip(sums.batches, sums.addends, strict=True):
        tape, reads = Tape(batch.count, LONGEST), {}
        supplies = Supply(tape, reads, X, x_sums), Supply(tape, reads, WEIGHTS, weight_sums)
        writes = batch_writes(tape, batch, addends, supplies)
        nodes = [node for node, _ in writes]
        reads |= {node: params_read(tape, node, params) for node in params_inputs(tape, nodes)}
        frontier = derived_nodes(tape, nodes)
        if not supports(tape, nodes, frontier):
            return None
        derived.append([(node, len(params.derived) + place) for place, node in enumerate(frontier)])
        params.derived += [(tape, node) for node in frontier]
        loops.append(Loop(tape, reads, tuple(writes)))
    count = PARAMS + len(params.variables) + len(params.derived)
    waiting: dict[str, Deferred] = {"params": ready(None)}
    as_they_are = params.leaves(sums)
    if count > PARAMS and as_they_are is not None:
        waiting["params"] = ready(as_they_are)
    elif count > PARAMS or sums.fixed:
        function = params.function(sums)
        shapes = jax.eval_shape(function, *leaves)[len(params.variables) :]
        for loop, nodes in zip(loops, derived, strict=True):
            for node, place in nodes:
                places = Indices(loop.count) if shapes[place].size > 1 else everywhere(loop.count)
                loop.reads[node] = Read(PARAMS + len(params.variables) + place, places)
        waiting["params"] = lower(function, leaves).then(OfParams)
    waiting["machine"] = Deferred((), ((loops, count),), lambda done, made: made[0]) if loops else ready(None)
    products = (x_sums.product(), weight_sums.product())
    return together(waiting).then(partial(finished, sums, products))


def finished(sums: ElementSums, products: tuple[Product | None, Product | None], parts: dict) -> NativeSums:
    """Put together what was compiled."""
    linear, behind = (None if matrix is None else Product(matrix) for matrix in (sums.linear, sums.behind))
    return NativeSums(sums, parts["machine"], *products, parts["params"], linear, behind)


def batch_writes(
    tape: Tape, batch: Batch, addends: Sequence[Addend], supplies: tuple[Supply, Supply]
) -> list[tuple[int, Write]]:
    """Record a batch; nodes of its results times their factors, and where they go."""
    of_x, of_weights = supplies
    slots = [combined(tape, slot_terms(of_x, slot)) for slot in batch.slots]
    weights = [combined(tape, weight_terms(of_weights, outputs)) for outputs in batch.outputs]
    found = batch.record(tape, slots, weights)
    return [
        (
            times(tape, found[addend.source], whole(addend, batch.count)),
            Write(addend.places, addend.adds, addend.first),
        )
        for addend in addends
    ]


def whole(addend: Addend, count: int) -> Factor:
    """Factors of all elements; those that are not written have none."""
    factor = np.asarray(addend.factor)
    if factor.ndim == 0 or addend.places.size == count:
        return addend.factor
    if (factor == factor[0]).all():
        return float(factor[0])
    return np.pad(factor, (addend.first, count - addend.first - addend.places.size))


def params_inputs(tape: Tape, nodes: Iterable[int]) -> list[int]:
    """Inputs of params among what some nodes need."""
    operations = tape.operations
    return [
        node
        for node in tape.needed(nodes)
        if operations[node].name == INPUT and isinstance(operations[node].params["name"], ParamsInput)
    ]


def params_read(tape: Tape, node: int, params: ParamsReads) -> Read:
    """Where an input of params is read."""
    name = tape.operations[node].params["name"]
    return Read(PARAMS + params.number(name.variable), name.indices)


def derived_nodes(tape: Tape, nodes: Sequence[int]) -> list[int]:
    """Numbers made of params only that are used together with others: evaluated once, not in the loop."""
    of_params = set(params_inputs(tape, nodes))
    if not of_params:
        return []
    made, varying = set(of_params), set()
    order = tape.needed(nodes)
    for node in order:
        operands = tape.operations[node].operands
        if operands and not varying.isdisjoint(operands):
            varying.add(node)
        elif operands and not made.isdisjoint(operands):
            made.add(node)
        elif tape.operations[node].name == INPUT and node not in of_params:
            varying.add(node)
    found, stack = set(), [node for node in nodes if node in made]
    stack += [operand for node in order if node in varying for operand in tape.operations[node].operands]
    while stack:
        node = stack.pop()
        if node in of_params or node not in made or node in found:
            continue
        if tape.operations[node].dtype == FLOAT:
            found.add(node)
        else:
            stack += tape.operations[node].operands
    return sorted(found)

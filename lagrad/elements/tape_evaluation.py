"""Tapes and JAX: a tape evaluated on arrays, and a traced function written on a tape."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from lagrad.elements.chain import Chain
from lagrad.elements.partials import CUSTOM, INDEPENDENT
from lagrad.elements.tape import (
    CHAIN,
    CONSTANT,
    ENTRY,
    INPUT,
    INVERSE,
    LOOKUP,
    RESIDUAL,
    SEARCH,
    SYSTEM,
    Tape,
)
from lagrad.primitives.calls import PLAIN, RULED
from lagrad.primitives.equations import aval_of
from lagrad.primitives.small_solve import small_solve
from lagrad.program.equation import Equation
from lagrad.program.folding import fold
from lagrad.program.program import numbered

# Operations of one element that XLA is given: its time to compile them grows faster than their number, from
# 6 s for two and a half thousand to 27 s for seven.
LONGEST = 4000
# Mark of operations that were traced: shapes are those of the trace.
TRACED = "traced result"


def evaluate(
    tape: Tape, nodes: Sequence[int], inputs: Mapping[Hashable, Any], behind: int = 0
) -> list[jax.Array]:
    """Values of nodes by JAX, traceable.

    Args:
        tape: what was recorded.
        nodes: whose values.
        inputs: value of each input by its name, shape (count,), or (count, ...) for many points at once.
        behind: how many axes these have behind the first.

    Returns:
        One array a node, of the shape of the inputs unless it was traced with another one.
    """
    values: dict[int, Any] = {}
    for node in tape.needed(nodes):
        operation = tape.operations[node]
        operands = [values[operand] for operand in operation.operands]
        if operation.name == INPUT:
            values[node] = inputs[operation.params["name"]]
        elif operation.name == CONSTANT:
            value = np.asarray(operation.params["value"])
            values[node] = jnp.asarray(value.reshape(value.shape + (1,) * behind * value.ndim))
        elif operation.name in (CUSTOM, INDEPENDENT):
            values[node] = operands[0]
        elif operation.bind is not None and TRACED in operation.params:
            values[node] = operation.bind(*operands)[0]
        else:
            shape = jnp.broadcast_shapes(*(jnp.shape(operand) for operand in operands))
            spread = [jnp.broadcast_to(operand, shape) for operand in operands]
            if operation.bind is not None:
                values[node] = operation.bind(*spread)[0]
            else:
                function = FUNCTIONS.get(operation.name) or getattr(lax, operation.name)
                values[node] = function(*spread, **operation.params)
    return [values[node] for node in nodes]


def chained(*operands: jax.Array, chain: Chain, what: str) -> jax.Array:
    """Values, slopes or curvature of a chain, entries along the first axis."""
    count, inputs = len(chain.given), jnp.stack(operands)

    def values(given: jax.Array) -> jax.Array:
        def step(z, own):
            pieces: dict[Hashable, Any] = {
                ("chain", number): each for number, each in enumerate([*z, *given[chain.size :]])
            }
            pieces |= {("own", number): own[number] for number in range(len(chain.data))}
            found = evaluate(chain.step, chain.results, pieces)
            return jnp.stack([jnp.broadcast_to(each, given.shape[1:]) for each in found]), None

        return lax.scan(step, given[: chain.size], jnp.asarray(chain.own))[0]

    if what == "values":
        return values(inputs)
    given, weights = inputs[:count], inputs[count:]
    function = values if what == "slopes" else jax.grad(lambda each: jnp.sum(weights * values(each)))
    along = jnp.eye(count).reshape((count, count) + (1,) * (given.ndim - 1))
    directions = jnp.broadcast_to(along, (count, *given.shape))
    columns = jax.vmap(lambda direction: jax.jvp(function, (given,), (direction,))[1])(directions)
    return jnp.moveaxis(columns, 0, 1).reshape((-1, *given.shape[1:]))


def solutions(*operands: jax.Array, count: int) -> jax.Array:
    """Solutions of small systems, entries along the first axis; residuals are zero."""
    matrix, right = jnp.stack(operands[count:-count], -1), jnp.stack(operands[-count:], -1)
    return jnp.moveaxis(small_solve(matrix.reshape(*right.shape, count), right), -1, 0)


def inverses(*operands: jax.Array, count: int) -> jax.Array:
    """Inverses of small matrices, their columns one behind the other along the first axis."""
    matrix = jnp.stack(operands, -1)
    matrix = matrix.reshape(*matrix.shape[:-1], count, count)
    columns = [small_solve(matrix, jnp.broadcast_to(unit, matrix.shape[:-1])) for unit in jnp.eye(count)]
    return jnp.moveaxis(jnp.concatenate(columns, -1), -1, 0)


FUNCTIONS: dict[str, Callable] = {
    "select_n": lambda which, *cases: lax.select_n(which, *cases),
    "integer_pow": lambda x, y: lax.integer_pow(x, y),
    "and": lax.bitwise_and,
    "or": lax.bitwise_or,
    "xor": lax.bitwise_xor,
    "not": lax.bitwise_not,
    CHAIN: chained,
    ENTRY: lambda vector, place: vector[place],
    RESIDUAL: lambda *operands, place: jnp.zeros_like(operands[0]),
    SYSTEM: solutions,
    INVERSE: inverses,
    LOOKUP: lambda place, table: jnp.take(jnp.asarray(table.numbers), place, mode="clip"),
    SEARCH: lambda value, search: search.evaluate(value),
}


def write(tape: Tape, function: Callable, operands: Sequence[int], shapes: Sequence[Any]) -> list[int]:
    """Write a traced function on a tape.

    Args:
        tape: where to write.
        function: arrays -> list of arrays, elementwise.
        operands: node of each array.
        shapes: shape and dtype of each.

    Returns:
        Node of each result.
    """
    # Derivatives are taken already: of functions with a rule of their own only values are left.
    program = numbered(jax.make_jaxpr(function)(*shapes), PLAIN | RULED)
    nodes = dict(zip(program.inputs, operands, strict=True))
    nodes |= {variable: as_traced(tape, value) for variable, value in program.constants.items()}
    for equation in program.equations:
        given = [nodes[i] for i in equation.inputs]
        values = [tape.value(node) for node in given]
        if all(value is not None for value in values):
            results = [as_traced(tape, value) for value in fold(equation.source, values)]
        else:
            results = [result(tape, equation, given, place) for place in range(len(equation.outputs))]
        nodes |= dict(zip(equation.outputs, results, strict=True))
    return [nodes[output] for output in program.outputs]


def as_traced(tape: Tape, value: Any) -> int:
    """Node of a constant in the very shape in which it was traced."""
    value = np.asarray(value)
    return tape.known((CONSTANT, TRACED, value.dtype, value.shape, value.tobytes()), value)


def result(tape: Tape, equation: Equation, operands: Sequence[int], place: int) -> int:
    """Node of one result of a traced equation."""
    dtype = aval_of(equation.source.outvars[place]).dtype
    params = {**equation.params, TRACED: place}
    return tape.add(equation.name, operands, params, dtype, lambda *values: [equation.bind(*values)[place]])

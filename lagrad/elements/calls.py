"""Read `custom_jvp` calls that act on elements as functions of scalars with a rule.

    softplus(x) of shape (n,)     ->     softplus of one number, n times

JAX differentiates such a call by its author's rule, so both are followed: the function, and the program
(tangents, operands) -> output tangents that its rule writes. If each output element takes one element of
each operand in both, both are written again on scalars, and any number of elements can be evaluated.
Otherwise nobody can say which elements meet, and the call is left to detection and coloring.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend import core as jex

from lagrad.elements.indices import Indices, everywhere
from lagrad.precision import float64
from lagrad.primitives.calls import TRANSPARENT, called
from lagrad.primitives.elementwise import interaction_of
from lagrad.primitives.equations import bind, is_complex, is_floating, shape_of, size_of
from lagrad.primitives.interaction import Interaction
from lagrad.primitives.movers import mover
from lagrad.program.equation_derivatives import tangent_program
from lagrad.program.walk import needed, run
from lagrad.sparsity import AFFINE, detect

CALL = "custom_jvp_call"

# Operand -> the element of it that each element of an array takes, in the array's shape.
Places = dict[int, np.ndarray]


class _Mixes(Exception):
    """An element takes several elements of one operand."""


@dataclass(frozen=True, eq=False)
class ElementCall:
    """A function applied to every element of its operands.

    Args:
        function: scalars -> list of scalars, differentiable by its author's rule.
        places: of each output, for each operand, the element that each output element takes.
        interactions: of each output, which derivatives can be nonzero.
    """

    function: Callable[..., Sequence[Any]]
    places: tuple[tuple[Indices, ...], ...]
    interactions: tuple[Interaction, ...]


def element_call(equation: jex.JaxprEqn) -> ElementCall | None:
    """The function of scalars behind a call of a `custom_jvp` function.

    Args:
        equation: the traced call.

    Returns:
        ElementCall; None if the function, or a derivative of it up to the second, mixes elements.
    """
    avals: list[Any] = [atom.aval for atom in (*equation.invars, *equation.outvars)]
    if any(map(is_complex, avals)):
        return None
    numbers = [np.arange(size_of(atom)).reshape(shape_of(atom)) for atom in equation.invars]
    with float64():
        try:
            found = called_places(equation, [{i: array} for i, array in enumerate(numbers)], 2)
        except _Mixes:
            return None
        function = on_scalars(equation)
        places = [
            by_operand(each, len(numbers), out) for each, out in zip(found, equation.outvars, strict=True)
        ]
        met = [interaction(function, equation, output) for output in range(len(found))]
    return ElementCall(function, tuple(places), tuple(met))


def by_operand(places: Places, count: int, variable: Any) -> tuple[Indices, ...]:
    """Places in each of `count` operands; the first one where it does not matter."""
    anywhere = everywhere(size_of(variable))
    return tuple(Indices.of(places[i].reshape(-1)) if i in places else anywhere for i in range(count))


def called_places(equation: jex.JaxprEqn, operands: Sequence[Places], order: int) -> list[Places]:
    """Places of the outputs of a call, in the function and in its derivatives up to an order."""
    results = followed(equation.params["call_jaxpr"], operands, 0)
    if not order:
        return results
    floats = floating(equation.invars)
    moved = followed(rule_of(equation), [*(operands[i] for i in floats), *operands], order - 1)
    for output, places in zip(floating(equation.outvars), moved, strict=True):
        results[output] = agreeing([results[output], places])
    return results


def followed(program: jex.ClosedJaxpr, arguments: Sequence[Places], order: int) -> list[Places]:
    """Places of the outputs of a program.

    Args:
        program: what was traced.
        arguments: places of each input.
        order: up to which derivatives count.

    Returns:
        places of each output.

    Raises:
        _Mixes: an element takes several elements of one operand.
    """
    # Of captured arrays only those that repeat one number are the same for all elements.
    for constant in program.consts:
        the_number(constant)
    visit = lambda equation, operands: follow(equation, operands, order)  # noqa: E731
    # Rules leave the function's own value unused.
    return run(program, arguments, visit, lambda value, aval: {}, needed(program.eqns, program.jaxpr.outvars))


def follow(equation: jex.JaxprEqn, operands: Sequence[Places], order: int) -> list[Places]:
    """Places of the outputs of one equation."""
    inner = called(equation, TRANSPARENT)
    if inner is not None:
        return followed(inner, operands, order)
    if equation.primitive.name == CALL:
        return called_places(equation, operands, order)
    if equation.effects:
        raise _Mixes
    if moves_one(equation):
        move = mover(equation, [None])
        assert move is not None
        moved = {operand: move([array], -1) for operand, array in operands[0].items()}
        return [{i: arrays[k] for i, arrays in moved.items()} for k in range(len(equation.outvars))]
    if interaction_of(equation) is None:
        raise _Mixes
    shape = shape_of(equation.outvars[0])
    return [agreeing([{i: stretched(array, shape) for i, array in each.items()} for each in operands])]


def moves_one(equation: jex.JaxprEqn) -> bool:
    """Whether an equation only moves the elements of its one operand."""
    return len(equation.invars) == 1 and mover(equation, [None]) is not None


def stretched(array: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """An array with its axes of length one repeated; itself if there are none."""
    return array if array.shape == shape else np.broadcast_to(array, shape)


def agreeing(parts: Iterable[Places]) -> Places:
    """Places that several arrays agree on."""
    found: Places = {}
    for part in parts:
        for operand, array in part.items():
            other = found.setdefault(operand, array)
            if other is not array and not np.array_equal(other, array):
                raise _Mixes
    return found


def the_number(constant: Any) -> Any:
    """The number that a captured array repeats."""
    array = np.asarray(constant)
    if array.size == 0 or (array != array.flat[0]).any():
        raise _Mixes
    return array.flat[0]


def floating(atoms: Sequence[Any]) -> tuple[int, ...]:
    """Numbers of the atoms that can be differentiated."""
    return tuple(i for i, atom in enumerate(atoms) if is_floating(atom))


@lru_cache(maxsize=256)
def rule_of(equation: jex.JaxprEqn) -> jex.ClosedJaxpr:
    """(tangents of floating operands, operands) -> tangents of floating outputs."""
    return tangent_program(equation, floating(equation.invars))


def on_scalars(equation: jex.JaxprEqn) -> Callable[..., Sequence[Any]]:
    """A call that acts on elements as a function of scalars, with its author's rule."""
    floats = floating(equation.invars)

    @jax.custom_jvp
    def function(*operands):
        return evaluated(equation.params["call_jaxpr"], operands)

    @function.defjvp
    def rule(primals, tangents):
        results = function(*primals)
        moved = iter(evaluated(rule_of(equation), [*(tangents[i] for i in floats), *primals]))
        return results, [next(moved) if is_float(each) else still(each) for each in results]

    return function


def is_float(value: Any) -> bool:
    """Whether a value can be differentiated."""
    return jnp.issubdtype(jnp.result_type(value), np.floating)


def still(value: Any) -> np.ndarray:
    """Tangent of a value that cannot be differentiated."""
    return np.zeros(np.shape(value), dtype=jax.dtypes.float0)


def evaluated(program: jex.ClosedJaxpr, arguments: Sequence[Any]) -> list:
    """Outputs for one element of a program that acts on elements, given one number an input."""
    equations = needed(program.eqns, program.jaxpr.outvars)
    return run(program, arguments, evaluate, one_number, equations)


def one_number(value: Any, aval: Any) -> Any:
    """A literal as it is, the number that a captured array repeats."""
    return value if np.ndim(value) == 0 else the_number(value)


def evaluate(equation: jex.JaxprEqn, operands: Sequence[Any]) -> Sequence[Any]:
    """Results of one equation for one element."""
    inner = called(equation, TRANSPARENT)
    if inner is not None:
        return evaluated(inner, operands)
    if equation.primitive.name == CALL:
        return on_scalars(equation)(*operands)
    if moves_one(equation):
        return [operands[0]] * len(equation.outvars)
    return bind(equation, *operands)


def interaction(function: Callable, equation: jex.JaxprEqn, output: int) -> Interaction:
    """Which derivatives of an output of a function of scalars can be nonzero."""
    avals: list[Any] = [atom.aval for atom in equation.invars]
    scalars = [jax.ShapeDtypeStruct((), aval.dtype) for aval in avals]
    floats = floating(equation.invars)
    if not floats or output not in floating(equation.outvars):
        return Interaction((False,) * len(scalars), frozenset())

    def of_vector(vector, *operands):
        moved = dict(zip(floats, vector, strict=True))
        chosen = [moved[i].astype(each.dtype) if i in moved else each for i, each in enumerate(operands)]
        return function(*chosen)[output]

    vector = jax.ShapeDtypeStruct((len(floats),), np.float64)
    found = detect(jax.make_jaxpr(of_vector)(vector, *scalars))
    assert found.hessian is not None
    active = {floats[place] for place in found.jacobian.cols}
    second = frozenset((floats[a], floats[b]) for a, b in np.argwhere(np.triu(found.hessian.toarray())))
    jumps = bool(found.degrees[0] > AFFINE and not second)
    return Interaction(tuple(i in active for i in range(len(scalars))), second, jumps)

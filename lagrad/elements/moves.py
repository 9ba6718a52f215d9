"""Rewrite arrays that are put together from many parts of the same few variables as one move of each.

    block_diag(a[0], a[1], a[2], ...)      n slices of `a`, padded with zeros, one below the other
    becomes                                zeros.at[places].set(a[index])

Elements of many operands would each be a piece with a kernel of its own; moved at once they are one.
"""

from __future__ import annotations

from collections.abc import Callable

import jax.numpy as jnp
import numpy as np

from lagrad.elements.classification import Classification, Kind
from lagrad.elements.maps import LinearMap
from lagrad.primitives.equations import aval_of, is_floating
from lagrad.primitives.movers import MOVERS
from lagrad.program.equation import Equation

# Arrays of fewer parts stay as they are written, for their pieces are few; so do those of as many variables.
FEWEST_PARTS, PARTS_A_SOURCE = 8, 2

# Variable -> which elements of an array are elements of it, and which ones of its own they are.
Sources = dict[int, tuple[np.ndarray, np.ndarray]]


def as_moves(classification: Classification, equation: Equation) -> tuple[list[int], Callable] | None:
    """An array of many parts as known numbers with elements of few variables among them.

    Args:
        classification: a classified program.
        equation: one of its equations.

    Returns:
        Variables, and a function of these; None if the parts are few, or come from as many variables.
    """
    if equation.name != "concatenate" or len(equation.inputs) < FEWEST_PARTS:
        return None
    output = equation.outputs[0]
    if classification.kinds[output] is not Kind.NONLINEAR or not is_floating(equation.source.outvars[0]):
        return None
    found = sources(classification, output)
    if PARTS_A_SOURCE * len(found) > len(equation.inputs):
        return None
    aval, entries = aval_of(equation.source.outvars[0]), classification.entries.get(output)
    size, moves = classification.program.size(output), list(found.values())
    covered = np.zeros(size, dtype=bool) if entries is None else entries.known.copy()
    for places, _ in moves:
        covered[places] = True
    if not covered.all():
        return None
    numbers = np.zeros(size) if entries is None else entries.values

    def function(*operands):
        result = jnp.asarray(numbers, aval.dtype)
        for operand, (places, index) in zip(operands, moves, strict=True):
            result = result.at[places].set(operand.reshape(-1)[index].astype(aval.dtype))
        return result.reshape(aval.shape)

    return list(found), function


def sources(classification: Classification, variable: int) -> Sources:
    """Where the elements of a variable come from, through all equations that only move them."""
    everything = np.arange(classification.program.size(variable))
    waiting = [(variable, everything, everything)]
    found: dict[int, list[tuple[np.ndarray, np.ndarray]]] = {}
    while waiting:
        current, places, index = waiting.pop()
        moves = moves_of(classification, current)
        if moves is None:
            found.setdefault(current, []).append((places, index))
            continue
        for operand, linear in moves:
            moved = linear.places.array[index]
            taken = moved >= 0
            if taken.any():
                waiting.append((operand, places[taken], moved[taken]))
    return {
        source: (np.concatenate([each for each, _ in parts]), np.concatenate([each for _, each in parts]))
        for source, parts in found.items()
    }


def moves_of(classification: Classification, variable: int) -> list[tuple[int, LinearMap]] | None:
    """Operands of the equation behind a variable and how it moves them; None if it is no mover."""
    linear, producer = classification.linear.get(variable), classification.producers.get(variable)
    if linear is None or producer is None:
        return None
    equation = classification.program.equations[producer]
    if equation.name not in MOVERS or any(each.selection is None for each in linear.values()):
        return None
    return [(equation.inputs[operand], each) for operand, each in linear.items()]

"""Detect the sparsity of a program's Jacobian and Hessian, and its degrees."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from jax.extend import core as jex

from lagrad.pattern import SparsityPattern
from lagrad.precision import float64
from lagrad.primitives.equations import is_inexact
from lagrad.sparsity.deps import Deps, identity, pooled
from lagrad.sparsity.interpreter import Rule, Walk
from lagrad.sparsity.liveness import live_pairs, symmetric_matrix
from lagrad.sparsity.rules import RULES
from lagrad.sparsity.value import AFFINE, Value, unknown_constant


@dataclass(frozen=True, eq=False)
class Structure:
    """What derivatives of a program can be nonzero, at any point and for any params.

    Args:
        jacobian: all outputs, raveled and stacked in order, by the n elements of the active input.
        hessian: of a sum of all outputs with any weights, (n, n), both triangles; None if not asked for.
        degrees: of each stacked output as a function of the active input, int8: 0 constant, 1 affine,
            2 quadratic, 3 anything else.
    """

    jacobian: SparsityPattern
    hessian: SparsityPattern | None
    degrees: np.ndarray


def detect(
    program: jex.ClosedJaxpr, active: int = 0, *, rules: Mapping[str, Rule] = RULES, second_order: bool = True
) -> Structure:
    """Find the structure of a traced program.

    The result is sound: no derivative that AD can make nonzero lies outside the patterns.

    Args:
        program: closed jaxpr; every input but the active one is a constant of unknown value.
        active: number of the input to differentiate by.
        rules: primitive name -> rule; those of users as `RULES | {...}`.
        second_order: also find the Hessian.

    Returns:
        Structure.

    Raises:
        DerivativeError: the patterns would not fit into memory.

    Warns:
        LagradWarning: a primitive has no rule and is taken to be dense.

    >>> program = jax.make_jaxpr(lambda x: x[1:] * x[:-1])(np.zeros(3))
    >>> detect(program).hessian.toarray().astype(int)
    array([[0, 1, 0],
           [1, 0, 1],
           [0, 1, 0]])
    """
    avals: list[Any] = [variable.aval for variable in program.jaxpr.invars]
    n = prod(avals[active].shape)
    arguments = [unknown_constant(getattr(aval, "shape", ()), n) for aval in avals]
    if is_inexact(avals[active]):
        arguments[active] = Value(avals[active].shape, identity(n), AFFINE)
    walk = Walk(n, rules)
    with float64():
        outputs = walk.enter(program, arguments)
    hessian = None
    if second_order:
        pairs = live_pairs(walk.tape, outputs, [True] * len(outputs))
        hessian = SparsityPattern.from_scipy(symmetric_matrix(pairs, n))
    return Structure(jacobian_of(outputs, n), hessian, degrees_of(outputs))


def jacobian_of(outputs: Sequence[Value], n: int) -> SparsityPattern:
    """Pattern of all outputs, stacked."""
    stacked = pooled([value.deps for value in outputs]) if outputs else Deps(0, n)
    return SparsityPattern.from_scipy(stacked.matrix)


def degrees_of(outputs: Sequence[Value]) -> np.ndarray:
    """Degree of each stacked output, int8."""
    parts = [np.broadcast_to(np.asarray(value.degree, np.int8), value.size) for value in outputs]
    return np.concatenate([np.zeros(0, np.int8), *parts])

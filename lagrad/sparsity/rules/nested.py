"""Calls that `lagrad.nested` leaves in programs: opaque, with a rule of their own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import numpy as np
from jax.extend import core as jex

from lagrad.primitives.calls import CALLBACKS, names_in
from lagrad.sparsity.rule_result import RuleResult
from lagrad.sparsity.rules.blocks import Lanes
from lagrad.sparsity.rules.custom import custom_jvp
from lagrad.sparsity.value import GENERAL, Value

# A program of these is a solver's: what its rule runs is long to read, and dense in the end.
SOLVING = CALLBACKS | {"while", "scan", "custom_linear_solve"}


def ruled_call(equation: jex.JaxprEqn, *operands: Value, jaxpr, mapped, **params) -> Any:
    """Read through its rule, as a `custom_jvp` is; dense if it solves something."""
    if SOLVING.isdisjoint(names_in(jaxpr)):
        return custom_jvp(equation, *operands, call_jaxpr=jaxpr)
    return solution(equation, operands, mapped)


def solution(equation: jex.JaxprEqn, operands: Sequence[Value], mapped) -> RuleResult:
    """A solution map or the like: dense for each index of its batch axes, `mapped[i]` telling operand i's.

    What its program depends on is not what counts: the rule differentiates, and may see more inputs.
    """
    depth = max((len(layers) for layers in mapped), default=0)
    shapes = [getattr(variable.aval, "shape", ()) for variable in equation.outvars]
    batch = shapes[0][:depth]
    members = [
        lanes(value.shape, batch) if all(layers) else None
        for value, layers in zip(operands, mapped, strict=True)
    ]
    owners = [lanes(shape, batch) for shape in shapes]
    block = Lanes(tuple(operands), tuple(members), tuple(owners), prod(batch), False)
    return block.outcome(equation, GENERAL)


def lanes(shape: tuple[int, ...], batch: tuple[int, ...]) -> np.ndarray:
    """Batch index of each element."""
    return np.repeat(np.arange(prod(batch)), prod(shape[len(batch) :]))


NESTED: dict[str, Callable[..., Any]] = {"ruled_call": ruled_call}

"""Calls that `lagrad.nested` leaves in programs: opaque, with a rule of their own."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np
from jax.extend import core as jex

from lagrad.sparsity.rule_result import Outcome
from lagrad.sparsity.rules.blocks import Lanes
from lagrad.sparsity.value import GENERAL, Value


def ruled_call(equation: jex.JaxprEqn, *operands: Value, mapped, **params) -> Outcome:
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

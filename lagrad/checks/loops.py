"""Replay a loop or branch, iteration by iteration."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax.numpy as jnp
import numpy.typing as npt
from jax.extend import core as jex

from lagrad.precision import float64
from lagrad.primitives.equations import is_float
from lagrad.program.callbacks import jitted
from lagrad.program.equation import Equation
from lagrad.program.program import Program
from lagrad.program.trace import operations_of

MOST_ITERATIONS = 10_000
# A program, its arguments, iteration.
Call = tuple[jex.ClosedJaxpr, list[Any], int]


def inner_programs(
    step: Equation, operands: Sequence[npt.ArrayLike]
) -> Iterator[tuple[Program, list[Any], int]]:
    """The body of a loop in each iteration that gives something not finite, or the branch that was taken.

    Args:
        step: any operation.
        operands: its operands, arrays.

    Yields:
        (body, its arguments, iteration); nothing for other operations. Loops end after `MOST_ITERATIONS`.
    """
    unroll = {"scan": scan_calls, "while": while_calls, "cond": cond_calls}.get(step.name)
    if unroll is None:
        return
    for body, given, iteration in unroll(step.source.params, list(operands)):
        yield operations_of(body, place=step.place), given, iteration


def cond_calls(params: dict[str, Any], operands: list[Any]) -> Iterator[Call]:
    """The branch taken."""
    branches = params["branches"]
    yield branches[min(max(int(operands[0]), 0), len(branches) - 1)], operands[1:], 0


def scan_calls(params: dict[str, Any], operands: list[Any]) -> Iterator[Call]:
    """Each iteration of a scan."""
    body, fixed, count = params["jaxpr"], params["num_consts"], params["num_carry"]
    constants, carry, slices = operands[:fixed], operands[fixed : fixed + count], operands[fixed + count :]
    run = compiled(body)
    order = range(params["length"])
    for k in list(reversed(order) if params["reverse"] else order)[:MOST_ITERATIONS]:
        given = [*constants, *carry, *(array[k] for array in slices)]
        results = run(given)
        if not all_finite(results):
            yield body, given, k
        carry = results[:count]


def while_calls(params: dict[str, Any], operands: list[Any]) -> Iterator[Call]:
    """Each iteration of a while loop, its condition asked first."""
    first, second = params["cond_nconsts"], params["cond_nconsts"] + params["body_nconsts"]
    test, body, carry = operands[:first], operands[first:second], operands[second:]
    goes_on, run = compiled(params["cond_jaxpr"]), compiled(params["body_jaxpr"])
    for k in range(MOST_ITERATIONS):
        if not bool(jnp.all(goes_on([*test, *carry])[0])):
            return
        results = run([*body, *carry])
        if not all_finite(results):
            yield params["body_jaxpr"], [*body, *carry], k
        carry = results


def all_finite(values: list[Any]) -> bool:
    """Whether no floating entry is infinite or nan."""
    return all(bool(jnp.isfinite(value).all()) for value in values if is_float(value))


def compiled(body: jex.ClosedJaxpr) -> Callable[[list[Any]], list[Any]]:
    """A program as a compiled function of a list."""
    function = jitted(jex.jaxpr_as_fun(body))

    def run(given: list[Any]) -> list[Any]:
        with float64():
            return list(function(*given))

    return run

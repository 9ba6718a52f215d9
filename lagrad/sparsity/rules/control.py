"""Equations that contain programs: calls, branches, loops. Generators that ask the walk to enter them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from jax.extend import core as jex

from lagrad.primitives.calls import TRANSPARENT, called, closed, length_of
from lagrad.program.equation_derivatives import traced
from lagrad.program.loops import without_carry
from lagrad.sparsity.links import SAME
from lagrad.sparsity.rule_result import Context, Request, RuleResult, linked
from lagrad.sparsity.rules.loops import Steps, carried, handed_on, mapped, repeating, unrolled
from lagrad.sparsity.value import GENERAL, Value

# Equations of an unrolled loop, and of one in a derivative rule, where loops in loops run the function again;
# longer ones are walked once for all steps together.
MOST_UNROLLED, MOST_IN_RULES = 20_000, 2_000


def call(equation: jex.JaxprEqn, *operands: Value, **params) -> Steps:
    """A program run once on all operands."""
    program = called(equation)
    assert program is not None
    return (yield Request(program, operands))


def linear_call(
    equation: jex.JaxprEqn, *operands: Value, callee, num_callee_consts, num_transpose_consts, **params
):
    """A function that is linear in some operands, with a transpose of the user's."""
    rest = num_callee_consts + num_transpose_consts
    return (yield Request(closed(callee), (*operands[:num_callee_consts], *operands[rest:])))


def cond(equation: jex.JaxprEqn, index: Value, *operands: Value, branches, **params) -> Steps:
    """One of several programs: the one that is known to run, or any."""
    if index.known is not None:
        chosen = min(max(int(np.asarray(index.known)), 0), len(branches) - 1)
        return (yield Request(branches[chosen], operands))
    results = []
    for branch in branches:
        results.append((yield Request(branch, operands)))
    return any_of(equation, results, GENERAL if index.varies else 0)


def any_of(equation: jex.JaxprEqn, results: Sequence[Sequence[Value]], least: int) -> RuleResult:
    """Outputs that may be those of one of several runs."""
    count = len(equation.outvars)
    flat = [value for run in results for value in run]
    links = {(run * count + k, k): SAME for run in range(len(results)) for k in range(count)}
    return linked(equation, flat, links, least=least)


def scan(
    equation: jex.JaxprEqn, *operands: Value, jaxpr, length, reverse, num_consts, num_carry, **params
) -> Steps:
    """A loop over the leading axes: exact without a recurrence and while short, else one bound for all."""
    consts, carry, xs = (
        operands[:num_consts],
        operands[num_consts : num_consts + num_carry],
        operands[num_consts + num_carry :],
    )
    if num_carry == 0:
        return (yield from mapped(jaxpr, consts, xs))
    function = without_carry(equation, [known_integers(value) for value in operands])
    if function is not None:
        return (yield Request(traced(function, *(atom.aval for atom in equation.invars)), operands))
    if length * length_of(jaxpr.jaxpr) <= (yield from most_unrolled()):
        order = range(length)[::-1] if reverse else range(length)
        return (yield from unrolled(equation, jaxpr, consts, carry, xs, order))
    return (yield from carried(jaxpr, consts, carry, xs, length, reverse))


def known_integers(value: Value) -> np.ndarray | None:
    """The numbers of counters and indices, where they are known."""
    known = value.known
    return known if isinstance(known, np.ndarray) and known.dtype.kind in "iu" else None


def while_loop(
    equation: jex.JaxprEqn, *operands: Value, cond_jaxpr, body_jaxpr, cond_nconsts, body_nconsts, **params
) -> Steps:
    """A loop: step by step while its condition is known and steps differ, from there on one bound for all."""
    cond_consts = operands[:cond_nconsts]
    consts = operands[cond_nconsts : cond_nconsts + body_nconsts]
    carry = list(operands[cond_nconsts + body_nconsts :])
    for _ in range((yield from most_unrolled()) // length_of(body_jaxpr.jaxpr)):
        (goes_on,) = yield Request(cond_jaxpr, (*cond_consts, *carry))
        if goes_on.known is None:
            break
        if not np.asarray(goes_on.known).any():
            return carry
        carry = yield Request(body_jaxpr, (*consts, *carry))
        if is_mixed(body_jaxpr, consts, carry):
            break
    return (yield from repeating(body_jaxpr, consts, carry))


def most_unrolled() -> Steps:
    """Equations of a loop that is walked step by step."""
    context = yield Context()
    return MOST_IN_RULES if context.depth else MOST_UNROLLED


def is_mixed(body: jex.ClosedJaxpr, consts: Sequence[Value], carry: Sequence[Value]) -> bool:
    """Whether all that moves in a loop depends nonlinearly on all inputs: more steps tell nothing new."""
    kept = handed_on(body, len(consts), len(carry))
    moved = [value for value, keep in zip(carry, kept, strict=True) if value.deps and not keep]
    if not moved or any(np.min(value.degree, initial=GENERAL) < GENERAL for value in moved):
        return False
    used = np.unique(np.concatenate([value.deps.matrix.indices for value in (*consts, *carry)]))
    return all(value.deps.matrix.nnz == value.size * used.size for value in moved)


CONTROL: dict[str, Callable[..., Any]] = {
    **dict.fromkeys(TRANSPARENT, call),
    "linear_call": linear_call,
    "cond": cond,
    "scan": scan,
    "while": while_loop,
}

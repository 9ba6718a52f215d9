"""What a rule gives back: output values, which operands stay live, and pairs for the second derivatives."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import prod
from typing import Any

import numpy as np
from jax.extend import core as jex

from lagrad.primitives.equations import is_inexact
from lagrad.sparsity.deps import Deps, union
from lagrad.sparsity.links import SAME, Degree, Link, Live, either
from lagrad.sparsity.value import GENERAL, Value, joined_degree, simplest


@dataclass(frozen=True, eq=False)
class Pair:
    """Sites at which second derivatives can be nonzero.

    Args:
        left: dependencies of one factor at each site.
        right: of the other; every input of one meets every input of the other.
        live: sites whose adjoint can be nonzero.
    """

    left: Deps
    right: Deps
    live: Live


@dataclass(frozen=True, eq=False)
class RuleResult:
    """Result of one equation.

    Args:
        operands: values that enter it.
        outputs: one Value an output.
        backward: live elements of the outputs -> live elements of the operands.
        pairs: live elements of the outputs -> where second derivatives of this equation can be nonzero.
    """

    operands: tuple[Value, ...]
    outputs: tuple[Value, ...]
    backward: Callable[[Sequence[Live]], Sequence[Live]]
    pairs: Callable[[Sequence[Live]], Iterable[Pair]]


@dataclass(frozen=True, eq=False)
class Bend:
    """Second derivatives of one output with respect to a pair of operands.

    Args:
        operands: their numbers (i, j).
        reach: links from operand i and from operand j to the sites where they meet.
        onward: link from the sites to the output.
        output: its number.
        power: degree of the output in an operand paired with itself; 0 if it is no polynomial.
        is_product: the sites multiply elements of one operand with others of the same.
    """

    operands: tuple[int, int]
    reach: tuple[Link, Link] = (SAME, SAME)
    onward: Link = SAME
    output: int = 0
    power: int = 0
    is_product: bool = False


@dataclass(frozen=True, eq=False)
class Request:
    """A nested program that a rule asks the walk to enter; it is given the output values.

    Args:
        program: closed jaxpr.
        arguments: one Value an input.
        apart: give (values, tape) and leave the walk's own tape alone.
        tangents: number of leading inputs that the program is linear in, if it is walked apart as the
            derivative of a custom rule.
        deeper: whether this is one more derivative of a custom rule, not only a part of the same.
        as_written: read functions with rules of their own as they are written, in all that is entered.
    """

    program: jex.ClosedJaxpr
    arguments: Sequence[Value]
    apart: bool = False
    tangents: int = 0
    deeper: bool = True
    as_written: bool = False


@dataclass(frozen=True)
class Context:
    """Where a rule runs; a rule that yields one with any content is sent the true one.

    Args:
        depth: how many derivatives of custom rules have been entered.
        tangents: number of leading inputs that the program is linear in.
        memory: what rules remember of programs that they have looked at.
        as_written: whether functions with rules of their own are read as they are written.
    """

    depth: int = 0
    tangents: int = 0
    memory: dict[Any, Any] = field(default_factory=dict)
    as_written: bool = False


Links = Mapping[tuple[int, int], Link]


def linked(
    equation: jex.JaxprEqn,
    operands: Sequence[Value],
    links: Links,
    bends: Sequence[Bend] = (),
    *,
    least: Degree = 0,
) -> RuleResult:
    """RuleResult of an equation from how its operands enter its outputs.

    Args:
        equation: what was traced.
        operands: its values.
        links: (operand, output) -> Link, for first derivatives that can be nonzero.
        bends: second derivatives that can be nonzero.
        least: degree that each output has at least.

    Returns:
        RuleResult; outputs that are no floating-point numbers have no dependencies.
    """
    met = [(bend, sites) for bend in bends if all(sites := site_deps(bend, operands))]
    curved = {bend.output for bend, _ in met}
    outputs = []
    for number, variable in enumerate(equation.outvars):
        incoming = [(operands[i], link) for (i, output), link in links.items() if output == number]
        bent = [bend_degree(bend, operands) for bend in bends if bend.output == number]
        degree = joined_degree([least, *bent, *(link.degree(value.degree) for value, link in incoming)])
        value = output_value(variable.aval, incoming, degree, operands[0].deps.n)
        outputs.append(replace(value, is_curved=True) if number in curved else value)
    return RuleResult(
        tuple(operands),
        tuple(outputs),
        lambda lives: backward(len(operands), links, lives),
        lambda lives: [Pair(*sites, bend.onward.live(lives[bend.output])) for bend, sites in met],
    )


def site_deps(bend: Bend, operands: Sequence[Value]) -> tuple[Deps, Deps]:
    """Dependencies of both factors at the sites of a bend."""
    (i, j), (reach_i, reach_j) = bend.operands, bend.reach
    if not operands[i].deps or not operands[j].deps:
        return operands[i].deps, operands[j].deps
    left = reach_i.deps(operands[i].deps)
    return left, left if i == j and reach_i is reach_j else reach_j.deps(operands[j].deps)


def bend_degree(bend: Bend, operands: Sequence[Value]) -> Degree:
    """Degree that a bend gives its output: a product's is the sum of its factors'."""
    (i, j), (reach_i, reach_j) = bend.operands, bend.reach
    left, right = reach_i.degree(operands[i].degree), reach_j.degree(operands[j].degree)
    if i == j and not bend.is_product:
        total = left * bend.power if bend.power else left * GENERAL
    else:
        total = (left + right) * ((left > 0) & (right > 0))
    capped = min(total, GENERAL) if isinstance(total, int) else np.minimum(total, GENERAL).astype(np.int8)
    return bend.onward.degree(capped)


def output_value(aval: Any, incoming: Sequence[tuple[Value, Link]], degree: Degree, n: int) -> Value:
    """Value of an output from the operands that enter it linearly."""
    size = prod(aval.shape)
    if not is_inexact(aval):
        return Value(aval.shape, Deps(size, n), simplest(degree))
    parts = [link.deps(value.deps) for value, link in incoming if value.deps]
    deps = union(parts) if parts else Deps(size, n)
    return Value(aval.shape, deps, simplest(degree), is_curved=any(value.is_curved for value, _ in incoming))


def backward(count: int, links: Links, lives: Sequence[Live]) -> list[Live]:
    """Live elements of the operands from those of the outputs."""
    found: list[Live] = [False] * count
    for (operand, output), link in links.items():
        found[operand] = either(found[operand], link.live(lives[output]))
    return found

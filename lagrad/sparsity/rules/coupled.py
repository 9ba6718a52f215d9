"""Solvers within the rules of other functions: a dense block for each part that they keep apart.

A rule is differentiated itself, so a solver that it calls has derivatives, too: by the solver's own rule or,
where JAX transposes what it calls, those of the solver as written. Both are read, and what neither connects
is kept apart. Of the rule that is its values: second derivatives run a rule within a rule, and evaluate what
that calls; it is linear in its tangents, as JAX asks of rules, so no dependency on them is lost to rounding.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from math import prod
from typing import Any

import jax
import jax.core
import numpy as np
import scipy.sparse as sp
from jax.extend import core as jex

from lagrad.primitives.calls import constants_in, length_of, names_in
from lagrad.primitives.equations import is_inexact
from lagrad.program.equation_derivatives import cotangent_program, inexact_outputs, tangent_program
from lagrad.sparsity.deps import Deps, boolean_matrix, pooled, triplets
from lagrad.sparsity.rule_result import Context, Request
from lagrad.sparsity.rules.blocks import Lanes
from lagrad.sparsity.rules.loops import Steps
from lagrad.sparsity.rules.summary import own_input, summarized
from lagrad.sparsity.value import AFFINE, GENERAL, Value

# Equations of a program with loops from which on it is taken for a solver.
LONG = 100


def is_solver(program: jex.ClosedJaxpr) -> bool:
    """Whether a program is long and loops: rules of rules of such would be longer and longer."""
    return length_of(program) > LONG and not {"scan", "while"}.isdisjoint(names_in(program))


def coupled(
    equation: jex.JaxprEqn, operands: Sequence[Value], program: jex.ClosedJaxpr, *, reverse: bool
) -> Steps:
    """A solver within the rule of another function: a dense block for each part that it keeps apart.

    Args:
        equation: a call of a function with a rule of its own.
        operands: its values.
        program: the function as written.
        reverse: whether the rule is one of cotangents.
    """
    from scipy.sparse.csgraph import connected_components

    avals, active = [variable.aval for variable in equation.invars], moving(equation, operands)
    ins, outs = numbered(avals, 0), numbered([v.aval for v in equation.outvars], total(avals))
    size = total(avals) + total([v.aval for v in equation.outvars])
    summary = yield from summarized(program, operands)
    written = connections(pooled_rows(summary.results), [ins[i] for i in summary.order], outs, size)
    rule = yield from rule_of(equation, active, reverse)
    if rule is None:
        return (yield Request(program, operands))
    seeds, chosen = [ins[i] for i in active], [outs[k] for k in inexact_outputs(equation)]
    starts, results = (chosen, [*chosen, *seeds]) if reverse else (seeds, chosen)
    slopes = [Value(aval.shape, Deps(prod(aval.shape), 1), AFFINE) for aval in rule.in_avals[: len(starts)]]
    values = yield from evaluated(rule, (*slopes, *operands))
    ruled = connections(pooled_rows(values), [*starts, *ins], results, size)
    count, labels = connected_components(written + ruled, directed=False)
    members, owners = (tuple(labels[places] for places in group) for group in (ins, outs))
    return Lanes(tuple(operands), members, owners, count, False).outcome(equation, GENERAL)


def moving(equation: jex.JaxprEqn, operands: Sequence[Value]) -> list[int]:
    """Numbers of the operands that depend on the inputs and have derivatives."""
    pairs = zip(operands, equation.invars, strict=True)
    return [i for i, (value, atom) in enumerate(pairs) if value.deps and is_inexact(atom.aval)]


def total(avals: Sequence[Any]) -> int:
    """Number of elements of some arrays."""
    return sum(prod(aval.shape) for aval in avals)


def numbered(avals: Sequence[Any], first: int) -> list[np.ndarray]:
    """Numbers of the elements of some arrays, counted on from `first`."""
    sizes = [prod(aval.shape) for aval in avals]
    return [
        first + stop - size + np.arange(size) for size, stop in zip(sizes, accumulate(sizes), strict=True)
    ]


def rule_of(equation: jex.JaxprEqn, active: Sequence[int], reverse: bool):
    """The rule of a function as a program, traced once; None where JAX cannot trace or evaluate it."""
    context = yield Context()
    key = ("rule", id(equation), tuple(active), reverse)
    if key not in context.memory:
        trace = cotangent_program if reverse else tangent_program
        try:
            found = trace(equation, active)
        except Exception:  # the rule is its author's, and need not have a derivative that anybody takes
            found = None
        # What holds a value of another trace can be evaluated by nobody.
        if found is not None and any(isinstance(each, jax.core.Tracer) for each in constants_in(found)):
            found = None
        context.memory[key] = found, equation
    return context.memory[key][0]


def evaluated(program: jex.ClosedJaxpr, operands: Sequence[Value]) -> Steps:
    """Values of a program on inputs of its own, all functions in it as written."""
    starts = np.cumsum([0, *(value.size for value in operands)]).tolist()
    inputs = [
        own_input(value, aval, start, starts[-1])
        for value, aval, start in zip(operands, program.in_avals, starts, strict=False)
    ]
    results, _ = yield Request(program, inputs, apart=True, as_written=True)
    return results


def pooled_rows(results: Sequence[Value]) -> sp.csr_array:
    """What the elements of some arrays depend on, one row an element."""
    return pooled([result.deps for result in results]).matrix


def connections(
    matrix: sp.csr_array, ins: Sequence[np.ndarray], outs: Sequence[np.ndarray], size: int
) -> sp.csr_array:
    """Which elements a program connects, by the numbers that they have outside.

    Args:
        matrix: which outputs depend on which inputs.
        ins: numbers of the inputs.
        outs: numbers of the outputs.
        size: how many there are.
    """
    rows, cols = triplets(matrix)
    return boolean_matrix(np.concatenate(outs)[rows], np.concatenate(ins)[cols], (size, size))

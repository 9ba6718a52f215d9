"""What one walk of a program tells about all: first and second derivatives of its outputs by its own inputs.

A body that is run again and again, from whatever it gave before, is walked once, on inputs of its own. What
the loop depends on then follows from Boolean matrices:

    c = f(c, k)        dc = C dc + K dk,  so that after any number of steps  dc = closure(C) (dc_0 + K dk)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import scipy.sparse as sp
from jax.extend import core as jex

from lagrad.primitives.equations import is_inexact
from lagrad.sparsity.deps import Deps, Slot, check_entries, from_matrix, pooled, taken, triplets
from lagrad.sparsity.liveness import live_pairs, symmetric_matrix
from lagrad.sparsity.rule_result import Context, Pair, Request, RuleResult
from lagrad.sparsity.value import AFFINE, GENERAL, Value

# Steps after which a dependency that still grows is taken to grow to the end.
MOST_STEPS = 64
# Arrays up to this size are told apart by their numbers, larger ones by which array they are.
SMALL = 64


@dataclass(frozen=True, eq=False)
class Summary:
    """Derivatives of a program by the elements of its inputs, all of them one after the other, m in all.

    Args:
        starts: where each input begins; the last is m.
        results: values of the outputs, which depend on the m elements.
        tape: equations with second derivatives.
        kept: inputs and constants that what is remembered was told apart by.
    """

    starts: tuple[int, ...]
    results: Sequence[Value]
    tape: Sequence[RuleResult]
    kept: Any

    @property
    def order(self) -> list[int]:
        """Numbers of the inputs in the order of their elements."""
        return sorted(range(len(self.starts) - 1), key=self.starts.__getitem__)

    def pooled(self, parts: Sequence[Deps]) -> Deps:
        """What the m elements depend on, from what each input does."""
        return pooled([parts[i] for i in self.order])

    @cached_property
    def first(self) -> list[sp.csr_array]:
        """For each output a Boolean matrix (size, m)."""
        return [result.deps.matrix for result in self.results]

    @cached_property
    def second(self) -> sp.csr_array:
        """Which two elements meet in any output, Boolean (m, m)."""
        pairs = live_pairs(self.tape, self.results, [True] * len(self.results))
        return symmetric_matrix(pairs, self.starts[-1])


def summarized(program: jex.ClosedJaxpr, operands: Sequence[Value]):
    """Summary of a program: of what is known of its operands, and of which of them vary.

    Args:
        program: closed jaxpr.
        operands: one Value an input; those that vary stand for any of their kind.

    Returns:
        Generator of requests that gives a Summary; asked again, it remembers.
    """
    context = yield Context()
    bearing = [context.depth > 0 and bears_tangents(value, context) for value in operands]
    key = (id(program), context.as_written, *(kind(*pair) for pair in zip(operands, bearing, strict=True)))
    if key not in context.memory:
        order = sorted(range(len(operands)), key=lambda i: not bearing[i])
        starts = dict(zip(order, np.cumsum([0, *(operands[i].size for i in order)]).tolist(), strict=False))
        m = sum(value.size for value in operands)
        avals = [variable.aval for variable in program.jaxpr.invars]
        inputs = [own_input(value, avals[i], starts[i], m) for i, value in enumerate(operands)]
        tangents = sum(value.size for value, bears in zip(operands, bearing, strict=True) if bears)
        found = yield Request(program, inputs, apart=True, tangents=tangents, deeper=False)
        context.memory[key] = Summary(
            (*(starts[i] for i in range(len(operands))), m), found[0], found[1], (program, operands)
        )
    return context.memory[key]


def bears_tangents(value: Value, context: Context) -> bool:
    """Whether a value depends on the tangents of the derivative that the walk is in."""
    used = [slot.index if slot.base is None else slot.base.indices for slot in value.deps.slots]
    return any(bool(((index >= 0) & (index < context.tangents)).any()) for index in used)


def kind(value: Value, bears: bool) -> tuple:
    """What tells two operands of a program apart."""
    if value.varies:
        return (True, bears, id(value.entries) if value.entries is not None else None)
    known = value.knowledge
    if isinstance(known, np.ndarray):
        return (False, known.tobytes() if known.size <= SMALL else id(known))
    return (False, id(known) if known is not None else None)


def own_input(value: Value, aval: Any, start: int, m: int) -> Value:
    """An operand as elements `start`, `start` + 1, ... of m; one that does not vary as a constant."""
    if not value.varies:
        return Value(value.shape, Deps(value.size, m), constant=value.constant, entries=value.entries)
    if not is_inexact(aval):
        return Value(value.shape, Deps(value.size, m), GENERAL, entries=value.entries)
    index = np.arange(start, start + value.size, dtype=np.int32)
    if value.entries is not None:
        index[value.entries.known] = -1
    return Value(value.shape, Deps(value.size, m, (Slot(index),)), AFFINE, entries=value.entries)


def closure(summary: Summary, numbers: Sequence[int], carry: Sequence[Value], others: Deps) -> Deps:
    """What the carry depends on after any number of steps.

    Args:
        summary: of the body, whose first outputs are the next carry.
        numbers: which inputs of the body the carry is.
        carry: values before the first step.
        others: dependencies of all m elements of the body's inputs, those of the carry before the first step.

    Returns:
        Deps of the elements of the carry, one after the other.
    """
    rows = sp.csr_array(sp.vstack(summary.first[: len(carry)], format="csr"))
    places = np.concatenate(
        [summary.starts[i] + np.arange(value.size) for i, value in zip(numbers, carry, strict=True)]
    )
    inner, found = (
        sp.csr_array(rows[:, places]),
        boolean(rows @ others.matrix + pooled([v.deps for v in carry]).matrix),
    )
    for step in range(MOST_STEPS):
        check_entries(found.nnz, "the carry of a loop")
        grown = boolean(found + inner @ found)
        if grown.nnz == found.nnz:
            return from_matrix(found)
        found = grown
        if step % 8 == 7:
            # A chain: with its square each further step counts for two.
            inner = boolean(inner + inner @ inner)
    everything = np.unique(found.indices)
    dense = sp.csr_array(
        (np.ones(everything.size, bool), everything, [0, everything.size]), (1, found.shape[1])
    )
    return taken(from_matrix(dense), np.zeros(found.shape[0], np.int64))


def boolean(matrix: Any) -> sp.csr_array:
    """The pattern of a matrix, canonical."""
    found = sp.csr_array(matrix, dtype=bool)
    found.sum_duplicates()
    found.eliminate_zeros()
    return found


def meeting(summary: Summary, inputs: Deps) -> list[Pair]:
    """Where second derivatives of a program can be nonzero, from what its m inputs depend on."""
    left, right = triplets(sp.csr_array(sp.tril(summary.second)))
    return [Pair(taken(inputs, left), taken(inputs, right), True)] if left.size else []

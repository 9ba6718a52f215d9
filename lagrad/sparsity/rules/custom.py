"""Functions with derivatives of their own: what AD really runs is read, not the function alone.

The rule of a `custom_jvp` is a program (tangents, primals) -> output tangents, linear in the tangents.
Which tangents an output takes is its first derivative; which tangents meet which primals is the second.
A `custom_vjp` is read likewise from (cotangents, primals) -> operand cotangents. A straight-through
estimator, constant to the eye, so keeps the derivative that its author gave it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
from jax.extend import core as jex

from lagrad.primitives.calls import CALLBACKS, names_in
from lagrad.primitives.equations import size_of
from lagrad.program.entries import Entries
from lagrad.program.equation_derivatives import inexact_outputs
from lagrad.sparsity.deps import Deps, Slot, multiplied, pooled, taken, triplets, union
from lagrad.sparsity.links import Live, Sparse, either
from lagrad.sparsity.liveness import live_pairs, symmetric_matrix
from lagrad.sparsity.rule_result import Context, Pair, Request, RuleResult
from lagrad.sparsity.rules.blocks import dense
from lagrad.sparsity.rules.coupled import coupled, is_solver, moving, rule_of
from lagrad.sparsity.rules.linalg import LINALG
from lagrad.sparsity.rules.loops import Steps
from lagrad.sparsity.rules.reductions import steps
from lagrad.sparsity.value import AFFINE, GENERAL, Value, highest, unknown_constant

# Custom rules within the derivatives of custom rules; deeper ones are taken to be dense.
DEEPEST = 4
# Entries of a matrix that is factored, beyond which all are said to meet.
MOST_FOLLOWED = 400


@dataclass(frozen=True, eq=False)
class Block:
    """Operands of a custom function as one vector, and its first derivatives.

    Args:
        operands: all operands.
        active: numbers of those that depend on the inputs.
        deps: of the active ones, one after the other, m elements in all.
        jacobians: of each output, Boolean (size, m).
    """

    operands: tuple[Value, ...]
    active: Sequence[int]
    deps: Deps
    jacobians: Sequence[sp.csr_array]

    def backward(self, lives: Sequence[Live]) -> list[Live]:
        """Live elements of the operands."""
        found: list[Live] = [False] * len(self.operands)
        starts = offsets([self.operands[i].size for i in self.active])
        for matrix, live in zip(self.jacobians, lives, strict=True):
            reached = Sparse(matrix).live(live)
            for i, start, stop in zip(self.active, starts[:-1], starts[1:], strict=True):
                part = reached if isinstance(reached, bool) else reached[start:stop]
                found[i] = either(found[i], part)
        return found

    def outputs(self, primal: Sequence[Value], least: int) -> tuple[Value, ...]:
        """Values of the outputs: derivatives by the rule and those of the function as written."""
        return tuple(self.output(*pair, least) for pair in zip(primal, self.jacobians, strict=True))

    def output(self, value: Value, matrix: sp.csr_array, least: int) -> Value:
        """Value of one output; known entries stay so where the rule gives them no derivative."""
        deps = union([multiplied(matrix, self.deps), value.deps])
        degree, entries = max(least, highest(value.degree)), value.entries
        if entries is not None:
            entries = Entries.of(entries.known & ~deps.nonempty, entries.values)
        return Value(value.shape, deps, degree, is_curved=matrix.nnz > 0, entries=entries)

    def meeting(self, matrix: sp.csr_array) -> list[Pair]:
        """Pairs of operand elements with an entry in a Boolean (m, m) matrix."""
        left, right = triplets(matrix)
        return [Pair(taken(self.deps, left), taken(self.deps, right), True)] if left.size else []


def offsets(sizes: Sequence[int]) -> list[int]:
    """Where each of several arrays begins, and where the last ends."""
    return [0, *np.cumsum(sizes).tolist()]


def local_inputs(avals: Sequence[Any], first: int, n: int) -> list[Value]:
    """Values of a small walk of n inputs, the arrays being inputs `first`, `first` + 1, ..."""
    starts = offsets([int(np.prod(aval.shape, dtype=np.int64)) for aval in avals])
    return [
        Value(
            aval.shape,
            Deps(stop - start, n, (Slot(np.arange(first + start, first + stop, dtype=np.int32)),)),
            AFFINE,
        )
        for aval, start, stop in zip(avals, starts[:-1], starts[1:], strict=True)
    ]


def local_constant(value: Value, n: int) -> Value:
    """A value as a constant of a small walk of n inputs."""
    return Value(value.shape, Deps(value.size, n), constant=value.constant, entries=value.entries)


def local_arguments(
    operands: Sequence[Value], active: Sequence[int], inputs: Sequence[Value], n: int
) -> list[Value]:
    """Operands of a small walk: the active ones are inputs, the others constants."""
    found = [local_constant(value, n) for value in operands]
    for number, value in zip(active, inputs, strict=True):
        found[number] = value
    return found


def may_curve(context: Context, deps: Deps) -> bool:
    """Whether second derivatives of a custom function count where it stands.

    In the derivative of another rule only those do that involve its tangents; without this, a rule that
    calls its own function, as most do, would be followed for ever.
    """
    if context.depth == 0:
        return True
    used = [slot.index if slot.base is None else slot.base.indices for slot in deps.slots]
    return any(bool(((index >= 0) & (index < context.tangents)).any()) for index in used)


def custom_jvp(equation: jex.JaxprEqn, *operands: Value, call_jaxpr, **params) -> Steps:
    """Forward rule of the function's author, and the function as written."""
    return ruled(equation, operands, call_jaxpr, forward_rule)


def custom_vjp(equation: jex.JaxprEqn, *operands: Value, call_jaxpr, **params) -> Steps:
    """Reverse rule of the function's author, its forward pass, and the function as written."""
    return ruled(equation, operands, call_jaxpr, reverse_rule)


def ruled(
    equation: jex.JaxprEqn,
    operands: tuple[Value, ...],
    call_jaxpr: jex.ClosedJaxpr,
    rule: Callable[..., Steps],
) -> Steps:
    """What a derivative rule gives, where it can be read, with the values of the function as written."""
    context = yield Context()
    if context.as_written:
        return (yield Request(call_jaxpr, operands))
    if context.depth and is_solver(call_jaxpr):
        return (yield from coupled(equation, operands, call_jaxpr, reverse=rule is reverse_rule))
    if makes_one_of_many(equation, call_jaxpr):
        return dense(equation, operands)
    primal, _ = yield Request(call_jaxpr, operands, apart=True)
    if rule is forward_rule and not CALLBACKS.isdisjoint(names_in(call_jaxpr)):
        # What calls back is never differentiated as it is written.
        primal = [Value(value.shape, Deps(value.size, value.deps.n), GENERAL) for value in primal]
    active = moving(equation, operands)
    chosen = inexact_outputs(equation)
    if not active or not chosen:
        return primal
    if context.depth > DEEPEST:
        return dense(equation, operands)
    program = yield from rule_of(equation, active, reverse=rule is reverse_rule)
    if program is None:
        # JAX will say so where the derivative is taken; inside a function with a rule of its own it is not.
        return (yield Request(call_jaxpr, operands))
    outcome = yield from rule(equation, operands, active, [primal[k] for k in chosen], program, context)
    return merged(outcome, primal, chosen)


def makes_one_of_many(equation: jex.JaxprEqn, program: jex.ClosedJaxpr) -> bool:
    """Whether a function makes single numbers of a large matrix by factoring it, as its determinant.

    All entries meet in it; to follow pairs of them takes the size of the matrix to the fourth power.
    """
    if LINALG.keys().isdisjoint(names_in(program)) or any(size_of(atom) > 1 for atom in equation.outvars):
        return False
    return sum(map(size_of, equation.invars)) > MOST_FOLLOWED


def forward_rule(
    equation: jex.JaxprEqn,
    operands: tuple[Value, ...],
    active: Sequence[int],
    primal: Sequence[Value],
    program: jex.ClosedJaxpr,
    context: Context,
) -> Steps:
    """What the tangents take: first derivatives, and where tangents meet primals the second ones."""
    avals = [equation.invars[i].aval for i in active]
    deps = pooled([operands[i].deps for i in active])
    m, n = deps.size, 2 * deps.size
    curved = may_curve(context, deps)
    inputs = local_inputs(avals, m, n) if curved else [local_constant(operands[i], n) for i in active]
    arguments = (*local_inputs(avals, 0, n), *local_arguments(operands, active, inputs, n))
    results, tape = yield Request(program, arguments, apart=True, tangents=m)
    block = Block(operands, active, deps, [sp.csr_array(result.deps.matrix[:, :m]) for result in results])
    affine = curved and all(highest(result.degree) <= AFFINE for result in results)

    def pairs(lives: Sequence[Live]) -> list[Pair]:
        mixed = symmetric_matrix(live_pairs(tape, results, lives), n)
        return block.meeting(sp.csr_array(mixed[:m, m:]))

    return RuleResult(operands, block.outputs(primal, 0 if affine else GENERAL), block.backward, pairs)


def reverse_rule(
    equation: jex.JaxprEqn,
    operands: tuple[Value, ...],
    active: Sequence[int],
    primal: Sequence[Value],
    program: jex.ClosedJaxpr,
    context: Context,
) -> Steps:
    """What the backward pass takes of cotangents and primals, and the derivatives of the forward pass."""
    deps = pooled([operands[i].deps for i in active])
    sizes = [value.size for value in primal]
    q, n = sum(sizes), sum(sizes) + deps.size
    inputs = local_inputs([equation.invars[i].aval for i in active], q, n)
    if not may_curve(context, deps):
        inputs = [local_constant(operands[i], n) for i in active]
    cotangents = local_inputs([equation.outvars[k].aval for k in inexact_outputs(equation)], 0, n)
    arguments = (*cotangents, *local_arguments(operands, active, inputs, n))
    results, _ = yield Request(program, arguments, apart=True, tangents=q)
    forward, backward = results[: len(primal)], results[len(primal) :]
    reverse = pooled([result.deps for result in backward]).matrix
    starts = offsets(sizes)
    jacobians = [
        boolean_sum(sp.csr_array(native.deps.matrix[:, q:]), sp.csr_array(reverse[:, start:stop].T))
        for native, start, stop in zip(forward, starts[:-1], starts[1:], strict=True)
    ]
    block = Block(operands, active, deps, jacobians)
    pairs = block.meeting(sp.csr_array(reverse[:, q:]))
    return RuleResult(operands, block.outputs(primal, GENERAL), block.backward, lambda lives: pairs)


def boolean_sum(one: sp.csr_array, other: sp.csr_array) -> sp.csr_array:
    """Entries of either matrix, canonical."""
    total = sp.csr_array(one + other)
    total.sum_duplicates()
    return total


def merged(outcome: RuleResult, primal: Sequence[Value], chosen: Sequence[int]) -> RuleResult:
    """The outcome with the outputs that cannot be differentiated put back in their places."""
    if len(chosen) == len(primal):
        return outcome
    outputs = list(primal)
    for number, value in zip(chosen, outcome.outputs, strict=True):
        outputs[number] = value
    return RuleResult(
        outcome.operands,
        tuple(outputs),
        lambda lives: outcome.backward([lives[k] for k in chosen]),
        lambda lives: outcome.pairs([lives[k] for k in chosen]),
    )


def linear_solve(equation: jex.JaxprEqn, *operands: Value, const_lengths, jaxprs, **params) -> Steps:
    """x with A(c) x = b. With S the pattern of x on b: dx = S (db - dA x), and dA meets dx row by row."""
    parts = np.cumsum(list(const_lengths)).tolist()
    consts, solve_consts, right = operands[: parts[0]], operands[parts[1] : parts[2]], operands[parts[3] :]
    n = sum(value.size for value in right)
    inputs = local_inputs([variable.aval for variable in equation.outvars], 0, n)
    frozen = [local_constant(value, n) for value in solve_consts]
    solved, _ = yield Request(jaxprs.solve, (*frozen, *inputs), apart=True)
    inverse = sp.csr_array(sp.vstack([value.deps.matrix for value in solved], format="csr"))
    fixed = [unknown_constant(value.shape, value.deps.n) for value in right]
    moving, _ = yield Request(jaxprs.matvec, (*consts, *fixed), apart=True)
    total = pooled([union([b.deps, r.deps]) for b, r in zip(right, moving, strict=True)])
    varies = any(value.varies for value in consts)
    degree = GENERAL if varies else max(highest(value.degree) for value in right)
    starts = offsets([value.size for value in right])
    rows = [inverse[start:stop] for start, stop in zip(starts[:-1], starts[1:], strict=True)]
    curved = varies or any(value.is_curved for value in right)
    outputs = tuple(
        Value(value.shape, multiplied(part, total), degree, is_curved=curved)
        for value, part in zip(right, rows, strict=True)
    )
    # What A x is once more, now that x is known to move: its second derivatives are those of the solution.
    solution = [Value(value.shape, value.deps, value.degree) for value in outputs]
    residual = yield Request(jaxprs.matvec, (*consts, *solution))
    block = Block((*right, *residual), range(len(right)), total, rows)

    def backward(lives: Sequence[Live]) -> list[Live]:
        return block.backward(lives)[: len(right)] * 2

    return RuleResult((*right, *residual), outputs, backward, lambda lives: ())


def callback(equation: jex.JaxprEqn, *operands: Value, **params) -> RuleResult:
    """Code that cannot be looked into."""
    return dense(equation, operands)


CUSTOM: dict[str, Callable[..., Any]] = {
    "custom_jvp_call": custom_jvp,
    "custom_vjp_call": custom_vjp,
    "custom_linear_solve": linear_solve,
    "pure_callback": callback,
    "io_callback": callback,
    "debug_callback": steps,
    "debug_print": steps,
}

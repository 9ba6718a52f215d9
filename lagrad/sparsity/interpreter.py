"""Interpret a closed jaxpr on Values, and record what rules give on a tape.

Equations are visited once, in order. One whose operands are all known is executed; one that does not
involve the inputs is a constant; every other one is given to its rule. A rule for an equation that
contains programs is a generator: it yields a Request, the walk enters that program and sends the
output values back.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
from jax.extend import core as jex

from lagrad.primitives.calls import CALLBACKS, TRANSPARENT
from lagrad.primitives.equations import as_numpy
from lagrad.program.entries import MIXING, Entries, known_entries
from lagrad.program.folding import fold, fold_quickly
from lagrad.program.walk import run
from lagrad.sparsity.deps import masked
from lagrad.sparsity.links import both
from lagrad.sparsity.rule_result import Context, Request, RuleResult
from lagrad.sparsity.rules.fallback import fallback
from lagrad.sparsity.rules.linalg import LINALG
from lagrad.sparsity.value import Constant, Value, known_value, simplest, unknown_constant

Rule = Callable[..., Any]


@dataclass(frozen=True, eq=False)
class Walk:
    """Where a walk writes, and the rules it goes by.

    Args:
        n: number of inputs.
        rules: primitive name -> rule.
        context: in which derivative of a custom rule the walk is, if in any.
        tape: equations with second derivatives at or behind them, in order.
    """

    n: int
    rules: Mapping[str, Rule]
    context: Context = field(default_factory=Context)
    tape: list[RuleResult] = field(default_factory=list)

    def enter(self, program: jex.ClosedJaxpr, arguments: Sequence[Value]) -> list[Value]:
        """Walk a closed jaxpr.

        Args:
            program: what was traced.
            arguments: one Value an input.

        Returns:
            One Value an output.
        """
        known = lambda value, aval: known_value(as_numpy(value, aval), self.n)  # noqa: E731
        return run(program, arguments, self.visit, known)

    def visit(self, equation: jex.JaxprEqn, operands: Sequence[Value]) -> Sequence[Value]:
        """Values of the outputs of one equation."""
        name = equation.primitive.name
        if name not in ENTERED and not any(value.varies for value in operands):
            return self.constants(equation, operands)
        result = self.rules.get(name, fallback)(equation, *operands, **equation.params)
        if isinstance(result, Generator):
            result = self.serve(result)
        return self.record(settled(equation, operands, result)) if isinstance(result, RuleResult) else result

    def record(self, outcome: RuleResult) -> tuple[Value, ...]:
        """Put an outcome on the tape if the way back needs it; its outputs."""
        if any(value.is_curved for value in outcome.outputs):
            self.tape.append(outcome)
        return outcome.outputs

    def serve(self, rule: Generator[Request | RuleResult | Context, Any, Any]) -> Any:
        """Enter the programs that a rule asks for and record what it yields, until it has its result."""
        answer = None
        while True:
            try:
                request = rule.send(answer)
            except StopIteration as stop:
                return stop.value
            answer = self.answer(request)

    def answer(self, request: Request | RuleResult | Context) -> Any:
        """What a rule asked for: a program's values, with their tape if walked apart, or where it is."""
        if isinstance(request, RuleResult):
            return self.record(request)
        if isinstance(request, Context):
            return self.context
        if not request.apart:
            return self.enter(request.program, request.arguments)
        context = self.context
        if request.tangents or not request.deeper:
            depth = context.depth + request.deeper
            context = replace(context, depth=depth, tangents=request.tangents)
        if request.as_written:
            context = replace(context, as_written=True)
        other = Walk(request.arguments[0].deps.n, self.rules, context)
        return other.enter(request.program, request.arguments), other.tape

    def constants(self, equation: jex.JaxprEqn, operands: Sequence[Value]) -> Sequence[Value]:
        """Outputs that do not depend on the inputs: numbers if all operands are known."""
        avals: list[Any] = [variable.aval for variable in equation.outvars]
        plain = [unknown_constant(getattr(aval, "shape", ()), self.n) for aval in avals]
        unknown = any(value.constant is None for value in operands)
        if equation.effects or equation.primitive.name in OPAQUE:
            return plain
        if unknown:
            pairs = zip(plain, known_of(equation, operands), strict=True)
            return [replace(value, entries=entries) for value, entries in pairs]
        if all(value.constant.is_computed for value in operands if value.constant):
            results = fold_quickly(equation, [value.known for value in operands])
            if results is not None:
                return [known_value(array, self.n) for array in results]
        # Whatever needs JAX is computed when, and if, its numbers matter.
        later = Constant(lambda: fold(equation, [value.known for value in operands]))
        return [replace(value, constant=Constant(partial(item, later, k))) for k, value in enumerate(plain)]


def known_of(equation: jex.JaxprEqn, operands: Sequence[Value]) -> Sequence[Entries | None]:
    """Entries of the outputs that are known numbers, looked at only if there can be any."""
    name = equation.primitive.name
    if not any(value.entries is not None for value in operands) and name not in MIXING:
        return [None] * len(equation.outvars)
    return known_entries(equation, [value.knowledge for value in operands])


def settled(equation: jex.JaxprEqn, operands: Sequence[Value], outcome: RuleResult) -> RuleResult:
    """An outcome whose known entries depend on nothing, whatever the rule took them for."""
    found = known_of(equation, operands)
    if all(entries is None for entries in found):
        return outcome
    unknown = [True if entries is None else ~entries.known for entries in found]
    outputs = tuple(fixed(*pair) for pair in zip(outcome.outputs, found, strict=True))
    live = lambda lives: [both(*pair) for pair in zip(lives, unknown, strict=True)]  # noqa: E731
    return RuleResult(
        outcome.operands,
        outputs,
        lambda lives: outcome.backward(live(lives)),
        lambda lives: outcome.pairs(live(lives)),
    )


def fixed(value: Value, entries: Entries | None) -> Value:
    """A value some of whose entries are known."""
    if entries is None:
        return value
    if entries.known.all():
        return known_value(entries.values.reshape(value.shape), value.deps.n)
    deps, unknown = value.deps, ~entries.known
    if any((slot.index[entries.known] >= 0).any() for slot in deps.slots):
        deps = masked(deps, unknown)
    degree = simplest((np.asarray(value.degree) * unknown).astype(np.int8))
    return replace(value, deps=deps, degree=degree, entries=entries)


def item(values: Constant, number: int) -> Any:
    """One of several constants."""
    return values.value[number]


# Entered even if nothing in it depends on the inputs: the parts may be cheaper than the whole.
ENTERED = TRANSPARENT.keys() | {"cond", "bcoo_transpose"}
# Not executed while looking at the structure: user code, side effects, randomness without a key, and
# factorizations, whose numbers never decide what is zero.
OPAQUE = CALLBACKS | LINALG.keys() | {"rng_uniform", "custom_linear_solve"}

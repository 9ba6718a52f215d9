"""Plan how the Jacobian and the Hessian of a program are computed, block by block.

    elements   what repeats small kernels over many elements, and constant entries: see `elements.split`
    condensed  elements of x and states, where loops or long sums leave something: see `condensing`
    colored    what remains, or everything: see `structure.detect` and `coloring`
    dense      colored with a color for each column, where coloring saves nothing

Small problems cost no time to evaluate, so the smaller program wins: it compiles sooner. In large ones
elements need as many seeds as an element has inputs, and coloring takes what has no elements.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from numbers import Real
from typing import Any

import jax
import numpy as np

from lagrad.coloring import Coloring, color_columns, color_rows
from lagrad.compile import colored, parts
from lagrad.compile.ad_modes import refuses_forward, refuses_reverse
from lagrad.compile.blocks import Block, Sample, colored_block, element_block
from lagrad.compile.deferred import Deferred
from lagrad.compile.element_sums import xla_sums
from lagrad.compile.native.element_loops import native_sums
from lagrad.compile.outputs import lower_gradient, lower_values
from lagrad.condensing import condense
from lagrad.derivatives.autotune import contest
from lagrad.derivatives.candidates import directions, hessian_coloring, jacobian_colorings, name_of
from lagrad.elements import element_derivatives as elements
from lagrad.elements.classification import Kind
from lagrad.elements.element_sums import ElementMatrix, ElementSums
from lagrad.elements.groups import Group
from lagrad.elements.remainder import Outputs, constraints, everything, remainder
from lagrad.elements.split import Split, partially_separable
from lagrad.elements.tape import TooLong
from lagrad.elements.wide_elements import without_crowded
from lagrad.errors import ProblemError
from lagrad.pattern import SparsityPattern
from lagrad.precision import float64
from lagrad.program.program import Program, numbered
from lagrad.program.roll.repeats import in_loops
from lagrad.program.steady import steadily
from lagrad.sparsity.detect import Structure, detect
from lagrad.sparsity.interpreter import Rule
from lagrad.sparsity.rules import with_users
from lagrad.sparsity.value import GENERAL

STRATEGIES = ("auto", "elements", "colored", "dense")
# Up to this many variables compile time is all that counts.
FEW_VARIABLES = 64
# Equations of sweeps to equations of the program: forward, reverse, and forward over reverse.
SWEEP_EQUATIONS = 6


@dataclass(frozen=True)
class Options:
    """What a user may ask of a plan.

    Args:
        strategy: one of `STRATEGIES`.
        mode: nesting of colored Hessian-vector products, see `lagrad.nested.hvp`.
        memory_limit: bytes that the sweeps of one chunk may take together.
        jacobian_pattern: of the Jacobian, (m, n), in place of the one found; everything is then colored.
        hessian_pattern: of the Hessian, (n, n), likewise.
        rules: sparsity rules of the user's own primitives.
    """

    strategy: str = "auto"
    mode: str = "forward-over-reverse"
    memory_limit: int = 2**30
    jacobian_pattern: SparsityPattern | None = None
    hessian_pattern: SparsityPattern | None = None
    rules: Mapping[str, Rule] | None = None

    def __post_init__(self):
        if self.strategy not in STRATEGIES:
            raise ProblemError(f"`strategy`: {self.strategy!r}, expected one of {', '.join(STRATEGIES)}.")
        with_users(self.rules)
        if not isinstance(self.memory_limit, Real) or not self.memory_limit > 0:
            raise ProblemError(f"`memory_limit`: {self.memory_limit!r}, expected a positive number of bytes.")
        if self.given and self.strategy == "elements":
            found = f"'elements', but `{self.given[0]}_pattern` is given, and patterns are colored"
            raise ProblemError(f"`strategy`: {found}. Leave one of them out.")

    @property
    def given(self) -> tuple[str, ...]:
        """Which patterns the user gives: "jacobian", "hessian"."""
        patterns = {"jacobian": self.jacobian_pattern, "hessian": self.hessian_pattern}
        return tuple(name for name, pattern in patterns.items() if pattern is not None)


@dataclass
class Watch:
    """Seconds spent, by name of the step."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def step(self, name: str) -> Generator[None, None, None]:
        """Add the time of a `with` block to a step."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - start


@dataclass(frozen=True, eq=False)
class Plan:
    """How each matrix is computed.

    Args:
        split: the split of the program; without groups if elements are not used, None if patterns are given.
        structure: patterns of the colored part; None if nothing is colored.
        jacobian: blocks of the Jacobian, waiting to be compiled.
        hessian: the same of the lower triangle of the Hessian.
        functions: "values" (f and c) and "gradient", waiting to be compiled.
        given: which patterns are the user's: "jacobian", "hessian".
        rules: sparsity rules of the user's own primitives.
        nonlinear: whether f and each row may be nonlinear, where neither split nor structure tells.
    """

    split: Split | None
    structure: Structure | None
    jacobian: list[Deferred[Block]]
    hessian: list[Deferred[Block]]
    functions: dict[str, Deferred[Any]]
    given: tuple[str, ...] = ()
    rules: Mapping[str, Rule] | None = None
    nonlinear: np.ndarray | None = None

    @property
    def groups(self) -> tuple[Group, ...]:
        """Groups of elements, if any."""
        return () if self.split is None else self.split.groups


def make(program: Program, options: Options, watch: Watch, sample: Sample) -> Plan:
    """Plan the derivatives of a program.

    Args:
        program: traced f and c.
        options: what the user asks for.
        watch: where seconds are noted, by step.
        sample: where candidates that are close are timed.

    Returns:
        Plan.
    """
    if options.given:
        return colored_plan(program, None, options, watch, sample)
    with watch.step("structure"):
        split = without_crowded(partially_separable(program), options.memory_limit)
    if options.strategy in ("colored", "dense"):
        return colored_plan(program, split, options, watch, sample)
    if split.rest and parts.on_cpu():
        found = condensed_plan(program, split, options, watch)
        if found is not None:
            return found
    try:
        plan = element_plan(program, split, options, watch)
    except TooLong:
        plan = None
    # All is recorded, or nothing will be.
    split.classification.recipes.clear()
    if plan is None:
        return colored_plan(program, split, options, watch, sample)
    return with_colored(plan, program, options, watch, sample) if split.rest else plan


def element_plan(program: Program, split: Split, options: Options, watch: Watch) -> Plan | None:
    """A plan of what elements give; None where they are not taken.

    Raises:
        TooLong: their code would be.
    """
    leaves = [program.avals[number] for number in program.inputs[1:]]
    with watch.step("structure"):
        matrices = {"jacobian": elements.jacobian(split), "hessian": elements.hessian(split)}
    with watch.step("trace"), float64():
        native = {name: parts.native_part(part, leaves) for name, part in matrices.items()}
        if not takes_elements(split, options.strategy, None not in native.values()):
            return None
        blocks = {name: native[name] or xla_part(part, leaves) for name, part in matrices.items()}
        values, slopes = elements.outputs(split), elements.gradient(split)
        functions: dict[str, Deferred[Any]] = {
            "values": lower_values(program) if values is None else element_values(values, leaves),
            "gradient": lower_gradient(program) if slopes is None else element_gradient(slopes, leaves),
        }
    return Plan(split, None, [blocks["jacobian"]], [blocks["hessian"]], functions, rules=options.rules)


def condensed_plan(program: Program, split: Split, options: Options, watch: Watch) -> Plan | None:
    """A plan for loops whose steps wait for one another; None where it takes more than elements."""
    leaves = [program.avals[number] for number in program.inputs[1:]]
    with watch.step("structure"), float64():
        try:
            found = condense(program, leaves, options.memory_limit)
        except TooLong:
            return None
    if found is None:
        return None
    return Plan(
        replace(split, groups=()),
        None,
        found.jacobian,
        found.hessian,
        found.functions,
        rules=options.rules,
        nonlinear=found.nonlinear,
    )


def takes_elements(split: Split, strategy: str, native: bool) -> bool:
    """Whether element derivatives are part of the plan; machine code is ready soonest and always fastest."""
    if strategy == "elements" or (native and not split.rest):
        return True
    program = split.classification.program
    if program.size(program.inputs[0]) > FEW_VARIABLES:
        return bool(split.groups) or not split.rest
    kinds = split.classification.kinds
    nonlinear = sum(
        any(kinds[i] is Kind.NONLINEAR for i in equation.outputs) for equation in program.equations
    )
    return not split.rest and equations_of_elements(split) <= SWEEP_EQUATIONS * nonlinear


def equations_of_elements(split: Split) -> int:
    """About how many equations element derivatives have: each seed repeats the kernel."""
    return sum(
        group.depth * (len(group.active) + 2 * len({b for _, b in group.pairs})) for group in split.groups
    )


def xla_part(part: ElementMatrix, leaves: list[Any]) -> Deferred[Block]:
    """Element derivatives by XLA."""
    return xla_sums(part.sums, leaves).then(lambda sums: element_block(part, sums, "XLA"))


def element_values(sums: ElementSums, leaves: list[Any]) -> Deferred[Any]:
    """(x, *leaves) -> [f, c]."""
    return element_function(sums, leaves, lambda numbers: [numbers[0], numbers[1:]])


def element_gradient(sums: ElementSums, leaves: list[Any]) -> Deferred[Any]:
    """(x, *leaves) -> [gradient of f]."""
    return element_function(sums, leaves, lambda numbers: [numbers])


def element_function(
    sums: ElementSums, leaves: list[Any], shaped: Callable[[np.ndarray], list[Any]]
) -> Deferred[Any]:
    """What elements add up to as a function of x and the leaves of params."""
    native = native_sums(sums, leaves) if parts.on_cpu() else None
    no_weights = np.zeros(sums.split.linear.shape[0])
    found = xla_sums(sums, leaves) if native is None else native.begun()
    return found.then(lambda numbers: ElementFunction(numbers, no_weights, shaped))


@dataclass(frozen=True, eq=False)
class ElementFunction:
    """Numbers that elements add up to as a function of a point.

    Args:
        numbers: (x, weights, leaves) -> numbers.
        no_weights: weights that are not looked at.
        shaped: numbers -> what the function gives.
    """

    numbers: Callable[..., np.ndarray]
    no_weights: np.ndarray
    shaped: Callable[[np.ndarray], list[Any]]

    def __call__(self, x: np.ndarray, *leaves: Any) -> list[Any]:
        """The function's value."""
        return self.shaped(self.numbers(x, self.no_weights, leaves))


def colored_plan(
    program: Program, split: Split | None, options: Options, watch: Watch, sample: Sample
) -> Plan:
    """A plan without elements."""
    with watch.step("trace"):
        program = in_loops(program)
        functions: dict[str, Deferred[Any]] = {
            "values": lower_values(program),
            "gradient": lower_gradient(program),
        }
    without = None if split is None else replace(split, groups=())
    plan = Plan(without, None, [], [], functions, options.given, options.rules)
    return with_colored(plan, program, options, watch, sample)


def short(outputs: Outputs, arguments: list[Any]) -> Outputs:
    """The function with long runs of equal steps as loops."""
    program = numbered(jax.make_jaxpr(outputs)(*arguments))
    found = in_loops(program)
    if found is program:
        return outputs
    run = found.function()
    return lambda *given: run(*given)[0]


def with_colored(plan: Plan, program: Program, options: Options, watch: Watch, sample: Sample) -> Plan:
    """Add colored blocks for what has no elements."""
    arguments = [program.avals[number] for number in program.inputs]
    with watch.step("structure"), float64():
        # All of a program is in loops already.
        beside_elements = plan.split if plan.jacobian else None
        outputs = short(remainder(beside_elements), arguments) if beside_elements else everything(program)
        structure = structure_of(outputs, arguments, options)
    rows, hessian = SparsityPattern.from_scipy(structure.jacobian.to_scipy()[1:]), structure.hessian
    assert hessian is not None
    with watch.step("coloring"):
        coloring = hessian_coloring(hessian, options.strategy == "dense")
    chunk = sweeps_at_once(program, options.memory_limit)
    jacobian_blocks, hessian_blocks = list(plan.jacobian), list(plan.hessian)
    with watch.step("trace"), float64():
        if rows.nnz:
            rest = short(remainder(beside_elements, 1), arguments) if beside_elements else None
            below = steadily(rest or constraints(program), program.closed)
            jacobian_blocks.append(jacobian_part(below, rows, chunk, options, sample))
        if hessian.nnz:
            outputs = steadily(outputs, program.closed)
            sweeps = colored.hessian(outputs, coloring, chunk, options.mode)
            hessian_blocks.append(colored_block(sweeps, name_of(coloring), sample))
    return replace(plan, structure=structure, jacobian=jacobian_blocks, hessian=hessian_blocks)


def structure_of(outputs: Outputs, arguments: list[Any], options: Options) -> Structure:
    """Patterns of stacked outputs: the user's where they are given, else what is found."""
    first, second = below_objective(options.jacobian_pattern), options.hessian_pattern
    if first is not None and second is not None:
        return Structure(first, second, np.full(first.shape[0], GENERAL, np.int8))
    found = detect(
        jax.make_jaxpr(outputs)(*arguments), rules=with_users(options.rules), second_order=second is None
    )
    return replace(found, jacobian=first or found.jacobian, hessian=second or found.hessian)


def below_objective(pattern: SparsityPattern | None) -> SparsityPattern | None:
    """A Jacobian's pattern below the empty row of the objective, whose gradient is not colored."""
    if pattern is None:
        return None
    return SparsityPattern(pattern.rows + 1, pattern.cols, (pattern.shape[0] + 1, pattern.shape[1]))


def jacobian_part(
    rows: Outputs,
    pattern: SparsityPattern,
    chunk: int,
    options: Options,
    sample: Sample,
) -> Deferred[Block]:
    """The Jacobian by the best coloring, in a direction that the functions allow."""

    def block(coloring: Coloring) -> Deferred[Block]:
        sweeps = colored.jacobian(rows, coloring, chunk)
        return colored_block(sweeps, name_of(coloring), sample)

    colorings = jacobian_colorings(pattern, options.strategy == "dense")
    if pattern.shape[1] <= FEW_VARIABLES:
        colorings = colorings[:1]
    try:
        return contest({directions(coloring): block(coloring) for coloring in colorings}, sample)
    except (TypeError, ValueError) as error:
        if refuses_reverse(error):
            return block(color_columns(pattern))
        if refuses_forward(error):
            return block(color_rows(pattern))
        raise


def sweeps_at_once(program: Program, memory_limit: int) -> int:
    """Sweeps whose arrays together fit into the limit, if none of them is freed."""
    return max(1, int(memory_limit // (8 * sum(map(program.size, range(len(program.avals)))))))

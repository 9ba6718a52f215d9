"""Find the first operation whose value or derivative is not finite.

Every variable of the function is followed through four sweeps, in this order:

    value       v                    forward
    tangent     dv  in direction d   forward      J d
    adjoint     w                    backward     J' w
    second      dw  in direction d   backward     H d, H of w'f

From an output that is not finite the search goes back along operands that are not finite either; where all
operands are finite, the operation is the culprit. What `jnp.where` masks is so never blamed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt

from lagrad.checks.loops import inner_programs
from lagrad.precision import float64
from lagrad.primitives.equations import is_float
from lagrad.program.callbacks import jitted
from lagrad.program.equation import Equation
from lagrad.program.program import Program
from lagrad.program.trace import operations

# What is known of each variable, by number.
Values = dict[int, jax.Array]
SHOWN = 4
ORDERS = {
    "value": "",
    "tangent": "derivative of ",
    "adjoint": "derivative of ",
    "second": "second derivative of ",
}
# What JAX raises where forward mode (custom_vjp) or reverse mode (while loops) has no rule.
NO_MODE = (NotImplementedError, ValueError, TypeError)


@dataclass(frozen=True)
class Fault:
    """Where something stopped being finite.

    Args:
        sweep: "value", "tangent", "adjoint" or "second".
        primitive: name of the operation; "input" if x or params were not finite already.
        place: the user's file and line.
        operands: the operation's operands at the entry in question, as text.
    """

    sweep: str
    primitive: str
    place: str
    operands: str = ""

    def __str__(self) -> str:
        if self.primitive == "input":
            return f"comes from {self.operands}"
        given = f" of {self.operands}" if self.operands else ""
        return f"{ORDERS[self.sweep]}`{self.primitive}`{given} at {self.place}"


def first_fault(
    function: Callable[..., Any],
    inputs: Sequence[npt.ArrayLike],
    direction: np.ndarray | None = None,
    weights: np.ndarray | None = None,
) -> Fault | None:
    """The operation that first gives something not finite.

    Args:
        function: of `inputs`, returning shape (k,).
        inputs: flat x, shape (n,), and further arrays.
        direction: of the derivatives, shape (n,); None to look at values only.
        weights: of the outputs, shape (k,), for the adjoints.

    Returns:
        Fault, or None if all is finite.
    """
    fault = value_fault(operations(function, inputs), inputs)
    if fault is not None or direction is None:
        return fault
    return derivative_fault(operations(function, inputs, rules_whole=True), inputs, direction, weights)


def value_fault(found: Program, inputs: Sequence[npt.ArrayLike]) -> Fault | None:
    """The first operation whose value is not finite and reaches the output."""
    with float64():
        bad = jitted(lambda *given: {i: first_bad(v) for i, v in found.values(given).items()})(*inputs)
    places = {number: int(index) for number, index in bad.items()}
    step = origin_forward(found, places)
    if step is None:
        return input_fault(found, places)
    with float64():
        operands = jitted(lambda *given: [found.values(given)[i] for i in step.inputs])(*inputs)
    return inside(step, operands) or described("value", step, operands, entry(step, places))


def inside(step: Equation, operands: Sequence[npt.ArrayLike]) -> Fault | None:
    """The fault within a loop or branch, None if the operation is neither."""
    for body, given, iteration in inner_programs(step, operands):
        fault = value_fault(body, given)
        if fault is not None and fault.primitive != "input":
            where = "" if step.name == "cond" else f", iteration {iteration} of `{step.name}`"
            return replace(fault, place=fault.place + where)
    return None


def derivative_fault(
    found: Program, inputs: Sequence[npt.ArrayLike], direction: np.ndarray | None, weights: np.ndarray | None
) -> Fault | None:
    """The first operation whose derivative is not finite and reaches the result."""
    with float64():
        try:
            sweeps = jitted(lambda given, d, w: sweep(found, given, d, w))(list(inputs), direction, weights)
        except NO_MODE:
            return None
        bad = jax.tree.map(int, sweeps)
        for kind, step in (
            ("tangent", origin_forward(found, bad["tangent"])),
            ("adjoint", origin_backward(found, bad["adjoint"], bad["adjoint_parts"])),
            ("second", origin_backward(found, bad["second"], bad["second_parts"])),
        ):
            if step is not None:
                operands = jitted(lambda *given, step=step: [found.values(given)[i] for i in step.inputs])(
                    *inputs
                )
                return described(kind, step, operands, max(entry(step, bad[kind]), 0))
    return None


def sweep(
    found: Program, inputs: Sequence[jax.Array], direction: jax.Array, weights: jax.Array
) -> dict[str, Any]:
    """First entry that is not finite, -1 for none, of every variable in each sweep; traceable."""
    values = found.values(inputs)
    tangents = {found.inputs[0]: direction}
    for step in found.equations:
        tangents |= push(step, values, tangents)
    adjoints = dict.fromkeys(found.outputs, weights)
    seconds = dict.fromkeys(found.outputs, jnp.zeros_like(weights))
    parts: dict[str, dict[str, jax.Array]] = {"adjoint_parts": {}, "second_parts": {}}
    for position in reversed(range(len(found.equations))):
        step = found.equations[position]
        for number, adjoint, second in pull(step, values, tangents, adjoints, seconds):
            key = f"{position} {number}"
            parts["adjoint_parts"][key], parts["second_parts"][key] = first_bad(adjoint), first_bad(second)
            adjoints[number] = adjoints.get(number, 0.0) + adjoint
            seconds[number] = seconds.get(number, 0.0) + second
    kinds = {"tangent": tangents, "adjoint": adjoints, "second": seconds}
    return parts | {kind: {i: first_bad(v) for i, v in them.items()} for kind, them in kinds.items()}


def smooth(step: Equation, values: Values) -> tuple[Callable[..., list[jax.Array]], list[int], list[int]]:
    """An operation as a function of its floating operands alone, these, and its floating results."""
    numbers = [i for i in dict.fromkeys(step.inputs) if is_float(values[i])]
    results = [i for i in step.outputs if is_float(values[i])]

    def apply(*floats: jax.Array) -> list[jax.Array]:
        given = values | dict(zip(numbers, floats, strict=True))
        found = step.bind(*(given[i] for i in step.inputs))
        return [value for i, value in zip(step.outputs, found, strict=True) if i in results]

    return apply, numbers, results


def push(step: Equation, values: Values, tangents: Values) -> Values:
    """Tangents of an operation's results; none where no operand has one, zero without a forward rule."""
    apply, numbers, results = smooth(step, values)
    if step.name == "stop_gradient" or not results or not any(i in tangents for i in numbers):
        return {}
    floats = [jnp.asarray(values[i]) for i in numbers]
    directions = [tangents.get(i, jnp.zeros_like(v)) for i, v in zip(numbers, floats, strict=True)]
    # JAX notices only when it compiles that such a rule has no forward mode.
    if step.name.startswith("custom_vjp"):
        return {i: jnp.zeros_like(values[i]) for i in results}
    return dict(zip(results, jax.jvp(apply, floats, directions)[1], strict=True))


def pull(
    step: Equation, values: Values, tangents: Values, adjoints: Values, seconds: Values
) -> list[tuple[int, jax.Array, jax.Array]]:
    """(operand, adjoint, its derivative) for each operand that depends on x; none without a reverse rule."""
    apply, numbers, results = smooth(step, values)
    active = [i for i in numbers if i in tangents]
    if not active or not any(i in adjoints for i in results):
        return []
    floats = [jnp.asarray(values[i]) for i in numbers]
    moves = [tangents.get(i, jnp.zeros_like(v)) for i, v in zip(numbers, floats, strict=True)]
    given = [adjoints.get(i, jnp.zeros_like(values[i])) for i in results]
    given_moves = [seconds.get(i, jnp.zeros_like(values[i])) for i in results]

    def back(floats: list[jax.Array], given: list[jax.Array]) -> tuple[jax.Array, ...]:
        return jax.vjp(apply, *floats)[1](given)

    try:
        found, moved = jax.jvp(back, (floats, given), (moves, given_moves))
    except NO_MODE:
        return []
    rows = zip(numbers, found, moved, strict=True)
    return [(i, adjoint, second) for i, adjoint, second in rows if i in active]


def first_bad(value: jax.Array) -> jax.Array:
    """Flat index of the first entry that is not finite, -1 for none."""
    if not is_float(value) or jnp.size(value) == 0:
        return jnp.int32(-1)
    bad = ~jnp.isfinite(jnp.ravel(jnp.asarray(value)))
    return jnp.where(bad.any(), jnp.argmax(bad), -1).astype(jnp.int32)


def origin_forward(found: Program, bad: dict[int, int]) -> Equation | None:
    """The earliest operation with finite operands among those that made an output not finite."""
    suspects = {i for i in found.outputs if bad.get(i, -1) >= 0}
    origin = None
    for step in reversed(found.equations):
        if suspects & set(step.outputs):
            guilty = {i for i in step.inputs if bad.get(i, -1) >= 0}
            suspects |= guilty
            origin = origin if guilty else step
    return origin


def origin_backward(found: Program, bad: dict[int, int], parts: dict[str, int]) -> Equation | None:
    """The latest operation with finite adjoints of its results among those that spoilt x's adjoint."""
    suspects = {found.inputs[0]} if bad.get(found.inputs[0], -1) >= 0 else set()
    origin = None
    for position, step in enumerate(found.equations):
        if any(i in suspects and parts.get(f"{position} {i}", -1) >= 0 for i in step.inputs):
            guilty = {i for i in step.outputs if bad.get(i, -1) >= 0}
            suspects |= guilty
            origin = origin if guilty else step
    return origin


def input_fault(found: Program, bad: dict[int, int]) -> Fault | None:
    """The fault of an output that goes back to an input or a captured array."""
    if not any(bad.get(i, -1) >= 0 for i in found.outputs):
        return None
    if bad[found.inputs[0]] >= 0:
        return Fault("value", "input", "", "x itself")
    given = any(bad[i] >= 0 for i in found.inputs[1:])
    return Fault(
        "value", "input", "", "params that are not finite" if given else "a captured array or constant"
    )


def entry(step: Equation, bad: dict[int, int]) -> int:
    """First entry of an operation's results that is not finite, -1 if unknown."""
    return max((bad.get(i, -1) for i in step.outputs), default=-1)


def described(kind: str, step: Equation, operands: Sequence[npt.ArrayLike], index: int) -> Fault:
    """The fault of an operation, with its operands at the entry in question."""
    shape = getattr(step.source.outvars[0].aval, "shape", ())
    shown = [at_entry(np.asarray(operand), shape, index) for operand in operands if is_float(operand)]
    return Fault(kind, step.name, step.place, ", ".join(filter(None, shown)))


def at_entry(operand: np.ndarray, shape: tuple[int, ...], index: int) -> str:
    """The entry of an operand that meets entry `index` of a result of this shape, as text."""
    if operand.shape == shape and operand.size and index >= 0:
        return f"{operand.ravel()[index]:.6g}"
    return np.array2string(operand, precision=6) if operand.size <= SHOWN else ""

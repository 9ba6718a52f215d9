"""Write a loop without its carry, as all steps at once, where it has such a form.

    kept         c = c                          the start
    shifted      c = f(x_t)                     the start, then f of the step before
    accumulated  c = c + f(x_t)                 the start and a sum
    written      c = c.at[k_t].set(f(x_t))      where k_t is known: the last that was written, else the start

Where a carry is one of these once others are, the steps no longer wait for one another, and the body is
one function of arrays with an axis of steps. A true recurrence, c = f(c, x_t), is left alone.

    s, p = 0, 1                   s, p = 0, 1
    for x in xs:                  p_t = [1, x_0, x_1, ...]
        s = s + x * p      ->     s = sum of x_t p_t
        p = x
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend import core as jex

from lagrad.precision import float64
from lagrad.primitives.equations import aval_of, bind, is_inexact, shapes_of
from lagrad.primitives.movers import (
    as_gather,
    box_positions,
    drops,
    gather_positions,
    row_major,
    scatter_positions,
    window_sizes,
)
from lagrad.program.equation import Equation
from lagrad.program.folding import fold
from lagrad.program.program import Program, numbered
from lagrad.program.walk import evaluate, needed, run, walk

SUMS = {"add": (1, 1), "add_any": (1, 1), "sub": (1, None)}
# What writes into its first operand -> number of the operand that is written.
UPDATES = {"dynamic_update_slice": 1, "scatter": 2, "scatter-add": 2}


@dataclass(frozen=True, eq=False)
class Loop:
    """A scan, its body as numbered equations.

    Args:
        body: of (consts, carry, row of xs) -> (carry, row of ys).
        length: number of steps.
        reverse: whether the last row comes first.
        consts: variables of the body that are the same in every step.
        carry: those that are handed on.
        rows: those that change from step to step.
        known: variable -> its number, or those of all steps, for consts and rows that are known.
        starts: carry -> its start, if known.
    """

    body: Program
    length: int
    reverse: bool
    consts: tuple[int, ...]
    carry: tuple[int, ...]
    rows: tuple[int, ...]
    known: dict[int, np.ndarray]
    starts: dict[int, np.ndarray]

    @property
    def results(self) -> dict[int, int]:
        """Carry -> the variable that becomes it in the next step."""
        return dict(zip(self.carry, self.body.outputs, strict=False))

    @cached_property
    def producers(self) -> dict[int, Equation]:
        """Variable -> its equation."""
        return {variable: each for each in self.body.equations for variable in each.outputs}

    def root(self, variable: int) -> int:
        """The variable of which another is a copy."""
        equation = self.producers.get(variable)
        return variable if equation is None or not is_copy(equation) else self.root(equation.inputs[0])

    @cached_property
    def uses(self) -> dict[int, int]:
        """Variable -> how often it, or a copy of it, is read."""
        found: dict[int, int] = {}
        reads = [i for each in self.body.equations if not is_copy(each) for i in each.inputs]
        for variable in map(self.root, [*reads, *self.body.outputs]):
            found[variable] = found.get(variable, 0) + 1
        return found

    def waiting(self, resolved: set[int]) -> dict[int, set[int]]:
        """Variable -> the carries it depends on that are not resolved."""
        found = {variable: {variable} - resolved for variable in self.carry}
        for equation in self.body.equations:
            waits = set().union(*(found.get(variable, set()) for variable in equation.inputs))
            found.update(dict.fromkeys(equation.outputs, waits))
        return found


def is_copy(equation: Equation) -> bool:
    """Whether an equation gives its operand, as a change of dtype to the same one does."""
    atoms = (*equation.source.invars, *equation.source.outvars)
    types = [aval_of(atom).dtype for atom in atoms]
    return equation.name == "convert_element_type" and types[0] == types[1]


@dataclass(frozen=True, eq=False)
class Resolution:
    """How one carry is said without the steps before.

    Args:
        carry: variable of the body.
        kind: "kept", "shifted", "accumulated" or "written".
        source: what the next carry is, or what is added to it.
        sign: of what is added.
        writes: equations that write into it in each step, first to last.
        places: flat numbers of the elements that each of them writes, (length, elements); -1 for none.
    """

    carry: int
    kind: str
    source: int = -1
    sign: int = 1
    writes: tuple[Equation, ...] = ()
    places: tuple[np.ndarray, ...] = ()


def apply_bound(equation: jex.JaxprEqn, operands: Sequence[Any]) -> Sequence[Any]:
    """Results of an equation as it is."""
    return bind(equation, *operands)


@dataclass(frozen=True, eq=False)
class AtOnce:
    """The function of a scan as all steps at once: operands in, final carries and stacked rows out.

    Args:
        loop: the scan.
        order: how each carry is said, each by those before.
    """

    loop: Loop
    order: tuple[Resolution, ...]

    @property
    def equations(self) -> list[Equation]:
        """Equations of the body that are evaluated in all steps."""
        updates = [each.inputs[UPDATES[each.name]] for found in self.order for each in found.writes]
        sources = [found.source for found in self.order if found.source >= 0]
        rows = self.loop.body.outputs[len(self.loop.carry) :]
        return needed(self.loop.body.equations, [*updates, *sources, *rows])

    def __call__(self, *operands, apply: Callable = apply_bound) -> list:
        """Outputs of the scan, traceable by JAX.

        Args:
            operands: of the scan.
            apply: (equation of the body, its operands) -> its results.
        """
        inputs, steps = begun(self.loop, operands, apply)
        return steps.outputs({each.carry: steps.settle(each, inputs[each.carry]) for each in self.order})


def begun(loop: Loop, operands: Sequence[Any], apply: Callable = apply_bound) -> tuple[dict[int, Any], Steps]:
    """Inputs of a loop's body, and its steps, of which nothing else is known yet."""
    inputs = dict(zip(loop.body.inputs, map(jnp.asarray, operands), strict=True))
    rows = {i: jnp.flip(inputs[i], 0) if loop.reverse else inputs[i] for i in loop.rows}
    return inputs, Steps(loop, apply, {i: inputs[i] for i in loop.consts}, rows)


def without_carry(equation: jex.JaxprEqn, known: Sequence[np.ndarray | None]) -> AtOnce | None:
    """The function of a scan as all steps at once.

    Args:
        equation: a scan.
        known: value of each operand, None where it is not known; only integers count.

    Returns:
        Function of the operands that gives the outputs; sums may be added up in another order. None if the
        loop has a recurrence.

    >>> def running(x):
    ...     return jax.lax.scan(lambda carry, row: (carry + row, None), 0.0, x)[0]
    >>> function = without_carry(jax.make_jaxpr(running)(np.ones(3)).eqns[0], [None, None])
    >>> float(function(1.0, np.arange(3.0))[0])
    4.0
    """
    loop = loop_of(equation, known)
    if loop.length == 0 or any(each.source.effects for each in loop.body.equations):
        return None
    order = resolve(loop)
    return None if order is None else AtOnce(loop, tuple(order))


def loop_of(equation: jex.JaxprEqn, known: Sequence[np.ndarray | None]) -> Loop:
    """A scan with its body numbered."""
    params = equation.params
    body = numbered(params["jaxpr"])
    first, last = params["num_consts"], params["num_consts"] + params["num_carry"]
    reverse = params["reverse"]
    numbers = {i: value for i, value in zip(body.inputs, known, strict=True) if value is not None}
    flipped = {i: value[::-1] if reverse else value for i, value in numbers.items()}
    consts, carry, rows = body.inputs[:first], body.inputs[first:last], body.inputs[last:]
    fixed = {i: numbers[i] for i in consts if i in numbers} | {i: flipped[i] for i in rows if i in numbers}
    starts = {i: numbers[i] for i in carry if i in numbers}
    return Loop(body, params["length"], reverse, consts, carry, rows, fixed, starts)


def resolve(loop: Loop) -> list[Resolution] | None:
    """Resolutions of all carries in an order in which each needs only those before; None if there is none."""
    order: list[Resolution] = []
    left = list(loop.carry)
    while left:
        waiting = loop.waiting({each.carry for each in order})
        found = [each for carry in left if (each := resolution(loop, carry, waiting)) is not None]
        if not found:
            return None
        order += found
        left = [carry for carry in left if all(each.carry != carry for each in found)]
        for each in found:
            loop = with_numbers(loop, each)
    return order


def resolution(loop: Loop, carry: int, waiting: dict[int, set[int]]) -> Resolution | None:
    """How one carry is said, if it can be by now."""
    result = loop.results[carry]
    if loop.root(result) == carry:
        return Resolution(carry, "kept")
    if not waiting.get(result):
        return Resolution(carry, "shifted", result)
    equation = loop.producers.get(loop.root(result))
    roots = [] if equation is None else [loop.root(i) for i in equation.inputs]
    if equation is not None and equation.name in SUMS and carry in roots:
        place = roots.index(carry)
        added = equation.inputs[1 - place]
        if SUMS[equation.name][place] and not waiting.get(added) and added != carry:
            return Resolution(carry, "accumulated", added, -1 if equation.name == "sub" else 1)
    return written(loop, carry, waiting)


def written(loop: Loop, carry: int, waiting: dict[int, set[int]]) -> Resolution | None:
    """A carry that is written into at known places, and read by nobody else."""
    chain: list[Equation] = []
    current = loop.root(loop.results[carry])
    while current != carry:
        equation = loop.producers.get(current)
        if equation is None or equation.name not in UPDATES or loop.uses[current] > 1:
            return None
        if (
            any(waiting.get(i) for i in equation.inputs[1:])
            or equation.params.get("update_jaxpr")
            and (equation.name == "scatter")
        ):
            return None
        chain.append(equation)
        current = loop.root(equation.inputs[0])
    adding = {equation.name == "scatter-add" for equation in chain}
    if loop.uses[carry] > 1 or len(adding) > 1:
        return None
    places = [written_places(loop, equation) for equation in chain[::-1]]
    found = [each for each in places if each is not None]
    if len(found) < len(chain):
        return None
    return Resolution(carry, "written", writes=tuple(chain[::-1]), places=tuple(found))


def written_places(loop: Loop, equation: Equation) -> np.ndarray | None:
    """Flat numbers of the elements written in each step, (length, elements); None if they are not known."""
    is_slice = equation.name == "dynamic_update_slice"
    indices = equation.inputs[2:] if is_slice else equation.inputs[1:2]
    numbers = stacked_numbers(loop, indices)
    if numbers is None:
        return None
    if is_slice:
        return slice_places(shapes_of(equation.source), numbers)
    found = scatter_places(equation.source, numbers[0])
    ordered = np.sort(found, axis=1)
    meets = (ordered[:, 1:] == ordered[:, :-1]) & (ordered[:, 1:] >= 0)
    return None if equation.name == "scatter" and meets.any() else found


def scatter_places(equation: jex.JaxprEqn, indices: np.ndarray) -> np.ndarray:
    """Flat numbers of the elements that a scatter writes, for many indices of it."""
    shapes, params = shapes_of(equation), equation.params
    if indices.ndim > 2:
        kept = {name: params[name] for name in ("dimension_numbers", "mode")}
        return np.stack([scatter_positions(shapes, each, **kept).reshape(-1) for each in indices])
    # One window a step: the steps are the batch of a gather.
    numbers = as_gather(params["dimension_numbers"])
    sizes, rank = window_sizes(shapes, numbers), len(numbers.offset_dims)
    numbers.offset_dims = tuple(range(1, 1 + rank))
    found = gather_positions(shapes[0], indices, numbers, sizes, drops(params["mode"]))
    return found.reshape(len(indices), -1)


def slice_places(shapes: Sequence[tuple[int, ...]], starts: Sequence[np.ndarray]) -> np.ndarray:
    """Flat numbers of the elements of a box at each of many starts, moved inside as XLA does."""
    (shape, sizes), strides = shapes[:2], row_major(shapes[0])
    first = np.zeros(len(starts[0]) if starts else 1, dtype=np.int64)
    for start, whole, size, stride in zip(starts, shape, sizes, strides, strict=True):
        first = first + stride * np.clip(start.astype(np.int64), 0, whole - size)
    return first[:, None] + box_positions(sizes, strides).reshape(1, -1)


def stacked_numbers(loop: Loop, variables: Sequence[int]) -> list[np.ndarray] | None:
    """Numbers of some variables in all steps, each of shape (length, ...); None if they are not known."""
    equations = needed(loop.body.equations, variables, loop.known)
    reads = {i for each in equations for i in each.inputs} | set(variables)
    if any(i in reads and i not in loop.known for i in loop.body.inputs):
        return None
    rows = {i: value for i, value in loop.known.items() if i in reads and i not in loop.consts}
    fixed = loop.body.constants | {i: loop.known[i] for i in loop.consts if i in loop.known}
    if not rows:
        rows = {-1: np.zeros(loop.length)}

    def function(*values):
        step = lambda *row: [  # noqa: E731
            evaluate(equations, fixed | dict(zip(rows, row, strict=True)))[i] for i in variables
        ]
        return jax.vmap(step, axis_size=loop.length)(*values)

    with float64():
        program = jax.make_jaxpr(function)(*rows.values())
    return [np.asarray(each) for each in run(program, list(rows.values()), fold)]


def with_numbers(loop: Loop, found: Resolution) -> Loop:
    """The loop, with the numbers of a carry in all steps if they are known integers: a counter."""
    start = loop.starts.get(found.carry)
    aval: Any = loop.body.avals[found.carry]
    if start is None or is_inexact(aval) or found.kind not in ("kept", "accumulated"):
        return loop
    if found.kind == "kept":
        numbers = np.broadcast_to(start, (loop.length, *np.shape(start)))
    else:
        added = stacked_numbers(loop, [found.source])
        if added is None:
            return loop
        steps = found.sign * added[0][:-1]
        numbers = np.concatenate([np.asarray(start)[None], start + np.cumsum(steps, axis=0)]).astype(
            aval.dtype
        )
    return replace(loop, known=loop.known | {found.carry: numbers})


@dataclass(frozen=True, eq=False)
class Steps:
    """Values of the body's variables in all steps.

    Args:
        loop: whose body it is.
        apply: (equation of the body, its operands) -> its results.
        fixed: variable -> its value in every step.
        rows: variable -> its values in all steps, first to last.
    """

    loop: Loop
    apply: Callable
    fixed: dict[int, Any]
    rows: dict[int, Any]

    def stacked(self, variables: Sequence[int]) -> list:
        """Values of some variables in all steps, each of shape (length, ...)."""
        todo = [i for i in variables if i not in self.rows]
        known = self.fixed | self.rows
        equations = needed(self.loop.body.equations, todo, known)
        reads = {i for each in equations for i in each.inputs} | set(todo)
        rows = {i: value for i, value in self.rows.items() if i in reads}
        fixed = self.loop.body.constants | self.fixed

        def step(row: dict[int, Any]) -> list:
            visit = lambda equation, operands: self.apply(equation.source, operands)  # noqa: E731
            values = walk(equations, fixed | row, visit)
            return [values[i] for i in todo]

        if todo:
            found = jax.vmap(step, axis_size=self.loop.length)(rows)
            self.rows.update(zip(todo, found, strict=True))
        return [self.rows[i] for i in variables]

    def outputs(self, final: dict[int, Any]) -> list:
        """What the loop gives, once all carries are settled."""
        loop = self.loop
        ys = self.stacked(loop.body.outputs[len(loop.carry) :])
        return [*(final[i] for i in loop.carry), *(jnp.flip(y, 0) if loop.reverse else y for y in ys)]

    def settle(self, found: Resolution, start: Any) -> Any:
        """Final value of a carry; its values before each step are added to `rows` if somebody reads them."""
        if found.kind == "kept":
            self.fixed[found.carry] = start
            return start
        if found.kind == "written":
            return self.write(found, start)
        if found.kind == "shifted":
            (after,) = self.stacked([found.source])
            self.rows[found.carry] = jnp.concatenate([start[None], after[:-1]])
            return after[-1]
        return self.accumulate(found, start)

    def accumulate(self, found: Resolution, start: Any) -> Any:
        """Final value of a sum, and what there is of it before each step."""
        loop, source = self.loop, found.source
        if source in loop.body.constants or source in self.fixed:
            added = found.sign * jnp.asarray((loop.body.constants | self.fixed)[source])
            count = jnp.arange(loop.length, dtype=start.dtype)
            before = start + count.reshape(-1, *[1] * jnp.ndim(start)) * added
            self.rows[found.carry] = before.astype(start.dtype)
            return (start + loop.length * added).astype(start.dtype)
        (added,) = self.stacked([source])
        if loop.uses[found.carry] > 1:
            total = start + found.sign * jnp.cumsum(added, axis=0)
            self.rows[found.carry] = jnp.concatenate([start[None], total[:-1]]).astype(start.dtype)
        return (start + found.sign * jnp.sum(added, axis=0)).astype(start.dtype)

    def write(self, found: Resolution, start: Any) -> Any:
        """Final value of an array that is written into."""
        updates = self.stacked([each.inputs[UPDATES[each.name]] for each in found.writes])
        places = np.concatenate(found.places, axis=1)
        flat = [jnp.reshape(each, (self.loop.length, -1)) for each in updates]
        values = jnp.concatenate(flat, axis=1).reshape(-1)
        targets, begin = places.reshape(-1), jnp.reshape(start, -1)
        numbers = np.flatnonzero(targets >= 0)
        if found.writes[0].name == "scatter-add":
            return begin.at[targets[numbers]].add(values[numbers]).reshape(jnp.shape(start))
        source = np.arange(begin.size)
        # Of several that write to one place the last one stays, as in the loop.
        source[targets[numbers]] = begin.size + numbers
        return jnp.concatenate([begin, values])[source].reshape(jnp.shape(start))

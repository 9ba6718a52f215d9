"""Stretches of an array that are computed from other stretches of it, written so that XLA gets them right.

    x.at[1:].set(2 * x[:-1])       XLA on a CPU may write into the memory of x, and so reads what it has just
                                   written (openxla/xla issue 49176, open in November 2026): values are wrong

Here the stretch is padded and chosen by position, which takes no memory of anybody's. Only where what is
written depends on what it is written into: arrays that are put together piece by piece stay as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.core import Tracer
from jax.extend import core as jex

from lagrad.primitives.calls import TRANSPARENT, called
from lagrad.primitives.equations import bind, shape_of, size_of
from lagrad.program.walk import needed, variables, walk

# Primitive -> number of the operand that is written.
WRITING = {"dynamic_update_slice": 1, "scatter": 2}
# What gives the same memory under another shape.
SAME_MEMORY = frozenset({"reshape", "squeeze", "expand_dims"})


@dataclass(frozen=True)
class Stretch:
    """A block of an array.

    Args:
        starts: where it begins, along each axis.
        lengths: its shape.
    """

    starts: tuple[int, ...]
    lengths: tuple[int, ...]

    def written(self, array: jax.Array, block: jax.Array) -> jax.Array:
        """The array with other numbers there, by a choice for each element."""
        ends = [n - start - length for n, start, length in zip(array.shape, *self.pair, strict=True)]
        padded = lax.pad(
            jnp.reshape(block, self.lengths),
            jnp.zeros((), block.dtype),
            [(start, end, 0) for start, end in zip(self.starts, ends, strict=True)],
        )
        is_inside = jnp.ones((), bool)
        for axis, (start, length) in enumerate(zip(*self.pair, strict=True)):
            places = lax.broadcasted_iota(np.int32, array.shape, axis)
            is_inside = is_inside & (places >= start) & (places < start + length)
        return jnp.where(is_inside, padded, array)

    @property
    def pair(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Starts and lengths."""
        return self.starts, self.lengths


def overlapping(program: jex.ClosedJaxpr, inside: bool = False) -> dict[int, Stretch]:
    """Stretches of arrays that are computed from the arrays themselves, by the identity of the equation.

    Args:
        program: calls in it are looked into, loops are not: there XLA copies.
        inside: whether inputs of the program may have been computed from one another.

    >>> program = jax.make_jaxpr(lambda x: x.at[1:].set(2 * x[:-1]))(jnp.ones(3))
    >>> list(overlapping(program).values())
    [Stretch(starts=(1,), lengths=(2,))]
    >>> overlapping(jax.make_jaxpr(lambda x: x.at[1:].set(2.0))(jnp.ones(3)))
    {}
    """
    equations, found = program.jaxpr.eqns, {}
    made = {variable: number for number, each in enumerate(equations) for variable in each.outvars}
    for equation in equations:
        inner, number = called(equation, TRANSPARENT), WRITING.get(equation.primitive.name)
        if inner is not None:
            found |= overlapping(inner, inside=True)
        elif number is not None and size_of(equation.invars[number]) > 1:
            base = memory(equation.invars[0], made, equations)
            if depends(equation.invars[number], base, made, equations, inside):
                stretch = stretch_of(equation, program)
                found |= {} if stretch is None else {id(equation): stretch}
    return found


def memory(variable: Any, made: dict, equations: Sequence[jex.JaxprEqn]) -> Any:
    """The variable whose memory this one shows."""
    while variable in made and equations[made[variable]].primitive.name in SAME_MEMORY:
        variable = equations[made[variable]].invars[0]
    return variable


def depends(atom: Any, base: Any, made: dict, equations: Sequence[jex.JaxprEqn], inside: bool) -> bool:
    """Whether something is computed from a variable."""
    oldest, waiting, seen = made.get(base, -1), [atom], set()
    while waiting:
        each = waiting.pop()
        if each is base:
            return True
        if isinstance(each, jex.Literal) or each in seen:
            continue
        seen.add(each)
        number = made.get(each, -1)
        if number > oldest:
            waiting += equations[number].invars
        elif number < 0 and oldest < 0 and inside:
            return True
    return False


def stretch_of(equation: jex.JaxprEqn, program: jex.ClosedJaxpr) -> Stretch | None:
    """What is written; None if that is no block, or not known where."""
    if equation.primitive.name == "scatter":
        return window(equation, program)
    shape, lengths = shape_of(equation.invars[0]), shape_of(equation.invars[1])
    starts = []
    for atom, most in zip(equation.invars[2:], np.subtract(shape, lengths).tolist(), strict=True):
        place = known(atom, program)
        if place is None:
            return None
        # A stretch that would reach beyond the end is moved back.
        starts.append(min(max(int(place), 0), most))
    return Stretch(tuple(starts), lengths)


def window(equation: jex.JaxprEqn, program: jex.ClosedJaxpr) -> Stretch | None:
    """What a scatter of one window writes; None if there are more, or if it reaches beyond the end."""
    numbers, shape = equation.params["dimension_numbers"], shape_of(equation.invars[0])
    axes = numbers.scatter_dims_to_operand_dims
    if numbers.operand_batching_dims or size_of(equation.invars[1]) != len(axes):
        return None
    places = known(equation.invars[1], program)
    if places is None:
        return None
    starts, sizes = [0] * len(shape), iter(numbers.update_window_dims)
    for axis, place in zip(axes, np.ravel(places).tolist(), strict=True):
        starts[axis] = place
    block = shape_of(equation.invars[2])
    lengths = [
        1 if axis in numbers.inserted_window_dims else block[next(sizes)] for axis in range(len(shape))
    ]
    fits = all(0 <= start <= n - length for start, n, length in zip(starts, shape, lengths, strict=True))
    return Stretch(tuple(starts), tuple(lengths)) if fits else None


def known(atom: Any, program: jex.ClosedJaxpr) -> np.ndarray | None:
    """The numbers that a variable stands for; None if they depend on inputs."""
    if isinstance(atom, jex.Literal):
        return np.asarray(atom.val)
    values = dict(zip(program.jaxpr.constvars, program.consts, strict=True))
    if atom not in values:
        equations = needed(program.jaxpr.eqns, [atom])
        read = set().union(*(variables(each.invars) for each in equations))
        if not equations or read & set(program.jaxpr.invars):
            return None
        # Numbers even while a program around this one is traced.
        with jax.ensure_compile_time_eval():
            walk(equations, values, lambda each, operands: bind(each, *operands))
    value = values[atom]
    return None if isinstance(value, Tracer) else np.asarray(value)

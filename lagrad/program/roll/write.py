"""Write what was gathered as a function of arrays: batches by `vmap`, places by slices and gathers."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from graphlib import TopologicalSorter
from typing import cast

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend import source_info_util

from lagrad.program.equation import Equation
from lagrad.program.roll.gathered import Batch, Gathered, SignedSum, Sums
from lagrad.program.roll.terms import Entry, Kind, Member, Number, Picked, Row, Term, Whole


def write(found: Gathered) -> Callable:
    """(*inputs) -> outputs of the gathered program, traceable by JAX."""
    order = [*TopologicalSorter(needs(found)).static_order()]

    def run(*inputs) -> list:
        known = dict(found.program.constants) | dict(zip(found.program.inputs, inputs, strict=True))
        writer = Writer(found, known)
        for number in order:
            writer.compute(number)
        return [writer.single(found.terms[variable], variable) for variable in found.program.outputs]

    return run


def needs(found: Gathered) -> dict[int, set[int]]:
    """Kinds that each kind is computed from, of those that the outputs need."""
    graph: dict[int, set[int]] = {}
    waiting = [found.terms[variable][0] for variable in found.program.outputs]
    while waiting:
        number = waiting.pop()
        if number not in graph:
            graph[number] = set(needed_by(found, number))
            waiting += graph[number]
    return graph


def needed_by(found: Gathered, number: int) -> Sequence[int]:
    """Kinds that one kind is computed from."""
    kind = found.kinds.found[number]
    if isinstance(kind, Member):
        return found.batches[kind.batch].kinds
    if isinstance(kind, Row):
        return [*found.sums[kind].terms]
    variable = variable_of(kind)
    if variable in found.stacks:
        return [*found.stacks[variable].parts]
    if variable in found.filled:
        return [found.filled[variable].base[0], *found.filled[variable].parts]
    if variable in found.single:
        return [found.terms[operand][0] for operand in found.single[variable].inputs]
    return []


@dataclass(eq=False)
class Writer:
    """Arrays computed so far.

    Args:
        found: what is written.
        variables: variable -> value, of those that are arrays on their own.
        batches: batch -> results, an equation a row.
        sums: kind -> one sum a row.
    """

    found: Gathered
    variables: dict[int, jax.Array | np.ndarray]
    batches: dict[int, list[jax.Array]] = field(default_factory=dict)
    sums: dict[Row, jax.Array] = field(default_factory=dict)

    def compute(self, number: int) -> None:
        """Compute what is of one kind; what it needs is there."""
        kind = self.found.kinds.found[number]
        if isinstance(kind, Member) and kind.batch not in self.batches:
            self.batches[kind.batch] = self.batch(kind.batch)
        elif isinstance(kind, Row):
            self.sums[kind] = self.long_sums(kind, self.found.sums[kind])
        elif (variable := variable_of(kind)) is not None:
            if variable in self.found.stacks and variable not in self.variables:
                self.variables[variable] = self.stack(variable)
            elif variable in self.found.filled and variable not in self.variables:
                self.variables[variable] = self.fill(variable)
            elif variable in self.found.single and variable not in self.variables:
                equation = self.found.single[variable]
                with written_at(equation):
                    operands = [
                        self.single(self.found.terms[operand], operand) for operand in equation.inputs
                    ]
                    self.variables |= dict(zip(equation.outputs, equation.bind(*operands), strict=True))

    def many(self, number: int, places: Sequence[Hashable]) -> jax.Array | np.ndarray:
        """Elements of one kind, one a row, shape (len(places), *shape of one)."""
        kind = self.found.kinds.found[number]
        if isinstance(kind, Number):
            if not kind.shape:
                return np.array(places, dtype=kind.dtype)
            return np.frombuffer(joined(places), kind.dtype).reshape(len(places), *kind.shape)
        if isinstance(kind, Whole):
            value = jnp.asarray(self.variables[kind.variable])
            return jnp.broadcast_to(value, (len(places), *value.shape))
        if isinstance(kind, Picked):
            flat = np.frombuffer(joined(places), np.int64)
            return picked(flattened(self.variables[kind.source]), flat).reshape(len(places), *kind.shape)
        at = np.array(places, dtype=np.int64)
        if isinstance(kind, Entry):
            size = int(np.prod(kind.shape, dtype=np.int64))
            flat = (at[:, None] + np.arange(size)).reshape(-1)
            return picked(flattened(self.variables[kind.source]), flat).reshape(len(places), *kind.shape)
        rows = self.sums[kind] if isinstance(kind, Row) else self.batches[kind.batch][kind.output]
        return picked(rows, at)

    def single(self, term: Term, variable: int):
        """The value of one variable."""
        number, place = term
        kind = self.found.kinds.found[number]
        if isinstance(kind, Whole):
            return self.variables[kind.variable]
        aval = self.found.program.avals[variable]
        return jnp.reshape(self.many(number, [place]), aval.shape).astype(aval.dtype)

    def batch(self, number: int) -> list[jax.Array]:
        """Results of a batch, an equation a row; operands that are the same for all are given once."""
        batch = self.found.batches[number]
        with written_at(batch.element):
            return self.applied(batch)

    def applied(self, batch: Batch) -> list[jax.Array]:
        """Results of a batch, an equation a row."""
        places_of = batch.places
        operands_of = [*zip(batch.kinds, places_of, strict=True)]
        shared = [len(set(places)) <= 1 for places in places_of]
        if all(shared):
            operands = [self.many(kind, places[:1])[0] for kind, places in operands_of]
            return [jnp.asarray(result)[None] for result in batch.element.bind(*operands)]
        operands = [
            self.many(kind, places[:1])[0] if same else self.many(kind, places)
            for same, (kind, places) in zip(shared, operands_of, strict=True)
        ]
        # A call with a rule of its own takes a mapped array only if it is JAX's.
        operands = [jnp.asarray(each) for each in operands]
        axes = [None if same else 0 for same in shared]
        return [*jax.vmap(lambda *each: tuple(batch.element.bind(*each)), axes)(*operands)]

    def long_sums(self, kind: Row, sums: Sums) -> jax.Array:
        """Sums of one level, one a row."""
        total = None
        for number, (rows, places, signs) in sums.terms.items():
            for part in layers(np.array(rows), sums.count):
                taken = [places[i] for i in part]
                terms = signed(self.many(number, taken), np.array(signs)[part])
                total = added(total, np.array(rows)[part], terms, sums.count)
        return jnp.zeros((sums.count, *kind.shape)) if total is None else total

    def stack(self, variable: int) -> jax.Array:
        """An array put together from elements of several kinds."""
        parts = self.found.stacks[variable].parts
        where = [
            (np.array(starts)[:, None] + np.arange(size)).reshape(-1) for starts, _, size in parts.values()
        ]
        aval = self.found.program.avals[variable]
        pieces = [
            jnp.asarray(self.many(number, places), aval.dtype).reshape(-1)
            for number, (_, places, _) in parts.items()
        ]
        order = np.argsort(np.concatenate(where), kind="stable")
        return picked(jnp.concatenate(pieces), order).reshape(aval.shape)

    def fill(self, variable: int) -> jax.Array:
        """An array filled by elements of several kinds."""
        filled, aval = self.found.filled[variable], self.found.program.avals[variable]
        array = flattened(self.single(filled.base, filled.equations[0].inputs[0]))
        for number, (entries, places) in filled.parts.items():
            values = jnp.asarray(self.many(number, places), aval.dtype).reshape(-1)
            target = array.at[np.concatenate(entries).astype(np.int32)]
            fill = target.set if filled.equations[0].name == "scatter" else target.add
            array = fill(values, mode="promise_in_bounds", wrap_negative_indices=False)
        return array.reshape(aval.shape)


def variable_of(kind: Kind) -> int | None:
    """The array that a kind is a part of; None of numbers and of what a batch or a sum gives."""
    if isinstance(kind, Whole):
        return kind.variable
    return kind.source if isinstance(kind, (Entry, Picked)) else None


def joined(places: Sequence[Hashable]) -> bytes:
    """Bytes of all places, one after the other."""
    return b"".join(cast(Sequence[bytes], places))


def written_at(element: Equation | SignedSum):
    """Context in which JAX notes the user's line of an equation, as it did before."""
    if element.source is None:
        return nullcontext()
    return source_info_util.user_context(element.source.source_info.traceback)


def flattened(array) -> jax.Array:
    """An array as a vector."""
    array = jnp.asarray(array)
    return array if array.ndim == 1 else array.reshape(-1)


def picked(array: jax.Array, at: np.ndarray) -> jax.Array:
    """Some rows of an array: by a slice where they follow one another in equal steps, else by a gather."""
    size, step = at.size, int(at[1] - at[0]) if at.size > 1 else 1
    if step > 0 and (size < 2 or (np.diff(at) == step).all()):
        if size == array.shape[0] and at[0] == 0:
            return array
        return jax.lax.slice_in_dim(array, int(at[0]), int(at[-1]) + 1, step)
    return array.at[at.astype(np.int32)].get(mode="promise_in_bounds", wrap_negative_indices=False)


def layers(rows: np.ndarray, count: int) -> list[np.ndarray]:
    """Terms sorted so that each part has one for every row, in order; one part if that cannot be.

    Args:
        rows: row of each term.
        count: number of rows.

    >>> layers(np.array([1, 0, 0, 1]), 2)
    [array([1, 0]), array([2, 3])]
    """
    if count == 1 or rows.size % count or (np.bincount(rows, minlength=count) * count != rows.size).any():
        return [np.arange(rows.size)]
    return [*np.argsort(rows, kind="stable").reshape(count, -1).T]


def signed(terms, signs: np.ndarray):
    """Terms with their signs, one a row."""
    if (signs == 1).all():
        return terms
    if (signs == -1).all():
        return -terms
    return terms * signs.astype(np.float64).reshape(-1, *[1] * (terms.ndim - 1))


def added(total: jax.Array | None, rows: np.ndarray, terms, count: int) -> jax.Array:
    """Add terms to the rows that they belong to."""
    if count == 1:
        terms = jnp.sum(jnp.asarray(terms), axis=0, keepdims=True)
    elif rows.size != count or (rows != np.arange(count)).any():
        start = jnp.zeros((count, *terms.shape[1:])) if total is None else total
        return start.at[rows.astype(np.int32)].add(
            terms, mode="promise_in_bounds", wrap_negative_indices=False
        )
    return jnp.asarray(terms) if total is None else total + terms

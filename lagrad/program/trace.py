"""Trace functions: those of a problem into one program of flat f and c, or one apart, with the user's lines.

Objective and constraints are traced together, so that what they share is written once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import jax
import jax.core
import jax.numpy as jnp
from jax.extend import core as jex

from lagrad.errors import DerivativeError
from lagrad.precision import float64
from lagrad.primitives.calls import PLAIN, RULED
from lagrad.problem.layout import join
from lagrad.problem.problem import Problem
from lagrad.program.check import check_program
from lagrad.program.masks import masked
from lagrad.program.program import Origin, Program, numbered
from lagrad.program.reals import in_reals
from lagrad.program.roll import rolled, rolled_list
from lagrad.program.roll.repeats import without_long_runs
from lagrad.program.symmetric_solves import with_symmetric_solves
from lagrad.program.walk import needed
from lagrad.source_location import line_of
from lagrad.tracing import emit, quick

CAPTURED = (
    "`objective` or `constraints`: a function captures a value that jax.jit, jax.grad or jax.vmap traces "
    "outside of it. Pass it as params, to `lagrad.solution_map` for example."
)
UNKNOWN = "a line outside of your files"


def trace(problem: Problem) -> Program:
    """Trace objective and constraints of a problem into one program.

    Args:
        problem: n variables, m constraint rows.

    Returns:
        Program of (x, *param leaves) -> (f, c) with x of shape (n,), f a scalar, c of shape (m,).

    Raises:
        DerivativeError: a function cannot be traced.

    >>> problem = lagrad.Problem(lambda x: x[0] * x[1], [1.0, 2.0])
    >>> "mul" in [equation.name for equation in trace(problem).equations]
    True
    """
    leaves, structure = jax.tree.flatten(problem.params)
    # What the declaration traced serves again, unless something that a function captures has changed since.
    current = problem.is_current

    def arguments(x, *leaves):
        return jax.tree.leaves((problem.variables.unflatten(x), jax.tree.unflatten(structure, leaves)))

    def anew(x, *leaves):
        params = jax.tree.unflatten(structure, leaves)
        f, c = problem.flat_objective(x, params), problem.flat_constraints(x, params)
        return jnp.asarray(f, dtype=jnp.float64), jnp.asarray(c, dtype=jnp.float64)

    def flat(x, *leaves):
        if run is not None:
            return f_and_c(run(x, *leaves))
        return f_and_c(
            problem.traced.leaves(problem.variables.unflatten(x), jax.tree.unflatten(structure, leaves))
        )

    listing = problem.traced.listing if current else None
    run = None if listing is None else rolled_list(listing, problem.variables.offsets.tolist())
    with float64():
        closed = jax.make_jaxpr(quick(flat if current else anew))(problem.start, *leaves)
    if any(isinstance(value, jax.core.Tracer) for value in closed.consts):
        raise DerivativeError(CAPTURED)
    traced = with_symmetric_solves(numbered(closed))
    shorter = masked(traced)
    if listing is None or run is not None:
        shorter = rolled(shorter)
    written = without_long_runs(in_reals(shorter))
    check_program(written.closed)
    if listing is not None:
        origin = Origin(listing, arguments)
        return replace(written, traced=replace(traced, origin=origin))
    return written if written is traced else replace(written, traced=traced)


def written_out(program: Program) -> Program:
    """A program with every operation of the list that it was made of; itself if it was made of none."""
    origin = program.origin
    if origin is None:
        return program
    with float64():
        flat = jax.make_jaxpr(lambda *given: f_and_c(emit(origin.listing, origin.arguments(*given))))
        return numbered(flat(*program.closed.in_avals))


def f_and_c(arrays: Sequence) -> tuple[jax.Array, jax.Array]:
    """f, a number, and c, all arrays behind it as one vector, in float64."""
    f, *c = map(vector, arrays)
    return jnp.reshape(f, ()), join(c)


def vector(leaf: jax.Array) -> jax.Array:
    """An array as a vector in float64."""
    # Most are float64 already, and what `jnp` asks about an array takes longer than all else here.
    if leaf.dtype != jnp.float64:
        leaf = leaf.astype(jnp.float64)
    return leaf if leaf.ndim == 1 else jax.lax.reshape(leaf, (leaf.size,))


def operations(function: Callable, inputs: Sequence, rules_whole: bool = False) -> Program:
    """The operations that the result of a function takes, each with the user's line that wrote it.

    An operation inside one of JAX's own functions has no line of the user's; it gets the line of the call.

    Args:
        function: of `inputs`.
        inputs: arrays; only shapes and dtypes count.
        rules_whole: whether calls with a derivative rule of their own stay one operation.
    """
    with float64():
        closed = jax.make_jaxpr(quick(function))(*inputs)
    return operations_of(closed, rules_whole)


def operations_of(closed: jex.ClosedJaxpr, rules_whole: bool = False, place: str = UNKNOWN) -> Program:
    """The operations of a closed jaxpr; `place` is for those without a line of their own."""
    found = numbered(closed, PLAIN if rules_whole else PLAIN | RULED, line_of, place)
    return replace(found, equations=tuple(needed(found.equations, found.outputs)))

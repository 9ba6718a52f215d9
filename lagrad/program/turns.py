"""Have batches of LAPACK wait for one another on a CPU.

XLA runs what does not depend on one another side by side, in a pool of threads. A batched LAPACK routine of
JAX 0.10 hands parts of its batch to the same pool and waits for them there. As soon as as many of them run as
the pool has threads, none is left for the parts, and the program hangs for good. So each is made to depend on
the one before, by a choice that only the run decides:

    a, b = cholesky(x), cholesky(y)     ->     a = cholesky(x); b = cholesky(where(0 < a[0] < 0, a[0], y))

This holds within one program; programs that run at the same time in several threads take turns by `ALONE`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax.extend import core as jex

from lagrad.primitives.calls import CALLBACKS, called, closed, programs_in
from lagrad.primitives.equations import aval_of, bind
from lagrad.primitives.small_solve import SMALL_SOLVE
from lagrad.program.rebuild import REBUILD, holds, rewritten, solver_of
from lagrad.program.walk import run

FACTORS = {"cholesky", "lu", "qr", "geqrf", "geqp3", "householder_product", "ormqr"}
SOLVES = {"triangular_solve", "tridiagonal_solve", SMALL_SOLVE}
SPECTRA = {"eig", "eigh", "schur", "svd", "hessenberg", "tridiagonal"}
LAPACK = frozenset(FACTORS | SOLVES | SPECTRA)
# What XLA keeps to computing again is not written out.
AGAIN = {"checkpoint", "remat2"}
# A handler of signals may evaluate something where a program of its own thread waits.
ALONE = threading.RLock()


def has_lapack(program: jex.ClosedJaxpr) -> bool:
    """Whether a program that is going to run on a CPU uses routines of LAPACK, be it on one matrix only."""
    return jax.default_backend() == "cpu" and holds(program, LAPACK)


def has_batches(program: jex.ClosedJaxpr) -> bool:
    """Whether a program that is going to run on a CPU has batches of LAPACK."""
    return jax.default_backend() == "cpu" and holds_batches(program)


def calls_back(program: jex.ClosedJaxpr) -> bool:
    """Whether a program calls Python, which may wait for another program: it must not run alone."""
    return holds(program, CALLBACKS)


def holds_batches(program: Any) -> bool:
    """Whether a program has batches of LAPACK, at any depth."""
    return any(is_batch(equation) for each in programs_in(program) for equation in each.eqns)


def is_batch(equation: jex.JaxprEqn) -> bool:
    """Whether an equation runs a routine of LAPACK on many matrices at once."""
    return equation.primitive.name in LAPACK and any(aval_of(atom).ndim > 2 for atom in equation.invars)


def taking_turns(fun: Callable) -> Callable:
    """The same function, whose batches of LAPACK wait for one another.

    Args:
        fun: function of arrays or pytrees, traceable by JAX; it cannot be differentiated afterwards.
    """
    return rewritten(fun, evaluated_in_turn)


def mapped_in_turn(fun: Callable, program: jex.ClosedJaxpr) -> Callable:
    """The same for a function that maps a program over many points; itself where that has no LAPACK."""
    return taking_turns(fun) if has_lapack(program) else fun


def evaluated_in_turn(program: jex.ClosedJaxpr, operands: Sequence[Any]) -> list:
    """Outputs of a program; traceable by JAX."""
    return in_turn(program, operands, None)[0]


def in_turn(program: Any, operands: Sequence[Any], last: Any) -> tuple[list, Any]:
    """Outputs of a program, and a number of the batch that was the last.

    Args:
        program: open or closed.
        operands: its inputs.
        last: a number that comes from the last batch before it; None if there was none.
    """

    def visit(equation: jex.JaxprEqn, operands: list) -> list:
        nonlocal last
        values, last = equation_in_turn(equation, operands, last)
        return values

    return run(closed(program), operands, visit), last


def equation_in_turn(equation: jex.JaxprEqn, operands: list, last: Any) -> tuple[list, Any]:
    """The same for one equation."""
    name, params = equation.primitive.name, equation.params
    if is_batch(equation):
        values = list(bind(equation, *behind(last, operands)))
        return values, number_of(values, last)
    if not any(map(holds_batches, jex.jaxprs_in_params(params))) or is_for_platforms(equation):
        return list(bind(equation, *operands)), last
    inner, given = written_out(equation, operands)
    if inner is not None:
        return in_turn(inner, given, last)
    if name not in REBUILD:
        return list(bind(equation, *operands)), last
    if name in AGAIN:
        # Its last batch is one more result.
        again = lambda program, given: with_number(*in_turn(program, given, last))  # noqa: E731
        *values, last = REBUILD[name](again, *operands, **params)
        return values, last
    values = list(REBUILD[name](lambda program, given: in_turn(program, given, last)[0], *operands, **params))
    return values, number_of(values, last)


def is_for_platforms(equation: jex.JaxprEqn) -> bool:
    """Whether an equation is a choice by the platform, which its author made with batches in mind."""
    return equation.params.get("branches_platforms") is not None


def written_out(equation: jex.JaxprEqn, operands: list) -> tuple[jex.ClosedJaxpr | None, list]:
    """The program that XLA has in place of an equation, and its operands; None where it keeps that."""
    if equation.primitive.name == "custom_linear_solve":
        return solver_of(equation, operands)
    return (None if equation.primitive.name in AGAIN else called(equation)), operands


def behind(last: Any, operands: list) -> list:
    """Operands that are known only when the last batch is."""
    if last is None:
        return operands
    at = min(range(len(operands)), key=lambda i: operands[i].size)
    never = (last > 0) & (last < 0)
    held = jnp.where(never, last.astype(operands[at].dtype), operands[at])
    return [*operands[:at], held, *operands[at + 1 :]]


def number_of(values: Sequence[Any], last: Any) -> Any:
    """A real number of the first result that has one; `last` if none has."""
    found = next((each for each in values if each.size and jnp.issubdtype(each.dtype, jnp.inexact)), None)
    return last if found is None else jnp.real(found.reshape(-1)[0])


def with_number(values: list, last: Any) -> list:
    """Results and the number, zero if there is none."""
    return [*values, jnp.zeros(()) if last is None else last]

"""Evaluate a traced program by NumPy, where every equation is one that NumPy has itself.

Machine code is held against this at set-up, in a tenth of a millisecond instead of XLA's tens. The table is
written apart from the one by which constants are folded: a wrong row in either shows. Only dtypes that NumPy
and XLA treat alike are taken; whatever else comes up is left to JAX, one equation at a time.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend import core as jex

from lagrad.derivatives.verification.numpy_loops import body_of, results, stepped
from lagrad.derivatives.verification.numpy_rows import COMPLEX, ELEMENTWISE, FLOAT64, OF_COMPLEX, ROWS, NoRow
from lagrad.derivatives.verification.numpy_systems import SYSTEMS, solved
from lagrad.precision import float64
from lagrad.primitives.calls import RULED, called
from lagrad.primitives.equations import aval_of
from lagrad.program.equation import Equation
from lagrad.program.program import Program
from lagrad.program.walk import walk

# Arrays of more elements than this are freed as soon as nothing takes them.
LARGE = 10_000
# Equations of several results.
SEVERAL = frozenset({"split", "lu"})
TAKEN = {COMPLEX, *(np.dtype(kind) for kind in (np.float64, np.int64, np.int32, np.uint32, np.bool_))}


# (equation, values of its operands) -> values of its results.
Left = Callable[[Any, list[Any]], tuple[Any, ...]]


def refused(equation: Any, operands: list[Any]) -> tuple[Any, ...]:
    """No results of any equation.

    Raises:
        NoRow: always.
    """
    raise NoRow


def numpy_values(
    program: Program, x: np.ndarray, leaves: Sequence[Any], left: Left = refused
) -> np.ndarray | None:
    """F = [f, c] at x, shape (m + 1,); None where an equation has no row here, and `left` refuses it.

    Args:
        program: as it was traced, nested calls written out.
        x: shape (n,).
        leaves: of the params.
        left: (equation, operands) -> results of equations that have no row; see `one_at_a_time`.
    """
    constants = {n: scalar(value) for n, value in program.constants.items()}
    values = constants | dict(zip(program.inputs, (x, *map(np.asarray, leaves)), strict=True))
    last, apply_or_leave = last_uses(program), visitor(program, left)

    def visit(equation: Equation, operands: list[Any]) -> tuple[Any, ...]:
        if last:
            for variable in last.get(equation.outputs, ()):
                del values[variable]
        return apply_or_leave(equation, operands)

    try:
        with np.errstate(all="ignore"):
            walk(program.equations, values, visit)
    except NoRow:
        return None
    return np.concatenate([np.reshape(values[each], -1) for each in program.outputs]).astype(float)


def visitor(program: Program, left: Left) -> Left:
    """What gives the results of the equations of a program."""
    others = {n for n, aval in enumerate(program.avals) if not is_taken(getattr(aval, "dtype", None))}

    def visit(equation: Equation, operands: list[Any]) -> tuple[Any, ...]:
        if others and equation.touches(others):
            return left(equation, operands)
        try:
            if equation.name == "scan":
                return stepped(equation, operands, partial(visitor, left=refused)) or left(equation, operands)
            if equation.name == "cond" or equation.name in RULED:
                return entered(equation, operands, partial(visitor, left=refused))
            if equation.name == "custom_linear_solve":
                return solved(equation, operands, partial(visitor, left=refused))
            return apply(equation, operands)
        except NoRow:
            return left(equation, operands)

    return visit


def entered(
    equation: Equation, operands: list[Any], visitor_of: Callable[[Program], Left]
) -> tuple[Any, ...]:
    """Results of the branch that is taken, or of a function with a derivative rule.

    Args:
        equation: a `cond`, or a call.
        operands: their values.
        visitor_of: program -> what gives the results of its equations.

    Raises:
        NoRow: an equation in it has none.
    """
    if equation.name == "cond":
        branches, (index, *operands) = equation.params["branches"], operands
        taken = branches[min(max(int(index), 0), len(branches) - 1)]
    else:
        taken = called(equation.source, RULED)
    if taken is None:
        raise NoRow
    program = body_of(taken)
    return tuple(results(program, operands, visitor_of(program)))


def is_taken(dtype: Any) -> bool:
    """Whether numbers of a type are computed here."""
    # Types take long to be hashed, and nearly all are this one.
    return dtype is FLOAT64 or dtype in TAKEN


def last_uses(program: Program) -> dict[tuple[int, ...], list[int]]:
    """Results of an equation -> large arrays that nothing takes after it."""
    large = {n for n, aval in enumerate(program.avals) if math.prod(getattr(aval, "shape", ())) > LARGE}
    large.difference_update(program.outputs)
    found: dict[tuple[int, ...], list[int]] = {}
    for equation in reversed(program.equations) if large else ():
        if not large.isdisjoint(equation.inputs) and equation.outputs:
            found[equation.outputs] = [*large.intersection(equation.inputs)]
            large.difference_update(equation.inputs)
    return found


def one_at_a_time(most_kinds: int, most: int) -> Left:
    """Equations applied by JAX, each by itself: XLA compiles each kind once, however many there are.

    Args:
        most_kinds: so many different equations are compiled, then no more is taken.
        most: so many equations are applied.
    """
    kinds: set[tuple[Any, ...]] = set()
    count = itertools.count(1)

    def left(equation: Any, operands: list[Any]) -> tuple[Any, ...]:
        source = equation.source
        # Equations with programs of their own are compiled one by one.
        own = next((id(source) for _ in jex.jaxprs_in_params(source.params)), None)
        kinds.add((equation.name, own, *(str(operand.aval) for operand in source.invars)))
        if len(kinds) > most_kinds or next(count) > most:
            raise NoRow
        try:
            # As constants were evaluated, so that JAX need not compile loops among them once more.
            with float64(), jax.ensure_compile_time_eval():
                return tuple(map(plain, equation.bind(*operands)))
        except (TypeError, NotImplementedError) as error:
            raise NoRow from error

    return left


def plain(value: Any) -> Any:
    """An array of NumPy's, where it has the type: keys are JAX's alone."""
    return value if jnp.issubdtype(value.dtype, jax.dtypes.extended) else np.asarray(value)


def apply(equation: Equation, operands: list[Any]) -> tuple[Any, ...]:
    """Result of one equation on arrays of the dtypes that are taken.

    Raises:
        NoRow: it has none here.
    """
    source, name = equation.source, equation.name
    function = ELEMENTWISE.get(name)
    if function is None:
        rule = ROWS.get(name) or SYSTEMS.get(name)
        if rule is None:
            raise NoRow
        if name in SEVERAL:
            return tuple(rule(*operands, **source.params))
        if len(source.outvars) != 1:
            raise NoRow
        result = rule(*operands, **source.params)
    else:
        result = function(*operands)
    aval = aval_of(source.outvars[0])
    types = aval.dtype, getattr(operands[0], "dtype", None) if operands else None
    # Of what is infinite XLA makes other numbers, and of some functions.
    if COMPLEX in types and (name not in OF_COMPLEX or not np.isfinite(result).all()):
        raise NoRow
    if result.__class__ is np.float64 and aval.shape == () and aval.dtype == FLOAT64:
        return (result,)
    result = np.asarray(result, aval.dtype)
    if result.shape != aval.shape:
        result = np.broadcast_to(result, aval.shape)
    return (result if aval.shape else result[()],)


def scalar(value: Any) -> Any:
    """A number in place of an array of no axes: Python's operators are ten times faster on these."""
    return value[()] if isinstance(value, np.ndarray) and not value.ndim else value

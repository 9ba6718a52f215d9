"""Write complex numbers as pairs of real ones: a program in, one with the same values out.

    S = v conj(y v)      ->      four arrays of real numbers, products and sums

Everything that comes after knows real numbers better: elements have derivatives by their own rules, constant
factors are real coefficients. What has no such form (`PAIRS`) gets complex numbers and gives them, as
before; so do functions with rules of their own, and numbers of few digits, which would be rounded otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
from jax import lax
from jax.extend import source_info_util
from jax.extend.core import ClosedJaxpr, Jaxpr, JaxprEqn, jaxprs_in_params

from lagrad.precision import float64
from lagrad.primitives.calls import PLAIN, called, closed, programs_in
from lagrad.primitives.equations import as_numpy, bind, is_complex, shape_of
from lagrad.primitives.pairs import PAIRS, Pair, filled, pair_of
from lagrad.program.program import Program, numbered
from lagrad.program.rebuild import REBUILD
from lagrad.program.walk import run


def in_reals(program: Program) -> Program:
    """The program with complex numbers as pairs of real ones; itself if there are none.

    Args:
        program: real or complex numbers in, real ones out.

    Returns:
        Program of the same inputs, outputs and values.

    >>> with float64():
    ...     turned = numbered(jax.make_jaxpr(lambda x: jax.numpy.real(jax.numpy.exp(1j * x)))(0.0))
    ...     [equation.name for equation in in_reals(turned).equations]
    ['mul', 'cos', 'sin']
    """
    if not holds_complex(program.closed):
        return program

    def function(*arguments):
        return run(program.closed, [*map(split, arguments)], visit, split)

    with float64():
        return numbered(jax.make_jaxpr(function)(*program.closed.in_avals))


def visit(equation: JaxprEqn, operands: Sequence[Any]) -> Sequence[Any]:
    """Results of one equation, pairs where they are complex, from operands likewise."""
    inner = called(equation, PLAIN)
    if inner is not None:
        return run(inner, operands, visit, split)
    # Its line in the user's code stays known.
    with source_info_util.user_context(equation.source_info.traceback):
        results = pairs(equation, operands)
        if results is None:
            given = [joined(each) for each in written_out(operands, equation.invars)]
            results = [*map(split, bind(equation, *given))]
    return results


def pairs(equation: JaxprEqn, operands: Sequence[Any]) -> list | None:
    """The same by real numbers alone; None where there is no such form."""
    name, atoms = equation.primitive.name, (*equation.invars, *equation.outvars)
    if name in REBUILD and any(map(holds_complex, jaxprs_in_params(equation.params))):
        return list(REBUILD[name](again, *written_out(operands, equation.invars), **equation.params))
    found = [atom.aval for atom in atoms if is_complex(atom.aval)]
    if name not in PAIRS or not found or not all(map(is_wide, found)):
        return None
    return PAIRS[name](equation, *operands)


def again(program: ClosedJaxpr | Jaxpr, operands: Sequence[Any]) -> list:
    """Outputs of the body of a loop, or of a branch, with both parts of each pair."""
    return written_out(run(closed(program), operands, visit, split), closed(program).jaxpr.outvars)


def written_out(values: Sequence[Any], atoms: Sequence[Any]) -> list:
    """Values with both parts of each pair."""
    return [
        filled(value, shape_of(atom)) if isinstance(value, Pair) else value
        for value, atom in zip(values, atoms, strict=True)
    ]


def joined(value: Any) -> Any:
    """Complex numbers of a pair."""
    return lax.complex(*value) if isinstance(value, Pair) else value


def split(value: Any, aval: Any = None) -> Any:
    """A pair of complex numbers, anything else as it is."""
    if not is_wide(value if aval is None else aval):
        return value
    return pair_of(value if aval is None else as_numpy(value, aval))


def holds_complex(program: ClosedJaxpr | Jaxpr) -> bool:
    """Whether a program has complex numbers of double precision, at any depth."""
    equations = [equation for each in programs_in(program) for equation in each.eqns]
    return any(is_wide(atom.aval) for each in equations for atom in (*each.invars, *each.outvars))


def is_wide(array: Any) -> bool:
    """Whether an array holds complex numbers of double precision."""
    return getattr(array, "dtype", None) == np.complex128

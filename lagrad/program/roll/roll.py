"""Roll up a traced program: what is written once an element becomes one equation on arrays.

People write models as loops over indices, as lists of functions, as one constraint a row. JAX traces each of
these as equations of its own, and all that follows would cost as much for each: analysis, element kernels,
compilation. Toy version:

    a = sin(x[0]);  b = sin(x[1]);  c = sin(x[2]);  f = a + b + c     ->     f = sum(sin(x[0:3]))
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import jax

from lagrad.precision import float64
from lagrad.program.listed import lines_of
from lagrad.program.program import Program, numbered
from lagrad.program.roll.gather import gathered, on_arrays
from lagrad.program.roll.write import write
from lagrad.tracing import Listing

# Programs with fewer equations are as they should be.
FEWEST_EQUATIONS = 60
# The batched program is taken if it has at most this share of the equations.
WORTHWHILE = 0.5


def rolled_list(listing: Listing, offsets: Sequence[int]) -> Callable[..., list[Any]] | None:
    """Write a list of operations with those that are repeated as equations on arrays.

    Args:
        listing: operations of functions of (x, params), pytrees.
        offsets: where each leaf of x begins in the flat x, and where the last one ends.

    Returns:
        (flat x, *leaves of the params) -> outputs, which JAX can trace; None if there is little to gain.
    """
    program = lines_of(listing, offsets)
    found = gathered(program, WORTHWHILE * len(program.equations), program.runs)
    if found is None:
        return None
    run, are_taken = write(found), [number is not None for number in listing.inputs[len(offsets) - 1 :]]
    return lambda x, *leaves: run(x, *itertools.compress(leaves, are_taken))


def rolled(program: Program) -> Program:
    """The same program with repeated equations on single elements as equations on arrays.

    Sums are added up in another order, so that values agree to rounding.

    Args:
        program: of flat arrays.

    Returns:
        Program of the same inputs and outputs; the given one if there is little to gain.

    >>> with float64():
    ...     closed = jax.make_jaxpr(lambda x: sum(jnp.sin(x[i]) ** 2 for i in range(100)))(np.ones(100))
    >>> program = numbered(closed)
    >>> len(program.equations), len(rolled(program).equations) < 10
    (500, True)
    """
    most = WORTHWHILE * len(program.equations)
    if program.closed.effects or len(program.equations) < FEWEST_EQUATIONS or on_arrays(program) > most:
        return program
    found = gathered(program, most)
    if found is None:
        return program
    with float64():
        return numbered(jax.make_jaxpr(write(found))(*program.closed.in_avals))

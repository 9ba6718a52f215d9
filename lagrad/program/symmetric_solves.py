"""Make solves by a Cholesky factor differentiate what the factor reads: one triangle.

`jax.scipy.linalg.solve(a, b, assume_a="pos", lower=True)` reads the lower triangle of a, but its derivative
multiplies by the whole of a. Where a has one triangle only, or another number in the other one, JAX's
derivative is not that of its value. Here the product is by the triangle and its mirror image.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
from jax.extend import core as jex

from lagrad.precision import float64
from lagrad.primitives.calls import PLAIN, called
from lagrad.primitives.equations import bind
from lagrad.program.program import Program, numbered
from lagrad.program.walk import run

SOLVE, FACTOR = "custom_linear_solve", "cholesky"
# What keeps a factor a factor, and a matrix the same but for its order.
KEEPING = frozenset({"stop_gradient", "transpose", "select_n", "copy"})


def with_symmetric_solves(program: Program) -> Program:
    """The program with the matrix of every solve by a Cholesky factor mirrored; itself if there is none.

    Args:
        program: any.

    Returns:
        Program of the same inputs, outputs and values.
    """
    if not {SOLVE, FACTOR} <= program.names:
        return program
    closed = program.closed
    with float64():
        return numbered(
            jax.make_jaxpr(lambda *arguments: run(closed, arguments, Mirroring().visit))(*closed.in_avals)
        )


@dataclass
class Mirroring:
    """A walk that remembers where factors come from.

    Args:
        moving: array -> the same with its derivative, if that was stopped.
        mirrored: factor -> the symmetric matrix that it is the factor of.
        kept: all arrays that are remembered, so that their names stay theirs.
    """

    moving: dict[int, Any] = field(default_factory=dict)
    mirrored: dict[int, Any] = field(default_factory=dict)
    kept: list[Any] = field(default_factory=list)

    def visit(self, equation: jex.JaxprEqn, operands: Sequence[Any]) -> Sequence[Any]:
        """Results of one equation."""
        inner = called(equation, PLAIN)
        if inner is not None:
            return run(inner, operands, self.visit)
        name = equation.primitive.name
        if name == SOLVE:
            operands = self.with_mirrored_matrix(equation, operands)
        results = bind(equation, *operands)
        if name == FACTOR:
            matrix = self.moving.get(id(operands[0]), operands[0])
            self.remember(self.mirrored, results[0], mirror(matrix))
        elif name in KEEPING:
            self.follow(equation, operands, results[0])
        return results

    def follow(self, equation: jex.JaxprEqn, operands: Sequence[Any], result: Any) -> None:
        """Remember of a result what is known of its operand."""
        for operand in operands:
            if id(operand) in self.mirrored:
                self.remember(self.mirrored, result, self.mirrored[id(operand)])
        if equation.primitive.name == "stop_gradient":
            self.remember(self.moving, result, self.moving.get(id(operands[0]), operands[0]))
        elif len(operands) == 1 and id(operands[0]) in self.moving:
            self.remember(self.moving, result, bind(equation, self.moving[id(operands[0])])[0])

    def remember(self, table: dict[int, Any], array: Any, value: Any) -> None:
        """Note a value of an array."""
        self.kept.append(array)
        table[id(array)] = value

    def with_mirrored_matrix(self, equation: jex.JaxprEqn, operands: Sequence[Any]) -> list[Any]:
        """Operands of a solve, its matrix mirrored if it is solved by a Cholesky factor."""
        lengths = equation.params["const_lengths"]
        products = lengths.matvec + lengths.vecmat
        factors = [self.mirrored.get(id(each)) for each in operands[products : products + lengths.solve]]
        if lengths.matvec != 1 or lengths.vecmat != 1 or len(factors) != 1 or factors[0] is None:
            return list(operands)
        return [factors[0], factors[0], *operands[products:]]


def mirror(matrix: jax.Array) -> jax.Array:
    """The lower triangle of real matrices, and its mirror image above."""
    return jnp.tril(matrix) + jnp.swapaxes(jnp.tril(matrix, -1), -1, -2)

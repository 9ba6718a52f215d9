"""Record small linear systems on a tape, and differentiate them there.

    x = A^-1 b            a vector of n entries (`SYSTEM`), by elimination
    r = b - A x           n nodes of value zero (`RESIDUAL`), through which x depends on A and b
    X = A^-1              a vector of n^2 entries (`INVERSE`), which derivatives are made of

    dx = X dr,  dr = db - dA x,  and to second order, with w = X' times the weights of x,
    d(dx) weighted = -2 w' dA X dr

So second derivatives by A and b are pushed through the n residuals, not from each entry of x to all of A.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import isqrt

from lagrad.elements.tape import ENTRY, FLOAT, INVERSE, RESIDUAL, SYSTEM, Tape


def solution(tape: Tape, matrix: Sequence[int], right: Sequence[int]) -> int:
    """The vector x.

    Args:
        tape: where it is recorded.
        matrix: nodes of the entries of A, row by row.
        right: nodes of those of b.
    """
    given = (*matrix, *right)
    residuals = [tape.add(RESIDUAL, given, {"place": place}, FLOAT) for place in range(len(right))]
    return tape.add(SYSTEM, (*residuals, *given), {"count": len(right)}, FLOAT)


def inverse(tape: Tape, matrix: Sequence[int], row: int, column: int) -> int:
    """An entry of X."""
    count = isqrt(len(matrix))
    # Columns are solutions, one behind the other.
    return tape.entry(tape.add(INVERSE, matrix, {"count": count}, FLOAT), column * count + row)


def is_solution(tape: Tape, node: int) -> bool:
    """Whether a node is an entry of x."""
    operation = tape.operations[node]
    return operation.name == ENTRY and tape.operations[operation.operands[0]].name == SYSTEM


def parts(tape: Tape, node: int) -> tuple[Sequence[int], Sequence[int], Sequence[int]]:
    """Residuals, entries of A and of b behind a vector x."""
    operands, count = tape.operations[node].operands, tape.operations[node].params["count"]
    return operands[:count], operands[count:-count], operands[-count:]


def slopes_of_solution(tape: Tape, node: int) -> list[tuple[int, int]]:
    """Residuals, and derivatives of an entry of x by them."""
    (vector,), row = tape.operations[node].operands, tape.operations[node].params["place"]
    residuals, matrix, _ = parts(tape, vector)
    return [(each, inverse(tape, matrix, row, column)) for column, each in enumerate(residuals)]


def slopes_of_residual(tape: Tape, node: int) -> list[tuple[int, int]]:
    """Entries of A and b, and derivatives of a residual by them."""
    operands, row = tape.operations[node].operands, tape.operations[node].params["place"]
    count = isqrt(len(operands))
    matrix, right = operands[:-count], operands[-count:]
    vector = solution(tape, matrix, right)
    found = [
        (matrix[row * count + column], tape.negative(tape.entry(vector, column))) for column in range(count)
    ]
    return [*found, (right[row], tape.constant(1.0))]


def second_of_system(tape: Tape, vector: int, weights: Mapping[int, int]) -> Iterator[tuple[int, int, int]]:
    """Second derivatives of the weighted entries of x, by an entry of A and a residual.

    Args:
        tape: where they are recorded.
        vector: node of x.
        weights: residual -> w, zero for others.

    Yields:
        entry of A, residual, derivative; several of a pair add up.
    """
    residuals, matrix, right = parts(tape, vector)
    count = len(right)
    for row, weight in ((row, weights[each]) for row, each in enumerate(residuals) if each in weights):
        for column in range(count):
            for other, residual in enumerate(residuals):
                value = tape.times(weight, inverse(tape, matrix, column, other))
                yield matrix[row * count + column], residual, tape.negative(value)

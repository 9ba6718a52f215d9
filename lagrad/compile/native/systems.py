"""Solve small linear systems in registers, one a lane: functions that all loops share.

A workspace holds a matrix of n rows column by column, and behind it right-hand sides, which become solutions.
Rows are exchanged by selects, since each lane has pivots of its own.

Source: Golub, Van Loan, Matrix Computations (2013), algorithm 3.4.1.
"""

from __future__ import annotations

from collections.abc import Sequence

from lagrad.compile.native.code import Code, Value
from lagrad.compile.native.counters import begin, end
from lagrad.compile.native.target import Target

WORK, COUNT, COLUMNS = "%work", "%count", "%columns"
PARAMETERS = f"ptr {WORK}, i64 {COUNT}, i64 {COLUMNS}"


def name_for(lanes: int) -> str:
    """Name of the function for registers of some lanes."""
    return f"systems{lanes}"


def names(target: Target) -> set[str]:
    """Names of the functions."""
    return {name_for(lanes) for lanes in (1, target.lanes)}


def text(target: Target) -> str:
    """Assembly of the functions (workspace, number of rows, of columns with those behind the matrix)."""
    return "\n".join(elimination(Code(target, lanes)) for lanes in sorted({1, target.lanes}))


def elimination(code: Code) -> str:
    """Gaussian elimination with partial pivoting, forwards and backwards."""
    steps = begin(code, "0", COUNT, "1")
    below = code.set(f"add i64 {steps.index}, 1")
    exchange(code, steps.index, below)
    reduce(code, steps.index, below)
    end(code, steps)
    substitute(code)
    declared, body = "\n".join(sorted(code.declared)), "\n".join(code.lines)
    return f"{declared}\ndefine void @{name_for(code.lanes)}({PARAMETERS}) {{\n{body}\n  ret void\n}}"


def exchange(code: Code, step: str, below: str) -> None:
    """Bring the row with the largest entry of a column up: of every two rows the larger one."""
    rows = begin(code, below, COUNT, "1")
    first, other = (code.intrinsic("fabs", code.load(at(code, row, step))) for row in (step, rows.index))
    is_larger = code.binary("fcmp ogt", other, first, "i1")
    columns = begin(code, step, COLUMNS, "1")
    upper, lower = (at(code, row, columns.index) for row in (step, rows.index))
    one, two = code.load(upper), code.load(lower)
    code.store(code.select(is_larger, two, one), upper)
    code.store(code.select(is_larger, one, two), lower)
    end(code, columns)
    end(code, rows)


def reduce(code: Code, step: str, below: str) -> None:
    """Subtract the share of a row that leaves zeros in its column."""
    rows = begin(code, below, COUNT, "1")
    pivot, entry = code.load(at(code, step, step)), code.load(at(code, rows.index, step))
    share = code.negative(code.binary("fdiv", entry, pivot))
    columns = begin(code, below, COLUMNS, "1")
    where = at(code, rows.index, columns.index)
    upper = code.load(at(code, step, columns.index))
    code.store(code.fused(share, upper, code.load(where)), where)
    end(code, columns)
    end(code, rows)


def substitute(code: Code) -> None:
    """Solve the triangle that is left, for each right-hand side: the last unknown, then what it leaves."""
    sides = begin(code, COUNT, COLUMNS, "1")
    unknowns = begin(code, "0", COUNT, "1")
    last = code.set(f"sub i64 {COUNT}, 1")
    unknown = code.set(f"sub i64 {last}, {unknowns.index}")
    where = at(code, unknown, sides.index)
    found = code.binary("fdiv", code.load(where), code.load(at(code, unknown, unknown)))
    code.store(found, where)
    rows = begin(code, "0", unknown, "1")
    left = at(code, rows.index, sides.index)
    factor = code.negative(code.load(at(code, rows.index, unknown)))
    code.store(code.fused(factor, found, code.load(left)), left)
    end(code, rows)
    end(code, unknowns)
    end(code, sides)


def at(code: Code, row: str, column: str) -> str:
    """Address of an entry."""
    start = code.set(f"mul i64 {column}, {COUNT}")
    place = code.set(f"add i64 {start}, {row}")
    return code.address(WORK, place if code.lanes == 1 else code.set(f"mul i64 {place}, {code.lanes}"))


def written(code: Code, function: str, count: int, matrix: Sequence[Value], sides: Sequence[Value]) -> Value:
    """Solutions, one behind the other in memory.

    Args:
        code: where to write.
        function: pointer to the function.
        count: number of rows.
        matrix: entries, row by row.
        sides: right-hand sides, one behind the other.
    """
    columns = count + len(sides) // count
    work = code.name("s")
    code.entry.append(f"  {work} = alloca [{columns * count} x {code.wide('double')}], align 64")
    by_columns = [matrix[row * count + column] for column in range(count) for row in range(count)]
    for place, value in enumerate([*by_columns, *sides]):
        code.store(value, code.address(work, str(place * code.lanes)))
    code.line(f"call void {function}(ptr {work}, i64 {count}, i64 {columns})")
    return Value(code.address(work, str(count * count * code.lanes)), "vector")

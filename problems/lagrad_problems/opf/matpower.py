"""Read MATPOWER case files, version 2, as tables whose rows know their lines.

    mpc.baseMVA = 100;          -> case.base_mva
    mpc.bus = [ ... ];          -> case.bus, a Table with one row a bus; likewise gen, branch, gencost
    mpc.bus(:, 3) = ... / 1e3;  -> obeyed, see `statements`

Other fields (names, areas) are skipped. Numbers are separated by blanks or commas, rows by semicolons or line
ends, `%` starts a comment, `%{` and `%}` on lines of their own enclose one, and `...` continues a line.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from lagrad_problems.opf.statements import computed, obey

TABLES = ("bus", "gen", "branch", "gencost")
LEAST_COLUMNS = {"bus": 13, "gen": 10, "branch": 11, "gencost": 5}
# Most numbers to which short cost rows are padded: memory is bounded by the size of the file.
PADDED = 1_000_000
LONGEST_WORD = 40
LONGEST_STATEMENT = 70
# In-service rows of these would change the problem, and are not modelled.
UNSUPPORTED = ("dcline", "storage", "switch", "load")

_ASSIGNMENT = re.compile(r"^\s*mpc\.(\w+)\s*=\s*(.*)$")
_LITERAL = re.compile(r"^[\[{'].*$|^[-+]?[\d.]+(?:[eE][-+]?\d+)?\s*;?\s*$")
_SCALAR = re.compile(r"^'?([^';]*)'?\s*;?\s*$")


@dataclass(frozen=True, eq=False)
class Table:
    """A matrix of the file.

    Args:
        values: one row a bus, generator, ..., shape (rows, columns).
        lines: the file's line of each row, counted from one, shape (rows,).
    """

    values: np.ndarray
    lines: np.ndarray


@dataclass(frozen=True, eq=False)
class Case:
    """A MATPOWER case in the file's own units and columns.

    Args:
        name: the file's name, for messages.
        base_mva: power that counts as one per unit, in MVA.
        bus, gen, branch, gencost: the file's matrices.
    """

    name: str
    base_mva: float
    bus: Table
    gen: Table
    branch: Table
    gencost: Table


def read(path: str | Path) -> Case:
    """The case in a file.

    Args:
        path: a MATPOWER version-2 file, name.m.

    Returns:
        Case named after the file.

    Raises:
        OSError: the file cannot be read.
        ValueError: the file is malformed; the message has the file's name and the line.
    """
    return parse(Path(path).read_text(encoding="utf-8", errors="replace"), Path(path).name)


def without_branch(case: Case, first: int, second: int, circuit: int = 0) -> Case:
    """The case with one branch between two buses out of service.

    Args:
        case: as read.
        first, second: the bus numbers at its ends, in either order.
        circuit: which of several parallel branches in service, in the file's order.

    Raises:
        ValueError: there is no such branch in service.
    """
    values = case.branch.values.copy()
    ends = np.sort(values[:, :2], axis=1) == sorted((first, second))
    found = np.flatnonzero(ends.all(axis=1) & (values[:, 10] > 0))
    if not 0 <= circuit < found.size:
        raise ValueError(
            f"{case.name}: {found.size} branches in service between buses {first} and {second}, "
            f"expected more than {circuit}. Give the numbers of two buses that a branch connects."
        )
    values[found[circuit], 10] = 0.0
    return replace(case, branch=Table(values, case.branch.lines))


def parse(text: str, name: str = "case") -> Case:
    """The case in a text.

    Args:
        text: content of a MATPOWER version-2 file.
        name: what messages call it.

    Returns:
        Case.

    Raises:
        ValueError: the text is malformed; the message has the name and the line.
    """
    fields, statements = _fields(without_blocks(text.splitlines()), name)
    _check_version(fields, name)
    for unsupported in UNSUPPORTED:
        if unsupported in fields and _matrix(fields[unsupported], name).values.size:
            line = fields[unsupported].line
            raise ValueError(f"{name}, line {line}: `mpc.{unsupported}` is not modelled. Remove its rows.")
    tables = {table: _table(fields, table, name) for table in TABLES}
    case = Case(name, _base_mva(fields, name), **tables)
    return _obeyed(case, statements) if statements else case


def without_blocks(lines: list[str]) -> list[str]:
    """The lines with block comments blank: from `%{` to `%}`, each alone on its line, one in the other."""
    found, depth = [], 0
    for line in lines:
        mark = line.strip()
        depth += mark == "%{"
        found.append("" if depth else line)
        depth -= mark == "%}" and depth > 0
    return found


def _obeyed(case: Case, statements: list[tuple[int, str]]) -> Case:
    """The case after the statements that stand outside of its tables.

    Raises:
        ValueError: one is not understood; the message has its line.
    """
    values: dict[str, Any] = {f"mpc.{key}": getattr(case, key).values.copy() for key in TABLES}
    values["mpc.baseMVA"] = case.base_mva
    left_out = False
    for line, text in statements:
        try:
            if text.split()[0] in ("if", "end", "else"):
                left_out = _branch(text, values)
            elif not left_out:
                obey(text, values)
        except (ValueError, TypeError, IndexError) as error:
            shown = text if len(text) <= LONGEST_STATEMENT else f"{text[:LONGEST_STATEMENT]}..."
            cure = "Do by hand what it does, and remove it."
            raise ValueError(f"{case.name}, line {line}: `{shown}`: {error}. {cure}") from None
    tables = {key: Table(np.asarray(values[f"mpc.{key}"], float), getattr(case, key).lines) for key in TABLES}
    base = float(values["mpc.baseMVA"])
    if not 0 < base < np.inf:
        raise ValueError(f"{case.name}: baseMVA becomes {base}, expected a positive number.")
    return Case(case.name, base, **tables)


def _branch(text: str, values: dict[str, Any]) -> bool:
    """Whether what follows is left out: after `if` and the name of a zero, up to `end`.

    Raises:
        ValueError: another condition.
    """
    words = text.split()
    if words == ["end"]:
        return False
    if (
        len(words) == 2
        and words[0] == "if"
        and np.ndim(values.get(words[1], [])) == 0
        and not values[words[1]]
    ):
        return True
    raise ValueError("only `if` with the name of a zero, which leaves out all up to `end`, is understood")


@dataclass(frozen=True)
class _Field:
    """One assignment to mpc: its name, the line it starts on, and its lines with their numbers."""

    name: str
    line: int
    rows: list[tuple[int, str]]


def _fields(lines: list[str], name: str) -> tuple[dict[str, _Field], list[tuple[int, str]]]:
    """All assignments `mpc.x = ...`, whose brackets may run over many lines, and all other statements."""
    fields, statements, position = {}, [], 0
    while position < len(lines):
        text = _without_comment(lines[position])
        match = _ASSIGNMENT.match(text)
        if match and (match.group(1) not in fields or _LITERAL.match(match.group(2))):
            field, position = _read_field(lines, position, match, name)
            fields[field.name] = field
            continue
        first = position + 1
        while "..." in text and position + 1 < len(lines):
            position += 1
            text = text.partition("...")[0] + " " + _without_comment(lines[position])
        position += 1
        for part in text.split(";"):
            if part.strip() and part.split()[0] not in ("function", "return"):
                statements.append((first, part.strip()))
    return fields, without_last_end(statements)


def without_last_end(statements: list[tuple[int, str]]) -> list[tuple[int, str]]:
    """The statements without the `end` of the function, which closes nothing."""
    opened = sum(text.split()[0] == "if" for _, text in statements)
    closed = sum(text == "end" for _, text in statements)
    return statements[:-1] if closed > opened and statements[-1][1] == "end" else statements


def _read_field(lines: list[str], position: int, match: re.Match, name: str) -> tuple[_Field, int]:
    """The assignment that starts at `position`, and the position after it."""
    first, key, rest = position + 1, match.group(1), match.group(2)
    close = {"[": "]", "{": "}"}.get(rest[:1])
    if close is None:
        return _Field(key, first, [(first, rest)]), position + 1
    rows, text = [], rest[1:]
    while close not in text:
        rows.append((position + 1, text))
        position += 1
        if position == len(lines) or _ASSIGNMENT.match(lines[position]):
            raise ValueError(f"{name}, line {first}: `mpc.{key}` is opened and never closed. Add `{close};`.")
        text = _without_comment(lines[position])
    rows.append((position + 1, text[: text.index(close)]))
    behind = text[text.rindex(close) + 1 :].strip(" \t;,")
    if behind:
        raise ValueError(
            f"{name}, line {position + 1}: {behind[:LONGEST_WORD]!r} behind `{close}` is not understood. "
            "Give it a line of its own."
        )
    return _Field(key, first, rows), position + 1


def _without_comment(line: str) -> str:
    """The line up to its first `%` outside quotes."""
    if "'" not in line:
        return line.partition("%")[0]
    quoted = False
    for position, letter in enumerate(line):
        quoted ^= letter == "'"
        if letter == "%" and not quoted:
            return line[:position]
    return line


def _check_version(fields: dict[str, _Field], name: str) -> None:
    """Version 1 has other columns."""
    if "version" not in fields:
        raise ValueError(f"{name}: no `mpc.version`. Expected a MATPOWER case file, version 2.")
    field = fields["version"]
    version = _scalar(field)
    if version != "2":
        raise ValueError(f"{name}, line {field.line}: version {version!r}, expected '2'.")


def _scalar(field: _Field) -> str:
    """The right side of an assignment without brackets, bare."""
    match = _SCALAR.match(field.rows[0][1].strip())
    return match.group(1).strip() if match else field.rows[0][1]


def _base_mva(fields: dict[str, _Field], name: str) -> float:
    """The power base, in MVA."""
    if "baseMVA" not in fields:
        raise ValueError(f"{name}: no `mpc.baseMVA`. Add it, in MVA.")
    field = fields["baseMVA"]
    value = _number(_scalar(field), field.line, name)
    if not 0 < value < np.inf:
        raise ValueError(f"{name}, line {field.line}: baseMVA is {value}, expected a positive number.")
    return value


def _table(fields: dict[str, _Field], key: str, name: str) -> Table:
    """A matrix that must be there, with columns enough."""
    if key not in fields:
        raise ValueError(f"{name}: no `mpc.{key}`. Expected a matrix, one row each.")
    table = _matrix(fields[key], name)
    least = LEAST_COLUMNS[key]
    if len(table.lines) and table.values.shape[1] < least:
        found = table.values.shape[1]
        raise ValueError(
            f"{name}, line {table.lines[0]}: `mpc.{key}` has {found} columns, expected {least} or more."
        )
    return table if len(table.lines) else Table(np.zeros((0, least)), table.lines)


def _matrix(field: _Field, name: str) -> Table:
    """The numbers of a matrix; every row as long as the first."""
    rows = _numbers(field, name)
    widths = np.array([len(row) for _, row in rows], int)
    if widths.size and (widths != widths[0]).any():
        # MATPOWER pads cost rows of different length with zeros; other tools leave the zeros out.
        if field.name != "gencost":
            odd = int(np.flatnonzero(widths != widths[0])[0])
            raise ValueError(
                f"{name}, line {rows[odd][0]}: {widths[odd]} numbers in a row of `mpc.{field.name}`, "
                f"expected {widths[0]} as in line {rows[0][0]}."
            )
        widest = int(widths.argmax())
        if len(rows) * int(widths[widest]) > PADDED:
            raise ValueError(
                f"{name}, line {rows[widest][0]}: {widths[widest]} numbers in one of {len(rows)} rows of "
                f"`mpc.{field.name}`, others are shorter. Fill them with zeros."
            )
        rows = [(line, row + [0.0] * (int(widths[widest]) - len(row))) for line, row in rows]
    lines = np.array([line for line, _ in rows], int)
    return Table(np.array([row for _, row in rows], float).reshape(len(rows), widths.max(initial=0)), lines)


def _numbers(field: _Field, name: str) -> list[tuple[int, list[float]]]:
    """The rows of a matrix with their lines; `...` joins a line to the next."""
    rows: list[tuple[int, list[float]]] = []
    pending: list[str] = []
    start = 0
    for line, text in field.rows:
        start = line if not pending else start
        piece, goes_on, _ = text.partition("...")
        pending.append(piece)
        if goes_on:
            continue
        for part in " ".join(pending).split(";"):
            words = part.replace(",", " ").split()
            if words:
                rows.append((start, _numbers_of(words, start, name)))
        pending = []
    return rows


def _numbers_of(words: list[str], line: int, name: str) -> list[float]:
    """The words as numbers; one by one only where there is something to complain of."""
    try:
        numbers = list(map(float, words))
    except ValueError:
        numbers = [float("nan")]
    # A NaN is not equal to itself, and makes the row unequal to itself.
    return [_number(word, line, name) for word in words] if any(n != n for n in numbers) else numbers


def _number(word: str, line: int, name: str) -> float:
    """A number as MATLAB writes it; NaN is refused."""
    try:
        value = float(word)
    except ValueError:
        value = _computed(word)
    if value is None:
        shown = word if len(word) <= LONGEST_WORD else f"{word[:LONGEST_WORD]}..."
        raise ValueError(f"{name}, line {line}: {shown!r}, expected a number.")
    if np.isnan(value):
        raise ValueError(f"{name}, line {line}: NaN, expected a number.")
    return value


def _computed(word: str) -> float | None:
    """The value of a word such as 135/sqrt(3); None if it has none."""
    try:
        return computed(word) if len(word) <= LONGEST_WORD else None
    except ValueError:
        return None


def write(case: Case) -> str:
    """The case as the text of a MATPOWER file.

    Args:
        case: any Case.

    Returns:
        Text that `parse` reads back to the same numbers.
    """
    head = [f"function mpc = {re.sub(r'[^A-Za-z0-9_]', '_', case.name)}", "mpc.version = '2';"]
    head.append(f"mpc.baseMVA = {case.base_mva!r};")
    for key in TABLES:
        rows = getattr(case, key).values
        body = "".join("\t" + "\t".join(repr(float(value)) for value in row) + ";\n" for row in rows)
        head.append(f"mpc.{key} = [\n{body}];")
    return "\n".join(head) + "\n"

"""Obey the assignments that stand behind the tables of MATPOWER files, without `eval`.

Distribution networks are published in ohms and kilowatts, and end in lines such as

    [PQ, PV, REF, NONE, BUS_I, BUS_TYPE, PD, QD] = idx_bus;
    mpc.bus(:, [PD, QD]) = mpc.bus(:, [PD, QD]) / 1e3;

Numbers, names, fields of `mpc`, indices and ranges, + - * / ^ with and without dots, a few functions: what
else there is gets an error with its line, since a statement that is skipped is a silently wrong network.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

# Columns of MATPOWER's matrices, as its idx_bus, idx_gen, idx_brch and idx_cost give them, in order.
COLUMNS = {
    "idx_bus": [1, 2, 3, 4, *range(1, 18)],
    "idx_gen": [*range(1, 26)],
    "idx_brch": [*range(1, 22)],
    "idx_cost": [1, 2, 1, 2, 3, 4, 5],
}
FUNCTIONS: dict[str, Callable] = {
    **{
        name: getattr(np, name)
        for name in ("sin", "cos", "tan", "sqrt", "exp", "log", "abs", "floor", "ceil")
    },
    **{"asin": np.arcsin, "acos": np.arccos, "atan": np.arctan, "round": np.round},
}
TOKEN = re.compile(
    r"(?P<space>\s+)|(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)|(?P<name>[A-Za-z]\w*(?:\.[A-Za-z]\w*)?)"
    r"|(?P<mark>\.\*|\./|\.\^|[-+*/^()\[\],:=;'])"
)
# How strongly an operator binds, and what it does; those without a dot take a number on one side.
OPERATORS: dict[str, tuple[int, Callable]] = {
    "+": (1, np.add),
    "-": (1, np.subtract),
    "*": (2, np.multiply),
    "/": (2, np.divide),
    ".*": (2, np.multiply),
    "./": (2, np.divide),
    "^": (4, np.power),
    ".^": (4, np.power),
}
UNARY = 3


@dataclass(frozen=True)
class Token:
    """A word of a statement, and whether blanks stand before it."""

    kind: str
    text: str
    is_apart: bool


@dataclass
class Statement:
    """One statement that is read from left to right.

    Args:
        text: as it stands in the file, without comment.
        values: names -> numbers and arrays; fields are named `mpc.bus`.
        position: of the next token.
        sizes: lengths that `end` stands for, innermost last.
    """

    text: str
    values: dict[str, Any]
    tokens: list[Token] = field(init=False)
    position: int = 0
    sizes: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.tokens = list(tokens(self.text))

    def peek(self) -> str:
        """The next token, empty at the end."""
        return self.tokens[self.position].text if self.position < len(self.tokens) else ""

    def take(self, expected: str = "") -> Token:
        """The next token, which has to be there."""
        if self.position == len(self.tokens) or (expected and self.peek() != expected):
            raise ValueError(f"{expected or 'more'!r} expected after {self.so_far()!r}")
        self.position += 1
        return self.tokens[self.position - 1]

    def so_far(self) -> str:
        """What has been read."""
        return " ".join(token.text for token in self.tokens[: self.position])

    def obey(self) -> None:
        """Assign what stands on the right to what stands on the left."""
        if self.peek() == "[":
            names = self.names()
            self.take("=")
            function = self.take().text
            if function not in COLUMNS:
                raise ValueError(f"{function!r} is not known: expected one of {', '.join(COLUMNS)}")
            self.values.update(zip(names, map(float, COLUMNS[function]), strict=False))
        else:
            name = self.take().text
            places = self.indices(name) if self.peek() == "(" else None
            self.take("=")
            self.assign(name, places, self.expression())
        if self.position < len(self.tokens):
            raise ValueError(f"{self.peek()!r} is not understood there")

    def names(self) -> list[str]:
        """Names in brackets, as on the left of `[PQ, PV] = idx_bus`."""
        self.take("[")
        found = []
        while self.peek() != "]":
            token = self.take()
            if token.kind == "name":
                found.append(token.text)
            elif token.text != ",":
                raise ValueError(f"{token.text!r} is no name")
        self.take("]")
        return found

    def assign(self, name: str, places: tuple | None, value: Any) -> None:
        """Set a name, or entries of a matrix that is there."""
        if places is None:
            self.values[name] = value
            return
        matrix = self.value(name)
        shape = matrix[np.ix_(*places)].shape if len(places) == 2 else matrix[places].shape
        given = np.asarray(value, float)
        if given.ndim and given.size != np.prod(shape):
            raise ValueError(f"{given.size} numbers for {int(np.prod(shape))} entries of {name}")
        matrix[np.ix_(*places) if len(places) == 2 else places] = (
            given.reshape(shape) if given.ndim else given
        )

    def value(self, name: str) -> Any:
        """What a name stands for."""
        if name not in self.values:
            raise ValueError(f"{name!r} is not known")
        return self.values[name]

    def expression(self, least: int = 1) -> Any:
        """Terms joined by operators that bind at least so strongly."""
        found = self.term()
        while self.peek() in OPERATORS and OPERATORS[self.peek()][0] >= least:
            operator = self.take().text
            strength, apply = OPERATORS[operator]
            right = self.expression(strength + 1)
            if operator in "*/^" and np.ndim(right) and (np.ndim(found) or operator != "*"):
                raise ValueError(
                    f"matrices on both sides of {operator!r}; element by element is '.{operator}'"
                )
            if np.ndim(found) and np.ndim(right) and np.shape(found) != np.shape(right):
                raise ValueError(
                    f"sizes {np.shape(found)} and {np.shape(right)} on both sides of {operator!r}"
                )
            found = apply(found, right)
        return found

    def term(self) -> Any:
        """A number, a name, entries of a matrix, a function's value, or something in brackets."""
        token = self.take()
        if token.text in ("-", "+"):
            sign = -1.0 if token.text == "-" else 1.0
            return sign * self.expression(UNARY)
        if token.kind == "number":
            return float(token.text)
        if token.text == "(":
            found = self.expression()
            self.take(")")
            return found
        if token.text == "[":
            return self.row()
        if token.kind != "name":
            raise ValueError(f"{token.text!r} is not understood there")
        return self.named(token.text)

    def named(self, name: str) -> Any:
        """What a name gives: `end`, pi, a function of something, a value or entries of it."""
        if name == "end" and self.sizes:
            return float(self.sizes[-1])
        if name in FUNCTIONS and name not in self.values:
            self.take("(")
            found = FUNCTIONS[name](self.expression())
            self.take(")")
            return found
        if name == "pi" and name not in self.values:
            return float(np.pi)
        if self.peek() != "(":
            return self.value(name)
        places = self.indices(name)
        found = self.value(name)[np.ix_(*places)]
        return float(found.reshape(-1)[0]) if found.size == 1 else found

    def indices(self, name: str) -> tuple[np.ndarray, ...]:
        """Places in brackets behind a name, one list a dimension, from 0."""
        shape = np.shape(self.value(name))
        self.take("(")
        found: list[np.ndarray] = []
        while True:
            if len(found) == len(shape):
                raise ValueError(f"more indices than {name} has dimensions, {len(shape)}")
            found.append(self.places(shape[len(found)], name))
            if self.take().text == ")":
                break
        if len(found) != len(shape):
            raise ValueError(f"{len(found)} indices, but {name} has {len(shape)} dimensions")
        return tuple(found)

    def places(self, size: int, name: str) -> np.ndarray:
        """One index: a colon for all, a number, a range or several numbers."""
        if self.peek() == ":":
            self.take()
            return np.arange(size)
        self.sizes.append(size)
        bounds = [self.expression()]
        while self.peek() == ":":
            self.take()
            bounds.append(self.expression())
        self.sizes.pop()
        if len(bounds) > 1:
            first, step, last = bounds[0], bounds[1] if len(bounds) == 3 else 1.0, bounds[-1]
            wanted = np.arange(first, last + np.sign(step) * 0.5, step)
        else:
            wanted = np.atleast_1d(bounds[0])
        whole = np.round(np.asarray(wanted, float)).astype(int)
        if (whole != wanted).any() or (whole < 1).any() or (whole > size).any():
            raise ValueError(f"index {wanted.tolist()} of {name}, expected whole numbers from 1 to {size}")
        return whole.reshape(-1) - 1

    def row(self) -> np.ndarray:
        """Numbers in square brackets, between commas or blanks."""
        found = []
        while self.peek() != "]":
            if self.peek() == ",":
                self.take()
            else:
                found.append(self.entry())
        self.take("]")
        return np.array(found, float)

    def entry(self) -> float:
        """One number of a row: in [1 -2] a sign begins the next one, in [1 - 2] it does not."""
        begin, depth = self.position, 0
        while self.position < len(self.tokens):
            token = self.tokens[self.position]
            depth += (token.text in "([") - (token.text in ")]")
            ends = token.text == "," or (token.is_apart and self.begins_entry(begin))
            if depth < 0 or (depth == 0 and self.position > begin and ends):
                break
            self.position += 1
        inner = Statement("", self.values)
        inner.tokens, inner.sizes = self.tokens[begin : self.position], self.sizes
        value = inner.expression()
        if inner.position < len(inner.tokens) or np.ndim(value):
            raise ValueError(f"{inner.peek() or 'a matrix'!r} is not understood in a row of numbers")
        return float(value)

    def begins_entry(self, begin: int) -> bool:
        """Whether the token at hand, with blanks before it, begins another number."""
        token, before = self.tokens[self.position], self.tokens[self.position - 1]
        if self.position == begin or before.text in OPERATORS or before.text == "(":
            return False
        if token.text not in OPERATORS:
            return token.text not in (")", ":", "'")
        after = self.tokens[self.position + 1 : self.position + 2]
        return token.text in "+-" and bool(after) and not after[0].is_apart


def tokens(text: str) -> Iterator[Token]:
    """The words of a statement.

    Raises:
        ValueError: a character that no word begins with.
    """
    position, is_apart = 0, False
    while position < len(text):
        match = TOKEN.match(text, position)
        if match is None:
            raise ValueError(f"{text[position]!r} is not understood")
        position = match.end()
        kind = str(match.lastgroup)
        if kind != "space":
            yield Token(kind, match.group(), is_apart)
        is_apart = kind == "space"


def obey(text: str, values: dict[str, Any]) -> None:
    """Carry out one assignment.

    Args:
        text: such as `mpc.bus(:, [3 4]) = mpc.bus(:, [3 4]) / 1e3`.
        values: names -> numbers and arrays, changed in place.

    Raises:
        ValueError: something in it is not understood, or does not fit.

    >>> values = {"mpc.bus": np.array([[1.0, 2000.0], [2.0, 500.0]])}
    >>> obey("mpc.bus(:, 2) = mpc.bus(:, 2) / 1e3", values)
    >>> values["mpc.bus"].tolist()
    [[1.0, 2.0], [2.0, 0.5]]
    """
    try:
        Statement(text, values).obey()
    except RecursionError:
        raise ValueError("parentheses nested too deep") from None


def computed(text: str) -> float:
    """The value of an expression of numbers.

    Raises:
        ValueError: it is none, or not one number.

    >>> computed("12/sqrt(16)")
    3.0
    """
    statement = Statement(text, {})
    found = statement.expression()
    if statement.position < len(statement.tokens) or np.ndim(found):
        raise ValueError(f"{text!r}, expected a number")
    return float(found)

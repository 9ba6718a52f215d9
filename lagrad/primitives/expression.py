"""Write formulas of primitives: nodes of a tape under Python's arithmetic.

`3.0 * cos(x) - y` builds the operations on the tape that x and y belong to.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, Union


class Recorder(Protocol):
    """What records operations under numbers."""

    def constant(self, value: float) -> int:
        """Number of a constant."""
        ...

    def apply(self, name: str, operands: tuple[int, ...], params: dict) -> int:
        """Number of the result of a primitive."""
        ...


Term = Union["Expression", float]


@dataclass(frozen=True, eq=False)
class Expression:
    """A recorded number.

    Args:
        tape: where it is recorded.
        node: its number there.
    """

    tape: Recorder
    node: int

    def of(self, name: str, *others: Term, **params) -> Expression:
        """The result of a primitive whose first operand this is."""
        operands = (self.node, *(self.number(other) for other in others))
        return Expression(self.tape, self.tape.apply(name, operands, params))

    def number(self, other: Term) -> int:
        """Number of an operand: an expression of the same tape, or a constant."""
        return other.node if isinstance(other, Expression) else self.tape.constant(other)

    def constant(self, value: float) -> Expression:
        """A constant on the same tape."""
        return Expression(self.tape, self.tape.constant(value))

    def __neg__(self) -> Expression:
        return self.of("neg")

    def __add__(self, other: Term) -> Expression:
        return self.of("add", other)

    def __radd__(self, other: float) -> Expression:
        return self.of("add", other)

    def __sub__(self, other: Term) -> Expression:
        return self.of("sub", other)

    def __rsub__(self, other: float) -> Expression:
        return self.constant(other) - self

    def __mul__(self, other: Term) -> Expression:
        return self.of("mul", other)

    def __rmul__(self, other: float) -> Expression:
        return self.of("mul", other)

    def __truediv__(self, other: Term) -> Expression:
        return self.of("div", other)

    def __rtruediv__(self, other: float) -> Expression:
        return self.constant(other) / self

    def __pow__(self, exponent: int) -> Expression:
        return self.of("integer_pow", y=exponent)

    def __lt__(self, other: Term) -> Expression:
        return self.of("lt", other)

    def __gt__(self, other: Term) -> Expression:
        return self.of("gt", other)

    def __ge__(self, other: Term) -> Expression:
        return self.of("ge", other)

    def equals(self, other: Term) -> Expression:
        """Where both are equal."""
        return self.of("eq", other)

    def where(self, true: Term, false: Term) -> Expression:
        """`true` where this holds, `false` elsewhere."""
        return self.of("select_n", false, true)


def function(name: str) -> Callable[..., Expression]:
    """A primitive as a function of expressions.

    >>> function("sin").__name__
    'sin'
    """

    def applied(first: Expression, *others: Term, **params) -> Expression:
        return first.of(name, *others, **params)

    applied.__name__ = name
    return applied

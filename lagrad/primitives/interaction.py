"""Read which first and second derivatives of an elementwise function can be nonzero.

A row reads `operands | pairs`. The operands come in order, a dot where the derivative with respect to that
operand is always zero; the pairs name the second derivatives that can be nonzero. So `x y | xy`, a product,
has no diagonal, and `x y | xy yy`, a quotient, no (x, x). A final `~` says that the first derivative jumps:
nothing to second order, and still not affine.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Interaction:
    """Which derivatives of one elementwise primitive can be nonzero.

    Args:
        first: one Boolean an operand: can the first derivative be nonzero.
        second: pairs (i, j), i <= j, of operands whose second derivative can be nonzero.
        jumps: the first derivative is not continuous, so the output is not affine
            although `second` is empty.
    """

    first: tuple[bool, ...]
    second: frozenset[tuple[int, int]]
    jumps: bool = False

    @property
    def is_linear(self) -> bool:
        """Whether the output is linear in the operands it can be differentiated by."""
        return not self.second and not self.jumps


def parse(row: str) -> Interaction:
    """Read a row.

    Args:
        row: "operands | pairs" or "operands | pairs ~", see the top of this file.

    Returns:
        The same as an Interaction.

    >>> sorted(parse("x y | xy yy").second)
    [(0, 1), (1, 1)]
    """
    operands, pairs = (part.split() for part in row.replace("~", "").split("|"))
    second = frozenset((operands.index(a), operands.index(b)) for a, b in pairs)
    return Interaction(tuple(name != "." for name in operands), second, "~" in row)

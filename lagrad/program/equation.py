"""Describe one primitive applied to numbered variables."""

from __future__ import annotations

from typing import NamedTuple

from jax.extend import core as jex

from lagrad.primitives.equations import bind


# Long programs have hundreds of thousands of these: a tuple is made in a third of a dataclass's time.
class Equation(NamedTuple):
    """One primitive applied: variables are numbered, literals and captured arrays are variables too.

    Args:
        source: the traced equation, for its primitive, params and avals.
        name: of the primitive.
        inputs: number of each operand.
        outputs: number of each result.
        place: the user's line that wrote it, if lines are looked up.
    """

    source: jex.JaxprEqn
    name: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    place: str = ""

    @property
    def params(self) -> dict:
        """Parameters of the primitive."""
        return self.source.params

    def touches(self, variables: set[int]) -> bool:
        """Whether one of some variables is read or written."""
        return not (variables.isdisjoint(self.inputs) and variables.isdisjoint(self.outputs))

    def bind(self, *operands):
        """Apply the primitive to JAX values; returns a tuple of results."""
        return bind(self.source, *operands)

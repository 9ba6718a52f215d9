"""Hold what it takes to compute states one after the other."""

from __future__ import annotations

from dataclasses import dataclass

from lagrad.program.program import Program


@dataclass(frozen=True, eq=False)
class Recurrence:
    """The states of one loop, or numbers that are taken as states are.

    Args:
        first: number of its first state among all.
        size: numbers of one state.
        length: number of steps; there is a state more.
        step: program of one vector, a state, what steps share and what each has alone -> (0, next state);
            None without steps.
        feed: program of (x and states, *leaves) -> (0, (first state, what steps share, what each has alone)).
        shared: how many numbers steps share.
        own: how many each has alone.
    """

    first: int
    size: int
    length: int
    step: Program | None
    feed: Program
    shared: int
    own: int

    @property
    def blocks(self) -> list[int]:
        """How many states belong together: those after a step; what has no steps stands alone."""
        return [self.size] * (self.length + 1) if self.length else [1] * self.size

"""How soon is a model ready that is a Python loop over stages, elements or time, and how fast is it then?

    python -m benchmarks.loops                   nine models
    python -m benchmarks.loops --quick           the smallest one

Timed as by `benchmarks.stages`, beside CasADi, which writes the same loop in SX.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmarks.loop_models import MODELS
from benchmarks.stages import Question, ask

NOTE = (
    "Python loops as people write them: a state a column, corners of a mesh by lists of numbers, data that "
    "differ from stage to stage, simulations in which each step goes on from the one before, and losses by "
    "`lax.cond`, `relu` and `softplus`. **ready**: seconds from declaration until everything is compiled and "
    "evaluated once, after a first small problem. **J**, **H**: microseconds for the values, at points that "
    "change. CasADi: the same loop in SX, one Function; J and H by its own derivatives. Medians over "
    "processes. **agreement**: largest relative difference of J and H."
)
QUESTION = Question("loops", "Models written as loops", NOTE, MODELS)


def main(arguments: Sequence[str] | None = None) -> Path | None:
    """Command line; returns the path of the table."""
    return ask(QUESTION, arguments)


if __name__ == "__main__":
    print(main())

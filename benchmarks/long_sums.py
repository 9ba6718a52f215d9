"""How soon is a function of sums over all variables ready, and how fast are its derivatives then?

    python -m benchmarks.long_sums               seven models
    python -m benchmarks.long_sums --quick       the smallest one

Timed as by `benchmarks.stages`, beside CasADi, which writes the same in MX.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmarks.stages import Question, ask
from benchmarks.sum_models import MODELS

NOTE = (
    "Norms, ratios, deviations, likelihoods: something nonlinear is made of sums over all variables. "
    "**ready**: seconds from declaration until everything is compiled and evaluated once, after a first "
    "small problem. **J**, **H**: microseconds for the values, at points that change. CasADi: the same in "
    "MX; J and H by its own derivatives. Medians over processes. **agreement**: largest relative difference "
    "of J and H."
)
QUESTION = Question("long_sums", "Functions of long sums", NOTE, MODELS)


def main(arguments: Sequence[str] | None = None) -> Path | None:
    """Command line; returns the path of the table."""
    return ask(QUESTION, arguments)


if __name__ == "__main__":
    print(main())

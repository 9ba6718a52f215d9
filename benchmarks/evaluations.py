"""Are gradient, J and H evaluated as fast as by an older checkout? Both processes live at once, in turns.

    python -m benchmarks.evaluations --before CHECKOUT
    python -m benchmarks.evaluations --before CHECKOUT --cases cart_pole:505 --rounds 3

A process that is measured after another one meets another machine: clocks and caches change by half within
minutes. Here each turn of one has a turn of the other beside it, and the ratio of the two is what counts.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from benchmarks import apart, tables
from benchmarks.cases import catalog
from benchmarks.measure import machine

NOTE = (
    "Milliseconds a call, medians of all rounds, lagrad / before, and the median of the rounds' ratios: "
    "below one, this checkout is faster. Two processes, one of each checkout, that are ready at the same "
    "time; in each round one measures, then the other."
)
FUNCTIONS = {"gradient": "gradient_ms", "J": "jacobian_ms", "H": "hessian_ms"}
# By its path: the older checkout has no such file.
WORKER = Path(__file__).with_name("evaluations_worker.py")
# Seconds of a turn for each of J and H.
TURN = 0.15


@contextmanager
def process(root: Path, folder: Path) -> Iterator[subprocess.Popen[str]]:
    """A process of a checkout that is ready and waits for its turns."""
    command = [sys.executable, "-P", str(WORKER), str(folder), "--turn", str(TURN)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, cwd=root, env=apart.environment(root), **pipes) as found:
        try:
            answer(found)
            yield found
        finally:
            found.kill()


def answer(process: subprocess.Popen[str]) -> dict[str, float]:
    """The next line that a process writes.

    Raises:
        RuntimeError: it ended before.
    """
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise RuntimeError(f"{process.args} ended with {process.wait()}; its error stream says why")
    return json.loads(line)


def turn(process: subprocess.Popen[str]) -> dict[str, float]:
    """One turn: milliseconds of each function."""
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()
    return answer(process)


def measure(case: str, roots: Sequence[Path], rounds: int) -> dict:
    """One row of the table.

    Args:
        case: family:size.
        roots: this checkout and the older one.
        rounds: how often each has its turn.
    """
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        apart.hand_out(case, Path(folder))
        processes = [stack.enter_context(process(root, Path(folder))) for root in roots]
        return summary(case, [[turn(each) for each in processes] for _ in range(rounds)])


def summary(case: str, rounds: Sequence[Sequence[dict[str, float]]]) -> dict:
    """Medians of both, and of the ratios of each round.

    >>> summary("chain:5", [[{"gradient_ms": 2.0, "jacobian_ms": 1.0, "hessian_ms": 3.0}] * 2])["J ratio"]
    1.0
    """
    row: dict = {"case": case, "rounds": len(rounds)}
    for name, key in FUNCTIONS.items():
        pairs = [(here[key], before[key]) for here, before in rounds]
        row[f"{name} ms"], row[f"{name} before ms"] = map(statistics.median, zip(*pairs, strict=True))
        row[f"{name} ratio"] = statistics.median(here / before for here, before in pairs)
    return row


def table(rows: Sequence[dict]) -> str:
    """Cases down; for each function both times and their ratio."""
    header = ["case", *(part for name in FUNCTIONS for part in (f"{name} ms", "ratio"))]
    body = []
    for row in rows:
        line = [row["case"]]
        for name in FUNCTIONS:
            times = (tables.cell(row[f"{name} {key}"]) for key in ("ms", "before ms"))
            line += [" / ".join(times), f"{row[f'{name} ratio']:.2f}"]
        body.append(line)
    return tables.markdown(header, body)


def main(arguments: Sequence[str] | None = None) -> Path:
    """Command line; returns the path of the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--before", type=Path, required=True, help="a checkout of lagrad to compare with")
    parser.add_argument("--cases", help="family:size, separated by commas; default: those of `derivatives`")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--output", type=Path, default=tables.RESULTS)
    options = parser.parse_args(arguments)
    chosen = options.cases.split(",") if options.cases else catalog.table()
    rows: list[dict] = []
    for case in chosen:
        rows.append(measure(case, [apart.ROOT, options.before.resolve()], options.rounds))
        print(rows[-1], flush=True)
    note = f"{NOTE}\n\nMachine: {machine()}."
    path = tables.write(
        "evaluations", "Evaluated, beside an older checkout", note, rows, table(rows), options.output
    )
    print(path.read_text())
    return path


if __name__ == "__main__":
    main()

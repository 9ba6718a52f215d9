"""Run `lagrad bench`: solvers on a selection of problems, with a report in a folder.

    lagrad bench 'hs*' 'n<=10' --solvers ipopt,trust-constr --out run1
    lagrad bench --out run1 --resume
    lagrad bench --compare run1 run2

Exit status: 0 whatever was solved, 1 after an interrupt or if the comparison shows losses, 2 for a selection
or folder that will not do.
"""

from __future__ import annotations

import argparse
import sys
from importlib.util import find_spec
from pathlib import Path

from lagrad.cli.source import Commands
from lagrad.errors import ProblemError
from lagrad_problems import bench


def add_bench(commands: Commands) -> None:
    """What may be typed after `lagrad bench`."""
    command = commands.add_parser("bench", help="run solvers on the suite and report what they solve")
    text = "patterns of names, or conditions such as n<=100, 'kind=optimal control', difficulty=normal; "
    command.add_argument("selection", nargs="*", help=text + "cutest:* for CUTEst (default: the whole suite)")
    command.add_argument("--solvers", default="ipopt", help="separated by commas (default %(default)s)")
    command.add_argument("--limit", type=float, default=60.0, metavar="SECONDS", help="each (default 60)")
    command.add_argument("--memory", type=float, default=4000.0, metavar="MB", help="each (default 4000)")
    command.add_argument("--tol", type=float, default=1e-8, help="tolerance (default %(default)s)")
    command.add_argument("--max-iterations", type=int, metavar="N")
    command.add_argument("--out", type=Path, default=Path("bench"), help="folder (default %(default)s)")
    command.add_argument("--resume", action="store_true", help="go on with the run in that folder")
    command.add_argument("--compare", nargs=2, type=Path, metavar=("BEFORE", "AFTER"), help="two folders")
    command.set_defaults(command=run)


def run(chosen: argparse.Namespace) -> int:
    """Run, or compare two runs."""
    if chosen.compare is not None:
        return compare(*chosen.compare)
    is_whole = True
    try:
        settings = bench.Settings(
            problems=() if chosen.resume else tuple(bench.select(chosen.selection)),
            solvers=tuple(chosen.solvers.split(",")),
            seconds=chosen.limit,
            megabytes=chosen.memory,
            tol=chosen.tol,
            max_iterations=chosen.max_iterations,
        )
        bench.run(settings, chosen.out, resume=chosen.resume, tell=lambda line: print(line, flush=True))
    except (ValueError, OSError, ImportError) as error:
        raise ProblemError(f"`bench`: {error}") from error
    except KeyboardInterrupt:
        is_whole = False
        print(f"\ninterrupted; go on with: lagrad bench --out {chosen.out} --resume", file=sys.stderr)
    has_pictures = find_spec("matplotlib") is not None
    print(f"report: {bench.write_report(chosen.out, pictures=has_pictures)}")
    return 0 if is_whole else 1


def compare(before: Path, after: Path) -> int:
    """Print what changed."""
    try:
        lines = bench.compare(before, after)
    except OSError as error:
        raise ProblemError(f"`bench --compare`: {error}") from error
    print("\n".join(lines))
    return 1 if any(line.startswith("lost") for line in lines) else 0

"""Run the command `lagrad`: parse arguments, print text, set the exit status.

    lagrad list                            the registered problems
    lagrad solve hs71                      solve one of them,
    lagrad solve model.py:problem          or a Problem in your own file, which is then executed,
    lagrad solve network.m                 or the power flow of a MATPOWER file
    lagrad inspect hs71                    its structure, colors and pictures of its derivatives
    lagrad diagnose model.py               what a solver would stumble over, and whether derivatives are right
    lagrad show solution.npz               what `lagrad solve --save` wrote; --network FILE.m for its tables
    lagrad bench 'hs*' --solvers ipopt     solvers on the suite, with a report

Exit status: 0 solved or nothing wrong, 1 the solver did not succeed or something is, 2 the problem could not
be declared.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

import lagrad
import lagrad_problems
from lagrad.cli.bench import add_bench
from lagrad.cli.solve import add_solve
from lagrad.cli.source import Commands, add_source, check_file, find, load
from lagrad.display import spy as picture
from lagrad.display import text as report
from lagrad.solution.tables import RANKINGS
from lagrad_problems.opf import Network, PowerFlow


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: as typed after `lagrad`; this process's own if not given.

    Returns:
        The exit status.
    """
    chosen = parser().parse_args(arguments)
    try:
        return chosen.command(chosen)
    except (lagrad.ProblemError, lagrad.DerivativeError) as error:
        print(f"lagrad: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        # `lagrad list | head`: nobody wants the rest, and Python would complain once more when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def parser() -> argparse.ArgumentParser:
    """What may be typed."""
    top = argparse.ArgumentParser(prog="lagrad", description="Solve and inspect constrained problems.")
    top.add_argument("--version", action="version", version=f"lagrad {lagrad.__version__}")
    commands = top.add_subparsers(required=True, metavar="COMMAND")

    listing = commands.add_parser("list", help="the registered problems, with their sizes and optima")
    listing.add_argument("--sources", action="store_true", help="say where each was published")
    listing.set_defaults(command=list_problems)

    add_solve(commands)
    inspecting = commands.add_parser("inspect", help="show structure, colors and cost of the derivatives")
    add_source(inspecting)
    inspecting.add_argument("--width", type=int, default=64, help="of a picture (default %(default)s)")
    inspecting.set_defaults(command=inspect)
    add_looks(commands)
    add_bench(commands)
    return top


def add_looks(commands: Commands) -> None:
    """The commands that say what is wrong, or what was found."""
    diagnosing = commands.add_parser("diagnose", help="say what is wrong with a problem, and where")
    add_source(diagnosing)
    text = "also ask which constraints cannot hold together, by an elastic solve"
    diagnosing.add_argument("--feasible", action="store_true", help=text)
    diagnosing.set_defaults(command=diagnose)

    checking = commands.add_parser("doctor", help="say what solves here, and what is missing")
    checking.set_defaults(command=check_installation)

    showing = commands.add_parser("show", help="print a solution that was saved")
    showing.add_argument("file", type=Path, help="what `lagrad solve --save` or Solution.save wrote")
    showing.add_argument("--network", metavar="FILE.m", help="the case that was solved, for its tables")
    showing.add_argument("--sort", choices=tuple(RANKINGS), help="the largest first (default: in order)")
    showing.add_argument(
        "--most", type=at_least_two, default=8, help="rows of an array (default %(default)s)"
    )
    showing.set_defaults(command=show)


def at_least_two(text: str) -> int:
    """A whole number from 2 on."""
    if not text.isdecimal() or int(text) < 2:
        raise argparse.ArgumentTypeError(f"found {text!r}, expected a whole number from 2 on")
    return int(text)


def list_problems(chosen: argparse.Namespace) -> int:
    """Print a line for each registered problem."""
    entries = [lagrad_problems.get(name) for name in lagrad_problems.names()]
    print(report.table([summary(entry, chosen.sources) for entry in entries]))
    return 0


def summary(entry: lagrad_problems.Entry, with_source: bool) -> Mapping[str, object]:
    """A registered problem as a row of the list."""
    optimum = "" if entry.optimum is None else f"{entry.optimum:.10g}"
    row = {"name": entry.name, "n": entry.n, "m": entry.m, "optimum": optimum, "kind": entry.kind}
    return row | ({"source": entry.source} if with_source else {})


def diagnose(chosen: argparse.Namespace) -> int:
    """Print what is wrong with the named problem."""
    problem = load(chosen.source, dict(chosen.size))
    found = lagrad.diagnose(problem)
    print(found)
    is_right = found.ok
    if found.ok:
        derivatives = lagrad.check_derivatives(problem)
        print(derivatives)
        is_right = derivatives.ok
    if found.ok and chosen.feasible and problem.m:
        feasibility = lagrad.explain_infeasibility(problem)
        print(feasibility)
        is_right = is_right and feasibility.is_feasible
    return 0 if is_right else 1


def show(chosen: argparse.Namespace) -> int:
    """Print a saved solution: its summary and the residuals one by one."""
    check_file(chosen.file)
    try:
        solution = lagrad.Solution.load(chosen.file)
    except ValueError as error:
        raise lagrad.ProblemError(str(error)) from error
    print(solution)
    print(solution.certificate)
    print(
        solution.table(chosen.sort, chosen.most)
        if chosen.network is None
        else network_tables(chosen, solution)
    )
    return 0 if solution.success else 1


def network_tables(chosen: argparse.Namespace, solution: lagrad.Solution) -> str:
    """Buses, generators and branches of a solution that was saved.

    Raises:
        ProblemError: the file holds no network, or another one.
    """
    problem, numbers = find(chosen.network, {})
    if not isinstance(numbers, Network):
        raise lagrad.ProblemError(f"`--network`: {chosen.network} holds no network. Give a MATPOWER file.")
    sizes = {name: np.shape(part) for name, part in problem.x0.items()}
    if not isinstance(solution.x, dict) or {name: np.shape(v) for name, v in solution.x.items()} != sizes:
        raise lagrad.ProblemError(f"`--network`: {chosen.network} is not what {chosen.file} solves.")
    return str(PowerFlow(solution, numbers))


def check_installation(chosen: argparse.Namespace) -> int:
    """Print what solves here."""
    lagrad.doctor()
    return 0


def inspect(chosen: argparse.Namespace) -> int:
    """Print what was found about the named problem's derivatives."""
    derivatives = lagrad.differentiate(load(chosen.source, dict(chosen.size)))
    print(derivatives.problem)
    print(derivatives.report())
    print(pictures(derivatives, chosen.width))
    return 0


def pictures(derivatives: lagrad.Derivatives, width: int) -> str:
    """Spy pictures of Jacobian and Hessian, with the colors each kind of coloring would need."""
    jacobian, hessian = derivatives.jacobian_pattern, derivatives.hessian_pattern
    columns, rows = lagrad.color_columns(jacobian).num_colors, lagrad.color_rows(jacobian).num_colors
    symmetric = lagrad.color_symmetric(hessian).num_colors
    lines = [
        f"\nJacobian, {picture.caption(jacobian)}; {columns} colors for its columns, {rows} for its rows",
        picture.spy(jacobian, width),
        f"\nHessian of the Lagrangian, {picture.caption(hessian)}; {symmetric} colors",
        picture.spy(hessian, width),
    ]
    return "\n".join(lines)

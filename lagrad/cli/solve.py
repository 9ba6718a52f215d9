"""Run `lagrad solve`: solve a problem by name, print its solution and save it in the forms asked for.

    lagrad solve hs71 --json hs71.json
    lagrad solve network.m --csv network.csv --plot network.png     buses, generators and branches

Exit status: 0 solved, 1 the solver did not succeed.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import lagrad
from lagrad.cli.source import Commands, add_assignments, add_source, find
from lagrad_problems.opf import Network, PowerFlow
from lagrad_problems.opf.report import csv_files

# Options whose values are code for Ipopt to load.
LIBRARIES = {"hsllib", "pardisolib"}
PICTURES = {".png", ".pdf", ".svg"}
# What is written -> what is said of it.
FILES = {
    "save": "everything as FILE.npz, for `lagrad show` and Solution.load",
    "json": "everything as JSON; of a network its tables by bus number",
    "csv": "variables and constraints as CSV; of a network three files, FILE_buses.csv and so on",
    "output": "what is printed, and the table of all variables and constraints, as text",
    "plot": "a picture, .png or .pdf: of a network prices and loading, else the course of x, or of the solve",
}


def add_solve(commands: Commands) -> None:
    """What may be typed after `lagrad solve`."""
    command = commands.add_parser("solve", help="solve a problem and print what came out")
    add_source(command)
    command.add_argument("--method", default="auto", help="auto, ipopt, uno, pounce or trust-constr")
    command.add_argument("--tol", type=float, default=1e-8, help="tolerance (default %(default)s)")
    command.add_argument("--max-iterations", type=int, metavar="N")
    command.add_argument("--time-limit", type=float, metavar="SECONDS")
    add_assignments(command, "--options", "options of the solver's own, such as mu_strategy=adaptive")
    command.add_argument("--progress", action="store_true", help="show the iterations")
    for name, text in FILES.items():
        command.add_argument(f"--{name}", type=Path, metavar="FILE", help=text)
    command.set_defaults(command=solve)


def solve(chosen: argparse.Namespace) -> int:
    """Solve the named problem, print and save the outcome."""
    options = typed_options(chosen.options) or None
    problem, numbers = find(chosen.source, dict(chosen.size))
    check_files(chosen, isinstance(numbers, Network))
    try:
        solution = lagrad.solve(
            problem,
            method=chosen.method,
            tol=chosen.tol,
            max_iterations=chosen.max_iterations,
            time_limit=chosen.time_limit,
            progress=chosen.progress,
            options=options,
        )
    except ImportError as error:
        raise lagrad.ProblemError(str(error)) from error
    flow = PowerFlow(solution, numbers) if isinstance(numbers, Network) else None
    page = str(solution) if flow is None else f"{solution}\n\n{flow}"
    try:
        # Before printing, so that `lagrad solve ... | head` saves everything, too.
        files = written(chosen, solution, flow, page)
    finally:
        print(page)
    for path in files:
        print(f"  saved     {path}")
    if not solution.success:
        flag = " --feasible" if solution.status is lagrad.Status.INFEASIBLE else ""
        print(f"  next      lagrad diagnose {chosen.source}{flag}")
    return 0 if solution.success else 1


def written(
    chosen: argparse.Namespace, solution: lagrad.Solution, flow: PowerFlow | None, page: str
) -> list[Path]:
    """Write what was asked for; the files."""
    found = []
    if chosen.save is not None:
        found.append(solution.save(chosen.save))
    if chosen.json is not None:
        found.append(new_file(chosen.json, solution.to_json(indent=1) if flow is None else flow.to_json()))
    if chosen.csv is not None:
        found += [new_file(chosen.csv, solution.to_csv())] if flow is None else flow.save_csv(chosen.csv)
    if chosen.output is not None:
        found.append(new_file(chosen.output, f"{page}\n\n{solution.table(most=10**9)}\n"))
    if chosen.plot is not None:
        (lagrad.plot.problem(solution)[0].figure if flow is None else flow.plot()).savefig(
            chosen.plot, dpi=150
        )
        found.append(chosen.plot)
    return found


def new_file(path: Path, text: str) -> Path:
    """Write a text to a file that is not there yet."""
    with path.open("x", encoding="utf-8") as file:
        file.write(text)
    return path


def check_files(chosen: argparse.Namespace, is_network: bool) -> None:
    """Raise ProblemError if a file could not be written: better before a long solve than after."""
    for flag in FILES:
        path = getattr(chosen, flag)
        if path is not None:
            for each in csv_files(path) if flag == "csv" and is_network else [path]:
                check_free(each, flag)
    if chosen.plot is not None and chosen.plot.suffix not in PICTURES:
        raise lagrad.ProblemError(
            f"`--plot`: {chosen.plot}, expected a name that ends in .png, .pdf or .svg."
        )


def check_free(path: Path, flag: str) -> None:
    """Raise ProblemError if nothing could be saved there."""
    if path.exists():
        raise lagrad.ProblemError(f"`--{flag}`: {path} exists. Give another path, or remove the file.")
    if not path.absolute().parent.is_dir():
        raise lagrad.ProblemError(f"`--{flag}`: there is no folder {path.absolute().parent}. Make it first.")


def typed_options(given: Sequence[tuple[str, object]]) -> dict[str, object]:
    """Options of the solver as typed; whoever supplies a command line must not choose the code to load.

    Raises:
        ProblemError: an option names a library.
    """
    options = dict(given)
    for name in options.keys() & LIBRARIES:
        raise lagrad.ProblemError(
            f"`--options`: {name} loads a library, and is not taken from a command line. "
            "Call lagrad.solve(..., options=...) from Python."
        )
    return options

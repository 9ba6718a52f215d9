"""Run the command `lagrad`: parse arguments, print text, set the exit status.

    lagrad list                            the registered problems
    lagrad solve hs71                      solve one of them,
    lagrad solve model.py:problem          or a Problem in your own file, which is then executed,
    lagrad solve network.m                 or the power flow of a MATPOWER file
    lagrad inspect hs71                    its structure, colors and pictures of its derivatives
    lagrad diagnose model.py               what a solver would stumble over, and whether derivatives are right
    lagrad show solution.npz               what `lagrad solve --save` wrote
    lagrad bench 'hs*' --solvers ipopt     solvers on the suite, with a report

Exit status: 0 solved or nothing wrong, 1 the solver did not succeed or something is, 2 the problem could not
be declared.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import sys
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path

import lagrad
import lagrad_problems
from lagrad.cli.bench import add_bench
from lagrad.display import spy as picture
from lagrad.display import text as report
from lagrad.solution.tables import RANKINGS

# Options whose values are code for Ipopt to load.
LIBRARIES = {"hsllib", "pardisolib"}


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

    solving = commands.add_parser("solve", help="solve a problem and print what came out")
    add_source(solving)
    solving.add_argument("--method", default="auto", help="auto, ipopt, uno, pounce or trust-constr")
    solving.add_argument("--tol", type=float, default=1e-8, help="tolerance (default %(default)s)")
    solving.add_argument("--max-iterations", type=int, metavar="N")
    solving.add_argument("--time-limit", type=float, metavar="SECONDS")
    add_assignments(solving, "--options", "options of the solver's own, such as mu_strategy=adaptive")
    solving.add_argument("--progress", action="store_true", help="show the iterations")
    solving.add_argument("--save", type=Path, metavar="FILE", help="write the solution to FILE.npz")
    solving.set_defaults(command=solve)

    inspecting = commands.add_parser("inspect", help="show structure, colors and cost of the derivatives")
    add_source(inspecting)
    inspecting.add_argument("--width", type=int, default=64, help="of a picture (default %(default)s)")
    inspecting.set_defaults(command=inspect)
    add_looks(commands)
    add_bench(commands)
    return top


def add_looks(commands) -> None:
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


def add_source(command: argparse.ArgumentParser) -> None:
    """The arguments that name a problem."""
    text = "a name that `lagrad list` shows, FILE.py:variable (the file is executed), or FILE.m"
    command.add_argument("source", help=text)
    add_assignments(command, "--size", "sizes of a registered problem, such as n=1000")


def add_assignments(command: argparse.ArgumentParser, flag: str, text: str) -> None:
    """An argument that takes any number of NAME=VALUE."""
    command.add_argument(flag, nargs="+", type=assignment, default=[], metavar="NAME=VALUE", help=text)


def assignment(text: str) -> tuple[str, int | float | str]:
    """NAME=VALUE as a name and a number, if it is one, else a string.

    >>> assignment("mu_init=1e-2"), assignment("max_iter=5"), assignment("linear_solver=mumps")
    (('mu_init', 0.01), ('max_iter', 5), ('linear_solver', 'mumps'))
    """
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise argparse.ArgumentTypeError(f"found {text!r}, expected NAME=VALUE")
    for number in (int, float):
        try:
            return name, number(value)
        except ValueError:
            continue
    return name, value


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


def solve(chosen: argparse.Namespace) -> int:
    """Solve the named problem and print the outcome."""
    options = typed_options(chosen.options) or None
    problem = load(chosen.source, dict(chosen.size))
    check_free(chosen.save)
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
    print(solution)
    if chosen.save is not None:
        print(f"  saved     {solution.save(chosen.save)}")
    if not solution.success:
        flag = " --feasible" if solution.status is lagrad.Status.INFEASIBLE else ""
        print(f"  next      lagrad diagnose {chosen.source}{flag}")
    return 0 if solution.success else 1


def check_free(path: Path | None) -> None:
    """Raise ProblemError if a solution could not be saved there: better before a long solve than after."""
    if path is None:
        return
    if path.exists():
        raise lagrad.ProblemError(f"`--save`: {path} exists. Give another path, or remove the file.")
    if not path.absolute().parent.is_dir():
        raise lagrad.ProblemError(f"`--save`: there is no folder {path.absolute().parent}. Make it first.")


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
    print(solution.table(chosen.sort, chosen.most))
    return 0 if solution.success else 1


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


def load(source: str, sizes: Mapping[str, object]) -> lagrad.Problem:
    """The problem that a text names.

    Args:
        source: "hs71", "model.py:name" with the variable that holds the Problem ("problem" if there is
            none), or "network.m".
        sizes: for registered problems that come in sizes.

    Returns:
        The declared problem.

    Raises:
        ProblemError: there is no such problem, file or variable.
    """
    path, colon, variable = source.rpartition(":")
    if colon and path.endswith(".py"):
        return from_python(Path(path), variable)
    if source.endswith(".py"):
        return from_python(Path(source), "problem")
    if source.endswith(".m"):
        return from_matpower(Path(source))
    return registered(source, sizes)


def registered(name: str, sizes: Mapping[str, object]) -> lagrad.Problem:
    """A problem of the suite."""
    if name not in lagrad_problems.names():
        close = get_close_matches(name, lagrad_problems.names(), 3)
        hint = f" Did you mean {' or '.join(close)}?" if close else ""
        raise lagrad.ProblemError(f"`{name}`: no such problem.{hint} `lagrad list` shows all.")
    try:
        return lagrad_problems.get(name, **sizes).problem
    except (TypeError, ValueError) as error:
        raise lagrad.ProblemError(f"`{name}`: {error}") from error


def from_matpower(path: Path) -> lagrad.Problem:
    """AC optimal power flow of a MATPOWER case."""
    check_file(path)
    return registered("ac_opf", {"path": path})


def from_python(path: Path, variable: str) -> lagrad.Problem:
    """Execute a file and take a Problem from it.

    Neither the file's folder nor the working directory joins the import path: what the file imports must be
    installed, or named in PYTHONPATH.
    """
    check_file(path)
    specification = importlib.util.spec_from_file_location(f"lagrad_cli_{path.stem}", path)
    assert specification is not None and specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    # Dataclasses and pickle look a module up by its name.
    sys.modules[specification.name] = module
    specification.loader.exec_module(module)
    found = getattr(module, variable, None)
    if not isinstance(found, lagrad.Problem):
        there = [name for name, value in vars(module).items() if isinstance(value, lagrad.Problem)]
        raise lagrad.ProblemError(
            f"`{path}:{variable}`: found {type(found).__name__}, expected a lagrad.Problem. "
            f"Problems in this file: {', '.join(there) or 'none'}."
        )
    return found


def check_file(path: Path) -> None:
    """Raise ProblemError unless the file is there."""
    if not path.is_file():
        raise lagrad.ProblemError(f"`{path}`: no such file. Give a path to an existing one.")

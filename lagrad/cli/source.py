"""Read what names a problem on the command line: a registered name, a Python file, a MATPOWER file."""

from __future__ import annotations

import argparse
import importlib.util
import sys
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Protocol

import lagrad
import lagrad_problems


class Commands(Protocol):
    """Where a command gets its own arguments: what `add_subparsers` gives."""

    def add_parser(self, name: str, *, help: str) -> argparse.ArgumentParser:
        """Arguments of a command of this name."""
        ...


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
    return find(source, sizes)[0]


def find(source: str, sizes: Mapping[str, object]) -> tuple[lagrad.Problem, object]:
    """The same, with the numbers behind a problem of the suite or of a file, None if there are none."""
    path, colon, variable = source.rpartition(":")
    if colon and path.endswith(".py"):
        return from_python(Path(path), variable), None
    if source.endswith(".py"):
        return from_python(Path(source), "problem"), None
    entry = from_matpower(Path(source)) if source.endswith(".m") else registered(source, sizes)
    return entry.problem, entry.numbers


def registered(name: str, sizes: Mapping[str, object]) -> lagrad_problems.Entry:
    """A problem of the suite."""
    if name not in lagrad_problems.names():
        close = get_close_matches(name, lagrad_problems.names(), 3)
        hint = f" Did you mean {' or '.join(close)}?" if close else ""
        raise lagrad.ProblemError(
            f"`{name}`: no such problem.{hint} `lagrad list` shows all; a file ends in .m or .py."
        )
    try:
        return lagrad_problems.get(name, **sizes)
    except (TypeError, ValueError) as error:
        raise lagrad.ProblemError(f"`{name}`: {error}") from error


def from_matpower(path: Path) -> lagrad_problems.Entry:
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

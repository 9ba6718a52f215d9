"""Measure whole solves, from declaration to solution, beside the peers.

python -m benchmarks.solves --quick
python -m benchmarks.solves --cases cart_pole:505,clnlbeam:3003 --contenders lagrad,casadi_mx,pyoptinterface
"""

from __future__ import annotations

import argparse
import ast
import inspect
import tempfile
import textwrap
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from benchmarks import apart, contenders, tables
from benchmarks.cases import catalog
from benchmarks.measure import machine

TOLERANCE = 1e-6
NOTE = (
    "All use Ipopt 3.14 with MUMPS (told not to scale, as lagrad does by itself), tol 1e-8, at most 3000 "
    "iterations, one thread, from the same start, but for POUNCE and Pyomo (POUNCE, a port of Ipopt) and "
    "asdex_uno (Uno's interior-point preset, MUMPS). "
    "**First iterate**: declaration, differentiation, compilation and one evaluation of everything (Pyomo: "
    "declaration alone). **Total**: that and the solve. **Callbacks**: share of the solve spent in "
    "derivative code, where the contender tells. **Lines**: of the declaration of f, c, start and bounds "
    "for lagrad, of f and c alone for CasADi, Pyomo and PyOptInterface. An objective in brackets differs "
    "from the best that was found by more than 1e-6. Each contender runs in its own process and has met a "
    "tiny problem before; imports are left out (`benchmarks.first_use` has them)."
)
COLUMNS = (
    "case",
    "contender",
    "first iterate s",
    "total s",
    "callbacks",
    "iterations",
    "objective",
    "peak MB",
    "lines",
    "why not",
)
# The functions beside the problem's own that a user of lagrad writes.
IN_JAX = {
    "chained_rosenbrock": ("objective", "chain"),
    "clnlbeam": ("mean",),
    "cart_pole": ("rates", "defects"),
    "elliptic_control": ("residual",),
    "gather_network": ("energy", "metered"),
    "tanh_network": ("misfit",),
}
DECLARED = {
    "casadi_mx": "in_casadi",
    "casadi_sx": "in_casadi",
    "pyoptinterface": "in_pyoptinterface",
    "pyomo": "in_pyomo",
}
# Declarations that call the functions of a file of their own.
APART = {("in_pyoptinterface", "acopf"): "power_in_pyoptinterface"}
LANGUAGES = {"in_casadi": "casadi", "in_pyoptinterface": "pyoptinterface", "in_pyomo": "pyomo"}


def lines_of(functions: Sequence[Callable]) -> int:
    """Lines of code of functions, without documentation, comments and empty lines."""
    count = 0
    for function in functions:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
        assert isinstance(tree, ast.FunctionDef)
        if ast.get_docstring(tree) is not None:
            tree.body = tree.body[1:]
        count += len(ast.unparse(tree).splitlines())
    return count


def functions_of(module: str) -> list[Callable]:
    """The functions that a module itself defines."""
    found = inspect.getmembers(import_module(module), inspect.isfunction)
    return [function for _, function in found if function.__module__ == module]


def user_lines(case: str, contender: str) -> int | None:
    """Lines of a case's declaration in a contender's language; None if that is not counted."""
    family = catalog.split(case)[0]
    if contender in DECLARED:
        language = DECLARED[contender]
        if find_spec(LANGUAGES[language]) is None:
            return None
        if (language, family) in APART:
            return lines_of(functions_of(f"benchmarks.declarations.{APART[language, family]}"))
        declarations = import_module(f"benchmarks.declarations.{language}").DECLARATIONS
        return lines_of([declarations[family]]) if family in declarations else None
    if family not in IN_JAX or contender != "lagrad":
        return None
    module = import_module(f"lagrad_problems.{family}")
    written = lines_of([getattr(module, name) for name in IN_JAX[family]])
    return written + lines_of_problem(getattr(module, family))


def lines_of_problem(function: Callable) -> int:
    """Lines of the statement `problem = lagrad.Problem(...)` in a function."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    found = [
        (node.end_lineno or node.lineno) - node.lineno + 1
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "problem"
    ]
    return sum(found)


def measure(case: str, names: Sequence[str], limits: apart.Limits) -> list[dict]:
    """Rows of one case, one contender after the other."""
    rows = []
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            rows.append(apart.run(case, name, Path(folder), limits))
        rows[-1]["lines"] = user_lines(case, name)
        print(*body(rows[-1], None)[:7], flush=True)
    return rows


def best(rows: Sequence[dict]) -> float | None:
    """The least objective among those that call themselves optimal."""
    found = [row["solve_objective"] for row in rows if row.get("solve_success")]
    return min(found, default=None)


def agrees(row: dict, optimum: float | None) -> bool:
    """Whether a row's objective is the best one."""
    if optimum is None or "solve_objective" not in row:
        return False
    return abs(row["solve_objective"] - optimum) <= TOLERANCE * max(1.0, abs(optimum))


def body(row: dict, optimum: float | None) -> list:
    """A row of the table."""
    ready, solve = row.get("ready_s"), row.get("solve_seconds")
    share = row.get("solve_callback_seconds")
    objective = f"{row['solve_objective']:.8g}" if "solve_objective" in row else "-"
    if optimum is not None and objective != "-" and not agrees(row, optimum):
        objective = f"({objective})"
    iterations = row.get("solve_iterations", -1)
    reason = row.get("failure", "" if row.get("solve_success", True) else "not called optimal")
    return [
        row["case"],
        row["contender"],
        ready,
        None if ready is None or solve is None else ready + solve,
        None if share is None or not solve or share != share else f"{share / solve:.0%}",
        None if iterations < 0 else round(iterations),
        objective,
        None if row.get("peak_mb") is None else round(row["peak_mb"]),
        row.get("lines"),
        reason,
    ]


def main(arguments: Sequence[str] | None = None) -> Path:
    """Command line; returns the path of the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cases", help="family:size, separated by commas; default: the whole table")
    parser.add_argument("--contenders", default=",".join(contenders.installed(solves=True)))
    parser.add_argument("--quick", action="store_true", help="small sizes")
    parser.add_argument("--seconds", type=float, default=600.0, help="limit per process")
    parser.add_argument("--output", type=Path, default=tables.RESULTS)
    options = parser.parse_args(arguments)
    default = catalog.QUICK if options.quick else catalog.table()
    cases = options.cases.split(",") if options.cases else default
    limits = apart.Limits(seconds=options.seconds, budget=0.01)
    about = machine()
    rows, table = [], []
    for case in cases:
        group = measure(case, options.contenders.split(","), limits)
        rows += group
        table += [body(row, best(group)) for row in group]
    stem = "solves_quick" if options.quick else "solves"
    note = f"{NOTE}\n\nMachine: {about}."
    path = tables.write(
        stem, "Solves side by side", note, rows, tables.markdown(COLUMNS, table), options.output
    )
    print(path.read_text())
    return path


if __name__ == "__main__":
    main()

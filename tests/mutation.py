"""Change one operator or number in each of some files, run the tests of the file, and report survivors.

    python -m tests.mutation --files 60 --seed 0            every file's own tests, else those of its folder
    python -m tests.mutation lagrad/coloring --seconds 60   only files below a path

A survivor is a change that no test noticed: a missing test, or a line that does not matter. Tests that take
too long say nothing. The tree is copied first and is never touched itself.
"""

from __future__ import annotations

import argparse
import ast
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
COPIED = ("lagrad", "problems", "tests", "examples", "docs", "benchmarks", "pyproject.toml", "README.md")
COMPARISONS = {
    ast.Lt: "<=",
    ast.LtE: "<",
    ast.Gt: ">=",
    ast.GtE: ">",
    ast.Eq: "!=",
    ast.NotEq: "==",
    ast.Is: "is not",
    ast.IsNot: "is",
    ast.In: "not in",
    ast.NotIn: "in",
}
ARITHMETIC = {ast.Add: "-", ast.Sub: "+", ast.Mult: "+", ast.Div: "*", ast.FloorDiv: "*"}
CONNECTIVES = {ast.And: "or", ast.Or: "and"}


@dataclass(frozen=True)
class Mutation:
    """One change to one file.

    Args:
        path: relative to the repository.
        line: where, from 1.
        before: the expression.
        after: what stands in its place.
        text: the whole file after the change.
    """

    path: Path
    line: int
    before: str
    after: str
    text: str


def mutations(path: Path) -> list[Mutation]:
    """All changes that can be made to a file."""
    text = (ROOT / path).read_text()
    tree = ast.parse(text)
    return [
        mutated(path, text, node, after)
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef)
        for node in ast.walk(function)
        for after in changed(node, text)
    ]


def changed(node: ast.AST, text: str) -> Iterator[str]:
    """What an expression can become."""
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        left, right = (ast.get_source_segment(text, side) for side in (node.left, node.comparators[0]))
        yield f"({left} {COMPARISONS[type(node.ops[0])]} {right})"
    elif isinstance(node, ast.BinOp) and type(node.op) in ARITHMETIC:
        left, right = (ast.get_source_segment(text, side) for side in (node.left, node.right))
        yield f"({left} {ARITHMETIC[type(node.op)]} {right})"
    elif isinstance(node, ast.BoolOp):
        parts = [f"({ast.get_source_segment(text, value)})" for value in node.values]
        yield f"({f' {CONNECTIVES[type(node.op)]} '.join(parts)})"
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield f"bool({ast.get_source_segment(text, node.operand)})"


def mutated(path: Path, text: str, node: ast.AST, after: str) -> Mutation:
    """A file with one expression replaced."""
    lines = text.splitlines(keepends=True)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line.encode()))
    begin, end = (
        starts[line - 1] + column
        for line, column in ((node.lineno, node.col_offset), (node.end_lineno, node.end_col_offset))
    )
    raw = text.encode()
    new = (raw[:begin] + after.encode() + raw[end:]).decode()
    return Mutation(path, node.lineno, raw[begin:end].decode(), after, new)


def tests_of(path: Path) -> list[str]:
    """Tests that should notice a change: those of the file's name, else all of its folder."""
    inner = path.relative_to("lagrad") if path.is_relative_to("lagrad") else path.relative_to("problems")
    folder = Path("tests") / inner.parent
    own = folder / f"test_{path.stem}.py"
    if (ROOT / own).exists():
        return [str(own)]
    while not (ROOT / folder).is_dir():
        folder = folder.parent
    return [str(folder)]


def verdict(mutation: Mutation, tree: Path, tests: Sequence[str], seconds: float) -> str:
    """What the tests say to a change: "noticed" and by which test, "SURVIVES" or "too long".

    A test that fails without the change, too, notices nothing: then the verdict is "fails anyway".
    """
    target = tree / mutation.path
    original = target.read_text()
    target.write_text(mutation.text)
    try:
        failed = failing(tree, tests, seconds)
    finally:
        target.write_text(original)
    if not failed:
        return "too long" if failed is None else "SURVIVES"
    return "fails anyway" if failing(tree, [failed], seconds) else f"noticed by {failed}"


def failing(tree: Path, tests: Sequence[str], seconds: float) -> str | None:
    """The first test that fails, empty if none does, None if they take too long."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "--no-header", "-p", "no:cacheprovider", *tests]
    environment = os.environ | {"PYTHONPATH": f"{tree}{os.pathsep}{tree / 'problems'}"}
    try:
        done = subprocess.run(
            command, cwd=tree, env=environment, capture_output=True, timeout=seconds, text=True
        )
    except subprocess.TimeoutExpired:
        return None
    named = re.findall(r"^(?:FAILED|ERROR) (.+?)(?: - .*)?$", done.stdout, re.MULTILINE)
    return (named or tests)[0] if done.returncode else ""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line; the exit status is the number of survivors."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("paths", nargs="*", default=["lagrad"], help="files or folders to mutate")
    parser.add_argument("--files", type=int, default=60, help="how many files, one change in each")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=120.0, help="limit of each run")
    given = parser.parse_args(arguments)
    choose = random.Random(given.seed)
    files = sorted({file for path in given.paths for file in [*(ROOT / path).rglob("*.py"), ROOT / path]})
    possible = [mutations(file.relative_to(ROOT)) for file in files if file.suffix == ".py"]
    possible = [found for found in possible if found]
    chosen = [choose.choice(found) for found in choose.sample(possible, min(given.files, len(possible)))]
    found: Counter[str] = Counter()
    print("| line | before | after | tests |\n| --- | --- | --- | --- |", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        for name in COPIED:
            source, target = ROOT / name, Path(folder) / name
            shutil.copytree(source, target) if source.is_dir() else shutil.copy(source, target)
        for mutation in chosen:
            said = verdict(mutation, Path(folder), tests_of(mutation.path), given.seconds)
            found[said.split(" by ")[0]] += 1
            shown = f"`{mutation.before}` | `{mutation.after}`".replace("\n", " ")
            print(f"| {mutation.path}:{mutation.line} | {shown} | {said} |", flush=True)
    print(", ".join(f"{count} {said}" for said, count in found.items()))
    return found["SURVIVES"]


if __name__ == "__main__":
    sys.exit(main())

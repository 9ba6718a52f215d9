"""The source tree in, a broken rule of the house out: which way imports point, and how long things are."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from functools import cache
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LONGEST_FILE = 450
LONGEST_FUNCTION = 60
OPTIONAL = {"cyipopt", "matplotlib", "rich", "IPython"}
# What few need and everybody would wait for.
SLOW = {"scipy.stats"}

# The floors of the house, lowest first; on each, the rooms, which do not know one another. A file or folder
# directly in lagrad/ stands in exactly one room, and may use its own room and all floors below.
FLOORS = [
    [
        {
            "errors",
            "trees",
            "pattern",
            "precision",
            "places",
            "report",
            "archive",
            "forks",
            "picture",
            "console",
        }
    ],
    [{"problem", "bounds", "constraints", "functions", "overview"}, {"nested"}],
    [{"program", "merging"}],
    [{"structure"}, {"coloring"}],
    [{"native"}],
    [{"derivatives"}],
    [{"solution", "status"}],
    [{"solvers"}],
    [{"checks"}, {"sensitivity"}, {"sweep"}],
    [{"__init__", "plot", "install_ipopt"}],
    [{"cli", "__main__"}],
]


@dataclass(frozen=True)
class Source:
    """A parsed Python file.

    Args:
        module: dotted name, such as "lagrad.coloring.star"; a folder's is the one of its __init__.
        path: relative to the repository.
        text: as stored.
        tree: parsed.
    """

    module: str
    path: Path
    text: str
    tree: ast.Module


@cache
def sources(*folders: str) -> tuple[Source, ...]:
    """Every Python file below the folders, sorted by path."""
    files = sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))
    return tuple(read(path) for path in files)


def read(path: Path) -> Source:
    """Parse one file."""
    relative = path.relative_to(ROOT)
    parts = [part for part in relative.with_suffix("").parts if part not in ("__init__", "problems")]
    text = path.read_text()
    return Source(".".join(parts), relative, text, ast.parse(text, filename=str(relative)))


LAGRAD = sources("lagrad")
PACKAGES = sources("lagrad", "problems")
EVERYTHING = sources("lagrad", "problems", "tests", "examples", "benchmarks")
MODULES = {source.module for source in PACKAGES}


def each(files: tuple[Source, ...]):
    """Run a test once for each file, under its path."""
    return pytest.mark.parametrize("source", files, ids=[str(source.path) for source in files])


def imports(source: Source) -> list[tuple[str, str | None]]:
    """Every (module, name) that a file imports; name is None in `import module`."""
    found: list[tuple[str, str | None]] = []
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            found.extend((alias.name, None) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            found.extend((absolute(source, node), alias.name) for alias in node.names)
    return found


def absolute(source: Source, node: ast.ImportFrom) -> str:
    """Dotted name of the module that a `from` names, dots in front resolved."""
    if node.level == 0:
        return node.module or ""
    is_folder = source.path.name == "__init__.py"
    parts = source.module.split(".")
    parents = parts[: len(parts) - node.level + is_folder]
    return ".".join(parents + ([node.module] if node.module else []))


def imported_modules(source: Source) -> set[str]:
    """Our own modules that a file imports, `from package import module` included."""
    named = {f"{module}.{name}" if name else module for module, name in imports(source)}
    containing = {module for module, name in imports(source) if f"{module}.{name}" not in MODULES}
    return (named | containing) & MODULES


def place(module: str) -> tuple[int, int]:
    """Floor and room of one of lagrad's modules."""
    top = (module.split(".") + ["__init__"])[1]
    for floor, rooms in enumerate(FLOORS):
        for room, names in enumerate(rooms):
            if top in names:
                return floor, room
    pytest.fail(f"{module} stands in no room: give `{top}` one in FLOORS, as low as its imports allow.")


@each(LAGRAD)
def test_imports_point_down_the_floors(source: Source):
    """A file uses its own room and lower floors, never a higher floor or the room next door."""
    floor, room = place(source.module)
    for module in imported_modules(source) - {source.module}:
        if not module.startswith("lagrad"):
            continue
        other_floor, other_room = place(module)
        assert other_floor < floor or (other_floor, other_room) == (floor, room), (
            f"{source.path} imports {module}"
        )


def test_lagrad_does_not_know_its_problems():
    """The suite uses the library; only the command line offers the suite."""
    for source in LAGRAD:
        if place(source.module)[0] < place("lagrad.cli")[0]:
            assert not any(module.startswith("lagrad_problems") for module, _ in imports(source)), source.path


def test_imports_have_no_circles():
    """The modules can be read in an order in which each is known before it is used."""
    graph = {source.module: imported_modules(source) - {source.module} for source in PACKAGES}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


@each(EVERYTHING)
def test_private_names_stay_at_home(source: Source):
    """Nobody imports a name with a leading underscore, nor anything of JAX's private package."""
    for module, name in imports(source):
        parts = [*module.split("."), *([name] if name else [])]
        private = [part for part in parts if part.startswith("_") and not part.startswith("__")]
        assert not private, f"{source.path}: {module} {name or ''}"


@each(EVERYTHING)
def test_jax_private_package_is_not_reached_by_attribute(source: Source):
    """`jax._src` is not used by way of an attribute either."""
    reached = [
        node for node in ast.walk(source.tree) if isinstance(node, ast.Attribute) and node.attr == "_src"
    ]
    assert not reached, [node.lineno for node in reached]


@each(PACKAGES)
def test_functions_import_only_optional_packages(source: Source):
    """A file's needs stand at its top; only what may be missing, or is slow, is imported where it is used."""
    for function in functions(source):
        for node in ast.walk(function):
            if isinstance(node, ast.Import):
                names = {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                names = {(node.module or "").split(".")[0]} if node.module not in SLOW else set()
            else:
                continue
            assert names <= OPTIONAL, f"{source.path}, line {node.lineno}: {names}"


def functions(source: Source) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    """All functions and methods of a file, nested ones too."""
    return [
        node for node in ast.walk(source.tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    ]


@each(EVERYTHING)
def test_files_are_one_subject_long(source: Source):
    """A file has at most 450 lines."""
    assert len(source.text.splitlines()) <= LONGEST_FILE


@each(PACKAGES)
def test_functions_fit_on_a_page(source: Source):
    """A function has at most 60 lines, its docstring not counted."""
    long = {
        function.name: length(function)
        for function in functions(source)
        if length(function) > LONGEST_FUNCTION
    }
    assert not long


def length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines from `def` to the end, without the docstring."""
    lines = (function.end_lineno or function.lineno) - function.lineno + 1
    first = function.body[0]
    if ast.get_docstring(function) is not None:
        lines -= (first.end_lineno or first.lineno) - first.lineno + 1
    return lines


@each(EVERYTHING)
def test_files_begin_with_what_comes_in_and_goes_out(source: Source):
    """The first statement of a file is its docstring."""
    assert ast.get_docstring(source.tree), f"{source.path} has no docstring"


def test_floors_name_each_room_once():
    """The picture of the house is not ambiguous."""
    names = sorted(name for rooms in FLOORS for room in rooms for name in room)
    assert all(one != other for one, other in pairwise(names))

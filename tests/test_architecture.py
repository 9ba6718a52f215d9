"""Hold the source tree to its rules: which way imports point, and how long things are."""

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
OPTIONAL = {"cyipopt", "sif2jax", "matplotlib", "pandas", "rich", "IPython"}
# What few need and everybody would wait for.
SLOW = {"scipy.stats", "scipy.sparse.csgraph", "scipy.sparse.linalg", "jax.experimental.sparse"}

# The floors of the house, lowest first; on each, the rooms, which do not know one another. A file or folder
# directly in lagrad/ stands in exactly one room, and may use its own room and all floors below.
FLOORS = [
    [
        {
            *("annotations", "display", "errors", "fork_safety", "garbage"),
            *("pattern", "precision", "source_location", "tracing"),
        }
    ],
    [{"solution"}],
    [{"problem"}],
    [{"coloring"}, {"primitives"}],
    [{"program"}],
    [{"nested"}, {"sparsity"}],
    [{"elements"}],
    [{"compile"}],
    [{"condensing"}],
    [{"derivatives"}],
    [{"solvers"}, {"batched"}],
    [{"checks"}, {"sensitivity"}, {"sweep"}],
    [{"doctor"}, {"plot"}],
    [{"__init__"}],
    [{"cli", "__main__"}],
]

# Rooms of which another one may use only the front: partial separability asks for the pattern of small
# programs (a rule of somebody's own, a matrix given by its products) and knows nothing of how it is found.
FRONTS = {("elements", "sparsity")}


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


def agree(offences: list[str]) -> None:
    """Fail with every offence on a line of its own."""
    assert not offences, "\n" + "\n".join(offences)


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


def test_imports_point_down_the_floors():
    """A file uses its own room and lower floors, never a higher floor or the room next door."""
    agree(
        [
            f"{source.path} imports {module}"
            for source in LAGRAD
            for module in sorted(imported_modules(source) - {source.module})
            if module.startswith("lagrad") and not may_use(source.module, module)
        ]
    )


def may_use(module: str, other: str) -> bool:
    """Whether a module may import another one."""
    if module.startswith("lagrad_problems") or other.startswith("lagrad_problems"):
        return True
    return place(other)[0] < place(module)[0] or place(other) == place(module)


def test_some_rooms_are_used_by_their_front_alone():
    """What such a room offers stands in its __init__; nothing behind it is imported."""
    agree(
        [
            f"{source.path} imports {module}"
            for source in LAGRAD
            for module, _ in imports(source)
            if (room_of(source.module), room_of(module)) in FRONTS and module.count(".") > 1
        ]
    )


def test_lagrad_does_not_know_its_problems():
    """The suite uses the library; only the command line offers the suite."""
    agree(
        [
            f"{source.path} imports {module}"
            for source in LAGRAD
            if place(source.module)[0] < place("lagrad.cli")[0]
            for module, _ in imports(source)
            if module.startswith("lagrad_problems")
        ]
    )


def test_imports_have_no_circles():
    """The modules can be read in an order in which each is known before it is used."""
    try:
        TopologicalSorter(graph(PACKAGES)).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


def graph(files: tuple[Source, ...]) -> dict[str, set[str]]:
    """Our own modules that each file imports."""
    return {source.module: imported_modules(source) - {source.module} for source in files}


def test_private_names_stay_at_home():
    """Nobody imports a name with a leading underscore, nor anything of JAX's private package."""
    agree(
        [
            f"{source.path}: {module} {name or ''}"
            for source in EVERYTHING
            for module, name in imports(source)
            if any(is_private(part) for part in [*module.split("."), name or ""])
        ]
    )


def is_private(name: str) -> bool:
    """Whether a name is its file's own."""
    return name.startswith("_") and not name.startswith("__")


def test_jax_private_package_is_not_reached_by_attribute():
    """`jax._src` is not used by way of an attribute either."""
    agree(
        [
            f"{source.path}, line {node.lineno}"
            for source in EVERYTHING
            for node in ast.walk(source.tree)
            if isinstance(node, ast.Attribute) and node.attr == "_src"
        ]
    )


def test_functions_import_only_optional_packages():
    """A file's needs stand at its top; only what may be missing, or is slow, is imported where it is used."""
    agree(
        [
            f"{source.path}, line {node.lineno}: {sorted(names - OPTIONAL)}"
            for source in PACKAGES
            for function in functions(source)
            for node, names in inner_imports(function)
            if names - OPTIONAL
        ]
    )


def inner_imports(function: ast.AST) -> list[tuple[ast.Import | ast.ImportFrom, set[str]]]:
    """Imports inside a function, with the packages that each needs, slow ones left out."""
    found: list[tuple[ast.Import | ast.ImportFrom, set[str]]] = []
    for node in ast.walk(function):
        if isinstance(node, ast.Import):
            found.append((node, {alias.name.split(".")[0] for alias in node.names}))
        elif isinstance(node, ast.ImportFrom) and node.module not in SLOW:
            found.append((node, {(node.module or "").split(".")[0]}))
    return found


def functions(source: Source) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    """All functions and methods of a file, nested ones too."""
    return [
        node for node in ast.walk(source.tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    ]


def test_files_are_one_subject_long():
    """A file has at most 450 lines."""
    sizes = {source.path: len(source.text.splitlines()) for source in EVERYTHING}
    agree([f"{path}: {size} lines" for path, size in sizes.items() if size > LONGEST_FILE])


def test_functions_fit_on_a_page():
    """A function has at most 60 lines, its docstring not counted."""
    agree(
        [
            f"{source.path}: {function.name} has {length(function)} lines"
            for source in PACKAGES
            for function in functions(source)
            if length(function) > LONGEST_FUNCTION
        ]
    )


def length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines from `def` to the end, without the docstring."""
    lines = (function.end_lineno or function.lineno) - function.lineno + 1
    first = function.body[0]
    if ast.get_docstring(function) is not None:
        lines -= (first.end_lineno or first.lineno) - first.lineno + 1
    return lines


def test_files_begin_with_what_they_do():
    """The first statement of a file is its docstring."""
    agree([str(source.path) for source in EVERYTHING if not ast.get_docstring(source.tree)])


def test_floors_name_each_room_once():
    """The picture of the house is not ambiguous."""
    names = sorted(name for rooms in FLOORS for room in rooms for name in room)
    assert all(one != other for one, other in pairwise(names))


def report() -> str:
    """Files and lines of each room, and the arrows between rooms: `python -m tests.test_architecture`."""
    rooms: dict[str, list[Source]] = {}
    for source in LAGRAD:
        rooms.setdefault(room_of(source.module), []).append(source)
    arrows = {
        (room_of(module), room_of(other))
        for module, others in graph(LAGRAD).items()
        for other in others
        if room_of(module) != room_of(other)
    }
    lines = [
        f"{place('lagrad.' + name)[0]:3d}  {name:16s} {len(files):4d} files "
        f"{sum(len(source.text.splitlines()) for source in files):6d} lines  uses "
        + " ".join(sorted(other for room, other in arrows if room == name))
        for name, files in sorted(rooms.items(), key=lambda item: (place("lagrad." + item[0]), item[0]))
    ]
    return "\n".join([*lines, f"{len(rooms)} rooms, {len(FLOORS)} floors, {len(arrows)} arrows"])


def room_of(module: str) -> str:
    """File or folder directly in lagrad/ that a module belongs to."""
    return (module.split(".") + ["__init__"])[1]


if __name__ == "__main__":
    print(report())

"""What the documents show is run: pages, docstrings, examples, commands."""

from __future__ import annotations

import ast
import doctest
import importlib
import re
import shlex
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lagrad
from lagrad.cli.commands import parser

ROOT = Path(__file__).parent.parent
# What pages compare lagrad with, and few have.
PEERS = ("cyipopt", "casadi")
OPTIONS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
# What every reader of a docstring has imported.
KNOWN = {"lagrad": lagrad, "np": np, "jnp": jnp, "jax": jax}
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
# A cell of an executed page, options at its top left out.
CELL = re.compile(r"^```\{code-cell\}[^\n]*\n(?::[^\n]*\n)*(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)#:]+)\)")
# Of code on the site, as in docs/ruff.toml.
COLUMNS = 100
FOLDERS = ("lagrad", "problems", "examples", "docs")
PAGES = sorted([*ROOT.glob("*.md"), *(page for folder in FOLDERS for page in (ROOT / folder).rglob("*.md"))])
PAGES = [page for page in PAGES if not {"_build", "tables"} & set(page.parts)]
NOTEBOOKS = [page for page in PAGES if CELL.search(page.read_text())]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))


def modules() -> list[str]:
    """Dotted names of all files of both packages."""
    roots = ((ROOT, "lagrad"), (ROOT / "problems", "lagrad_problems"))
    files = [path.relative_to(root) for root, package in roots for path in (root / package).rglob("*.py")]
    parts = [path.with_suffix("").parts for path in files if path.stem != "__main__"]
    return sorted(".".join(part for part in names if part != "__init__") for names in parts)


def named(path: Path) -> str:
    """Path within the repository, to name a test."""
    return str(path.relative_to(ROOT))


def blocks(page: Path, language: str) -> list[str]:
    """Code blocks of one language on a page."""
    return [code for found, code in BLOCK.findall(page.read_text()) if found == language]


@pytest.mark.parametrize("name", modules())
def test_examples_in_docstrings_run(name):
    """Each `>>>` in a docstring prints what is written below it."""
    result = doctest.testmod(importlib.import_module(name), extraglobs=KNOWN, optionflags=OPTIONS)
    assert result.failed == 0


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_python_on_pages_runs(page):
    """The Python blocks of a page run from top to bottom, and print what they claim."""
    names: dict = {}
    for number, code in enumerate(blocks(page, "python")):
        if ">>>" in code:
            test = doctest.DocTestParser().get_doctest(
                code, names, f"{page.name}, block {number}", str(page), 0
            )
            runner = doctest.DocTestRunner(optionflags=OPTIONS)
            assert runner.run(test, clear_globs=False).failed == 0
            names |= test.globs
        else:
            for peer in PEERS:
                if f"import {peer}" in code:
                    pytest.importorskip(peer)
            exec(compile(code, f"{page.name}, block {number}", "exec"), names)


@pytest.fixture
def kernel():
    """What a notebook finds: names of its own, figures in memory; JAX as it was afterwards."""
    pyplot = pytest.importorskip("matplotlib.pyplot")
    pyplot.switch_backend("agg")
    before = jax.config.read("jax_enable_x64")
    yield {"__name__": "__main__"}
    jax.config.update("jax_enable_x64", before)
    pyplot.close("all")


@pytest.mark.slow
@pytest.mark.parametrize("page", NOTEBOOKS, ids=named)
def test_notebooks_run(page, kernel):
    """The cells of an executed page run from top to bottom."""
    cells = CELL.findall(page.read_text())
    for needed in ("equinox", "distributed", "pandas"):
        if any(needed in code for code in cells):
            pytest.importorskip(needed)
    for number, code in enumerate(cells):
        exec(compile(code, f"{page.name}, cell {number}", "exec"), kernel)


def test_every_page_is_in_the_contents():
    """No page of the site stands outside of its tables of contents."""
    docs = ROOT / "docs"
    listed = {docs / "index.md", docs / "benchmarks" / "measured.md"}
    for page in PAGES:
        for code in re.findall(r"^```\{toctree\}\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL):
            listed |= {page.parent / f"{line}.md" for line in code.splitlines() if line and ":" not in line}
    assert {page for page in PAGES if docs in page.parents} <= listed


def test_the_reference_has_every_public_name():
    """What `import lagrad` and `lagrad.nested` offer is on a page of the reference."""
    text = "\n".join(page.read_text() for page in (ROOT / "docs" / "reference").glob("*.md"))
    known = set(re.findall(r"^\.\. auto\w+:: lagrad\.([\w.]+)$", text, re.MULTILINE))
    wanted = set(lagrad.__all__) - {"nested", "plot"}
    wanted |= {
        f"nested.{name}"
        for name in lagrad.nested.__all__
        if name not in ("MODES", "LinearSolver", "has_custom_vjp")
    }
    wanted |= {f"plot.{name}" for name in lagrad.plot.__all__ if name != "pyplot"}
    assert wanted <= known


def test_code_on_pages_fits_beside_the_bars_of_the_site():
    """At most 100 columns: a line that is cut off has to be scrolled to be read."""
    pages = [page for page in PAGES if ROOT / "docs" in page.parents]
    long = {
        f"{named(page)}: {line}"
        for page in pages
        for code in [*blocks(page, "python"), *CELL.findall(page.read_text())]
        for line in code.splitlines()
        if len(line) > COLUMNS
    }
    assert not long


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_links_on_pages_lead_somewhere(page):
    """Files that a page links to exist."""
    missing = [target for target in LINK.findall(page.read_text()) if not (page.parent / target).exists()]
    assert not missing


def texts() -> list[str]:
    """Every string in lagrad's source, the constant parts of f-strings each for itself."""
    trees = [ast.parse(path.read_text()) for path in (ROOT / "lagrad").rglob("*.py")]
    nodes = (node for tree in trees for node in ast.walk(tree))
    return [node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)]


def test_explained_messages_are_those_that_are_raised():
    """The first column before the solve quotes lagrad, the one after it is every status but success."""
    _, before, after = re.split("^## ", (ROOT / "docs" / "errors.md").read_text(), flags=re.M)[:3]
    quoted = re.findall(r"^\| `([^`]+)` \|", before, re.MULTILINE)
    known = "\n".join(texts())
    assert len(quoted) > 5 and not [message for message in quoted if message not in known]
    cells = re.findall(r"^\| (`[^|]+) \|", after, re.MULTILINE)
    named = {word for cell in cells for word in cell.split("`")[1::2]}
    assert named == {status.value for status in lagrad.Status} - {"optimal"}


def commands(program: str) -> list[str]:
    """Lines of shell blocks on any page that begin with a program, comments cut off."""
    lines = [line for page in PAGES for code in blocks(page, "sh") for line in code.splitlines()]
    return [line.partition("#")[0].strip() for line in lines if line.startswith(f"{program} ")]


@pytest.mark.parametrize("line", commands("lagrad"))
def test_shown_commands_can_be_typed(line):
    """The command line understands what the pages show."""
    assert callable(parser().parse_args(shlex.split(line)[1:]).command)


def test_shown_make_targets_exist():
    """`make` knows each target that the pages name."""
    known = set(re.findall(r"^(\w[\w-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {word for line in commands("make") for word in line.split()[1:] if "=" not in word}
    assert named
    assert named <= known


@pytest.mark.slow
@pytest.mark.parametrize("example", EXAMPLES, ids=named)
def test_examples_run_to_their_end(example, tmp_path):
    """Each example is a program of its own that ends well, from any working directory."""
    ended = subprocess.run(
        [sys.executable, example], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout

"""Write a page for each table of benchmarks/results, which includes the table as it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

PAGE = """```{{include}} ../../../benchmarks/results/{name}
:relative-images:
```
"""


def setup(app: Any) -> dict[str, bool]:
    """Register with Sphinx."""
    app.connect("builder-inited", write)
    app.connect("html-page-context", in_one_line)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def in_one_line(app: Any, page: str, template: str, context: dict, document: Any) -> None:
    """Rows of the tables of figures are not broken."""
    if page.startswith("benchmarks/tables/"):
        app.add_css_file("numbers.css")


def write(app: Any) -> None:
    """One page a table in docs/benchmarks/tables; those of runs with --quick say nothing and are left out."""
    folder = Path(app.srcdir, "benchmarks", "tables")
    folder.mkdir(exist_ok=True)
    results = Path(app.srcdir, "..", "benchmarks", "results")
    names = {path.name for path in results.glob("*.md") if not path.stem.endswith("_quick")}
    for page in folder.glob("*.md"):
        if page.name not in names:
            page.unlink()
    for name in names:
        page, text = folder / name, PAGE.format(name=name)
        if not page.exists() or page.read_text() != text:
            page.write_text(text)

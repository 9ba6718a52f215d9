"""Write llms.txt beside the pages: what lagrad is, and each page with its first sentence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from docutils import nodes

HEAD = """# lagrad

> Constrained optimization on JAX: plain functions in, exact sparse derivatives out, any solver served.

"""


def setup(app: Any) -> dict[str, bool]:
    """Register with Sphinx."""
    app.connect("build-finished", write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def write(app: Any, exception: Exception | None) -> None:
    """llms.txt, links relative to the site's root; sources of the pages are in _sources."""
    if exception is not None or app.builder.format != "html":
        return
    lines = [entry(app, page) for page in pages(app.env, app.config.root_doc)]
    Path(app.outdir, "llms.txt").write_text(HEAD + "\n".join(lines) + "\n", encoding="utf-8")


def pages(env: Any, page: str) -> list[str]:
    """A page and all below it, in the order of the table of contents."""
    below = env.toctree_includes.get(page, [])
    return [page, *(name for child in below for name in pages(env, child))]


def entry(app: Any, page: str) -> str:
    """One page as a line."""
    document = app.env.get_doctree(page)
    title = app.env.titles[page].astext()
    first = next(
        (node.astext().replace("\n", " ") for node in document.findall(nodes.paragraph)), ""
    )
    return f"- [{title}]({page}.html): {first.split('. ')[0].rstrip('.:')}"

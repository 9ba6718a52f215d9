"""Turn a Solution into what other programs read: plain dicts, JSON, CSV, frames of pandas."""

from __future__ import annotations

import csv
import io
import json
import math
from dataclasses import fields
from typing import Any, NamedTuple

import jax
import numpy as np

from lagrad.solution import entries

COLUMNS = ("name", "value", "lower", "upper", "active", "multiplier")


class Frames(NamedTuple):
    """A Solution as two frames of pandas, a row an entry, indexed by name."""

    variables: Any
    constraints: Any


def to_dict(solution: Any) -> dict[str, Any]:
    """All of a Solution as dicts, lists, texts, numbers and None; arrays are nested lists."""
    record = {item.name: getattr(solution, item.name) for item in fields(solution)}
    record["bounds"] = paired(*solution.bounds)
    record["sides"] = {name: paired(*pair) for name, pair in solution.sides.items()}
    record["bound_multipliers"] = paired(*solution.bound_multipliers)
    for name in ("history", "certificate"):
        part = getattr(solution, name)
        record[name] = {item.name: getattr(part, item.name) for item in fields(part)}
    return plain(record)


def paired(lower: Any, upper: Any) -> dict[str, Any]:
    """Two sides under their names."""
    return {"lower": lower, "upper": upper}


def plain(node: Any) -> Any:
    """A nested value without arrays or classes of its own; a number that is not finite stays one."""
    if isinstance(node, str):
        return str(node)
    if node is None or isinstance(node, (bool, int, float)):
        return node
    if isinstance(node, dict):
        return {str(key): plain(value) for key, value in node.items()}
    if isinstance(node, (list, tuple)) and type(node) in (list, tuple):
        return [plain(value) for value in node]
    if isinstance(node, (np.ndarray, np.generic, jax.Array)):
        return np.asarray(node).tolist()
    found, _ = jax.tree_util.tree_flatten_with_path(node)
    if len(found) == 1 and found[0][1] is node:
        return str(node)
    return {jax.tree_util.keystr(path): plain(leaf) for path, leaf in found}


def to_json(solution: Any, indent: int | None) -> str:
    """A Solution as JSON text; what is not finite becomes null."""
    return json.dumps(finite(to_dict(solution)), indent=indent, allow_nan=False)


def finite(node: Any) -> Any:
    """The same nested value with None for numbers that JSON does not know."""
    if isinstance(node, float):
        return node if math.isfinite(node) else None
    if isinstance(node, dict):
        return {key: finite(value) for key, value in node.items()}
    return [finite(value) for value in node] if isinstance(node, list) else node


def to_csv(solution: Any) -> str:
    """Variables and constraint rows as CSV text, a line an entry."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("kind", *COLUMNS))
    for kind, found in (("variable", entries.variables(solution)), ("constraint", entries.rows(solution))):
        columns = (found.value, found.lower, found.upper, found.state, found.multiplier)
        for index, cells in enumerate(zip(*(column.tolist() for column in columns), strict=True)):
            writer.writerow((kind, found.name(index), *cells))
    return text.getvalue()


def to_pandas(solution: Any) -> Frames:
    """Variables and constraint rows as frames.

    Raises:
        ImportError: pandas is not installed.
    """
    try:
        import pandas  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise ImportError(
            "Solution.to_pandas: pandas is not installed. Install it with `pip install pandas`, "
            "or take `to_dict()` or `to_csv()`."
        ) from error

    def frame(found: entries.Entries) -> Any:
        columns = {name: getattr(found, name) for name in ("value", "lower", "upper")}
        columns |= {"active": found.state.astype(object), "multiplier": found.multiplier}
        names = [found.name(index) for index in range(len(found))]
        return pandas.DataFrame(columns, index=pandas.Index(names, name="name"))

    return Frames(frame(entries.variables(solution)), frame(entries.rows(solution)))

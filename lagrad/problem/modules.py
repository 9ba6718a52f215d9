"""Tell how to take the arrays out of a module of Equinox or Flax, whose other leaves are no variables."""

from __future__ import annotations

from typing import Any

# Package of a module's class -> the lines that take it apart, and put it together inside of the functions.
PARTITIONS = {
    "equinox": (
        "arrays, rest = equinox.partition(module, equinox.is_inexact_array)",
        "equinox.combine(x, rest)",
    ),
    "flax.linen": ("arrays = module.init(key, inputs)", "module.apply(x, inputs)"),
    "flax": ("graph, arrays = flax.nnx.split(module)", "flax.nnx.merge(graph, x)"),
}


def how_to_partition(x0: Any) -> str:
    """What to do with a module that holds more than arrays, empty for anything else.

    Args:
        x0: the start, or a container of modules.

    >>> how_to_partition([1.0, 2.0])
    ''
    """
    modules = {f"{base.__module__}." for node in nodes(x0) for base in type(node).__mro__}
    for package, (apart, together) in PARTITIONS.items():
        if any(module.startswith(f"{package}.") for module in modules):
            return f" Give the arrays alone: `{apart}`, x0=arrays, and `{together}` in the functions of x."
    return ""


def nodes(tree: Any) -> list[Any]:
    """The tree itself and what its dicts, lists and tuples hold."""
    if isinstance(tree, dict):
        return [node for value in tree.values() for node in nodes(value)]
    if isinstance(tree, (list, tuple)):
        return [node for value in tree for node in nodes(value)]
    return [tree]

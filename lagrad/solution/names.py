"""Hold values by name: a dict that answers an unknown name with the names there are."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any

import jax


class UnknownName(KeyError):
    """A name that is not there; unlike a KeyError it prints as a sentence."""

    def __str__(self) -> str:
        return str(self.args[0])


class ByName(dict[Any, Any]):
    """A dict, also for JAX, whose errors suggest a name.

    >>> ByName(flow=1.0, level=2.0)["flows"]
    Traceback (most recent call last):
    lagrad.solution.names.UnknownName: no name 'flows'. Did you mean 'flow'? There are 'flow', 'level'.
    """

    def __missing__(self, name: object) -> Any:
        near = difflib.get_close_matches(str(name).lower(), [str(key) for key in self], n=1)
        hint = f"Did you mean {near[0]!r}? " if near else ""
        there = f"There are {', '.join(map(repr, self))}." if self else "There are none."
        raise UnknownName(f"no name {name!r}. {hint}{there}")


def children(mapping: ByName) -> tuple[list[tuple[Any, Any]], tuple[Any, ...]]:
    """Values with their paths, and the names, sorted as JAX sorts those of a dict."""
    names = tuple(sorted(mapping))
    return [(jax.tree_util.DictKey(name), mapping[name]) for name in names], names


def rebuilt(names: tuple[Any, ...], values: Iterable[Any]) -> ByName:
    """The inverse of `children`."""
    return ByName(zip(names, values, strict=True))


jax.tree_util.register_pytree_with_keys(ByName, children, rebuilt)

"""Offer CUTEst problems with constraints or bounds, as sif2jax writes them in JAX.

sif2jax promises inequalities of the form c(x) >= 0. Rows that S2MPJ's translation of the same file has the
other way round are turned here; `checked.json` has their positions ("turned"). An optimum counts as known
only where two sources agree on it ("optima", with the evidence); where sources disagree, that is on record
too ("disagreements").

    pip install 'lagrad[cutest]'
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jax.flatten_util import ravel_pytree

import lagrad
from lagrad_problems.cutest import sources
from lagrad_problems.entry import Entry

SOURCE = "N. I. M. Gould, D. Orban, P. L. Toint, CUTEst (2015), problem {}; sif2jax {}"


def names() -> tuple[str, ...]:
    """Names of all problems with constraints, bounds or equations, as CUTEst spells them, sorted.

    Raises:
        ImportError: sif2jax is not installed.
    """
    return sources.names()


def get(name: str) -> Entry:
    """One problem, with what is known of it.

    Args:
        name: one of `names()`, such as "HS71"; case does not matter.

    Returns:
        Entry named as in CUTEst; x is the pytree that sif2jax uses, the constraints are called "equal" and
        "positive".

    Raises:
        ImportError: sif2jax is not installed.
        KeyError: there is no such problem, or it has neither constraints nor bounds.
    """
    found = sources.find(name.upper())
    if found is None:
        raise KeyError(f"lagrad_problems.cutest.get: {name!r}, expected one of `names()`, such as 'HS71'.")
    kind, problem = found
    with jax.enable_x64(True):
        declared = declare(problem, turned=checked()["turned"].get(problem.name, []))
    optimum, evidence = checked()["optima"].get(problem.name, (None, ""))
    return Entry(
        problem.name,
        declared,
        kind,
        optimum,
        SOURCE.format(problem.name, version("sif2jax")),
        note=checked()["disagreements"].get(problem.name, ""),
        tolerance=1e-5,
        evidence=evidence,
    )


def declare(problem: Any, turned: Sequence[int]) -> lagrad.Problem:
    """A problem of sif2jax as one of lagrad's; call it in float64.

    Args:
        problem: an instance of sif2jax's classes.
        turned: positions of the inequalities, as raveled, that are nonpositive instead of nonnegative.
    """
    constraints: dict[str, lagrad.Equality | lagrad.Inequality] = {}
    if hasattr(problem, "constraint"):
        equal, positive = jax.eval_shape(problem.constraint, problem.y0)
        if _size(equal):
            constraints["equal"] = lagrad.Equality(_part(problem, 0))
        if _size(positive):
            rows = _part(problem, 1)
            sign = np.ones(_size(positive))
            sign[list(turned)] = -1.0
            right = (lambda y: sign * ravel_pytree(rows(y))[0]) if len(turned) else rows
            constraints["positive"] = lagrad.Inequality(right, lower=0.0)
    bounds = getattr(problem, "bounds", None)
    return lagrad.Problem(
        lambda y: problem.objective(y, problem.args),
        jax.tree.map(np.asarray, problem.y0),
        constraints or None,
        bounds=None if bounds is None else jax.tree.map(np.asarray, bounds),
        name=problem.name,
    )


def _part(problem: Any, place: int) -> Callable[[Any], Any]:
    """The equalities (0) or inequalities (1) of a problem."""
    return lambda y: problem.constraint(y)[place]


def _size(tree: Any) -> int:
    """Number of entries of a pytree of shapes; None is an empty one."""
    return sum(int(np.prod(leaf.shape)) for leaf in jax.tree.leaves(tree))


@cache
def checked() -> dict[str, Any]:
    """What was found about the problems: "turned", "optima", "disagreements"; see this file's docstring."""
    return json.loads(Path(__file__).with_name("checked.json").read_text())

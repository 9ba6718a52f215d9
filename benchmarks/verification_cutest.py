"""Problems of CUTEst as sif2jax has them, for `benchmarks.verification`; none where it is not installed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

import lagrad

try:
    # Its arrays are made where it is imported.
    with jax.enable_x64(True):
        import sif2jax
except ImportError:
    sif2jax = None

# More variables than this are left to other benchmarks.
LARGEST = 300


def cases() -> Iterator[tuple[str, str, Callable[[], lagrad.Problem | None]]]:
    """Kind, name and maker of every problem."""
    for each in () if sif2jax is None else sif2jax.problems:
        yield "cutest", each.name, partial(cutest, each)


def cutest(source) -> lagrad.Problem | None:
    """A problem of sif2jax; None if it is too large."""
    if sum(leaf.size for leaf in jax.tree.leaves(source.y0)) > LARGEST:
        return None
    with jax.enable_x64(True):
        start = jax.tree.map(np.asarray, source.y0)
        bounds = None if getattr(source, "bounds", None) is None else jax.tree.map(np.asarray, source.bounds)
        rows = jax.eval_shape(source.constraint, source.y0) if hasattr(source, "constraint") else (None, None)
    constraints = []
    if rows[0] is not None:
        constraints.append(lagrad.Equality(lambda y: source.constraint(y)[0]))
    if rows[1] is not None:
        constraints.append(lagrad.Inequality(lambda y: source.constraint(y)[1], lower=0.0))
    if hasattr(source, "objective"):
        objective = lambda y: jnp.sum(source.objective(y, source.args))  # noqa: E731
    else:
        objective = lambda y: 0.0  # noqa: E731
    return lagrad.Problem(objective, start, constraints or None, bounds)

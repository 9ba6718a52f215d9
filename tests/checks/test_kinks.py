"""Kinks: pointed out where the point lies on one, by operation and line, and nowhere else."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lagrad.checks.kinks import TESTS, find_kinks
from lagrad.problem.functions import OBJECTIVE, arguments, functions
from lagrad.problem.problem import Problem


def kinks(f, x):
    """Names of the primitives on whose kink an objective stands."""
    problem = Problem(f, np.array(x))
    return [
        kink.primitive
        for kink in find_kinks(functions(problem)[OBJECTIVE], arguments(problem, problem.start))
    ]


# Function, a point on its kink, a point off it, the operations to be named.
CASES = {
    "abs": (lambda x: jnp.abs(x[0]) + x[1], [0.0, 1.0], [1e-3, 1.0], ["abs"]),
    "sign": (lambda x: jnp.sign(x[0]) * x[1], [0.0, 1.0], [0.5, 1.0], ["sign"]),
    "sqrt": (lambda x: jnp.sqrt(x[0]), [0.0], [1.0], ["sqrt"]),
    "norm": (lambda x: jnp.linalg.norm(x), [0.0, 0.0], [0.0, 1.0], ["sqrt"]),
    "cbrt": (lambda x: jnp.cbrt(x[0]), [0.0], [1.0], ["cbrt"]),
    "max": (lambda x: jnp.maximum(x[0], x[1]), [2.0, 2.0], [2.0, 2.1], ["max"]),
    "min": (lambda x: jnp.minimum(x[0], 3.0), [3.0], [2.0], ["min"]),
    "relu": (lambda x: jax.nn.relu(x[0]), [0.0], [-1.0], ["max"]),
    "clamp": (lambda x: jax.lax.clamp(0.0, x[0], 1.0), [1.0], [0.5], ["clamp"]),
    "where": (lambda x: jnp.where(x[0] > 1.0, x[0] ** 2, x[0]), [1.0], [1.5], ["gt"]),
    "lt": (lambda x: jnp.where(x[0] < 1.0, x[0] ** 2, x[0]), [1.0], [1.5], ["lt"]),
    "le": (lambda x: jnp.where(x[0] <= 1.0, x[0] ** 2, x[0]), [1.0], [1.5], ["le"]),
    "ge": (lambda x: jnp.where(x[0] >= 1.0, x[0] ** 2, x[0]), [1.0], [1.5], ["ge"]),
    "floor": (lambda x: jnp.floor(x[0]) * x[0], [2.0], [2.5], ["floor"]),
    "ceil": (lambda x: jnp.ceil(x[0]) * x[0], [2.0], [2.5], ["ceil"]),
    "round": (lambda x: jnp.round(x[0]) * x[0], [2.5], [2.0], ["round"]),
    "reduce_max": (lambda x: jnp.max(x), [1.0, 3.0, 3.0], [1.0, 1.0, 3.0], ["reduce_max"]),
    "reduce_min": (lambda x: jnp.min(x), [1.0, 1.0, 3.0], [1.0, 3.0, 3.0], ["reduce_min"]),
    "sort": (lambda x: jnp.sort(x) @ jnp.arange(3.0), [2.0, 1.0, 2.0], [2.0, 1.0, 3.0], ["sort"]),
    # The largest entry is subtracted here behind stop_gradient: no kink.
    "logsumexp": (lambda x: jax.nn.logsumexp(x), [1.0, 1.0], [1.0, 2.0], []),
    "smooth": (lambda x: jnp.sum(x**2), [0.0, 0.0], [1.0, 2.0], []),
}


@pytest.mark.parametrize("name", CASES)
def test_kinks_are_found_exactly_where_they_are(name):
    """On the kink the operation is named, off it nothing is."""
    f, on, off, expected = CASES[name]
    assert kinks(f, on) == expected
    assert kinks(f, off) == []


def test_every_operation_of_the_table_is_tried():
    """The cases above cover the table."""
    assert {name for _, _, _, names in CASES.values() for name in names} == set(TESTS)


def test_kinks_of_params_do_not_count():
    """What x does not reach has no derivative to lose."""
    problem = Problem(lambda x, p: x[0] * jnp.abs(p), [1.0], params=0.0)
    assert not find_kinks(functions(problem)[OBJECTIVE], arguments(problem, problem.start))

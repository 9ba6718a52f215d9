"""Declare functions of sums over all variables, in JAX and in CasADi: statistics, norms, probabilities.

As people write them in estimation, portfolios and learning. Nothing is sparse in them but what is summed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import casadi
import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.stage_models import Staged

RANDOM = np.random.default_rng(0)


def of_all(size: int, in_jax: Callable[[Any], Any], in_casadi: Callable[[Any], Any]) -> Staged:
    """Rows of one vector between 0 and 1."""
    return Staged(0.1 + 0.8 * RANDOM.uniform(size=size), in_jax, in_casadi, 1)


def norm(size: int) -> Staged:
    """Distance from the ones."""
    return of_all(size, lambda x: jnp.linalg.norm(x - 1.0)[None], lambda x: casadi.norm_2(x - 1.0))


def ratio(size: int) -> Staged:
    """A sum by another."""
    return of_all(
        size,
        lambda x: (jnp.sum(jnp.sin(x)) / (1.0 + jnp.sum(x**2)))[None],
        lambda x: casadi.sum1(casadi.sin(x)) / (1.0 + casadi.sumsqr(x)),
    )


def deviation(size: int) -> Staged:
    """Standard deviation of what is observed."""

    def in_casadi(x):
        return casadi.sqrt(casadi.sumsqr(x - casadi.sum1(x) / size) / size)

    return of_all(size, lambda x: jnp.std(x)[None], in_casadi)


def sharpe(size: int) -> Staged:
    """Return of a portfolio by its risk."""
    returns, loads = RANDOM.uniform(0.0, 0.1, size), RANDOM.normal(size=(size, 5))
    risk = loads @ loads.T + np.diag(RANDOM.uniform(0.1, 0.2, size))

    def in_casadi(x):
        return casadi.dot(returns, x) / casadi.sqrt(casadi.bilin(casadi.DM(risk), x, x))

    return of_all(size, lambda x: (returns @ x / jnp.sqrt(x @ risk @ x))[None], in_casadi)


def likelihood(groups: int, classes: int) -> Staged:
    """Logarithms of the sums of exponentials of each group: a multinomial likelihood."""

    def in_casadi(x):
        rows = casadi.reshape(x, classes, groups).T
        return casadi.vertcat(*[casadi.logsumexp(rows[k, :].T) for k in range(groups)])

    return of_all(groups * classes, lambda x: jax.nn.logsumexp(x.reshape(groups, classes), axis=1), in_casadi)


def running(size: int) -> Staged:
    """A function of all sums up to each entry, as of speeds that add up to places."""
    return of_all(size, lambda x: jnp.sin(jnp.cumsum(0.1 * x)), lambda x: casadi.sin(casadi.cumsum(0.1 * x)))


def layer(outputs: int, inputs: int) -> Staged:
    """A known matrix, full, and a nonlinear function of each row."""
    weights = RANDOM.normal(size=(outputs, inputs)) / np.sqrt(inputs)
    return of_all(
        inputs,
        lambda x: jnp.tanh(weights @ x),
        lambda x: casadi.tanh(casadi.mtimes(casadi.DM(weights), x)),
    )


MODELS: dict[str, Callable[[], Staged]] = {
    "ratio, 300": lambda: ratio(300),
    "norm, 300": lambda: norm(300),
    "deviation, 300": lambda: deviation(300),
    "return by risk, 300": lambda: sharpe(300),
    "likelihood, 40 groups of 24": lambda: likelihood(40, 24),
    "running sum, 200": lambda: running(200),
    "layer, 50 x 200": lambda: layer(50, 200),
}

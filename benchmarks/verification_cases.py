"""Problems on which verification is tried: fits, likelihoods, badly scaled rows, the suite."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

import lagrad
import lagrad_problems

T = np.linspace(0.1, 5.0, 40)
PLACES = np.random.default_rng(5).uniform(0.0, 1000.0, (12, 2))

# name -> (model of params, true params, start)
MODELS: dict[str, tuple[Callable, list, list]] = {
    "decay": (lambda p: p[0] * jnp.exp(-p[1] * T) + p[2], [1000.0, 1.3, 200.0], [500.0, 1.0, 0.0]),
    "two_decays": (
        lambda p: p[0] * jnp.exp(-p[1] * T) + p[2] * jnp.exp(-p[3] * T),
        [5.0, 0.4, 2.0, 3.0],
        [4.0, 0.5, 1.0, 2.0],
    ),
    "peak": (lambda p: p[0] * jnp.exp(-(((T - p[1]) / p[2]) ** 2)), [100.0, 2.3, 0.7], [60.0, 2.0, 1.0]),
    "lorentz": (lambda p: p[0] / (1 + ((T - p[1]) / p[2]) ** 2), [30.0, 2.0, 0.5], [20.0, 2.2, 0.8]),
    "logistic": (lambda p: p[0] / (1 + jnp.exp(-p[1] * (T - p[2]))), [1e4, 2.0, 2.5], [6e3, 1.0, 2.0]),
    "arrhenius": (
        lambda p: jnp.exp(p[0] - p[1] / (8.314e-3 * (300 + 40 * T))),
        [25.0, 60.0],
        [20.0, 50.0],
    ),
    "wave": (lambda p: p[0] * jnp.sin(p[1] * T + p[2]), [1e6, 2.0, 0.4], [8e5, 2.1, 0.2]),
    "damped": (
        lambda p: p[0] * jnp.exp(-p[1] * T) * jnp.cos(p[2] * T),
        [3.0, 0.5, 4.0],
        [2.0, 0.3, 4.1],
    ),
    "michaelis": (lambda p: p[0] * T / (p[1] + T), [2e-6, 0.7], [1e-6, 1.0]),
    "power": (lambda p: p[0] * T ** p[1], [3.0, 1.7], [1.0, 1.0]),
    "cubic": (lambda p: ((p[0] * T + p[1]) * T + p[2]) * T + p[3], [1.0, -2.0, 3.0, 1e4], [0.0] * 4),
    "gompertz": (lambda p: p[0] * jnp.exp(-p[1] * jnp.exp(-p[2] * T)), [50.0, 4.0, 1.1], [40.0, 3.0, 1.0]),
    "hill": (lambda p: p[0] * T ** p[1] / (p[2] ** p[1] + T ** p[1]), [9.0, 2.5, 1.8], [8.0, 2.0, 1.5]),
    "ratio": (lambda p: (p[0] + p[1] * T) / (1 + p[2] * T), [1.0, 4.0, 0.3], [0.5, 3.0, 0.5]),
    "tanh": (lambda p: p[0] * jnp.tanh(p[1] * (T - p[2])), [12.0, 1.4, 2.0], [10.0, 1.0, 1.5]),
    "distance": (
        lambda p: jnp.hypot(p[0] - PLACES[:, 0], p[1] - PLACES[:, 1]),
        [412.0, 77.0],
        [500.0, 500.0],
    ),
}

# name -> (log-likelihood of params and data, sample, start)
LIKELIHOODS: dict[str, tuple[Callable, Callable, list]] = {
    "normal": (
        lambda p, y: -jnp.sum(((y - p[0]) / p[1]) ** 2) / 2 - y.size * jnp.log(jnp.abs(p[1])),
        lambda random: random.normal(30.0, 4.0, 50),
        [20.0, 10.0],
    ),
    "gamma": (
        lambda p, y: jnp.sum(
            (p[0] - 1) * jnp.log(y) - y / p[1] - p[0] * jnp.log(p[1]) - jax.scipy.special.gammaln(p[0])
        ),
        lambda random: random.gamma(3.0, 2.0, 60),
        [1.0, 1.0],
    ),
    "weibull": (
        lambda p, y: jnp.sum(jnp.log(p[0] / p[1]) + (p[0] - 1) * jnp.log(y / p[1]) - (y / p[1]) ** p[0]),
        lambda random: 5.0 * random.weibull(1.8, 60),
        [1.0, 3.0],
    ),
    "poisson": (
        lambda p, y: jnp.sum(y * (p[0] + p[1] * T) - jnp.exp(p[0] + p[1] * T)),
        lambda random: random.poisson(np.exp(0.5 + 0.6 * T)).astype(float),
        [0.0, 0.0],
    ),
    "logit": (
        lambda p, y: jnp.sum(y * (p[0] + p[1] * T) - jnp.logaddexp(0.0, p[0] + p[1] * T)),
        lambda random: (random.uniform(size=T.size) < 1 / (1 + np.exp(2 - T))).astype(float),
        [0.0, 0.0],
    ),
    "student": (
        lambda p, y: -jnp.sum(2.5 * jnp.log1p(((y - p[0]) / p[1]) ** 2 / 4) + jnp.log(p[1])),
        lambda random: 1000 + 3 * random.standard_t(4, 60),
        [990.0, 5.0],
    ),
}


def cases() -> Iterator[tuple[str, str, Callable[[], lagrad.Problem]]]:
    """Kind, name and maker of every problem; those of CUTEst are in `verification_cutest`."""
    for name, scale, noise in [
        (name, scale, noise) for name in MODELS for scale in (1e-6, 1.0, 1e6) for noise in (0.0, 1e-3, 0.1)
    ]:
        yield "fit", f"{name} x {scale:g}, noise {noise:g}", partial(fit, name, scale, noise)
    for name in LIKELIHOODS:
        for seed in range(4):
            yield "likelihood", f"{name} {seed}", partial(likelihood, name, seed)
    for seed in range(25):
        yield "scaled rows", f"chain {seed}", partial(scaled_chain, seed)
    for name in lagrad_problems.names():
        yield "suite", name, lambda name=name: lagrad_problems.get(name).problem


def fit(name: str, scale: float, noise: float) -> lagrad.Problem:
    """Least squares of a model whose data are exact, or noisy, in units in which they have some size."""
    model, true, start = MODELS[name]
    exact = np.asarray(model(np.array(true)), float)
    random = np.random.default_rng(7)
    data = scale * (exact + noise * np.abs(exact).max() * random.normal(size=exact.shape))
    return lagrad.Problem(lambda p: jnp.sum((data - scale * model(p)) ** 2), start)


def likelihood(name: str, seed: int) -> lagrad.Problem:
    """Maximum likelihood of a sample."""
    log_likelihood, sample, start = LIKELIHOODS[name]
    data = sample(np.random.default_rng(seed))
    return lagrad.Problem(lambda p: -log_likelihood(p, data), start)


def scaled_chain(seed: int) -> lagrad.Problem:
    """A chain of couplings whose rows, and the objective's terms, are 1e-8 to 1e8 of their neighbors."""
    random = np.random.default_rng(seed)
    n = int(random.integers(3, 80))
    scale, weights = 10.0 ** random.uniform(-8, 8, n - 1), 10.0 ** random.uniform(-8, 8, n)

    def rows(x):
        return scale * (x[1:] * jnp.sin(x[:-1]) + x[1:] ** 3)

    start = random.uniform(0.5, 1.5, n)
    return lagrad.Problem(
        lambda x: weights @ (x - 1) ** 4 + jnp.sum(jnp.exp(x[1:] * x[:-1])), start, lagrad.Equality(rows)
    )

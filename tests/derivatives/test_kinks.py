"""Kinks: every strategy gives what the README of `nested` tabulates, mostly JAX's numbers."""

from __future__ import annotations

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lagrad
from lagrad.compile import parts
from lagrad.precision import float64

inf, nan = np.inf, np.nan
README = Path(lagrad.__file__).parent / "nested" / "README.md"
# Text -> function of numbers, point, gradient, Hessian, whether JAX's own are the same.
KINKS = {
    "abs(x)": (jnp.abs, [0.0], [1], [0], True),
    "x * sign(x)": (lambda x: x * jnp.sign(x), [0.0], [0], [0], True),
    "abs(x)**3": (lambda x: jnp.abs(x) ** 3, [0.0], [0], [0], True),
    "maximum(x, 0)": (lambda x: jnp.maximum(x, 0.0), [0.0], [0.5], [0], True),
    "maximum(x, 0)**2": (lambda x: jnp.maximum(x, 0.0) ** 2, [0.0], [0], [0.5], True),
    "minimum(x, 0)": (lambda x: jnp.minimum(x, 0.0), [0.0], [0.5], [0], True),
    "x * maximum(x, y)": (lambda x, y: x * jnp.maximum(x, y), [1.0, 1.0], [1.5, 0.5], [1, 0.5, 0.5, 0], True),
    "max([x, y])**2": (lambda x, y: jnp.max(jnp.stack([x, y])) ** 2, [1.0, 1.0], [1, 1], [0.5] * 4, True),
    "clip(x, 0, 1)": (lambda x: jnp.clip(x, 0.0, 1.0), [0.0], [0.5], [0], True),
    "clip(x, 0, 1)**2": (lambda x: jnp.clip(x, 0.0, 1.0) ** 2, [1.0], [1], [0.5], True),
    "clamp(0, x, 1)**2": (lambda x: jax.lax.clamp(0.0, x, 1.0) ** 2, [1.0], [0], [0], True),
    "relu(x)": (jax.nn.relu, [0.0], [0], [0], True),
    "relu(x)**2": (lambda x: jax.nn.relu(x) ** 2, [0.0], [0], [0], True),
    "leaky_relu(x)": (jax.nn.leaky_relu, [0.0], [1], [0], True),
    "elu(x)": (jax.nn.elu, [0.0], [1], [1], True),
    "softplus(x)": (jax.nn.softplus, [0.0], [0.5], [0.25], True),
    "x * floor(x)": (lambda x: x * jnp.floor(x), [1.0], [1], [0], True),
    "mod(x, 1)**2": (lambda x: jnp.mod(x, 1.0) ** 2, [1.0], [0], [2], True),
    "sqrt(x)": (jnp.sqrt, [0.0], [inf], [-inf], True),
    "cbrt(x)": (jnp.cbrt, [0.0], [inf], [-inf], True),
    "log(x)": (jnp.log, [0.0], [inf], [-inf], True),
    "x**0.5": (lambda x: x**0.5, [0.0], [inf], [-inf], True),
    "x**1.5": (lambda x: x**1.5, [0.0], [0], [inf], True),
    "x**2.5": (lambda x: x**2.5, [0.0], [0], [0], True),
    "x**y": (lambda x, y: x**y, [0.0, 0.0], [0, 0], [0, 0, 0, 0], False),
    "x**[1., 2.] @ [1, 1]": (lambda x: jnp.sum(x ** np.array([1.0, 2.0])), [0.0], [1], [2], False),
    "sqrt(x**2)": (lambda x: jnp.sqrt(x**2), [0.0], [nan], [nan], True),
    "hypot(x, y)": (jnp.hypot, [0.0, 0.0], [0.5, 0.5], [0, 0, 0, 0], True),
    "hypot(x, y) by an axis": (jnp.hypot, [1.0, 0.0], [1, 0], [0, 0, 0, 1], True),
    "sinc(x)": (jnp.sinc, [0.0], [0], [-(np.pi**2) / 3], True),
    "logaddexp(x, y)": (jnp.logaddexp, [0.0, 0.0], [0.5, 0.5], [0.25, -0.25, -0.25, 0.25], True),
    "where(x > 0, x, -x)": (lambda x: jnp.where(x > 0, x, -x), [0.0], [-1], [0], True),
    "where(x > 0, sqrt(x), 0)": (lambda x: jnp.where(x > 0, jnp.sqrt(x), 0.0), [0.0], [0], [0], False),
    "where(x > 0, x log(x), 0)": (lambda x: jnp.where(x > 0, x * jnp.log(x), 0.0), [0.0], [0], [0], False),
    "where(x == 0, 1, sin(x) / x)": (
        lambda x: jnp.where(x == 0, 1.0, jnp.sin(x) / x),
        [0.0],
        [0],
        [0],
        False,
    ),
    "where(x < 9, exp(x), 0)": (lambda x: jnp.where(x < 9, jnp.exp(x), 0.0), [1e3], [0], [0], False),
    "where(x > 0, y sqrt(x), y)": (
        lambda x, y: jnp.where(x > 0, y * jnp.sqrt(x), y),
        [0.0, 2.0],
        [0, 1],
        [0, 0, 0, 0],
        False,
    ),
    "nan_to_num(x / y)": (lambda x, y: jnp.nan_to_num(x / y), [0.0, 0.0], [0, 0], [0, 0, 0, 0], False),
}
POINT = np.concatenate([np.array(x) for _, x, *_ in KINKS.values()])
ENDS = np.cumsum([len(x) for _, x, *_ in KINKS.values()])
PLACES = [slice(end - len(x), end) for end, (_, x, *_) in zip(ENDS, KINKS.values(), strict=True)]


def rows(x):
    """All kinks, one a row, each of variables of its own."""
    return jnp.stack([kink[0](*x[place]) for kink, place in zip(KINKS.values(), PLACES, strict=True)])


def found(strategy: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Gradient of the sum, Jacobian, Hessian of the sum of rows."""
    problem = lagrad.Problem(lambda x: jnp.sum(rows(x)), POINT + 0.3, lagrad.Equality(rows))
    derivatives = lagrad.differentiate(problem, check=False, strategy=strategy)
    # No weight is zero: zero times infinity would be nan.
    weights = np.ones(len(KINKS))
    return (
        derivatives.gradient(POINT),
        derivatives.jacobian(POINT).toarray(),
        derivatives.hessian(POINT, weights, 1.0).toarray() / 2,
    )


@pytest.mark.parametrize(
    "strategy, on_cpu",
    [
        ("elements", True),
        pytest.param("elements", False, marks=pytest.mark.slow),
        ("colored", True),
        pytest.param("dense", True, marks=pytest.mark.slow),
    ],
    ids=["machine code", "elements by XLA", "colored", "dense"],
)
def test_every_strategy_gives_the_table(strategy, on_cpu, monkeypatch):
    """Gradient, Jacobian and Hessian, each kink of variables of its own."""
    if not on_cpu:
        monkeypatch.setattr(parts, "on_cpu", lambda: False)
    gradient, jacobian, hessian = found(strategy)
    for row, (name, place) in enumerate(zip(KINKS, PLACES, strict=True)):
        _, _, slope, curvature, _ = KINKS[name]
        for mine, expected in (
            (gradient[place], slope),
            (jacobian[row, place], slope),
            (hessian[place, place].ravel(), curvature),
        ):
            np.testing.assert_allclose(mine, np.array(expected, float), atol=1e-12, err_msg=name)


@pytest.mark.parametrize("name", KINKS)
def test_the_table_says_where_jax_differs(name):
    """It gives nan there and nothing else; everywhere else the numbers are JAX's."""
    function, x, slope, curvature, is_same = KINKS[name]
    with float64():
        flat = jax.jit(
            lambda x: (jax.grad(lambda x: function(*x))(x), jax.hessian(lambda x: function(*x))(x))
        )
        jaxs = [np.ravel(each) for each in flat(jnp.array(x))]
    for mine, theirs in zip((slope, curvature), jaxs, strict=True):
        mine = np.where(np.isnan(theirs) & (not is_same), nan, np.array(mine, float))
        np.testing.assert_allclose(mine, theirs, atol=1e-12)
    assert is_same or np.isnan(np.concatenate(jaxs)).any()


@pytest.mark.parametrize("name", KINKS)
def test_the_readme_has_the_table(name):
    """Row by row."""
    assert line(name) in README.read_text()


def line(name: str) -> str:
    """A row of the table."""
    _, x, slope, curvature, is_same = KINKS[name]
    listed = [", ".join(f"{each:.4g}" for each in numbers) for numbers in (x, slope, curvature)]
    return f"| `{name}` | {' | '.join(listed)} | {'same' if is_same else 'nan'} |"

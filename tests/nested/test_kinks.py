"""Nonsmooth points: what every mode gives at kinks, as the README tabulates; smooth neighbors by hand."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lagrad.nested
from lagrad import nested

# Function, point, value, gradient, Hessian. A kink gives one of its subgradients, and no curvature.
nan = np.nan
KINKS = {
    "jnp.abs(x)": (lambda x: jnp.abs(x[0]), [0.0], 0, [1], [[0]]),
    "jnp.sign(x)": (lambda x: jnp.sign(x[0]), [0.0], 0, [0], [[0]]),
    "jax.nn.relu(x)": (lambda x: jax.nn.relu(x[0]), [0.0], 0, [0], [[0]]),
    "jnp.maximum(x, 0)": (lambda x: jnp.maximum(x[0], 0.0), [0.0], 0, [0.5], [[0]]),
    "jnp.minimum(x, 0)": (lambda x: jnp.minimum(x[0], 0.0), [0.0], 0, [0.5], [[0]]),
    "jnp.clip(x, 0, 1)": (lambda x: jnp.clip(x[0], 0.0, 1.0), [0.0], 0, [0.5], [[0]]),
    "jnp.maximum(x, y)": (lambda x: jnp.maximum(x[0], x[1]), [1.0, 1.0], 1, [0.5, 0.5], [[0, 0], [0, 0]]),
    "jnp.max([x, y])": (lambda x: jnp.max(x), [1.0, 1.0], 1, [0.5, 0.5], [[0, 0], [0, 0]]),
    "jnp.where(x > 0, x, -x)": (lambda x: jnp.where(x[0] > 0, x[0], -x[0]), [0.0], 0, [-1], [[0]]),
    "jnp.floor(x)": (lambda x: jnp.floor(x[0]), [1.0], 1, [0], [[0]]),
    "jnp.linalg.norm([x, y])": (jnp.linalg.norm, [0.0, 0.0], 0, [nan, nan], [[nan, nan], [nan, nan]]),
    "jnp.sqrt(x)": (lambda x: jnp.sqrt(x[0]), [0.0], 0, [np.inf], [[-np.inf]]),
    "jnp.sqrt(x**2)": (lambda x: jnp.sqrt(x[0] ** 2), [0.0], 0, [nan], [[nan]]),
    "jnp.abs(x)**3": (lambda x: jnp.abs(x[0]) ** 3, [0.0], 0, [0], [[0]]),
}  # fmt: skip

SMOOTH = {
    "smooth_abs": (nested.smooth_abs, jnp.abs, 1.0),
    "smooth_relu": (nested.smooth_relu, jax.nn.relu, 0.5),
    "smooth_max": (lambda x, e: nested.smooth_max(x, 0.3, e), lambda x: jnp.maximum(x, 0.3), 0.5),
    "smooth_norm": (lambda x, e: nested.smooth_norm(x[None], e), jnp.abs, 1.0),
}


@pytest.mark.parametrize("kink", KINKS)
def test_all_modes_agree_at_a_kink(kink):
    """Value, gradient by either mode and Hessian by any nesting are those of the table."""
    f, x, value, slope, curvature = KINKS[kink]
    x = np.asarray(x)
    assert float(f(x)) == value
    for found in jax.jit(lambda x: (jax.jacfwd(f)(x), jax.grad(f)(x)))(x):
        np.testing.assert_array_equal(found, np.asarray(slope, float))
    for found in jax.jit(lambda x: [nested.hessian(f, x, mode) for mode in nested.MODES])(x):
        np.testing.assert_array_equal(found, np.asarray(curvature, float))


def test_modes_differ_where_a_branch_not_taken_is_infinite():
    """0 times infinity is nan in reverse, forward mode drops the branch: guard the argument of the root."""

    def risky(x):
        return jnp.where(x > 0, jnp.sqrt(x), 0.0)

    def guarded(x):
        return jnp.where(x > 0, jnp.sqrt(jnp.where(x > 0, x, 1.0)), 0.0)

    assert float(jax.jacfwd(risky)(0.0)) == 0.0 and np.isnan(jax.grad(risky)(0.0))
    assert float(jax.jacfwd(guarded)(0.0)) == float(jax.grad(guarded)(0.0)) == 0.0


@pytest.mark.parametrize("kink", KINKS)
def test_readme_tabulates_the_kinks(kink):
    """The table in the documentation is this one."""
    readme = (Path(lagrad.nested.__file__).parent / "README.md").read_text()
    assert row(kink) in readme


def row(kink):
    _, x, value, slope, curvature = KINKS[kink]
    point = ", ".join(f"{c:g}" for c in x)
    return f"| `{kink}` | {point} | {value:g} | {listed(slope)} | {listed(np.ravel(curvature))} |"


def listed(numbers):
    return ", ".join(f"{c:g}" for c in numbers)


@pytest.mark.parametrize("width", [1.0, 1e-3, 1e-9])
@pytest.mark.parametrize("name", SMOOTH)
def test_smooth_neighbor_stays_close(name, width):
    """Above the original by no more than its docstring says, everywhere; and finite to second order."""
    smooth, kinked, bound = SMOOTH[name]
    for x in np.array([-1e6, -2.0, -1e-9, 0.0, 1e-9, 0.3, 5.0, 1e6]):
        gap = float(smooth(x, width) - kinked(x))
        assert -1e-15 * abs(x) <= gap <= bound * width + 1e-15 * abs(x)
        assert np.isfinite(jax.hessian(lambda x: smooth(x, width))(x))


@pytest.mark.parametrize("mode", nested.MODES)
def test_smooth_norm_at_zero(mode):
    """Hessian I / e at the point where the norm has none."""
    found = nested.hessian(lambda x: nested.smooth_norm(x, 0.25), np.zeros(3), mode)
    np.testing.assert_allclose(found, 4 * np.eye(3), rtol=1e-14)


@pytest.mark.parametrize("x", [0.0, 0.3, -2.0])
def test_curvature_of_smooth_abs_by_hand(x):
    """e^2 / (x^2 + e^2)^(3/2)."""
    e = 0.5
    found = jax.grad(jax.grad(lambda x: nested.smooth_abs(x, e)))(x)
    assert float(found) == pytest.approx(e**2 / (x**2 + e**2) ** 1.5, rel=1e-13)

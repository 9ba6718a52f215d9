"""Laws of masks: values stay, finite derivatives stay, and a branch that is not taken has none."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lagrad.precision import float64
from lagrad.program.masks import LONGEST, masked
from lagrad.program.program import Program, numbered
from lagrad.source_location import line_of

# Each takes vectors, has a branch with endless slopes somewhere, and what it should be differentiated as.
BRANCHES = {
    "root": (lambda x: jnp.where(x > 0, jnp.sqrt(x), 0.0), lambda x, y: jnp.where(x > 0, jnp.sqrt(y), 0.0)),
    "else": (lambda x: jnp.where(x <= 0, x**2, jnp.log(x)), lambda x, y: jnp.where(x > 0, jnp.log(y), x**2)),
    "quotient": (
        lambda x: jnp.where(x != 0, jnp.sin(x) / x, 1.0),
        lambda x, y: jnp.where(x != 0, jnp.sin(x) / jnp.where(x == 0, 1.0, x), 1.0),
    ),
    "on the way": (
        lambda x: jnp.where(x > 0, jnp.exp(2 * jnp.sqrt(x)) * jnp.cos(x), x),
        lambda x, y: jnp.where(x > 0, jnp.exp(2 * jnp.sqrt(y)) * jnp.cos(y), x),
    ),
    "two roots": (
        lambda x: jnp.where(x > 0, jnp.log(jnp.sqrt(x)), 0.0),
        lambda x, y: jnp.where(x > 0, jnp.log(jnp.sqrt(y)), 0.0),
    ),
    "overflow": (
        lambda x: jnp.where(x < 3, jnp.exp(300 * x), x),
        lambda x, y: jnp.where(x < 3, jnp.exp(jnp.where(x < 3, 300 * x, 1.0)), x),
    ),
    "three cases": (
        lambda x: jax.lax.select_n((jnp.sign(x) + 1).astype(int), x**2, 0 * x, x**1.5),
        lambda x, y: jnp.where(x > 0, y**1.5, jnp.where(x < 0, x**2, 0.0)),
    ),
    "negative power": (
        lambda x: jnp.where(x == 0, 0.0, x**-2),
        lambda x, y: jnp.where(x == 0, 0.0, jnp.where(x == 0, 1.0, x) ** -2),
    ),
    "branch in a branch": (
        lambda x: jnp.where(x > 0, jnp.where(x < 2, jnp.sqrt(x), 1 / (x - 2)), 0.0),
        lambda x, y: jnp.where(x > 0, jnp.where(x < 2, jnp.sqrt(y), 1 / jnp.where(x == 2, 9.0, y - 2)), 0.0),
    ),
}
# Branches in which numbers computed from x meet vectors, and the same written without traps.
NUMBERS_AMONG_VECTORS = {
    "scaled quotient": (
        lambda x: jnp.where(x != 0, (x[2] + x[3]) / (x[4] * x), 1.0),
        lambda x: jnp.where(x != 0, (x[2] + x[3]) / (x[4] * jnp.where(x == 0, 1.0, x)), 1.0),
    ),
    "root of a number": (
        lambda x: jnp.where(x > 0, jnp.sqrt(x[3]) * x**0.5, x[2] * x),
        lambda x: jnp.where(x > 0, jnp.sqrt(x[3]) * jnp.where(x > 0, x, 1.0) ** 0.5, x[2] * x),
    ),
    "number or constant": (
        lambda x: jnp.where(x > 0, jnp.where(x[2] > 0, jnp.sqrt(x[2]), 3.0) * jnp.log(x), 0.0),
        lambda x: jnp.where(x > 0, jnp.sqrt(x[2]) * jnp.log(jnp.where(x > 0, x, 1.0)), 0.0),
    ),
    "above a number": (
        lambda x: jnp.where(x > 0, jnp.maximum(x[2] / x[4], jnp.sqrt(x)), 0.0),
        lambda x: jnp.where(x > 0, jnp.maximum(x[2] / x[4], jnp.sqrt(jnp.where(x > 0, x, 1.0))), 0.0),
    ),
}
X = np.array([-1.0, 0.0, 0.5, 1.7, 3.5])


def traced(fun, *arguments) -> Program:
    """Its numbered equations."""
    return numbered(jax.make_jaxpr(fun)(*arguments))


def function(program: Program):
    """A program of one argument and one result as a function."""
    return lambda x: program.function()(x)[0]


def along(f, x):
    """Derivative along ones, forwards."""
    return jax.jvp(f, (x,), (jnp.ones_like(x),))[1]


def back(f, x):
    """Gradient of the sum, backwards."""
    return jax.grad(lambda x: jnp.sum(f(x)))(x)


def derivatives(f, x):
    """First and second derivatives in each mode."""
    second = (lambda x: back(f, x), lambda x: along(f, x))
    return [along(f, x), back(f, x), *(mode(inner, x) for mode in (along, back) for inner in second)]


@pytest.mark.parametrize("name", BRANCHES)
@pytest.mark.parametrize("shape", [(), (5,)], ids=["numbers", "vectors"])
def test_a_branch_that_is_not_taken_has_no_slope(name, shape):
    """Derivatives are those of a branch guarded by hand, in each mode; values are the same."""
    branch, guarded = BRANCHES[name]
    with float64():
        mine = function(masked(traced(branch, jnp.ones(shape))))
        by_hand = lambda x: guarded(x, jnp.where(x > 0, x, 1.0))  # noqa: E731
        both = jax.jit(lambda x: (derivatives(mine, x), derivatives(by_hand, x)))
        for x in [X] if shape else X:
            np.testing.assert_array_equal(mine(x), branch(x))
            np.testing.assert_allclose(*both(x), rtol=1e-13)


@pytest.mark.parametrize("x", [X, np.stack([X, X[::-1], 0.5 * X])], ids=["alone", "under vmap"])
@pytest.mark.parametrize("name", NUMBERS_AMONG_VECTORS)
def test_numbers_may_meet_vectors_in_a_branch(name, x):
    """JAX lets a number, or an axis of length 1, meet an array as it is; a mask has the array's shape."""
    written, careful = (each if x.ndim == 1 else jax.vmap(each) for each in NUMBERS_AMONG_VECTORS[name])
    with float64():
        found = function(masked(traced(written, x)))
        np.testing.assert_array_equal(found(x), written(x))
        for modes in (jax.jacrev, jax.jacfwd):
            np.testing.assert_allclose(modes(found)(x), modes(careful)(x), rtol=1e-14, atol=1e-300)


@pytest.mark.parametrize(
    "smooth",
    [
        lambda x: jnp.where(x > 0, x**2, -x),
        lambda x: jnp.maximum(x, 0.0) * jnp.sqrt(x),
        lambda x: jnp.where(x > 0, 1.0, jnp.ones_like(x)),
    ],
)
def test_programs_without_steep_branches_stay_as_they_are(smooth):
    """Not one equation more."""
    program = traced(smooth, 1.0)
    assert masked(program) is program


def test_long_branches_end_somewhere():
    """A chain of thousands of equations: values are right, and nothing is written without end."""

    def chain(x):
        y = x
        for _ in range(5 * LONGEST):
            y = y + jnp.sin(y)
        return jnp.where(x > 0, jnp.sqrt(y), 0.0)

    program = traced(chain, 1.0)
    longer = masked(program)
    assert len(longer.closed.eqns) <= len(program.closed.eqns) + 3 * LONGEST
    assert function(longer)(0.5) == function(program)(0.5)


def test_lines_of_the_users_stay_known():
    """Equations come from the file that wrote them, not from the one that wrote them once more."""
    program = traced(lambda x: jnp.where(x > 0, jnp.sqrt(x), 0.0) + jnp.sin(x), 1.0)
    for before in masked(program).closed.eqns:
        assert before.primitive.name in ("stop_gradient", "select_n") or "test_masks.py" in line_of(
            before, ""
        )

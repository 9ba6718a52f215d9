"""Laws of barriers: the same function, no equation twice, no transcendental recomputed."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lagrad.compile.deferred import compile_all
from lagrad.compile.materialize import MOST_LEVELS, transcendental_levels, with_barriers
from lagrad.compile.xla import lower
from lagrad.precision import float64
from lagrad.program.cse import merged, tidy
from lagrad.program.program import numbered

X = np.linspace(0.1, 0.9, 5)
W = np.arange(5.0)


def nested(x, y):
    """Sines of sines, deeper than there are levels, and a part without any."""
    z = x * W
    for _ in range(MOST_LEVELS + 2):
        z = jnp.sin(z) + y
    return z, x * y, jnp.sin(x * W) + jnp.sin(x * W)


def traced(function, *arguments):
    """Closed jaxpr in float64."""
    with float64():
        return jax.make_jaxpr(function)(*arguments)


@pytest.mark.parametrize("barrier", [False, True])
def test_functions_with_barriers_are_the_same(barrier):
    """With and without barriers; captured arrays come back as arguments."""
    function, captured = with_barriers(traced(nested, X, 2.0), barrier)
    assert any(np.array_equal(array, W) for array in captured)
    with float64():
        found, expected = jax.jit(function)(True, captured, X, 2.0), nested(X, 2.0)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-14)


def test_transcendentals_stand_behind_conditionals():
    """One conditional a level; only sines beyond the deepest level are left to fusion."""
    function, captured = with_barriers(traced(nested, X, 2.0))
    with float64():
        program = jax.make_jaxpr(function)(True, captured, X, 2.0)
    names = [equation.primitive.name for equation in program.eqns]
    assert names.count("cond") == MOST_LEVELS
    assert names.count("sin") == 2


def test_equal_equations_are_merged():
    """sin(x W) is evaluated once, however often it is written; other parameters stay apart."""
    program = numbered(traced(lambda x: (jnp.sin(x) * jnp.sin(x), x[:2] + x[1:3], x[:2] * 2), X))
    names = [equation.name for equation in tidy(program).equations]
    assert names.count("sin") == 1
    assert names.count("slice") == 2


def test_levels_are_counted_along_the_longest_way():
    """Each transcendental is one level after the last one before it; the deepest are left to fusion."""
    program = numbered(traced(nested, X, 2.0))
    found = transcendental_levels(merged(program))
    assert len(found) == MOST_LEVELS
    assert all(len(level) == 1 for level in found)


def test_what_nobody_needs_is_left_out_but_not_its_effects():
    """Unused results are dropped; prints stay where they are asked for."""

    def printing(x):
        jax.debug.print("seen {}", x[0])
        jnp.exp(x)
        return x * 2

    program = numbered(traced(printing, X))
    assert len(tidy(program).equations) == 1
    for effects in (True, False):
        function, captured = with_barriers(traced(printing, X), effects=effects)
        with float64():
            text = jax.jit(function).lower(True, captured, X).as_text()
        assert ("callback" in text) == effects


def test_compiled_functions_take_and_give_float64():
    """Several side by side, with arrays captured by each."""
    with float64():
        parts = {
            k: lower(lambda x, k=k: x * W + 1 / k, [jax.ShapeDtypeStruct((5,), jnp.float64)])
            for k in (3.0, 7.0)
        }
    for k, compiled in compile_all(parts).items():
        with float64():
            (found,) = compiled(X)
        assert found.dtype == np.float64
        np.testing.assert_allclose(found, X * W + 1 / k, rtol=1e-15)

"""Programs that cannot be followed are refused; long, large and rounded ones are warned of."""

from __future__ import annotations

import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lagrad
from lagrad.errors import DerivativeError, LagradWarning
from lagrad.precision import float64
from lagrad.program.check import LARGE_CONSTANTS, LONG_PROGRAM, check_program

X = np.arange(1.0, 5.0)


def program(fun, *arguments):
    """A traced program."""
    return jax.make_jaxpr(fun)(*arguments)


@pytest.mark.parametrize("wrap", [lambda fun: fun, jax.jit])
def test_a_leaked_value_is_told(wrap):
    """A tracer stored by one trace and used by another."""
    store = []
    program(lambda x: store.append(x) or x, X)
    with float64(), pytest.raises(DerivativeError) as caught:
        check_program(program(wrap(lambda x: x + store[0]), X))
    assert str(caught.value) == (
        "`objective` or `constraints`: use a traced value that is no argument. A value of an earlier trace "
        "was kept outside the function, or an outer function is being traced. Return values instead of "
        "storing them, and pass what varies as params."
    )


def test_long_programs_are_answered():
    """A Python loop is unrolled; nested functions count each time they are called."""

    @jax.jit
    def inner(x):
        for _ in range(100):
            x = jnp.sin(x) + 1.0
        return x

    def outer(x):
        for _ in range(20):
            x = inner(x)
        return x

    with pytest.warns(
        LagradWarning, match=r"^`objective` and `constraints`: 40\d\d operations \((sin|add) 2000 times\)"
    ):
        check_program(program(outer, 1.0))


def test_arrays_of_jax_in_float32_are_answered():
    """They have lost digits while x64 was off; NumPy's have not, and round numbers lose none."""
    weights = jnp.array([0.1, 0.2, 0.3])

    def declared(captured):
        return lagrad.differentiate(lagrad.Problem(lambda x: jnp.sum((captured - x) ** 2), np.ones(3)))

    with pytest.warns(LagradWarning, match=r"float32 array of shape \(3,\), \[0.1, 0.2, 0.3\].*np.asarray"):
        declared(weights)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        declared(np.array([0.1, 0.2, 0.3]))
        declared(jnp.array([1.0, 2.5, -3.0]))


def test_ordinary_programs_pass_in_silence():
    """A scan is one loop however long, and small arrays are no burden."""
    small = jnp.ones(1000)

    def fun(x):
        return jax.lax.scan(lambda c, s: (jnp.sin(c) * s, None), x, small, length=1000)[0]

    assert LONG_PROGRAM > 1000
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_program(program(fun, 1.0))


@pytest.mark.parametrize("nested", [False, True])
def test_large_captured_arrays_are_answered(monkeypatch, nested):
    """They would be copied into the compiled program; params are not."""
    monkeypatch.setattr("lagrad.program.check.LARGE_CONSTANTS", 1_000_000)
    assert LARGE_CONSTANTS >= 1_000_000
    large, other = jnp.zeros((500, 1000), jnp.float32), np.zeros((1000, 100), np.float32)

    def fun(x):
        return jnp.sum(large * x) + jnp.sum(other * x)

    with pytest.warns(LagradWarning) as caught:
        check_program(program(jax.jit(fun) if nested else fun, 1.0))
    assert str(caught[0].message) == (
        "`objective` and `constraints`: 2 MB of captured arrays, the largest 2 MB, are copied into the "
        "compiled program. Pass them as params."
    )

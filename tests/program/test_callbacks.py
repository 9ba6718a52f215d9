"""Callbacks run in double precision in whatever thread XLA runs them, while `jax_enable_x64` is off."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import lagrad
from lagrad.compile.xla import lower
from lagrad.nested.linear import sparse_solver
from lagrad.precision import float64
from lagrad.program.callbacks import OfWords, as_words, from_words, jitted

N = 40


def on_host(function):
    """A NumPy function as a callback."""
    return lambda x: jax.pure_callback(
        function, jax.ShapeDtypeStruct(x.shape, x.dtype), x, vmap_method="expand_dims"
    )


@jax.custom_jvp
def sine(x):
    return on_host(np.sin)(x)


@jax.custom_jvp
def cosine(x):
    return on_host(np.cos)(x)


sine.defjvp(lambda primals, tangents: (sine(*primals), cosine(*primals) * tangents[0]))
cosine.defjvp(lambda primals, tangents: (cosine(*primals), -sine(*primals) * tangents[0]))

PROGRAMS = {
    "map over scalars": lambda sin, x: lax.map(lambda z: sin(z * z) + sin(jnp.cos(z)), x),
    "map over vectors": lambda sin, x: lax.map(lambda k: sin(x * k), jnp.arange(3.0)).ravel(),
    "scan": lambda sin, x: lax.scan(lambda y, _: (sin(y) + x, None), x, None, length=4)[0],
    "fori_loop": lambda sin, x: lax.fori_loop(0, 4, lambda i, y: sin(y) * x[i], x),
    "cond": lambda sin, x: lax.cond(x[0] > 0, sin, lambda x: x, x),
    "checkpoint": lambda sin, x: jax.checkpoint(lambda x: sin(sin(x)))(x),
}


@pytest.mark.parametrize("strategy", ["auto", "colored"])
@pytest.mark.parametrize("name", PROGRAMS)
def test_derivatives_through_callbacks(name, strategy):
    """Values, J and H are those of the same program without callbacks, also with the look at set-up."""
    program = PROGRAMS[name]
    x = np.linspace(0.1, 1.0, N)

    def rows(x):
        return program(sine, x)

    found = lagrad.differentiate(
        lagrad.Problem(lambda x: jnp.sum(sine(x) ** 2), x, lagrad.Equality(rows)), strategy=strategy
    )
    with float64():
        given = jnp.asarray(x)
        weights = np.linspace(-1.0, 1.0, program(jnp.sin, given).size)

        def lagrangian(x):
            return jnp.sum(jnp.sin(x) ** 2) + weights @ program(jnp.sin, x)

        expected = [
            jax.jit(f)(given)
            for f in (
                lambda x: program(jnp.sin, x),
                jax.jacobian(lambda x: program(jnp.sin, x)),
                jax.hessian(lagrangian),
            )
        ]
    for _ in range(5):
        values = [found.constraints(x), found.jacobian(x).toarray(), found.hessian(x, weights).toarray()]
        for value, oracle in zip(values, expected, strict=True):
            np.testing.assert_allclose(value, oracle, rtol=1e-12, atol=1e-13)


ARRAYS = {
    "float64": np.array([np.pi, -0.0, np.inf, 5e-324]),
    "complex128": np.array([[np.pi + 1e-17j], [-1e300j]]),
    "int64": np.array(2**40 + 1),
    "uint64": np.array([2**63 + 1], np.uint64),
    "float32": np.array([0.1], np.float32),
    "bool": np.array([True, False]),
    "nothing": np.zeros((0, 3)),
}


@pytest.mark.parametrize("name", ARRAYS)
def test_numbers_keep_every_bit(name):
    """To the host and back, in a thread in which x64 is off."""
    array = ARRAYS[name]
    aval = jax.core.ShapedArray(array.shape, array.dtype)
    met = []

    def host(x):
        met.append(x)
        return (np.asarray(x),)

    with float64():
        words = np.asarray(as_words(jnp.asarray(array), aval))
    with ThreadPoolExecutor(1) as pool:
        (result,) = pool.submit(OfWords("pure_callback", host, (aval,), (aval,)), words).result()
    assert isinstance(met[0], jax.Array)
    for value in (met[0], from_words_in_double(result, aval)):
        assert (value.dtype, value.shape) == (array.dtype, array.shape)
        assert np.asarray(value).tobytes() == array.tobytes()


def from_words_in_double(words, aval):
    with float64():
        return np.asarray(from_words(jnp.asarray(words), aval))


@pytest.mark.parametrize("result", [np.zeros(2), np.zeros(3, np.float32), 0.0])
def test_a_result_of_another_kind_is_refused(result):
    """By shapes and dtypes as the user declared them, not those of words."""
    declared = jax.ShapeDtypeStruct((3,), np.float64)
    with pytest.raises(TypeError, match=r"`pure_callback`: .* returned .*, declared is float64\[3\]"):
        OfWords("pure_callback", lambda: (result,), (), (declared,))()


def test_what_is_printed_keeps_its_digits(capfd):
    """`jax.debug.print` and `jax.debug.callback` within a loop show doubles."""
    seen = []

    def step(y, _):
        jax.debug.print("y = {y}", y=y[0])
        jax.debug.callback(lambda y: seen.append(np.asarray(y)), y)
        return y / 3, None

    x = np.ones(3)
    lower(lambda x: lax.scan(step, x, None, length=3)[0], [x], effects=True).compile()(x)
    jax.effects_barrier()
    assert "0.3333333333333333" in capfd.readouterr().out
    assert {value.dtype for value in seen} == {np.dtype(np.float64)}


def test_sparse_solves_within_a_loop():
    """`lagrad.nested`'s own solver calls back from within `custom_linear_solve`."""
    eye = lagrad.SparsityPattern.from_dense(np.eye(3))
    solver = sparse_solver(eye, [1, 1, 1], [1, 1, 1])

    def root(a):
        return lax.custom_linear_solve(lambda y: a * y, jnp.ones(3), solver.solve, solver.transpose_solve)

    def rows(x):
        return lax.map(lambda k: root(x * x * k), jnp.arange(1.0, 4.0)).ravel()

    with float64():
        found = jitted(rows)(jnp.arange(1.0, 4.0))
    expected = [1 / (k * x * x) for k in (1.0, 2.0, 3.0) for x in (1.0, 2.0, 3.0)]
    np.testing.assert_allclose(found, expected, rtol=1e-15)

"""Hold small systems, each of a batch its own element, against inverses by Newton's iteration."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lagrad
from lagrad.compile import parts
from lagrad.elements.split import partially_separable
from tests.derivatives.oracle import check
from tests.sparsity.tracing import program_of

N = 12
START = np.linspace(0.2, 0.9, N)


def inverse(a):
    """1 / A by products alone, which JAX differentiates as they stand.

    Source: Pan, Reif (1985), Efficient parallel solution of linear systems.
    """
    found = a.T / (jnp.abs(a).sum(0).max() * jnp.abs(a).sum(1).max())
    for _ in range(18):
        found = found @ (2 * np.eye(len(a)) - a @ found)
    return found


def by_newton(a, b):
    """x with A x = b."""
    return inverse(a) @ b


def systems(count: int, solve: Callable) -> Callable:
    """Dense matrices of `count` rows, not symmetric, of three variables each."""
    steps = np.arange(1.0, 1 + count)
    base = 0.5 * np.random.default_rng(count).normal(size=(count, count)) + 3 * np.eye(count)

    def each(z):
        matrix = base + 0.3 * jnp.sin(jnp.outer(steps, z[0] + 0.3 * steps)) * z[1]
        return solve(matrix, jnp.cos(steps * z[2]) + z[0])

    return lambda x: jax.vmap(each)(x.reshape(-1, 3)).ravel()


def step(solve: Callable) -> Callable:
    """Two stages of an integrator of two links, with a mass matrix in each."""

    def slope(x):
        q, v = x[:2], x[2:]
        between = q[:, None] - q
        right = -(jnp.sin(between) @ v**2) - jnp.sin(q)
        return jnp.concatenate([v, solve(jnp.cos(between) + np.diag([1.0, 0.5]), right)])

    def each(x):
        return x + 0.1 * slope(x + 0.05 * slope(x))

    return lambda x: jax.vmap(each)(x.reshape(-1, 4)).ravel()


def alike(make: Callable[[Callable], Callable]) -> tuple[Callable, Callable]:
    """The same model by `jnp.linalg.solve` and by Newton's iteration."""
    return make(jnp.linalg.solve), make(by_newton)


def altered(change: Callable) -> Callable[[Callable], Callable]:
    """Systems of four rows with something done to their matrices."""
    return lambda solve: systems(4, lambda a, b: change(solve, a, b))


def cholesky(a, b):
    """By a Cholesky factor of A A'."""
    return jax.scipy.linalg.cho_solve((jnp.linalg.cholesky(a @ a.T), True), b)


def known(solve: Callable, a, b):
    """A few numbers of the matrix do not depend on x."""
    return solve(a.at[0, 1].set(0.0).at[2, 2].set(4.0), b)


MODELS = {
    **{
        f"solve {count}": alike(lambda solve, count=count: systems(count, solve)) for count in (1, 2, 3, 5, 8)
    },
    **{
        f"inverse {count}": (systems(count, lambda a, b: jnp.linalg.inv(a) @ b), systems(count, by_newton))
        for count in (2, 4)
    },
    **{
        f"cholesky {count}": (systems(count, cholesky), systems(count, lambda a, b: by_newton(a @ a.T, b)))
        for count in (2, 5)
    },
    "sides": (
        systems(3, lambda a, b: jnp.linalg.solve(a, jnp.stack([b, b**2], 1)).ravel()),
        systems(3, lambda a, b: jnp.stack([by_newton(a, b), by_newton(a, b**2)], 1).ravel()),
    ),
    "transposed": alike(altered(lambda solve, a, b: solve(a.T, b))),
    "blocks": alike(altered(lambda solve, a, b: solve(jnp.kron(np.eye(2), a[:2, :2]), b))),
    "one in another": alike(altered(lambda solve, a, b: solve(a, solve(a.T, b) ** 2))),
    "symmetric": alike(altered(lambda solve, a, b: solve(a + a.T, b))),
    "triangle": alike(altered(lambda solve, a, b: solve(jnp.tril(a), b))),
    "known entries": alike(altered(known)),
    "known matrix": alike(altered(lambda solve, a, b: solve(np.eye(4) + np.diag([0.5, 1, 2], 1), b**2))),
    "known side": alike(altered(lambda solve, a, b: solve(a, np.arange(1.0, 5.0)))),
    "step": alike(step),
}


@pytest.mark.parametrize("strategy", ["elements", "elements by XLA", "colored"])
@pytest.mark.parametrize("name", MODELS)
def test_small_systems_are_exact(name, strategy, monkeypatch):
    """f, c, J and H at random points."""
    if strategy == "elements by XLA":
        monkeypatch.setattr(parts, "on_cpu", lambda: False)
    mine, theirs = (
        lagrad.Problem(lambda x: jnp.sum(x**2), START, lagrad.Equality(function)) for function in MODELS[name]
    )
    check(lagrad.differentiate(mine, strategy=strategy.split()[0]), oracle=theirs)


@pytest.mark.parametrize("name", MODELS)
def test_small_systems_are_elements(name):
    """Nothing is left to coloring."""
    assert not partially_separable(program_of(MODELS[name][0], N)).rest


def test_matrices_may_depend_on_params():
    """Other matrices, nothing traced again."""

    def rows(solve):
        return lambda x, p: jax.vmap(lambda x, p: solve(p + jnp.diag(x), x**2))(x.reshape(4, 3), p).ravel()

    params = [np.random.default_rng(seed).normal(size=(4, 3, 3)) + 4 * np.eye(3) for seed in range(2)]
    mine, theirs = (
        lagrad.Problem(lambda x, p: jnp.sum(x**2), START, lagrad.Equality(rows(solve)), params=params[0])
        for solve in (jnp.linalg.solve, by_newton)
    )
    derivatives = lagrad.differentiate(mine)
    for each in params:
        check(derivatives, oracle=theirs, params=each)


def test_a_singular_matrix_spoils_its_own_rows_only():
    """No number there, and the others as ever."""
    function = lambda x: jax.vmap(lambda a: jnp.linalg.solve(jnp.diag(a), a**2))(x.reshape(4, 3)).ravel()  # noqa: E731
    derivatives = lagrad.differentiate(
        lagrad.Problem(lambda x: jnp.sum(x**2), START, lagrad.Equality(function)), strategy="elements"
    )
    x = np.where(np.arange(N) == 4, 0.0, START)
    found = np.isfinite(derivatives.constraints(x)).reshape(4, 3)
    np.testing.assert_array_equal(found.all(axis=1), [True, False, True, True])
    np.testing.assert_allclose(derivatives.constraints(x).reshape(4, 3)[2], x.reshape(4, 3)[2])


@pytest.mark.parametrize("count", [2, 6])
def test_each_lane_has_its_own_pivots(count):
    """Forty matrices whose diagonals are zeros: x and dx / db = 1 / A, beside NumPy's."""
    matrices = np.random.default_rng(count).normal(size=(40, count, count))
    matrices[:, range(count), range(count)] = 0.0
    shift = np.arange(40.0)[:, None, None] % 2

    def function(z):
        # That one entry moves makes elements of all; it stays zero here.
        moved = matrices + shift * z[-1] ** 2
        return jax.vmap(jnp.linalg.solve)(moved, z[:-1].reshape(40, count)).ravel()

    z = np.append(np.random.default_rng(1).normal(size=40 * count), 0.0)
    found = lagrad.differentiate(
        lagrad.Problem(lambda z: jnp.sum(z**2), z, lagrad.Equality(function)), strategy="elements"
    )
    expected = np.linalg.solve(matrices, z[:-1].reshape(40, count, 1)).ravel()
    np.testing.assert_allclose(found.constraints(z), expected, rtol=1e-10)
    J = found.jacobian(z).toarray()[:, :-1]
    blocks = [J[k * count : (k + 1) * count, k * count : (k + 1) * count] for k in range(40)]
    np.testing.assert_allclose(blocks, np.linalg.inv(matrices), rtol=1e-9, atol=1e-10)
    assert {block.compiler for block in found.jacobian_blocks} == {"machine code"}

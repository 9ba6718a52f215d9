"""implicit: derivatives of solution maps against closed forms and against unrolled iterations."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from lagrad import nested
from lagrad.pattern import SparsityPattern

M = 6
START = np.linspace(0.5, 1.5, M)


def cubic(y, a):
    """A tridiagonal nonlinear system: y^3 + 4 y - neighbors = a."""
    return y**3 + 4 * y - jnp.pad(y[1:], (0, 1)) - jnp.pad(y[:-1], (1, 0)) - a


def newton(residual, y, iterations=None):
    """Newton's method: until the residual is below 1e-12, or a fixed number of steps to be unrolled."""

    def step(y):
        return y - jnp.linalg.solve(jax.jacfwd(residual)(y), residual(y))

    if iterations is None:
        return lax.while_loop(lambda y: jnp.max(jnp.abs(residual(y))) > 1e-12, step, y)
    return lax.fori_loop(0, iterations, lambda _, y: step(y), y)


def solve_cubic(a, iterations=None):
    return newton(lambda y: cubic(y, a), jnp.zeros_like(a), iterations)


def tridiagonal():
    pattern = SparsityPattern.from_dense(np.abs(np.subtract.outer(range(M), range(M))) <= 1)
    colors = np.arange(M) % 3 + 1
    return nested.sparse_solver(pattern, colors, colors)


SOLVERS = {"dense": "dense", "gmres": "gmres", "cg": "cg", "auto": "auto", "sparse": tridiagonal()}


@pytest.mark.parametrize(
    ("mode", "linear_solver"),
    [
        *[(mode, "dense") for mode in nested.MODES],
        *[(mode, "sparse") for mode in ("forward-over-reverse", "reverse-over-reverse")],
        *[
            pytest.param("forward-over-reverse", name, marks=pytest.mark.slow)
            for name in ("gmres", "cg", "auto")
        ],
    ],
)
def test_second_derivatives_equal_those_of_unrolled_iterations(mode, linear_solver):
    """Exact to 1e-8 at a solver tolerance of 1e-12, in all nestings and with all linear solvers."""
    root = nested.implicit(cubic, solve_cubic, SOLVERS[linear_solver])

    def outer(root):
        return lambda a: jnp.sum(jnp.sin(root(a)) * jnp.arange(1, M + 1))

    found = jax.jit(lambda a: nested.hessian(outer(root), a, mode))(START)
    expected = jax.jit(jax.hessian(outer(partial(solve_cubic, iterations=12))))(START)
    np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-9)


def test_closed_form_and_third_derivative():
    """y^2 = a has the derivatives of the square root."""

    def heron(a):
        return lax.while_loop(lambda y: jnp.abs(y**2 - a) > 1e-12, lambda y: (y + a / y) / 2, jnp.ones(()))

    root = nested.implicit(lambda y, a: y**2 - a, heron)
    for order, expected in enumerate([2.0, 1 / 4, -1 / 32, 3 / 256]):
        f = root
        for _ in range(order):
            f = jax.grad(f)
        assert float(f(4.0)) == pytest.approx(expected, rel=1e-8)


def test_closed_over_arrays_are_differentiated():
    """A parameter that only the residual's closure knows counts as well, in the solver too."""

    def outer(scale, a):
        root = nested.implicit(lambda y, a: y**3 - scale * a, lambda a: jnp.cbrt(scale * a))
        return root(a) * scale

    found = jax.jit(jax.hessian(outer, argnums=(0, 1)))(2.0, 3.0)
    expected = jax.hessian(lambda scale, a: scale ** (4 / 3) * a ** (1 / 3), argnums=(0, 1))(2.0, 3.0)
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_pytrees_and_integers():
    """Unknowns, inputs and residuals in dicts; an integer input has no derivative."""

    def residual(y, a):
        return {"s": y["s"] - a["k"] * a["p"], "t": y["t"] ** 3 - y["s"] * a["q"]}

    def solver(a):
        s = a["k"] * a["p"]
        return {"s": s, "t": jnp.cbrt(s * a["q"])}

    root = nested.implicit(residual, solver)

    def outer(p, q):
        return jnp.sum(root({"k": 3, "p": p, "q": q})["t"])

    q = np.array([[1.0, 2.0], [3.0, 4.0]])
    found = jax.jit(jax.hessian(outer, argnums=(0, 1)))(2.0, q)
    expected = jax.hessian(lambda p, q: jnp.sum((3 * p * q) ** (1 / 3)), argnums=(0, 1))(2.0, q)
    for left, right in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(left, right, rtol=1e-11, atol=1e-15)


@pytest.mark.parametrize("linear_solver", ["dense", "sparse"])
def test_batches(linear_solver):
    """vmap over inputs, inside and outside of derivatives."""
    root = nested.implicit(cubic, solve_cubic, SOLVERS[linear_solver])
    points = np.stack([START, 2 * START, -START])

    def total(root):
        return lambda points: jnp.sum(jax.vmap(root)(points) ** 2)

    expected = jax.jit(jax.jacrev(jax.vmap(partial(solve_cubic, iterations=12))))(points)
    np.testing.assert_allclose(jax.jit(jax.jacfwd(jax.vmap(root)))(points), expected, rtol=1e-8, atol=1e-10)
    found = jax.jit(jax.grad(total(root)))(points)
    np.testing.assert_allclose(
        found, jax.jit(jax.grad(total(partial(solve_cubic, iterations=12))))(points), rtol=1e-8
    )


def test_unsymmetric_systems_are_transposed():
    """Reverse mode solves with R', forward mode with R: their Jacobians agree with R^-1 by hand."""
    matrix = np.diag(np.arange(2.0, 2 + M)) + np.triu(np.ones((M, M)), 1) / 3
    pattern = SparsityPattern.from_dense(matrix)
    sparse = nested.sparse_solver(pattern, np.arange(1, M + 1), np.arange(1, M + 1))
    for linear_solver in ("dense", sparse):
        root = nested.implicit(
            lambda y, a: matrix @ y - a, lambda a: jnp.linalg.solve(matrix, a), linear_solver
        )
        for jacobian in (jax.jacfwd, jax.jacrev):
            np.testing.assert_allclose(jacobian(root)(START), np.linalg.inv(matrix), rtol=1e-10, atol=1e-12)


def implicit_step(y, a):
    """One implicit Euler step of y' = -a sin(y) with step 0.1, by fixed-point iteration."""

    def solver(inputs):
        y, a = inputs

        def improved(state):
            better = y - 0.1 * a * jnp.sin(state[0])
            return better, jnp.abs(better - state[0])

        return lax.while_loop(lambda state: state[1] > 1e-14, improved, (y, jnp.ones(())))[0]

    return nested.implicit(lambda z, inputs: z - inputs[0] + 0.1 * inputs[1] * jnp.sin(z), solver)((y, a))


def unrolled_step(y, a):
    z = y
    for _ in range(15):
        z = y - 0.1 * a * jnp.sin(z)
    return z


DERIVATIVES = {
    "slope": jax.grad,
    "reverse over reverse": lambda f: jax.grad(jax.grad(f)),
}


@pytest.mark.parametrize("derivative", DERIVATIVES)
def test_time_steps_in_a_scan(derivative):
    """Slope and curvature of the end point in a parameter, also in reverse over reverse."""

    def end(step):
        return lambda a: lax.scan(lambda y, _: (step(y, a), None), jnp.asarray(1.0), None, length=4)[0]

    found, expected = (
        jax.jit(DERIVATIVES[derivative](end(step)))(0.7) for step in (implicit_step, unrolled_step)
    )
    np.testing.assert_allclose(found, expected, rtol=1e-8)


def test_iterations_are_never_differentiated():
    """Reverse mode over a Newton loop of any length keeps the solution, not the iterates."""

    def kept(solver):
        pullback = jax.vjp(nested.implicit(lambda y, a: y**2 - a, solver), jnp.ones(50))[1]
        return sum(leaf.nbytes for leaf in jax.tree.leaves(pullback))

    def slow(a, steps):
        return lax.fori_loop(0, steps, lambda _, y: (y + a / y) / 2, jnp.ones_like(a))

    assert kept(partial(slow, steps=10)) == kept(partial(slow, steps=1000))


@pytest.mark.parametrize("linear_solver", ["gmres", "cg"])
def test_unsolved_system_gives_nan(linear_solver):
    """A singular R has no derivative: nan instead of a number that is wrong."""
    root = nested.implicit(lambda y, a: y * jnp.array([1.0, 0.0]) - a, lambda a: a, linear_solver)
    assert np.isnan(jax.jvp(root, (np.zeros(2),), (np.ones(2),))[1]).any()


def test_unknown_linear_solver_is_named():
    """The message lists the names."""
    with pytest.raises(
        ValueError, match="found 'lu', expected a LinearSolver or one of auto, dense, gmres, cg"
    ):
        nested.implicit(cubic, solve_cubic, "lu")


def test_wrong_residual_is_named():
    """One equation for each unknown."""
    root = nested.implicit(lambda y, a: y[:-1], solve_cubic)
    with pytest.raises(ValueError, match="`residual` returns .* but `solver` returns"):
        root(START)

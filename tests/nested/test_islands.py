"""forward_mode: derivatives of code that reverse mode cannot take, of every order, against closed forms."""

import warnings
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lagrad import nested
from lagrad.errors import LagradWarning

A = np.array([1.0, 2.0, 3.5])
JACOBIANS = {"forward": jax.jacfwd, "reverse": jax.jacrev}


def newton_root(a):
    """Square roots by Newton's method until they stand still: a trip count that depends on values."""

    def step(state):
        y, _ = state
        better = (y + a / y) / 2
        return better, jnp.max(jnp.abs(better - y))

    # The derivative converges one iteration after the value: stop late.
    return jax.lax.while_loop(lambda state: state[1] > 1e-13, step, (1 + 0 * a, jnp.asarray(1.0)))[0]


def outer(wrap, root, a, scale):
    """An island with a pytree result and a closed-over scale, inside of other code."""
    island = wrap(lambda b: {"root": root(b * scale), "wave": jnp.sin(b) * scale})
    out = island(a)
    return jnp.sum(jnp.sin(out["root"]) * jnp.cumsum(out["wave"]))


ours = partial(outer, nested.forward_mode, newton_root)
closed = partial(outer, lambda f: f, jnp.sqrt)


def assert_same(left, right, tolerance=1e-11):
    for found, expected in zip(jax.tree.leaves(left), jax.tree.leaves(right), strict=True):
        np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance)


def test_reverse_mode_alone_cannot():
    """The reason for the tool: JAX has no reverse derivative of such a loop."""
    with pytest.raises(ValueError, match="Reverse-mode differentiation does not work for lax.while_loop"):
        jax.grad(lambda a: jnp.sum(newton_root(a)))(A)


@pytest.mark.parametrize("mode", JACOBIANS)
def test_first_derivative(mode):
    """In the argument and in what the island closes over."""
    take = partial(JACOBIANS[mode], argnums=(0, 1))
    assert_same(jax.jit(take(ours))(A, 1.3), take(closed)(A, 1.3))


@pytest.mark.parametrize("second", JACOBIANS)
@pytest.mark.parametrize("first", JACOBIANS)
def test_second_derivative_in_every_nesting(first, second):
    """Hessians in both arguments equal those of the closed form."""

    def twice(f):
        return jax.jit(JACOBIANS[second](JACOBIANS[first](f, argnums=(0, 1)), argnums=(0, 1)))(A, 1.3)

    assert_same(twice(ours), twice(closed))


@pytest.mark.slow
def test_third_derivative_in_reverse():
    """Any order: three reverse modes over each other."""
    assert_same(*[jax.jit(jax.jacrev(jax.jacrev(jax.jacrev(f))))(A[:2], 1.3) for f in (ours, closed)])


BATCHES = {
    "gradients": lambda f: jax.vmap(jax.grad(f, argnums=(0, 1)), (0, None)),
    "Hessian of a sum": lambda f: jax.hessian(
        lambda a, s: jnp.sum(jax.vmap(f, (0, None))(a, s) ** 2), (0, 1)
    ),
    "reverse over reverse": lambda f: jax.jacrev(
        jax.jacrev(lambda a, s: jnp.sum(jax.vmap(f, (0, None))(a, s) ** 2), (0, 1)), (0, 1)
    ),
}


@pytest.mark.parametrize(
    "batch", ["gradients", "reverse over reverse", pytest.param("Hessian of a sum", marks=pytest.mark.slow)]
)
def test_batches(batch):
    """vmap over points inside and outside of derivatives."""
    points = np.stack([A, 2 * A])
    assert_same(jax.jit(BATCHES[batch](ours))(points, 1.3), BATCHES[batch](closed)(points, 1.3))


def test_sweeps_of_a_batch_are_those_of_one_point():
    """A batch of 40 points with 3 inputs each is swept with 3 directions, not 120."""
    island = nested.forward_mode(jnp.sin, wide=3)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        jax.grad(lambda a: jnp.sum(jax.vmap(island)(a)))(np.ones((40, 3)))


@pytest.mark.parametrize("chunk", [1, 2, 50])
def test_chunks_do_not_change_values(chunk):
    """Sweeps in pieces, also when the pieces do not divide the inputs."""
    island = nested.forward_mode(newton_root, chunk=chunk)
    np.testing.assert_allclose(jax.jit(jax.jacrev(island))(A), np.diag(0.5 / np.sqrt(A)), rtol=1e-12)


def test_wide_inputs_warn():
    """The warning names the number of sweeps and what to do instead."""
    island = nested.forward_mode(jnp.tanh)
    with pytest.warns(LagradWarning, match="a function of 300 inputs costs 300 forward sweeps"):
        jax.grad(lambda a: jnp.sum(island(a)))(np.ones(300))


def test_forward_derivatives_of_wide_inputs_are_silent():
    """Only reverse mode sweeps over the inputs."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        jax.jvp(nested.forward_mode(jnp.tanh), (np.ones(300),), (np.ones(300),))


def test_integer_results_are_named():
    """A cotangent exists for real floats only."""
    with pytest.raises(
        TypeError, match=r"forward_mode: the function returns int64\[\], expected real floats"
    ):
        nested.forward_mode(jnp.argmax)(A)


def test_integer_arguments_pass():
    """Whole numbers, such as an index or a number of steps, take part without derivative."""

    def power(x, k):
        return jax.lax.fori_loop(0, k, lambda _, y: y * x, jnp.ones_like(x))

    assert float(jax.grad(nested.forward_mode(power))(2.0, 5)) == 80.0

"""Solvers within rules of other functions: what their own rules couple is seen, what is apart stays apart."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from jax.experimental.ode import odeint

from lagrad.precision import float64
from lagrad.sparsity import hessian_sparsity, jacobian_sparsity
from tests.sparsity.oracles import dense_derivatives, nonzero

N = 5


def long_steps(i, x):
    """A step of many equations, each element alone."""
    for _ in range(60):
        x = x - 0.01 * jnp.sin(x)
    return x


@jax.custom_jvp
def solver(x):
    """To the eye each result depends on its own operand alone."""
    return lax.fori_loop(0, 3, long_steps, x)


def solver_rule(primals, tangents):
    """The neighbours' derivative, for all that the function says."""
    (x,), (dx,) = primals, tangents
    return solver(x), jnp.roll(x * dx, 1)


solver.defjvp(solver_rule)


@jax.custom_jvp
def outer(x):
    """A function whose rule calls the solver."""
    return x**2


outer.defjvp(lambda primals, tangents: (outer(*primals), tangents[0] * solver(*primals)))


@jax.custom_vjp
def reversed_solver(x):
    """The same with a rule of cotangents."""
    return lax.while_loop(lambda s: s[0] < 2, lambda s: (s[0] + 1, long_steps(0, s[1])), (0, x))[1]


reversed_solver.defvjp(lambda x: (reversed_solver(x), x), lambda x, g: (jnp.roll(x * g, 2),))


@jax.custom_vjp
def reversed_outer(x):
    """A function whose rule of cotangents calls that solver."""
    return x**2


reversed_outer.defvjp(lambda x: (x**2, x), lambda x, g: (g * reversed_solver(x),))


@pytest.mark.parametrize(
    ("function", "modes"),
    [(outer, (jax.jacrev, jax.jacfwd)), (reversed_outer, (jax.jacrev, jax.jacrev))],
)
def test_what_a_solvers_own_rule_couples_is_seen(function, modes):
    """Entries beside the diagonal that the solver as written does not have, and no more than its blocks."""
    _, hessian = dense_derivatives(function, N, modes=modes)
    found = hessian_sparsity(lambda x: jnp.sum(function(x)), np.ones(N)).toarray()
    true = nonzero(hessian)
    assert (true & ~np.eye(N, dtype=bool)).any()
    assert not (true & ~found).any()


def growing_while(dx, y):
    """A loop of unknown length that takes y and then dx from outside."""
    step = lambda s: (s[0] + 1, s[1] + jnp.sin(y) * jnp.roll(dx, 1))  # noqa: E731
    return lax.while_loop(lambda s: s[0] < 2 + jnp.argmax(y), step, (0, jnp.zeros(N)))[1]


@jax.custom_jvp
def looping(x, y):
    """A function whose rule loops, tangents being the last of what the loop takes."""
    return x * y


looping.defjvp(lambda primals, tangents: (primals[0] * primals[1], growing_while(tangents[0], primals[1])))


def test_inputs_of_a_loop_within_a_rule_are_not_mixed_up():
    """Derivatives by tangents and by what stands beside them, whatever their order."""
    function = lambda z: looping(z[:N], z[N:])  # noqa: E731
    with float64():
        z = np.random.default_rng(0).normal(size=2 * N)
        true = np.asarray(jax.jacfwd(function)(z)) != 0
    np.testing.assert_array_equal(jacobian_sparsity(function, z).toarray() & true, true)


def test_stages_of_an_integrator_with_adaptive_steps_are_apart():
    """The flights of several stages: each depends on its own state and control."""

    def flight(state, control):
        derivative = lambda y, t, u: jnp.stack([y[1], u - jnp.sin(y[0])])  # noqa: E731
        return odeint(derivative, state, jnp.array([0.0, 0.4]), control)[-1]

    stages = 3
    function = lambda z: jax.vmap(flight)(z[: 2 * stages].reshape(stages, 2), z[2 * stages :]).ravel()  # noqa: E731
    one = np.kron(np.eye(stages), np.ones((2, 2)))
    right = np.concatenate([one, np.kron(np.eye(stages), np.ones((2, 1)))], 1)
    np.testing.assert_array_equal(jacobian_sparsity(function, np.ones(3 * stages)).toarray(), right > 0)

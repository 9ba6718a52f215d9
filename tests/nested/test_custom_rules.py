"""both_modes: functions with custom rules, in every nesting, against the same functions without."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from lagrad import nested
from lagrad.errors import DerivativeError

X = np.array([0.3, -0.5, 1.2])
JACOBIANS = {"forward": jax.jacfwd, "reverse": jax.jacrev}


def plain(x):
    return jnp.sin(x) * x


# The usual way to write a rule: the forward rule calls the function again.
ruled = jax.custom_vjp(lambda x: plain(x))
ruled.defvjp(lambda x: (ruled(x), x), lambda x, w: (w * (jnp.cos(x) * x + jnp.sin(x)),))

PLACES = {
    "alone": lambda f, x: f(x),
    "jit": lambda f, x: jax.jit(f)(x),
    "checkpoint": lambda f, x: jax.checkpoint(f)(x),
    "scan": lambda f, x: lax.scan(lambda c, y: (f(c) * y, c), x, x)[0],
    "cond": lambda f, x: lax.cond(x[0] > 0, f, lambda x: x, x),
    "vmap": lambda f, x: jax.vmap(f)(x),
    "twice": lambda f, x: f(f(x) + x),
}


def program(place, f):
    return lambda x: jnp.sum(PLACES[place](f, x) ** 2)


def test_forward_mode_alone_cannot():
    """The reason for the tool: JAX refuses both the JVP and the forward-over-reverse product."""
    for derivative in (jax.jacfwd, jax.hessian):
        with pytest.raises(TypeError, match="can't apply forward-mode"):
            derivative(program("alone", ruled))(X)


@pytest.mark.parametrize("place", PLACES)
def test_all_nestings_agree_with_the_plain_function(place):
    """Wherever the call stands, all four Hessians are those of the function without a rule."""
    ours, expected = nested.both_modes(program(place, ruled)), jax.hessian(program(place, plain))(X)
    for mode in nested.MODES:
        np.testing.assert_allclose(
            jax.jit(lambda x, m=mode: nested.hessian(ours, x, m))(X), expected, rtol=1e-12, atol=1e-13
        )


def test_rule_in_a_while_loop():
    """Forward mode goes through loops of unknown length with rules inside."""

    def loop(f):
        return lambda x: lax.while_loop(lambda x: x[0] < 3, lambda x: 1.1 * x + 0.1 * f(x) + 0.3, x)

    np.testing.assert_allclose(
        jax.jacfwd(jax.jacfwd(nested.both_modes(loop(ruled))))(X),
        jax.jacfwd(jax.jacfwd(loop(plain)))(X),
        rtol=1e-12,
        atol=1e-13,
    )


def test_the_rule_is_what_counts():
    """The forward derivative is that of the rule, not of the code of the function."""
    doubled = jax.custom_vjp(lambda x: x * x)
    doubled.defvjp(lambda x: (x * x, x), lambda x, w: (4 * x * w,))
    assert float(jax.jvp(nested.both_modes(doubled), (3.0,), (1.0,))[1]) == 12.0


def test_pytrees_integers_and_several_arguments():
    """A rule with a dict of results, an integer argument and None for its cotangent."""

    def plain(x, k, m):
        return {"a": x @ m, "b": k * jnp.sum(x) ** 2}

    def backward(kept, w):
        x, k, m = kept
        return m @ w["a"] + 2 * k * jnp.sum(x) * w["b"] * jnp.ones_like(x), None, jnp.outer(x, w["a"])

    ruled = jax.custom_vjp(plain)
    ruled.defvjp(lambda x, k, m: (ruled(x, k, m), (x, k, m)), backward)

    def scalar(f, x, m):
        out = f(x, 2, m * x[0])
        return jnp.sum(out["a"] ** 3) + jnp.sin(out["b"])

    matrix = np.arange(6.0).reshape(3, 2) / 5
    ours = nested.both_modes(lambda x, m: scalar(ruled, x, m))
    found = jax.jit(jax.hessian(ours, argnums=(0, 1)))(X, matrix)
    expected = jax.jit(jax.hessian(lambda x, m: scalar(plain, x, m), argnums=(0, 1)))(X, matrix)
    for left, right in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(left, right, rtol=1e-12, atol=1e-12)


def test_nonlinear_rule_is_named():
    """A clipped cotangent is no derivative: the message says so and what to write."""

    def clipped(x):
        return call(x)

    call = jax.custom_vjp(lambda x: 2 * x)
    call.defvjp(lambda x: (call(x), None), lambda _, w: (jnp.clip(w, -1, 1),))
    with pytest.raises(
        DerivativeError, match="not linear in the cotangent. Write it as a linear map, or give"
    ):
        jax.jvp(nested.both_modes(clipped), (X,), (X,))


@jax.custom_vjp
def looped(x):
    """Three sines, in a loop without a reverse mode."""
    return lax.while_loop(lambda s: s[0] < 3, lambda s: (s[0] + 1, jnp.sin(s[1])), (0, x))[1]


def looped_back(x, w):
    """Forward once more, the cotangent taken along: no linear map that JAX could transpose."""
    step = lambda s: (s[0] + 1, jnp.sin(s[1]), s[2] * jnp.cos(s[1]))  # noqa: E731
    return (lax.while_loop(lambda s: s[0] < 3, step, (0, x, w))[2],)


# As integrators do: the forward rule calls the function again.
looped.defvjp(lambda x: (looped(x), x), looped_back)


@pytest.mark.parametrize("place", PLACES)
def test_what_cannot_be_turned_round_is_read_as_it_is_written(place):
    """Forward over reverse through a rule that loops: its loop runs forward, and what it calls again, too."""
    slope = nested.custom_rules.forward_anyway(jax.grad(program(place, looped)))
    expected = jax.hessian(program(place, lambda x: jnp.sin(jnp.sin(jnp.sin(x)))))(X)
    with pytest.raises((TypeError, ValueError)):
        jax.jacrev(jax.jacrev(program(place, looped)))(X)
    np.testing.assert_allclose(jax.jit(jax.jacfwd(slope))(X), expected, rtol=1e-12, atol=1e-13)


def test_functions_without_rules_are_left_alone():
    """No custom_vjp, same program."""
    f = program("scan", plain)
    assert str(jax.make_jaxpr(nested.both_modes(f))(X)) == str(jax.make_jaxpr(f)(X))


def test_nested_gradient_of_a_function_with_a_rule():
    """nested.grad needs the forward derivative of the gradient, and gets it by itself."""

    def energy(gradient, f):
        return jax.grad(lambda x: jnp.sum(gradient(program("scan", f))(x) ** 2))(X)

    np.testing.assert_allclose(energy(nested.grad, ruled), energy(jax.grad, plain), rtol=1e-12)


def test_custom_jvp_mixes_with_everything():
    """A custom_jvp function inside of nested.grad, forward_mode and implicit, all nestings."""
    root = jax.custom_jvp(lambda x: jnp.exp(0.5 * jnp.log(x)))
    root.defjvp(lambda p, t: (root(*p), 0.5 * t[0] / root(*p)))

    def mixed(root, gradient, island):
        slope = gradient(lambda x: jnp.sum(root(x) ** 3))
        return lambda x: jnp.sum(island(root)(x) * slope(x))

    x = np.array([0.5, 2.0, 3.0])
    expected = jax.hessian(mixed(jnp.sqrt, jax.grad, lambda f: f))(x)
    for mode in nested.MODES:
        f = mixed(root, nested.grad, nested.forward_mode)
        found = jax.jit(lambda x, f=f, mode=mode: nested.hessian(f, x, mode))(x)
        np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-12)

"""Equations are alike where values and derivatives up to the second are, and apart where one is not."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.extend import core as jex

from lagrad.precision import float64
from lagrad.program.alike import Same, told_by


def equation(function, *arguments) -> jex.JaxprEqn:
    """The only call that a function makes of what holds programs or rules."""
    with float64():
        program = jax.make_jaxpr(function)(*(arguments or (0.5,)))
    (found,) = [each for each in program.eqns if each.primitive.name in CALLS]
    return found


CALLS = ("custom_jvp_call", "custom_vjp_call", "cond", "while", "scan", "checkpoint", "remat2")


def scaled(factor, value=jnp.sin):
    """A function whose gradient is taken times a factor, which its value does not show."""
    made = jax.custom_jvp(lambda z: value(z))
    made.defjvps(lambda tangent, answer, z: factor * tangent * jnp.cos(z))
    return made


def pulled(factor, value=jnp.sin):
    """The same by a rule for reverse mode."""
    made = jax.custom_vjp(lambda z: value(z))
    made.defvjp(lambda z: (value(z), z), lambda z, given: (factor * given * jnp.cos(z),))
    return made


def bent(factor):
    """A function whose second derivative alone has the factor: its rule calls one that has a rule."""
    made = jax.custom_jvp(lambda z: jnp.sin(z))
    made.defjvps(lambda tangent, answer, z: tangent * scaled(factor, jnp.cos)(z))
    return made


def chosen(factor):
    return lambda z: jax.lax.cond(z > 0, lambda z: factor * z * z, lambda z: jnp.abs(z), z)


def repeated(factor):
    return lambda z: jax.lax.fori_loop(0, 3, lambda i, total: total * z + factor, 1.0)


def awaited(factor):
    return lambda z: jax.lax.while_loop(lambda total: total < 9.0, lambda total: total * 2 + factor, z)


def forgotten(factor):
    return lambda z: jax.checkpoint(lambda z: jnp.sin(factor * z) * z)(z)


def branched_by_rule(factor):
    return lambda z: jax.lax.cond(z > 0, lambda z: scaled(factor)(z), lambda z: z, z)


KINDS = [scaled, pulled, bent, chosen, repeated, awaited, forgotten, branched_by_rule]


@pytest.mark.parametrize("kind", KINDS)
def test_made_anew_they_are_alike_and_with_another_number_they_are_not(kind):
    one, same, other = (told_by(equation(kind(factor))) for factor in (2.0, 2.0, 3.0))
    assert one == same
    assert hash(one) == hash(same)
    assert one != other


@pytest.mark.parametrize(
    "function", [jax.nn.relu, jax.scipy.special.log_ndtr, lambda z: jnp.logaddexp(z, 0.0)]
)
def test_functions_of_jax_with_rules_are_alike(function):
    assert told_by(equation(function)) == told_by(equation(function))


def test_functions_of_other_shapes_are_apart():
    with float64():
        one, other = (told_by(equation(jax.nn.relu, np.zeros(size))) for size in (2, 3))
    assert one != other


def test_a_rule_that_fails_is_like_no_other():
    """What is wrong with it is said where the derivative is taken."""

    def failing():
        made = jax.custom_jvp(lambda z: jnp.sin(z))

        @made.defjvp
        def rule(primals, tangents):
            raise RuntimeError("no derivative today")

        return made

    one, other = equation(failing()), equation(failing())
    assert told_by(one) != told_by(other)
    assert told_by(one) == told_by(one)


def test_a_rule_that_asks_what_varies_is_like_no_other():
    def asking():
        made = jax.custom_jvp(lambda z: jnp.sin(z))
        made.defjvp(lambda primals, tangents: (jnp.sin(primals[0]), tangents[0]), symbolic_zeros=True)
        return made

    one, other = equation(asking()), equation(asking())
    assert told_by(one) != told_by(other)


def test_what_equals_itself_alone_is_kept_as_long_as_its_key():
    """An address is given to the next object: equal addresses are not equal objects."""
    keys = {Same([]) for _ in range(100)}
    assert len(keys) == 100
    value = []
    assert Same(value) == Same(value)
    assert hash(Same(value)) == hash(Same(value))

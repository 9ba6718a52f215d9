"""Second derivatives of functions with rules of their own, of operands that a tape can see through."""

from __future__ import annotations

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from jax.scipy import special, stats

import lagrad

X = np.array([0.3, -0.4, 0.8])
WEIGHTS = np.array([1.0, -2.0, 0.5])


def custom(function, slopes):
    """A function with the rule that these slopes by its operands are."""
    made = jax.custom_jvp(function)

    def rule(primals, tangents):
        by_operand = zip(slopes(*primals), tangents, strict=True)
        return made(*primals), sum(tangent * slope for slope, tangent in by_operand)

    made.defjvp(rule)
    return made


inverse = custom(lambda y: 1 / y, lambda y: (-1 / y**2,))
# Slopes that a tape writes in another way for some operands: 1 + (-z) is 1 - z, -(-z) is z, y + (-y) is 0.
OF_ONE = {
    "log(1 + y)": custom(jnp.log1p, lambda y: (1 / (1 + y),)),
    "minus the square": custom(lambda y: -(y**2), lambda y: (-2 * y,)),
    "three quarters of y^4": custom(lambda y: 0.75 * y**4, lambda y: (3 * y * y * y,)),
    "softplus": jax.nn.softplus,
    "a rule in a rule": custom(jnp.log1p, lambda y: (inverse(1 + y),)),
}
OF_TWO = {
    "product": custom(lambda y, z: y * z, lambda y, z: (z, y)),
    "product moved by one": custom(lambda y, z: (1 + y) * (1 + z), lambda y, z: (1 + z, 1 + y)),
    "square of the sum": custom(lambda y, z: (y + z) ** 2, lambda y, z: (2 * (y + z), 2 * (y + z))),
    "square of the sum, and a cube": custom(
        lambda y, z: (y + z) ** 2 + z**3, lambda y, z: (2 * (y + z), 2 * (y + z) + 3 * z**2)
    ),
    "logaddexp": jnp.logaddexp,
    "xlog1py": special.xlog1py,
}
INNER = {
    "x": lambda x: x,
    "minus x": lambda x: -x,
    "half": lambda x: 0.5 * x,
    "minus logistic": lambda x: -jax.nn.sigmoid(x),
    "minus exp": lambda x: -(0.3 * jnp.exp(x)),
    "one minus logistic": lambda x: 1.0 - jax.nn.sigmoid(x),
    "minus of minus sin": lambda x: -1.0 * (-jnp.sin(x)),
    "chosen": lambda x: jnp.where(x > 0, -x, 0.5 * x),
    "square": lambda x: x * x,
}


def hessians(function):
    """Weighted Hessian by elements, and by JAX."""
    problem = lagrad.Problem(lambda x: jnp.sum(WEIGHTS * function(x)), X)
    derivatives = lagrad.differentiate(problem, strategy="elements", check=False)
    with jax.enable_x64(True):
        expected = jax.hessian(lambda x: jnp.sum(WEIGHTS * function(x)))(X)
    return derivatives.hessian(X).toarray(), np.asarray(expected)


@pytest.mark.parametrize("inner", INNER)
@pytest.mark.parametrize("rule", OF_ONE)
def test_rules_of_one_operand(rule, inner):
    """Whatever the operand is made of, the rule is differentiated by it."""
    mine, expected = hessians(lambda x: OF_ONE[rule](INNER[inner](x)))
    np.testing.assert_allclose(mine, expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("rule", OF_TWO)
def test_rules_of_two_operands_made_of_one(rule):
    """Operands may be one another's negative, or one be made of the other."""
    for one, other in itertools.product(INNER, INNER):
        mine, expected = hessians(lambda x, a=one, b=other: OF_TWO[rule](INNER[a](x), INNER[b](x)))
        np.testing.assert_allclose(mine, expected, rtol=1e-12, atol=1e-14, err_msg=f"{one}, {other}")


def test_density_of_a_share():
    """Found with the logarithm of a beta density, whose exact Hessian is -3 y (1 - y)."""
    share = lambda x: 1 / (1 + np.exp(-x))  # noqa: E731
    problem = lagrad.Problem(lambda x: jnp.sum(stats.beta.logpdf(jax.nn.sigmoid(x), 2.0, 3.0)), X)
    found = lagrad.differentiate(problem).hessian(X).toarray()
    np.testing.assert_allclose(found, np.diag(-3 * share(X) * (1 - share(X))), rtol=1e-13)


@pytest.mark.parametrize(
    "padding",
    [
        lambda x: jnp.concatenate([jnp.zeros(2), x])[:3],
        lambda x: lax.pad(x, 0.0, [(2, -2, 0)]),
        lambda x: lax.pad(x, 0.0, [(3, -3, 0)]),
    ],
    ids=["concatenated", "shifted", "shifted out"],
)
def test_rules_meet_numbers_where_jax_differentiates(padding):
    """A function of complex numbers has no rule on a tape; some elements give softplus a number alone."""
    mine, expected = hessians(
        lambda x: jnp.real(jnp.exp(1j * jax.nn.softplus(padding(jnp.sin(x)))) * jnp.exp(x))
    )
    np.testing.assert_allclose(mine, expected, rtol=1e-12, atol=1e-14)

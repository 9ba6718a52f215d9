"""Hold choices among several branches, each element its own, against dense JAX."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import lagrad
from tests.derivatives.oracle import check

N = 24
BRANCHES = (
    jnp.sin,
    jnp.square,
    lambda x: x * jnp.exp(x),
    lambda x: 1 / (2 + x**2),
    jnp.tanh,
    lambda x: -x,
    jnp.cos,
)
KNOWN = np.random.default_rng(0).integers(0, len(BRANCHES), N)


def switched(count, places):
    """Each element by one of so many branches."""
    return lambda x: jax.vmap(lambda i, a: lax.switch(i, BRANCHES[:count], a))(places(x, count), x)


def by_value(x, count):
    """A place from the value itself."""
    return jnp.floor(3 * x).astype(int)


def by_others(x, count):
    """A place from another element, beyond both ends as well."""
    return jnp.floor(4 * x[::-1]).astype(int) - 2


def by_number(x, count):
    """Known places."""
    return jnp.asarray(KNOWN % count)


def chosen(x):
    """JAX's own choice, of arrays."""
    cases = [branch(x) * x[::-1] for branch in BRANCHES[:3]]
    return lax.select_n(jnp.clip(jnp.floor(2 * x), 0, 2).astype(np.int32), *cases)


MODELS = {
    **{
        f"{count} branches {places.__name__}": switched(count, places)
        for count in (2, 3, 4, 5, 7)
        for places in (by_value, by_others, by_number)
    },
    "chosen": chosen,
    "one inside another": lambda x: switched(3, by_value)(switched(5, by_others)(x)) * x,
    "digitized": lambda x: switched(4, lambda x, _: jnp.digitize(x, jnp.array([-0.5, 0.4, 0.9])))(x),
}


@pytest.mark.parametrize("strategy", ["auto", "colored"])
@pytest.mark.parametrize("name", MODELS)
def test_switches_have_the_derivatives_of_dense_jax(name, strategy):
    """By machine code where nothing is asked for."""
    start = np.random.default_rng(1).uniform(-1.5, 2.5, N)
    problem = lagrad.Problem(lambda x: jnp.sum(x**2), start, lagrad.Equality(MODELS[name]))
    derivatives = lagrad.differentiate(problem, strategy=strategy)
    check(derivatives)
    if strategy == "auto":
        blocks = (*derivatives.jacobian_blocks, *derivatives.hessian_blocks)
        assert {block.compiler for block in blocks} == {"machine code"}

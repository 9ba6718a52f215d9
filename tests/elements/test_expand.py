"""Laws of writing out: the program is the same, its short loops and wrappers have become plain equations."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from lagrad import nested
from lagrad.elements import expand
from lagrad.elements.classification import read
from lagrad.elements.expand import MOST_PRODUCTS, expanded
from lagrad.precision import float64
from tests.sparsity.library import N as SIZE
from tests.sparsity.programs import OPS
from tests.sparsity.tracing import program_of

X = np.linspace(0.3, 1.1, 6)
ROWS = X.reshape(3, 2)
SHARP = lambda u: lax.cond(u > 0.5, jnp.sqrt, jnp.square, u)  # noqa: E731


def written(program):
    """A program whose loops and formulas are written out, by what is known of it."""
    return expanded(program, read(program).values)


def step(carry, row):
    """A recurrence that gives something back at each step."""
    return jnp.sin(carry) * row[0], carry + row[1]


def unused(carry, row):
    """A carry that is only passed on."""
    return carry, carry * jnp.sum(row**2)


WRITTEN = {
    "map": lambda x: lax.map(jnp.sin, x) * x,
    "map over numbers": lambda x: lax.map(lambda i: x[i] * x[(i + 1) % 6], jnp.arange(6)),
    "map of maps": lambda x: lax.map(lambda row: lax.map(jnp.sin, row), x.reshape(3, 2)).ravel(),
    "carry passed on": lambda x: lax.scan(unused, x[0], x.reshape(3, 2))[1],
    "passed on, and its end": lambda x: lax.scan(unused, x[0], x.reshape(3, 2))[0][None],
    "nothing to map": lambda x: lax.scan(lambda c, _: (c, jnp.sin(x)), 0.0, None, length=2)[1].ravel(),
    "short scan": lambda x: lax.scan(step, x[0], x.reshape(3, 2))[1],
    "short scan, backwards": lambda x: lax.scan(step, x[0], x.reshape(3, 2), reverse=True)[1],
    "end of a short scan": lambda x: lax.scan(step, x[0], x.reshape(3, 2))[0][None],
    "counting loop": lambda x: lax.fori_loop(0, 3, lambda k, y: jnp.sin(y) * k + x, x),
    "branch in a step": lambda x: lax.scan(lambda c, u: (c + SHARP(u), c), 0.0, x)[1],
    "remembered": lambda x: jax.checkpoint(lambda u: jnp.sin(u) ** 2)(x),
    "gradient": lambda x: nested.grad(lambda v: jnp.sum(jnp.sin(v) ** 2))(x),
    "in a call": lambda x: jax.jit(lambda u: lax.map(jnp.sin, u))(x),
    "system": lambda x: jax.vmap(jnp.linalg.solve)(jnp.eye(2) * x[:3, None, None], x.reshape(3, 2)).ravel(),
}
LEFT = {
    "plain": jnp.sin,
    "long loop": lambda x: lax.fori_loop(0, 1000, lambda k, y: jnp.sin(y), x),
    "branches for each": lambda x: lax.map(SHARP, jnp.tile(x, 40)),
    "endless loop": lambda x: lax.while_loop(lambda y: y[0] < 1, lambda y: y * 2, x),
    "prints": lambda x: lax.map(lambda u: jax.debug.print("{}", u) or u, x),
}


@pytest.mark.parametrize("function", WRITTEN.values(), ids=WRITTEN)
def test_what_is_written_out_computes_the_same(function):
    """With the same inputs and outputs, and no loop left but those that branch."""
    wider = written(program_of(function, 6))
    assert wider is not None
    names = {equation.name for equation in wider.equations}
    assert not names & {"scan", "checkpoint", "gradient_derivative", "custom_linear_solve"}
    with float64():
        np.testing.assert_allclose(wider.function()(X)[1], function(jnp.asarray(X)), rtol=1e-14)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(OPS))
def test_every_operation_survives_beside_a_loop(name):
    """Written out again, none of them changes."""

    def function(x):
        mapped = lax.map(lambda u: jnp.sin(u) * u, OPS[name](x, jnp.cos(x), 1))
        return jnp.concatenate([mapped, OPS[name](jnp.sin(x), x, 2)])

    program, x = program_of(function, SIZE), np.linspace(0.2, 0.9, SIZE)
    wider = written(program)
    assert wider is not None
    with float64():
        found, expected = wider.function()(x)[1], program.function()(x)[1]
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("function", LEFT.values(), ids=LEFT)
def test_everything_else_is_left_as_it_is(function):
    """Long recurrences, loops that end as x says, both branches at once, prints."""
    assert written(program_of(function, 6)) is None


def test_a_map_that_would_not_fit_stays_a_loop(monkeypatch):
    """Its author may have chosen it for its memory."""
    monkeypatch.setattr(expand, "MOST_NUMBERS", 10)
    monkeypatch.setattr(expand, "MOST_EQUATIONS", 10)
    assert written(program_of(lambda x: lax.map(lambda u: jnp.sin(u) * x, x).ravel(), 6)) is None


def test_many_factors_are_left_as_they_are():
    """Formulas that would take seconds to write stay what they are: an unrolled filter."""

    def factors(count):
        def function(x):
            matrix = jnp.eye(6) + jnp.outer(x, x)
            for _ in range(count):
                matrix = jnp.linalg.cholesky(jnp.eye(6) + matrix @ matrix.T)
            return jnp.diag(matrix)

        return written(program_of(function, 6))

    count = MOST_PRODUCTS // 6**3
    assert factors(count) is not None
    assert factors(count + 1) is None

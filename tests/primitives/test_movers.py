"""Movers and folding beside JAX: the same elements, the same numbers."""

from __future__ import annotations

import jax
import jax.extend.core as jex
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from lagrad.precision import float64
from lagrad.primitives.movers import positions
from lagrad.program.folding import fold

X = np.arange(1.0, 25.0).reshape(2, 3, 4)
FUNCTIONS = {
    "inverse hyperbolic": lambda x: jnp.arcsinh(x) + jnp.arccosh(2 + x**2) * jnp.arctanh(0.01 * x),
    "parts of complex": lambda x: jnp.real(jnp.conj(x + 1j) * lax.complex(x, x)) + jnp.imag(x * 1j),
    "products": lambda x: (jnp.prod(x, axis=1), lax.cumprod(0.1 * x, 2, reverse=True)),
    "own rules": lambda x: jnp.logaddexp(jax.nn.softplus(x), jax.nn.relu(x)),
    "remembered": lambda x: jax.checkpoint(lambda u: jnp.sin(u) * u)(x),
    "reverse": lambda x: x[::-1],
    "transpose": lambda x: x.T,
    "index": lambda x: x[:, 1],
    "gather": lambda x: x[np.array([1, 0, 1])],
    "gather two axes": lambda x: x[np.array([0, 1]), :, np.array([3, 0])],
    "gather outside": lambda x: x.at[:, np.array([5, -4, 1])].get(mode="fill", fill_value=0.0),
    "gather clipped": lambda x: x.at[:, np.array([5, -4, 1])].get(mode="clip"),
    "gather batched": lambda x: jax.vmap(lambda a, i: a[i])(x, np.array([2, 0])),
    "take along axis": lambda x: jnp.take_along_axis(x, np.array([[[1, 0]], [[2, 2]]]), axis=2),
    "pad": lambda x: jnp.pad(x, ((1, 2), (0, 0), (1, 0))),
    "pad inside, cut outside": lambda x: lax.pad(x, 0.0, ((1, -1, 2), (0, 0, 0), (-1, 0, 1))),
    "tile": lambda x: jnp.tile(x, (2, 1, 3)),
    "stack": lambda x: jnp.stack([x, x], 1),
    "concatenate": lambda x: jnp.concatenate([x, x], 1),
    "split": lambda x: jnp.split(x, 2, 2)[1],
    "set row": lambda x: x.at[1].set(x[0]),
    "set outside": lambda x: x.at[:, np.array([1, 5])].set(7.0),
    "set two axes": lambda x: x.at[np.array([0]), :, np.array([3])].set(1.0),
    "add": lambda x: x.at[0, 1].add(2.0),
    "dynamic slice": lambda x: lax.dynamic_slice(x, (1, 5, 0), (1, 2, 2)),
    "dynamic update": lambda x: lax.dynamic_update_slice(x, x[:1, :1], (1, 7, -3)),
    "select": lambda x: jnp.where(np.arange(4) > 1, x, 2 * x),
    "select of three": lambda x: lax.select_n(np.arange(24).reshape(2, 3, 4) % 3, x, 2 * x, 3 * x),
    "roll": lambda x: jnp.roll(x, 3),
    "integers": lambda x: (
        jnp.cumsum(x).astype(int) // 3 % 5,
        -7 // jnp.arange(1, 4),
        lax.rem(-7, jnp.arange(1, 4)),
    ),
    "reductions": lambda x: (x.max(0), x.min((1, 2)), (x > 3).all(), (x > 30).any(), x.sum(2)),
    "reverse running sum": lambda x: lax.cumsum(x, axis=1, reverse=True),
    "linear algebra": lambda x: jnp.linalg.det(x[:, :2, :2]),
    "factorial": lambda x: lax.integer_pow(x, 3) + lax.clamp(2.0, x, 5.0),
}


def run(jaxpr: jex.Jaxpr, consts, arguments, visit) -> list[np.ndarray]:
    """Fold every equation of a program, nested ones too, and show each to `visit`."""
    values = dict(zip(jaxpr.constvars, map(np.asarray, consts), strict=True))
    values |= dict(zip(jaxpr.invars, arguments, strict=True))

    def read(atom):
        return np.asarray(atom.val) if isinstance(atom, jex.Literal) else values[atom]

    for equation in jaxpr.eqns:
        operands = [read(atom) for atom in equation.invars]
        if equation.primitive.name == "jit":
            inner = equation.params["jaxpr"]
            results = run(inner.jaxpr, inner.consts, operands, visit)
        else:
            results = fold(equation, operands)
            visit(equation, operands, results)
        values.update(zip(equation.outvars, results, strict=True))
    return [read(atom) for atom in jaxpr.outvars]


def check_positions(equation, operands, results) -> None:
    """Positions in the operands, one after the other, hold the elements of the output."""
    where = positions(equation, operands)
    if where is None:
        return
    pool = np.concatenate([np.ravel(operand).astype(complex) for operand in operands])
    found = np.where(where >= 0, pool[np.maximum(where, 0)], 0)
    np.testing.assert_array_equal(found, np.where(where >= 0, results[0], 0))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_folding_and_positions_agree_with_jax(name):
    """Equation by equation; values, shapes and dtypes at the end."""
    with float64():
        closed = jax.make_jaxpr(FUNCTIONS[name])(X)
        found = run(closed.jaxpr, closed.consts, [X], check_positions)
        expected_values = jax.tree.leaves(FUNCTIONS[name](jnp.asarray(X)))
        for one, expected in zip(found, expected_values, strict=True):
            np.testing.assert_allclose(one, np.asarray(expected), rtol=1e-14)
            assert one.dtype == expected.dtype


def test_unknown_indices_have_no_positions():
    """Nobody can tell where the elements go."""
    program = jax.make_jaxpr(lambda x, i: lax.dynamic_slice(x, (i,), (2,)))(np.zeros(4), 0)
    equation = next(e for e in program.eqns if e.primitive.name == "dynamic_slice")
    assert positions(equation, [None, None]) is None
    np.testing.assert_array_equal(positions(equation, [None, np.int32(1)]), [1, 2])


def test_updates_that_meet_have_no_positions():
    """Which of them wins is not defined."""
    with float64():
        program = jax.make_jaxpr(lambda x, u: x.at[np.array([1, 1])].set(u))(np.zeros(4), np.zeros(2))
    equation = next(equation for equation in program.eqns if equation.primitive.name == "scatter")
    assert positions(equation, [None, np.array([[1], [1]]), None]) is None
    np.testing.assert_array_equal(positions(equation, [None, np.array([[1], [2]]), None]), [0, 6, 7, 3])

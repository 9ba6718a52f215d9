"""Known entries of outputs: what is said to be known is known, whatever the unknown operands are."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jax import lax

from lagrad.precision import float64
from lagrad.program.entries import Entries, agreed, known_entries

MATRIX = np.array([[1.0, 0.0, 2.0], [0.0, 0.0, 0.0], [0.0, -1.0, 0.0], [0.0, 3.0, 0.0]])
UNARY = {
    "transpose": lambda x: x.T,
    "slice": lambda x: x[1:, ::2],
    "gather": lambda x: lax.gather(
        x,
        np.array([[3], [0], [9]]),
        lax.GatherDimensionNumbers((1,), (0,), (0,)),
        (1, 3),
        mode="fill",
    ),
    "sin": jnp.sin,
    "reciprocal": lambda x: 1 / x,
    "sum": lambda x: jnp.sum(x, 1),
    "prod": lambda x: jnp.prod(x, 0),
    "max": lambda x: jnp.max(x, 1),
    "cumsum": lambda x: lax.cumsum(x, 1, reverse=True),
    "cumprod": lambda x: lax.cumprod(x, 1),
    "cummin": lambda x: lax.cummin(x, 0),
    "reshape": lambda x: x.reshape(2, 6),
    "power": lambda x: x**0,
    "compare": lambda x: x > 0,
    "scatter": lambda x: x.at[np.array([1, 2])].set(7.0),
    "scatter_add": lambda x: x.at[np.array([1, 1])].add(np.ones(3)),
    "times known": lambda x: x @ np.array([[0.0, 1.0], [0.0, 0.0], [0.0, 2.0]]),
    "jit": lambda x: jax.jit(lambda v: v * MATRIX)(x),
}
BINARY = {
    "mul": lambda x, y: x * y,
    "div": lambda x, y: x / y,
    "add": lambda x, y: x + y,
    "max": jnp.maximum,
    "pow": lambda x, y: x**y,
    "where": lambda x, y: jnp.where(x > 0, x, y),
    "concatenate": lambda x, y: jnp.concatenate([x, y], 1),
    "matmul": lambda x, y: x @ y.T,
    "batched": lambda x, y: jnp.einsum("ij,ij->i", x, y),
    "convolution": lambda x, y: lax.conv_general_dilated(
        x[None, None], y[None, None, 1:], (1, 2), ((2, 0), (1, 2)), rhs_dilation=(1, 2)
    ),
    "update": lambda x, y: lax.dynamic_update_slice(x, y[:2], (1, 0)),
}


def conclusions(function, values, masks):
    """Known entries of the outputs of a function, walked as one nested call, and its value."""
    with float64():
        program = jax.make_jaxpr(jax.jit(function))(*values)
        found = known_entries(
            program.eqns[0], [Entries.of(*pair) for pair in zip(masks, values, strict=True)]
        )
    return found[0]


def check(function, arrays, masks, other):
    """What is known does not change when what is unknown does."""
    found = conclusions(function, arrays, masks)
    if found is None:
        return
    with float64():
        for filling in (other, [2 * each for each in other]):
            chosen = [
                np.where(mask, array, fill) for mask, array, fill in zip(masks, arrays, filling, strict=True)
            ]
            value = np.asarray(function(*map(jnp.asarray, chosen))).reshape(-1)
            np.testing.assert_allclose(value[found.known], found.values[found.known], rtol=1e-13)


MASKS = st.lists(st.booleans(), min_size=12, max_size=12).map(lambda bits: np.array(bits).reshape(4, 3))


@pytest.mark.parametrize("name", UNARY)
@settings(max_examples=20, deadline=None)
@given(mask=MASKS, seed=st.integers(0, 99))
def test_known_entries_of_one_operand_are_what_jax_computes(name, mask, seed):
    """Zeros and numbers at places of all kinds."""
    other = np.random.default_rng(seed).normal(size=(4, 3))
    check(UNARY[name], [MATRIX], [mask], [other])


@pytest.mark.parametrize("name", BINARY)
@settings(max_examples=20, deadline=None)
@given(masks=st.tuples(MASKS, MASKS), seed=st.integers(0, 99))
def test_known_entries_of_two_operands_are_what_jax_computes(name, masks, seed):
    """Either operand known in part."""
    rng = np.random.default_rng(seed)
    other = [np.abs(rng.normal(size=(4, 3))) + 0.1 for _ in range(2)]
    check(BINARY[name], [MATRIX, MATRIX[::-1]], list(masks), other)


def test_product_with_known_zero_is_known():
    """0 y is 0, whatever y is; the other products are not known."""
    found = conclusions(lambda x, y: x * y, [MATRIX, MATRIX], [MATRIX == 0, np.zeros((4, 3), bool)])
    np.testing.assert_array_equal(found.zeros, (MATRIX == 0).reshape(-1))


@pytest.mark.parametrize("side", [0, 1])
def test_contraction_knows_rows_without_products(side):
    """Only where every product has a zero, whichever factor has them."""
    masks = [np.zeros((4, 3), bool), np.zeros((4, 3), bool)]
    masks[side] = MATRIX == 0
    found = conclusions(lambda x, y: x @ y.T, [MATRIX, MATRIX], masks)
    lanes = np.repeat([[False], [True], [False], [False]], 4, 1)
    np.testing.assert_array_equal(found.zeros.reshape(4, 4), lanes.T if side else lanes)


def test_convolution_knows_windows_without_products():
    """A kernel that is the unit matrix, as in `toeplitz`, moves zeros and leaves the rest."""
    column = np.array([[1.0, 2.0, 0.0, 0.0, 3.0, 0.0]])
    kernel = lambda x: lax.conv_general_dilated(x[None], jnp.eye(3)[:, None], (1,), "VALID")  # noqa: E731
    found = conclusions(kernel, [column], [column == 0])
    np.testing.assert_array_equal(found.zeros, np.asarray(kernel(jnp.asarray(column))).reshape(-1) == 0)


def test_agreement_is_of_mask_and_number():
    """What only one side knows, or both know differently, is not known."""
    one = Entries.of(np.array([True, True, False]), np.array([1.0, 2.0, 3.0]))
    found = agreed(one, np.array([1.0, 5.0, 3.0]))
    assert found is not None and found.known.tolist() == [True, False, False]
    assert agreed(one, None) is None

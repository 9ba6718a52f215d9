"""Laws of whole numbers in machine code: what JAX gives, also where types of 32 bits wrap."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from lagrad.compile.native.emission import supports
from lagrad.compile.native.loops import Read, Write
from lagrad.compile.native.whole import ALIKE, TYPES, WHOLE
from lagrad.elements.indices import Indices
from tests.compile.native.loops import loop_of, run
from tests.compile.native.test_rules import pairs

EDGE = 2.0**31
NUMBERS = np.array(
    [0.0, -0.0, 0.5, -0.5, 1.0, -1.0, 2.5, -7.0, 12.0, EDGE, EDGE - 1, EDGE - 2, -EDGE, -EDGE - 1]
    + [2 * EDGE, 2 * EDGE - 1, 3 * EDGE + 5, 1e12, -1e12, 1e15, np.inf, -np.inf, np.nan]
)
# primitive -> function of two arrays of whole numbers
CASES = {
    "add": lambda i, j: i + j,
    "sub": lambda i, j: i - j,
    "mul": lambda i, j: 3 * i - j * 5,
    "neg": lambda i, j: -i,
    "abs": lambda i, j: jnp.abs(i),
    "sign": lambda i, j: jnp.sign(i),
    "div": lambda i, j: lax.div(i, j),
    "rem": lambda i, j: lax.rem(i, j),
    "max": jnp.maximum,
    "min": jnp.minimum,
    "clamp": lambda i, j: lax.clamp(jnp.asarray(1, i.dtype), i, jnp.asarray(7, i.dtype)),
    "select_n": lambda i, j: jnp.where(i > j, i, j + 1),
    "convert_element_type": lambda i, j: i.astype(jnp.int32).astype(jnp.int64) + (i > j).astype(jnp.int64),
    "broadcast_in_dim": lambda i, j: jnp.broadcast_to(jnp.asarray(2, i.dtype), i.shape) + i,
    "reshape": lambda i, j: i[:, None].reshape(-1) + j,
    "squeeze": lambda i, j: jnp.squeeze(i[:, None], 1) + j,
    "copy": lambda i, j: jnp.copy(i),
}
SAME = {"copy_p": "copy", "expand_dims": "broadcast_in_dim", "stop_gradient": "copy"}


def numbers(dtype: np.dtype) -> np.ndarray:
    """Numbers whose sums are exact in float64 where the type does not wrap."""
    return NUMBERS[np.isnan(NUMBERS) | (np.abs(NUMBERS) < 2**52)] if dtype.itemsize > 4 else NUMBERS


@pytest.mark.parametrize("dtype", TYPES, ids=str)
@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("count", [None, 1])
def test_machine_code_agrees_with_jax(name, dtype, count):
    """From float64 to whole numbers and back, every number with every other, in one lane and many."""
    x, y = pairs(numbers(dtype))
    if name in ("div", "rem") and dtype == np.int32:
        # The one quotient that overflows is another on each processor.
        x, y = x[y != -1.0], y[y != -1.0]
    x, y = x[:count].copy(), y[:count].copy()

    def fun(x, y):
        return [CASES[name](x.astype(dtype), y.astype(dtype)).astype(float)]

    whole = Indices(x.size)
    loop = loop_of(fun, [Read(0, whole), Read(1, whole)], [Write(whole)])
    with jax.enable_x64(True):
        expected = np.asarray(jax.jit(fun)(jnp.asarray(x), jnp.asarray(y))[0])
    np.testing.assert_array_equal(run([loop], np.zeros(x.size), x, y), expected)


def test_every_rule_is_tried():
    """A primitive that is added is added here."""
    assert WHOLE.keys() | ALIKE == CASES.keys() | SAME.keys()


@pytest.mark.parametrize(
    "fun",
    [
        lambda x, y: [(x.astype(int) * y.astype(int)).astype(float)],
        lambda x, y: [(x.astype(int) * 1103515245).astype(float)],
        lambda x, y: [(x.astype(int) & 3).astype(float)],
        lambda x, y: [(x.astype(np.int16) + 1).astype(float)],
        lambda x, y: [lax.shift_left(x.astype(int), 2).astype(float)],
        lambda x, y: [lax.select_n(x.astype(np.int32), y.astype(int), y.astype(int) + 1).astype(float)],
        lambda x, y: [(x.astype(int) + (2**53 + 1)).astype(float)],
        lambda x, y: [jnp.where(x > y, x.astype(np.int8), 1).astype(float)],
    ],
)
def test_what_may_be_inexact_is_left_to_xla(fun):
    """Products grow beyond 2^53, bits are none of float64's."""
    whole = Indices(5)
    loop = loop_of(fun, [Read(0, whole), Read(1, whole)], [Write(whole)])
    assert not supports(loop.tape, [node for node, _ in loop.writes], loop.reads)

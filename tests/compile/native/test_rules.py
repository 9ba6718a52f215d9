"""Laws of the rules: every primitive gives what JAX gives, in one lane or many, at any number."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.extend.core.primitives import eq_to_p, le_to_p, lt_to_p

from lagrad.compile.native.loops import Read, Write
from lagrad.compile.native.rules import RULES
from lagrad.elements.indices import Indices
from lagrad.elements.partials import CUSTOM, INDEPENDENT
from tests.compile.native.loops import loop_of, run

ORDINARY = np.array([-3.5, -2.0, -0.7, -1e-3, 0.0, 1e-3, 0.3, 0.5, 1.0, 1.5, 2.0, 4.25, 30.0])
# No denormal ones: XLA takes them for zero.
ODD = np.array([np.nan, np.inf, -np.inf, -0.0, 1e300, -1e300, 1e-300, 0.5, -0.5])

# primitive -> function of two arrays that uses it
CASES = {
    "add": lambda x, y: x + y,
    "sub": lambda x, y: x - y,
    "mul": lambda x, y: x * y,
    "div": lambda x, y: x / y,
    "rem": jax.lax.rem,
    "neg": lambda x, y: -x,
    "abs": lambda x, y: jnp.abs(x),
    "sign": lambda x, y: jnp.sign(x),
    "floor": lambda x, y: jnp.floor(x),
    "ceil": lambda x, y: jnp.ceil(x),
    "max": jnp.maximum,
    "min": jnp.minimum,
    "sqrt": lambda x, y: jnp.sqrt(x),
    "rsqrt": lambda x, y: jax.lax.rsqrt(x),
    "cbrt": lambda x, y: jnp.cbrt(x),
    "square": lambda x, y: jax.lax.square(x),
    "integer_pow": lambda x, y: x**3 + x**-2,
    "pow": jnp.power,
    "atan2": jnp.arctan2,
    "exp": lambda x, y: jnp.exp(x),
    "exp2": lambda x, y: jnp.exp2(x),
    "expm1": lambda x, y: jnp.expm1(x),
    "log": lambda x, y: jnp.log(x),
    "log1p": lambda x, y: jnp.log1p(x),
    "sin": lambda x, y: jnp.sin(x),
    "cos": lambda x, y: jnp.cos(x),
    "tan": lambda x, y: jnp.tan(x),
    "asin": lambda x, y: jnp.arcsin(x),
    "acos": lambda x, y: jnp.arccos(x),
    "atan": lambda x, y: jnp.arctan(x),
    "sinh": lambda x, y: jnp.sinh(x),
    "cosh": lambda x, y: jnp.cosh(x),
    "tanh": lambda x, y: jnp.tanh(x),
    "asinh": lambda x, y: jnp.arcsinh(x),
    "acosh": lambda x, y: jnp.arccosh(x),
    "atanh": lambda x, y: jnp.arctanh(x),
    "erf": lambda x, y: jax.lax.erf(x),
    "erfc": lambda x, y: jax.lax.erfc(x),
    "lgamma": lambda x, y: jax.lax.lgamma(x),
    "logistic": lambda x, y: jax.lax.logistic(x),
    "clamp": lambda x, y: jax.lax.clamp(-0.5, x, 1.25),
    "is_finite": lambda x, y: jnp.where(jnp.isfinite(x), 2.0, y),
    "select_n": lambda x, y: jnp.where(x > y, x, 2.0 * y),
    "eq": lambda x, y: jnp.where(x == y, 2.0, y),
    "ne": lambda x, y: jnp.where(x != y, 2.0, y),
    "lt": lambda x, y: jnp.where(x < y, 2.0, y),
    "le": lambda x, y: jnp.where(x <= y, 2.0, y),
    "gt": lambda x, y: jnp.where(x > y, 2.0, y),
    "ge": lambda x, y: jnp.where(x >= y, 2.0, y),
    "eq_to": lambda x, y: jnp.where(eq_to_p.bind(x, y), 2.0, y),
    "lt_to": lambda x, y: jnp.where(lt_to_p.bind(x, y), 2.0, y),
    "le_to": lambda x, y: jnp.where(le_to_p.bind(x, y), 2.0, y),
    "round": lambda x, y: jax.lax.round(x) + 10 * jnp.round(y),
    "and": lambda x, y: jnp.where((x > 0) & (y > 0), 2.0, y),
    "or": lambda x, y: jnp.where((x > 0) | (y > 0), 2.0, y),
    "xor": lambda x, y: jnp.where((x > 0) ^ (y > 0), 2.0, y),
    "not": lambda x, y: jnp.where(~(x > 0), 2.0, y),
    "convert_element_type": lambda x, y: x.astype(bool).astype(float) + y,
    "broadcast_in_dim": lambda x, y: jnp.broadcast_to(2.0, x.shape) * x,
    "reshape": lambda x, y: x[:, None].reshape(-1) * y,
    "squeeze": lambda x, y: jnp.squeeze(x[:, None], 1) * y,
    "copy": lambda x, y: jnp.copy(x),
}
# Different names of what the cases use, and what only transposition makes.
SAME = {"add_any": "add", "copy_p": "copy", "expand_dims": "broadcast_in_dim"}
SAME |= dict.fromkeys((CUSTOM, INDEPENDENT, "stop_gradient"), "copy")


def pairs(numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Every number with every other."""
    left, right = np.meshgrid(numbers, numbers)
    return left.ravel().copy(), right.ravel().copy()


def found(name: str, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """By machine code and by JAX."""

    def fun(x, y):
        return [CASES[name](x, y)]

    whole = Indices(x.size)
    loop = loop_of(fun, [Read(0, whole), Read(1, whole)], [Write(whole)])
    with jax.enable_x64(True):
        return run([loop], np.zeros(x.size), x, y), np.asarray(fun(jnp.asarray(x), jnp.asarray(y))[0])


@pytest.mark.parametrize("name", CASES)
def test_machine_code_agrees_with_jax(name):
    """Vector functions are good to four units in the last place, JAX's own to a few."""
    machine, jax_ = found(name, *pairs(ORDINARY))
    np.testing.assert_allclose(machine, jax_, rtol=3e-14, atol=1e-300)


@pytest.mark.parametrize("name", sorted(CASES.keys() - {"rem", "lgamma", "atan2"}))
def test_nan_and_infinity_come_out_as_in_jax(name):
    """Where either gives a finite number both do, and signs of infinity agree."""
    machine, jax_ = found(name, *pairs(ODD))
    np.testing.assert_allclose(machine, jax_, rtol=3e-14, atol=1e-300)


@pytest.mark.parametrize("name", ["sin", "pow", "select_n", "max", "tanh", "is_finite"])
def test_one_lane_gives_the_same(name):
    """Fewer elements than a register has lanes."""
    machine, jax_ = found(name, np.array([0.7, np.nan]), np.array([1.3, 2.0]))
    np.testing.assert_allclose(machine, jax_, rtol=3e-14)


def test_every_rule_is_tried():
    """No row of the table without a case."""
    assert RULES.keys() == CASES.keys() | SAME.keys()

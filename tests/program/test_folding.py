"""Whatever NumPy computes in JAX's place is what JAX computes, for numbers of every type."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from jax.extend import core as jex
from jax.extend.core.primitives import eq_to_p, le_to_p, lt_to_p

from lagrad.precision import float64
from lagrad.primitives.equations import bind
from lagrad.program.folding import QUICK, fold

INTEGERS = [np.int8, np.uint8, np.int16, np.int32, np.int64]
FLOATS = [jnp.bfloat16, np.float16, np.float32, np.float64]
TYPES = [*INTEGERS, *FLOATS, np.complex64, np.complex128, bool]
SPECIAL = np.array([[0.0, -0.0, 1.5, -2.5], [np.inf, -np.inf, np.nan, 3e-9], [0.3, -0.7, 200.0, -300.0]])
WHOLE = np.array([[0, 1, 100, 127], [-1, -128, 7, -3], [5, 90, -100, 2]])

UNARY = """
    neg abs sign floor ceil square sqrt rsqrt exp exp2 expm1 log log1p sin cos tan asin acos atan sinh cosh
    tanh asinh acosh atanh cbrt logistic is_finite real imag conj
"""
BINARY = """
    add sub mul div rem max min pow atan2 eq ne lt le gt ge bitwise_and bitwise_or bitwise_xor complex
"""
WIDER = dict.fromkeys(["int8", "uint8", "int16"], np.int32) | dict.fromkeys(
    ["bfloat16", "float16"], np.float32
)
ORDERED = {
    "eq_to": lambda x, y: eq_to_p.bind(x, y),
    "lt_to": lambda x, y: lt_to_p.bind(x, y),
    "le_to": lambda x, y: le_to_p.bind(x, y),
}
OTHERS = {
    "sum": lambda x: lax.reduce_sum_p.bind(x, axes=(0,), out_sharding=None),
    "prod": lambda x: jnp.prod(x, axis=1, dtype=x.dtype),
    "max": lambda x: jnp.max(x, axis=0),
    "min of nothing": lambda x: jnp.min(x[:0], axis=1),
    "cumsum": lambda x: lax.cumsum(x, 1, reverse=True),
    "cumprod": lambda x: lax.cumprod(x, 0),
    "cube": lambda x: lax.integer_pow(x, 3),
    "clamp": lambda x: lax.clamp(x[0, 0], x, x[0, 2]),
    "scatter-add": lambda x: x.at[np.array([0, 0, 7, 1])].add(x[np.array([1, 2, 0, 1])], mode="drop"),
    "dot": lambda x: x @ x.T,
    "dot in another type": lambda x: jnp.dot(x, x.T, preferred_element_type=WIDER.get(x.dtype.name)),
    "outside": lambda x: jnp.take(x, np.array([0, 9, -1]), axis=0),
    "filled": lambda x: x.at[np.array([0, 9])].get(mode="fill", fill_value=5),
    "clipped": lambda x: x.at[np.array([0, 9])].get(mode="clip"),
    "sort": lambda x: lax.sort((x, 2 * x), num_keys=1)[1],
    "to int8": lambda x: lax.convert_element_type(x, np.int8),
    "to uint8": lambda x: lax.convert_element_type(x, np.uint8),
    "to bool": lambda x: lax.convert_element_type(x, bool),
    "to bfloat16": lambda x: lax.convert_element_type(x, jnp.bfloat16),
    "to float8": lambda x: lax.convert_element_type(x, jnp.float8_e4m3fn),
    "to float32": lambda x: lax.convert_element_type(x, np.float32),
}


def name_of(dtype) -> str:
    """To name a test."""
    return np.dtype(dtype).name


def samples(dtype) -> np.ndarray:
    """Numbers of a type, those at its edges among them, shape (3, 4)."""
    if np.dtype(dtype).kind in "iu":
        return (WHOLE if np.dtype(dtype).kind == "i" else np.abs(WHOLE)).astype(dtype)
    if np.dtype(dtype).kind == "c":
        numbers = np.empty(SPECIAL.shape, dtype)
        numbers.real, numbers.imag = SPECIAL, SPECIAL[::-1]
        return numbers
    return SPECIAL.astype(dtype)


def check(function, *operands) -> None:
    """Folding each equation of a function gives what JAX's primitives give, type and all."""
    with float64():
        try:
            traced = jax.make_jaxpr(function)(*operands)
        except TypeError:
            return  # The function does not take numbers of this type.
        values = dict(zip(traced.jaxpr.invars, operands, strict=True))
        values |= dict(zip(traced.jaxpr.constvars, map(np.asarray, traced.consts), strict=True))
        for equation in traced.eqns:
            given = [
                np.asarray(atom.val, atom.aval.dtype) if isinstance(atom, jex.Literal) else values[atom]
                for atom in equation.invars
            ]
            with jax.ensure_compile_time_eval():
                expected = [np.asarray(value) for value in bind(equation, *given)]
            for found, value in zip(fold(equation, given), expected, strict=True):
                assert found.dtype == value.dtype and found.shape == value.shape
                agree(equation.primitive.name, found, value)
            values |= dict(zip(equation.outvars, expected, strict=True))


def agree(name: str, found: np.ndarray, expected: np.ndarray) -> None:
    """Bit by bit, but for the last digits of functions and sums in double precision."""
    if found.dtype in (np.float64, np.complex128):
        np.testing.assert_allclose(found, expected, rtol=1e-14, atol=1e-300, err_msg=name)
    else:
        np.testing.assert_array_equal(found.astype(complex), expected.astype(complex), err_msg=name)


@pytest.mark.parametrize("dtype", INTEGERS + FLOATS, ids=name_of)
@pytest.mark.parametrize("name", ORDERED)
def test_comparisons_by_rank(name, dtype):
    """Every number with every other: zeros by their sign, nan beyond infinity."""
    numbers = samples(dtype).ravel()
    check(ORDERED[name], *map(np.ascontiguousarray, np.broadcast_arrays(numbers, numbers[:, None])))


@pytest.mark.parametrize("dtype", TYPES, ids=name_of)
@pytest.mark.parametrize("name", UNARY.split())
def test_functions_of_one_operand(name, dtype):
    """At zeros, infinities, nan, and the ends of the type."""
    check(getattr(lax, name), samples(dtype))


@pytest.mark.parametrize("dtype", TYPES, ids=name_of)
@pytest.mark.parametrize("name", BINARY.split())
def test_functions_of_two_operands(name, dtype):
    """Pairs of special numbers; integers divide and overflow as they do in XLA."""
    x = samples(dtype)
    for other in (x, x[::-1], x[:, ::-1]):
        check(getattr(lax, name), x, other)


@pytest.mark.parametrize("dtype", TYPES[:-1], ids=name_of)
@pytest.mark.parametrize("name", sorted(OTHERS))
def test_reductions_products_and_moves(name, dtype):
    """Sums in the type of the result; places out of bounds as JAX fills them."""
    check(OTHERS[name], samples(dtype))


def test_every_quick_fold_is_tried():
    """The table has no row that the tests above do not reach, but for a few of Booleans and copies."""
    reached = {name.removeprefix("bitwise_") for name in f"{UNARY} {BINARY}".split()} | ORDERED.keys()
    reached |= {"iota", "scatter-add", "dot_general", "convert_element_type", "integer_pow", "clamp"}
    reached |= {"reduce_sum", "reduce_max", "reduce_min", "reduce_prod", "cumsum", "cumprod"}
    assert QUICK.keys() <= reached | {"reduce_and", "reduce_or", "not", "stop_gradient", "add_any"}

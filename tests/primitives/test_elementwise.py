"""Every row of the elementwise table against AD: no derivative is missing, none is there in vain."""

from __future__ import annotations

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from lagrad.precision import float64
from lagrad.primitives.elementwise import ELEMENTWISE, interaction_of
from lagrad.primitives.interaction import parse

# Points inside the domain of every function here, away from and on both sides of what is special.
ANYWHERE = [-1.7, -0.6, 0.3, 0.8, 2.4]
POSITIVE = [0.3, 0.8, 1.6, 2.4]
UNIT = [-0.7, -0.2, 0.3, 0.8]
ABOVE_ONE = [1.2, 1.7, 2.4]

DOMAINS = {
    "sqrt": POSITIVE,
    "rsqrt": POSITIVE,
    "cbrt": POSITIVE,
    "log": POSITIVE,
    "log1p": POSITIVE,
    "pow": POSITIVE,
    "asin": UNIT,
    "acos": UNIT,
    "atanh": UNIT,
    "erf_inv": UNIT,
    "acosh": ABOVE_ONE,
    "lgamma": POSITIVE,
    "digamma": POSITIVE,
    "igamma": POSITIVE,
    "igammac": POSITIVE,
    "zeta": ABOVE_ONE,
    "polygamma": POSITIVE,
}
FUNCTIONS = {
    "add_any": lambda x, y: lax.add(x, y),
    "integer_pow": lambda x: lax.integer_pow(x, 3),
    "square": lax.square,
    "convert_element_type": lambda x: lax.convert_element_type(x, np.float32).astype(np.float64),
    "reduce_precision": lambda x: lax.reduce_precision(x, 8, 23),
    "round": lax.round,
    "copy": lambda x: jnp.array(x, copy=True),
    "stop_gradient": lax.stop_gradient,
    "clamp": lambda low, x, high: lax.clamp(low, x, high),
    "select_n": lambda which, x, y: lax.select_n(which > 0, x, y),
    "regularized_incomplete_beta": lambda a, b, x: lax.betainc(a, b, x),
}
# JAX has no derivative of these with respect to some operands, or none of second order: nothing to compare.
UNDEFINED = {
    "zeta", "polygamma", "igamma", "igammac", "igamma_grad_a", "random_gamma_grad", "random_gamma",
    "regularized_incomplete_beta", "real", "imag", "conj", "complex", "nextafter",
}  # fmt: skip
# Bits, Booleans, and bookkeeping that no function of real numbers consists of.
DISCRETE = {
    "and", "or", "xor", "not", "shift_left", "shift_right_logical", "shift_right_arithmetic", "mulhi",
    "population_count", "clz", "eq_to", "lt_to", "le_to", "name", "sharding_constraint", "layout_constraint",
    "reshard", "pvary", "pin", "unpin", "tie", "copy_p",
}  # fmt: skip
TESTED = sorted(set(ELEMENTWISE) - UNDEFINED - DISCRETE)


def function(name: str):
    """The primitive as a JAX function of scalars that returns a float."""
    run = FUNCTIONS.get(name) or getattr(lax, name)
    return lambda *operands: jnp.asarray(run(*operands), dtype=jnp.float64)


@cache
def derivatives(name: str) -> tuple[np.ndarray, np.ndarray]:
    """First and second derivatives at all combinations of sample points: (k, arity), (k, arity, arity)."""
    arity = len(ELEMENTWISE[name].interaction.first)
    points = np.stack(np.meshgrid(*[DOMAINS.get(name, ANYWHERE)] * arity), -1).reshape(-1, arity)
    run = function(name)

    def vector(x):
        return run(*(x[i] for i in range(arity)))

    both = jax.jit(jax.vmap(lambda x: (jax.jacfwd(vector)(x), jax.jacfwd(jax.jacfwd(vector))(x))))
    with float64():
        first, second = both(points)
    return np.asarray(first), np.asarray(second)


def found_nonzero(name: str) -> tuple[set[int], set[tuple[int, int]]]:
    """Operands and pairs whose derivative is nonzero at some of the sample points."""
    first, second = derivatives(name)
    operands = set(np.flatnonzero((first != 0).any(axis=0)).tolist())
    return operands, {(int(i), int(j)) for i, j in np.argwhere((second != 0).any(axis=0)) if i <= j}


@pytest.mark.parametrize("name", TESTED)
def test_row_is_what_ad_finds(name):
    """Sound: AD finds nothing outside the row; tight: it finds everything inside, at some point."""
    row = ELEMENTWISE[name].interaction
    operands, pairs = found_nonzero(name)
    assert operands == {i for i, first in enumerate(row.first) if first}
    assert pairs == set(row.second)


@pytest.mark.parametrize("name", TESTED)
def test_jumps_are_marked(name):
    """Without second derivatives and without a mark, the first derivative is the same everywhere."""
    row = ELEMENTWISE[name].interaction
    if row.second or not any(row.first) or name == "select_n":
        return
    first, _ = derivatives(name)
    assert (np.ptp(first, axis=0) > 0).any() == row.jumps


@pytest.mark.parametrize("name", ["igamma", "igammac", "regularized_incomplete_beta", "polygamma"])
def test_row_of_partly_undefined_function_is_sound(name):
    """With respect to its last operand, where JAX has derivatives, the row has them too."""
    row = ELEMENTWISE[name].interaction
    last, others = len(row.first) - 1, [1.0, 2.0][: len(row.first) - 1]
    run = FUNCTIONS.get(name) or getattr(lax, name)
    with float64():
        others = [jnp.float64(value) for value in others]
        first = jax.grad(lambda x: run(*others, x))
        assert abs(first(0.4)) > 0 and abs(jax.grad(first)(0.4)) > 0
    assert row.first[last] and (last, last) in row.second


def traced(function, *operands):
    """The one equation of a function."""
    with float64():
        return jax.make_jaxpr(function)(*operands).eqns[-1]


@pytest.mark.parametrize("power, text", [(0, ". |"), (1, "x |"), (2, "x | xx"), (-1, "x | xx")])
def test_integer_powers_below_two_are_affine(power, text):
    """x^0 and x^1 have no second derivative."""
    assert interaction_of(traced(lambda x: lax.integer_pow_p.bind(x, y=power), 2.0)) == parse(text)


@pytest.mark.parametrize("dtype", [np.int32, np.uint8, bool])
def test_conversion_to_integers_has_no_derivative(dtype):
    """Only floats can be differentiated."""
    assert interaction_of(traced(lambda x: lax.convert_element_type(x, dtype), 2.0)) == parse(". |")


@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float8_e4m3fn, np.float16, np.float32, np.complex64])
def test_conversion_to_any_precision_keeps_the_derivative(dtype):
    """Numbers of few digits are numbers."""
    assert interaction_of(traced(lambda x: lax.convert_element_type(x, dtype), 2.0)) == parse("x |")


def test_selection_takes_any_number_of_cases():
    """The first operand chooses, all others are chosen from."""
    equation = traced(lambda x: lax.select_n(np.int32(1), x, 2 * x, x), 2.0)
    assert interaction_of(equation).first == (False, True, True, True)


@pytest.mark.parametrize("name", ["abs", "sign"])
def test_absolute_values_of_complex_numbers_are_curved(name):
    """Piecewise linear on the line only."""
    function = getattr(lax, name)
    assert interaction_of(traced(function, 2.0 + 1j)) == parse("x | xx")
    assert interaction_of(traced(function, 2.0)) == ELEMENTWISE[name].interaction

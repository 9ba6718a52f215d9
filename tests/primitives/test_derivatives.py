"""Laws of the table of derivatives: every row is what JAX differentiates, and as exact as mpmath says."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
from jax import lax

from lagrad.compile.native.loops import Read, Write
from lagrad.elements.indices import Indices
from lagrad.elements.partials import Partials
from lagrad.elements.tape import FLOAT, PARITY, Tape
from lagrad.elements.tape_evaluation import evaluate
from lagrad.primitives.derivatives import ROWS
from tests.compile.native.loops import loop_of, run

X = np.array([-2.3, -0.9, -0.31, 0.17, 0.6, 0.99, 1.7, 3.2, 25.0, -20.0])
Y = np.array([0.7, -1.9, 2.5, 0.4, -0.6, 3.0, 1.7, -0.2, 0.3, 1.5])
WITHIN = {
    **dict.fromkeys(("asin", "acos", "atanh", "erf_inv"), X / 26),
    **dict.fromkeys(("log", "log1p", "sqrt", "rsqrt", "lgamma", "digamma", "acosh"), np.abs(X) + 1.05),
    **dict.fromkeys(("cosh", "sinh", "exp", "expm1", "exp2", "tan"), X / 3),
}
CHOICES = {
    "select_n": lambda x, y: lax.select_n(x > y, jnp.sin(x), x * y),
    "clamp": lambda x, y: lax.clamp(-0.5 * jnp.ones_like(x), x, 0.1 * y),
    "integer_pow": lambda x, y: lax.integer_pow(x, 3) + lax.integer_pow(y, -2) + lax.integer_pow(x, 2),
    "convert_element_type": lambda x, y: (x > y).astype(float) * x,
    "pow": lambda x, y: lax.pow(jnp.abs(x), y),
    "copy": lambda x, y: jnp.copy(x) * y,
    "and": lambda x, y: jnp.where((x > 0) & (y > 0), x * y, y),
    "or": lambda x, y: jnp.where((x > 0) | (y > 0), x * y, y),
    "xor": lambda x, y: jnp.where((x > 0) ^ (y > 0), x * y, y),
    "not": lambda x, y: jnp.where(~(x > 0), x * y, y),
    "is_finite": lambda x, y: jnp.where(jnp.isfinite(x), x * y, y),
    **{
        name: (lambda x, y, name=name: jnp.where(getattr(lax, name)(x, y), x * y, y))
        for name in ("eq", "ne", "lt", "le", "gt", "ge")
    },
    "add_any": lambda x, y: x + y,
    "copy_p": lambda x, y: jnp.copy(x) * y,
}
UNARY = {name for name, row in ROWS.items() if len(row.first) == 1}


def function_of(name: str):
    """A function of two arrays that uses a primitive."""
    if name in CHOICES:
        return CHOICES[name]
    primitive = getattr(lax, name)
    if name in UNARY:
        return lambda x, y: primitive(x) * y
    return lambda x, y: primitive(x, y)


def points(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Where a primitive is smooth."""
    return WITHIN.get(name, X), Y


def by_table(function, x: np.ndarray, y: np.ndarray) -> list[np.ndarray]:
    """Value, derivatives by x and y, second derivatives by xx, xy and yy."""
    tape = Tape(x.size)
    a, b = tape.input("x"), tape.input("y")
    node = recorded(tape, function, (a, b))
    partials = Partials.of(tape, [a, b], [node])
    one = {node: tape.constant(1.0)}
    (first,), second = partials.jacobian([node]), partials.hessian(one)
    zero = tape.constant(0.0)
    wanted = [node, first.get(a, zero), first.get(b, zero)]
    wanted += [second.get(key, zero) for key in ((a, a), (a, b), (b, b))]
    with jax.enable_x64(True):
        found = evaluate(tape, wanted, {"x": jnp.asarray(x), "y": jnp.asarray(y)})
        return [np.broadcast_to(each, x.shape) for each in found]


def recorded(tape: Tape, function, operands) -> int:
    """A function written on a tape, equation by equation."""
    with jax.enable_x64(True):
        closed = jax.make_jaxpr(function)(*(jnp.zeros(tape.count) for _ in operands))
    return walked(tape, closed.jaxpr, closed.consts, operands)[0]


def walked(tape: Tape, jaxpr, consts, operands) -> list[int]:
    """Nodes of the outputs of a jaxpr of elementwise equations."""
    nodes = dict(zip(jaxpr.invars, operands, strict=True))
    nodes |= {
        var: tape.constant(np.asarray(value)) for var, value in zip(jaxpr.constvars, consts, strict=True)
    }

    def read(atom) -> int:
        return tape.constant(np.asarray(atom.val, atom.aval.dtype)) if hasattr(atom, "val") else nodes[atom]

    for equation in jaxpr.eqns:
        given, name = [read(atom) for atom in equation.invars], equation.primitive.name
        inner = equation.params.get("jaxpr")
        if inner is not None:
            results = walked(tape, inner.jaxpr, inner.consts, given)
        elif name in ("broadcast_in_dim", "reshape", "squeeze"):
            results = [given[0]]
        else:
            bind = lambda *values, equation=equation: [equation.primitive.bind(*values, **equation.params)]  # noqa: E731
            results = [tape.add(name, given, equation.params, equation.outvars[0].aval.dtype, bind)]
        nodes |= dict(zip(equation.outvars, results, strict=True))
    return [read(atom) for atom in jaxpr.outvars]


def by_jax(function, x: np.ndarray, y: np.ndarray) -> list[np.ndarray]:
    """The same by JAX, forward over reverse."""
    with jax.enable_x64(True):

        def scalar(u, v):
            return function(u[None], v[None])[0]

        firsts = jax.vmap(jax.grad(scalar, (0, 1)))(x, y)
        seconds = jax.vmap(jax.jacfwd(jax.grad(scalar, (0, 1)), (0, 1)))(x, y)
        values = function(jnp.asarray(x), jnp.asarray(y))
        return [np.asarray(each) for each in (values, *firsts, seconds[0][0], seconds[0][1], seconds[1][1])]


@pytest.mark.parametrize("name", sorted(ROWS.keys() - {"stop_gradient", "nextafter", "copy_p", "add_any"}))
def test_rows_are_what_jax_differentiates(name):
    """Value, first and second derivatives at points where the primitive is smooth."""
    x, y = points(name)
    for found, expected in zip(
        by_table(function_of(name), x, y), by_jax(function_of(name), x, y), strict=True
    ):
        np.testing.assert_allclose(found, expected, rtol=2e-11, atol=1e-14)


MIRRORED = {
    "both ends": lambda x, y: jnp.cos(x - y) * jnp.sin(y - x) + jnp.sin(x - y) * y + jnp.cos(y - x),
    "minus": lambda x, y: jnp.tanh(-x) * y + jnp.tanh(x) + jnp.arctan(-y) * jnp.arctan(y),
    "later": lambda x, y: jnp.tan(y - x) * x + jnp.cosh(x - y) + jnp.tan(x - y) * jnp.cosh(y - x),
}


@pytest.mark.parametrize("function", MIRRORED.values(), ids=MIRRORED)
def test_even_and_odd_functions_are_evaluated_once_for_both_signs(function):
    """The ends of a branch see its angle with opposite signs: values, slopes and curvature stay JAX's."""
    x, y = X / 20, np.where(np.arange(X.size) % 3 == 0, X / 20, Y)
    for found, expected in zip(by_table(function, x, y), by_jax(function, x, y), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-14)
    tape = Tape(x.size)
    recorded(tape, function, (tape.input("x"), tape.input("y")))
    calls = [each.name for each in tape.operations if each.name in PARITY]
    assert len(calls) == 2


@pytest.mark.parametrize("name", sorted(PARITY))
def test_what_is_called_even_or_odd_is_so_to_the_last_bit(name):
    """In machine code, at numbers of all sizes, zeros and infinities."""
    sizes = np.repeat([1e-300, 1e-9, 1e-3, 0.3, 1.0, 10.0, 1e4], 500)
    x = np.concatenate([[0.0, np.inf], sizes * np.random.default_rng(0).normal(size=sizes.size)])
    whole = Indices(x.size)
    loop = loop_of(lambda u: [getattr(lax, name)(u)], [Read(0, whole)], [Write(whole)])
    plus, minus = (run([loop], np.empty(x.size), each) for each in (x, -x))
    np.testing.assert_array_equal(minus, PARITY[name] * plus)
    assert (np.signbit(minus[0]) != np.signbit(plus[0])) == (PARITY[name] < 0)


PAIRS = {"sin": "cos", "cos": "sin", "sinh": "cosh", "cosh": "sinh", "expm1": "exp", "logistic": "logistic"}


@pytest.mark.parametrize("name", PAIRS)
def test_a_derivative_is_the_users_own_where_that_is_written(name):
    """What a user computes beside a primitive is not computed again for derivatives: sines are costly."""
    one, other = getattr(lax, name), getattr(lax, PAIRS[name])
    tape = Tape(X.size)
    inputs = [tape.input("x"), tape.input("y")]
    node = recorded(tape, lambda x, y: one(x) * y + other(x) * y + other(-x), inputs)
    partials = Partials.of(tape, inputs, [node])
    partials.jacobian([node])
    partials.hessian({node: tape.constant(1.0)})
    calls = [
        (each.name, each.operands) for each in tape.operations if each.name in PAIRS or each.name == "exp"
    ]
    assert len(calls) == len(set(calls)) and {name, PAIRS[name]} <= {called for called, _ in calls}


SMOOTH = {
    "exp": mpmath.exp, "expm1": mpmath.expm1, "log": mpmath.log, "log1p": mpmath.log1p, "sin": mpmath.sin,
    "cos": mpmath.cos, "tan": mpmath.tan, "asin": mpmath.asin, "acos": mpmath.acos, "atan": mpmath.atan,
    "sinh": mpmath.sinh, "cosh": mpmath.cosh, "tanh": mpmath.tanh, "asinh": mpmath.asinh,
    "acosh": mpmath.acosh, "atanh": mpmath.atanh, "sqrt": mpmath.sqrt, "cbrt": lambda x: mpmath.cbrt(x),
    "erf": mpmath.erf, "erfc": mpmath.erfc, "logistic": lambda x: 1 / (1 + mpmath.exp(-x)),
    "rsqrt": lambda x: 1 / mpmath.sqrt(x), "exp2": lambda x: mpmath.mpf(2) ** x, "square": lambda x: x**2,
    "lgamma": mpmath.loggamma, "digamma": mpmath.digamma,
}  # fmt: skip


@pytest.mark.parametrize("name", SMOOTH)
def test_rows_are_as_exact_as_their_values(name):
    """Ten times better or no worse than ten times JAX's own error, by fifty digits of mpmath."""
    x = np.abs(WITHIN.get(name, X)) if name == "cbrt" else WITHIN.get(name, X)
    function = function_of(name)
    found, jax_ = by_table(function, x, np.ones_like(x)), by_jax(function, x, np.ones_like(x))
    with mpmath.workdps(60):
        for place, order in ((1, 1), (3, 2)):
            exact = np.array([float(mpmath.diff(SMOOTH[name], mpmath.mpf(each), order)) for each in x])
            scale = np.maximum(np.abs(exact), 1e-300)
            own, other = np.abs(found[place] - exact) / scale, np.abs(jax_[place] - exact) / scale
            assert (own <= np.maximum(2e-14, 10 * other)).all(), (order, own, other)


KINKS = {
    "abs": (lambda x, y: jnp.abs(x), 0.0, 0.0),
    "max at a tie": (lambda x, y: lax.max(x, y), 0.5, 0.5),
    "min at a tie": (lambda x, y: lax.min(x, y), 0.5, 0.5),
    "max of x and zero": (lambda x, y: lax.max(x, 0.0 * y), 0.0, 1.0),
    "clamp at its end": (lambda x, y: lax.clamp(0.0, x, 1.0), 0.0, 0.0),
    "root at zero": (lambda x, y: lax.sqrt(x), 0.0, 0.0),
    "power one half at zero": (lambda x, y: lax.pow(x, 0.5), 0.0, 0.0),
    "power three halves at zero": (lambda x, y: lax.pow(x, 1.5), 0.0, 0.0),
    "power two at zero": (lambda x, y: lax.pow(x, 2.0), 0.0, 0.0),
    "sign": (lambda x, y: jnp.sign(x) * y, 0.0, 1.0),
    "floor": (lambda x, y: jnp.floor(x) * y, 1.0, 1.0),
}


@pytest.mark.parametrize("name", KINKS)
def test_at_kinks_rows_give_what_jax_gives(name):
    """The convention: JAX's derivative, at a tie half of each slope; 0 times infinity is 0."""
    function, x, y = KINKS[name]
    x, y = np.array([x]), np.array([y])
    for found, expected in zip(by_table(function, x, y), by_jax(function, x, y), strict=True):
        np.testing.assert_array_equal(found, np.where(np.isnan(expected), 0.0, expected))


def test_a_slope_that_does_not_count_is_dropped():
    """where(x > 0, sqrt(x), 0) at zero: JAX's is nan by its masking only, the finite one is right."""
    found = by_table(lambda x, y: jnp.where(x > 0, jnp.sqrt(x), 0.0), np.zeros(1), np.zeros(1))
    assert [each.item() for each in found] == [0.0] * 6


def test_nodes_are_recorded_once():
    """The same sine, whoever asks for it."""
    tape = Tape(3)
    x = tape.input("x")
    nodes = [tape.add("sin", (x,), {}, FLOAT) for _ in range(2)]
    assert nodes[0] == nodes[1] and len(tape.operations) == 2

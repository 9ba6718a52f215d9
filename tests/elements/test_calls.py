"""Laws of element calls: what acts on elements is written on scalars, rule and all; others are left."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lagrad.elements.calls import CALL, ElementCall, element_call
from lagrad.precision import float64
from lagrad.primitives.equations import bind
from tests.sparsity.programs import crossed, straight_through

X = np.linspace(-0.7, 0.9, 6)


def custom(function, rule):
    """A `custom_jvp` function with the tangent rule(primals, tangents)."""
    made = jax.custom_jvp(function)
    made.defjvp(lambda primals, tangents: (made(*primals), rule(primals, tangents)))
    return made


MASK = np.array([1.0, 0, 1, 0, 1, 0])
mirrored = custom(lambda x: x * 2, lambda primals, tangents: tangents[0][::-1])
averaged = custom(lambda x: x * 2, lambda primals, tangents: tangents[0] * jnp.mean(primals[0]))
masked = custom(lambda x: x * 2, lambda primals, tangents: tangents[0] * MASK)
outer = custom(lambda x: x**2, lambda primals, tangents: mirrored(primals[0]) * tangents[0])
both = custom(lambda x: (x**2, jnp.sin(x)), lambda p, t: (2 * p[0] * t[0], 3 * jnp.cos(p[0]) * t[0]))
counted = custom(lambda x: (x**2, jnp.sign(x).astype(int)), lambda p, t: (p[0] * t[0], still(p[0])))


def still(x):
    """Tangent of integers."""
    return np.zeros(x.shape, jax.dtypes.float0)


def traced(function, *operands):
    """The equation of the call in a function."""
    with float64():
        found = [e for e in equations(jax.make_jaxpr(function)(*operands).jaxpr) if e.primitive.name == CALL]
    return found[0]


def equations(jaxpr):
    """Equations of a jaxpr and of the jits in it."""
    for equation in jaxpr.eqns:
        yield equation
        if equation.primitive.name == "jit":
            yield from equations(equation.params["jaxpr"].jaxpr)


def found(function, *operands) -> ElementCall:
    """The element call in a function."""
    call = element_call(traced(function, *operands))
    assert call is not None
    return call


PLANE = {(0, 0), (0, 1), (1, 1)}
# name -> function, operands, operands with a first derivative, pairs with a second one.
ACTING = {
    "relu": (jax.nn.relu, [X], {0}, set()),
    "softplus": (jax.nn.softplus, [X], {0}, {(0, 0)}),
    "of two": (jnp.logaddexp, [X, X[::-1]], {0, 1}, PLANE),
    "of rows and columns": (
        lambda x, y: jnp.logaddexp(x[:, None], y),
        [X[:3], X],
        {0, 1},
        {(0, 0), (0, 1), (1, 1)},
    ),
    "mapped along columns": (jax.vmap(jax.nn.softplus, 1, 1), [X.reshape(2, 3)], {0}, {(0, 0)}),
    "constant to the eye": (straight_through, [X], {0}, set()),
    "with a number": (lambda x: jnp.logaddexp(x, 0.5), [X], {0}, {(0, 0)}),
    "one number": (jax.nn.softplus, [X[0]], {0}, {(0, 0)}),
    "none": (jax.nn.softplus, [X[:0]], {0}, {(0, 0)}),
    "linear in one": (jax.scipy.special.xlogy, [X + 1, X + 2], {0, 1}, {(0, 1), (1, 1)}),
}


@pytest.mark.parametrize("function, operands, first, pairs", ACTING.values(), ids=ACTING)
def test_derivatives_that_can_be_nonzero_are_those_of_the_rule(function, operands, first, pairs):
    """Not those of the function as it is written."""
    (record,) = found(function, *operands).interactions
    # Softplus is a function of two operands, of which the second is zero.
    count = len(operands)
    assert {i for i in range(count) if record.first[i]} == first
    assert {(i, j) for i, j in record.second if j < count} == pairs


def second(function, operands):
    """First and second derivative along ones."""
    ones = tuple(map(jnp.ones_like, operands))
    return jax.jvp(lambda *x: jax.jvp(function, x, ones)[1], tuple(operands), ones)


@pytest.mark.parametrize("name", [name for name in ACTING if name != "none"])
def test_scalars_give_the_values_and_derivatives_of_the_call(name):
    """Each output element is the function of scalars at its places, to second order."""
    function, operands, *_ = ACTING[name]
    with float64():
        call, equation = found(function, *operands), traced(function, *operands)
        whole = lambda *x: bind(equation, *x)[0]  # noqa: E731
        one = jax.vmap(lambda *x: call.function(*x)[0])
        shapes = [atom.aval.shape for atom in equation.invars]
        arrays = [jnp.full(shape, 0.5) for shape in shapes]
        arrays[: len(operands)] = [
            jnp.asarray(each).reshape(shape) for each, shape in zip(operands, shapes, strict=False)
        ]
        taken = [each.reshape(-1)[place.array] for each, place in zip(arrays, call.places[0], strict=True)]
        np.testing.assert_allclose(one(*taken), np.ravel(whole(*arrays)), rtol=1e-14)
        for mine, expected in zip(second(one, taken), second(whole, arrays), strict=True):
            np.testing.assert_allclose(mine, np.ravel(expected), rtol=1e-13, atol=1e-14)


MIXING = {
    "function": (crossed, [X, X]),
    "rule": (mirrored, [X]),
    "rule, through a mean": (averaged, [X]),
    "rule, through a captured mask": (masked, [X]),
    "rule of the rule": (outer, [X]),
}


@pytest.mark.parametrize("function, operands", MIXING.values(), ids=MIXING)
def test_what_mixes_elements_is_left_alone(function, operands):
    """Wherever in two orders of derivatives it does."""
    assert element_call(traced(function, *operands)) is None


def test_complex_functions_are_left_alone():
    """Their derivatives are not followed."""
    twisted = custom(lambda z: z * 1j, lambda primals, tangents: tangents[0] * 1j)
    assert element_call(traced(twisted, X + 1j)) is None


def test_each_output_has_its_own_derivatives():
    """By the rule, whatever the function; integers have none."""
    square, sine = found(both, X).interactions
    assert square.second == sine.second == {(0, 0)}
    value, count = found(counted, X).interactions
    assert value.first == (True,) and count.first == (False,)
    with float64():
        slopes = jax.jacobian(lambda x: jnp.stack(found(both, X).function(x)))(0.3)
    np.testing.assert_allclose(slopes, [0.6, 3 * np.cos(0.3)])

"""Laws of classification: what is known is folded, what is affine has its A and b."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lagrad.elements.classification import Kind, read
from tests.sparsity.tracing import program_of

W = np.array([[1.0, 2.0, 0.0], [0.0, -1.0, 3.0]])
AFFINE = {
    "itself": lambda x: x,
    "gather and offset": lambda x: 2.0 * x[np.array([2, 0, 0])] - 1.0,
    "differences": lambda x: jnp.diff(jnp.concatenate([jnp.full(1, 5.0), x])),
    "matrix": lambda x: W @ x + np.array([1.0, -1.0]),
    "known mask": lambda x: jnp.where(np.array([True, False, True]), x, 3.0),
    "sums": lambda x: jnp.stack([jnp.sum(x), jnp.mean(x), x[1] / 4.0]),
    "scattered": lambda x: jnp.ones(4).at[np.array([1, 1, 3])].add(x),
    "reshaped": lambda x: jnp.broadcast_to(x[:, None], (3, 2)).T.reshape(-1),
    "running sum": lambda x: jnp.cumsum(x)[::-1],
}
NONLINEAR = {
    "square": lambda x: x**2,
    "product": lambda x: x * x[0],
    "comparison": lambda x: (x > 0.5).astype(float),
    "gather by value": lambda x: x[jnp.argmax(x)][None],
    "loop": lambda x: jax.lax.fori_loop(0, 2, lambda k, y: y + x, x),
}


def output(constraints, n: int = 3, params=()):
    """Classification of constraints, and the variable that is their value."""
    classification = read(program_of(constraints, n, params=params))
    return classification, classification.program.outputs[1]


@pytest.mark.parametrize("function", AFFINE.values(), ids=AFFINE)
def test_affine_values_are_a_x_plus_b(function):
    """A is the Jacobian, b the value at zero."""
    classification, variable = output(function)
    assert classification.kinds[variable] is Kind.AFFINE
    with jax.enable_x64(True):
        expected = np.asarray(jax.jacobian(function)(np.ones(3))).reshape(-1, 3)
        at_zero = np.asarray(function(jnp.zeros(3))).reshape(-1)
    np.testing.assert_allclose(classification.form(variable).to_scipy().toarray(), expected, rtol=1e-15)
    np.testing.assert_allclose(classification.offset(variable), at_zero, rtol=1e-15)


@pytest.mark.parametrize("function", NONLINEAR.values(), ids=NONLINEAR)
def test_all_else_that_depends_on_x_is_curved(function):
    """Whether or not it has derivatives."""
    classification, variable = output(function)
    assert classification.kinds[variable] is Kind.NONLINEAR


def test_known_equations_are_executed():
    """Indices computed by the program are numbers before anything is read."""
    classification, variable = output(lambda x: x[jnp.arange(6).reshape(2, 3)[:, 1] % 3])
    assert classification.kinds[variable] is Kind.AFFINE
    np.testing.assert_array_equal(classification.form(variable).to_scipy().toarray(), np.eye(3)[[1, 1]])
    known = [number for number, kind in classification.kinds.items() if kind is Kind.KNOWN]
    assert set(known) == set(classification.values)


def test_params_are_fixed_and_their_products_with_x_curved():
    """Coefficients that change with params are no constants."""
    classification, variable = output(lambda x, p: 2.0 * p, params=(np.ones(3),))
    assert classification.kinds[variable] is Kind.PARAMETRIC
    for function in (lambda x, p: p * x, lambda x, p: p + x, lambda x, p: jnp.concatenate([p, x])):
        classification, variable = output(function, params=(np.ones(3),))
        assert classification.kinds[variable] is Kind.NONLINEAR


def test_printing_is_no_dependence():
    """Equations without outputs are passed over."""

    def printing(x):
        jax.debug.print("{x}", x=x)
        jax.debug.print("nothing")
        return 3.0 * x

    classification, variable = output(printing)
    assert classification.kinds[variable] is Kind.AFFINE

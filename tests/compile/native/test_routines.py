"""Routines of machine code give, to the last bit, what the same functions give when Python calls them."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

from lagrad.derivatives import differentiate
from lagrad.problem.constraints import Equality, Inequality
from lagrad.problem.problem import Problem
from tests.solvers import cases


def objective(x, p):
    """A weighted sum, and an element apart."""
    return p["weight"] * jnp.sum(x**4) + jnp.exp(x[0]) * x[3]


def near(x, p):
    """Products of neighbours, and a term that params multiply."""
    return x[1:] * jnp.sin(x[:-1]) + p["shift"] * x[1:]


def chain():
    """Rows of neighbours and one that is linear, with params."""
    rows = {
        "near": Inequality(near, upper=np.full(6, 3.0)),
        "sum": Equality(lambda x, p: jnp.sum(x), 1.0),
    }
    params = {"shift": np.linspace(0.5, 1.5, 6), "weight": np.float64(2.0)}
    return Problem(objective, np.ones(7), rows, None, params)


@pytest.mark.parametrize(
    "make", [cases.hs71, cases.parametric, cases.banana, chain], ids=lambda make: make.__name__
)
def test_routines_equal_calls(make):
    """f, c, gradient, J and H at three points, with random multipliers."""
    derivatives = differentiate(make())
    code, random = derivatives.machine_code(), np.random.default_rng(0)
    assert code is not None
    for _ in range(3):
        x = derivatives.problem.start + 0.1 * random.standard_normal(derivatives.n)
        rows = random.standard_normal(derivatives.m)
        code.x[:], code.weights[0], code.weights[1:] = x, 0.7, rows
        f, c = derivatives.values(x)
        np.testing.assert_array_equal(code.values(), [f, *c])
        np.testing.assert_array_equal(code.gradient(), derivatives.gradient(x))
        jacobian, hessian = derivatives.jacobian_values(x), derivatives.hessian_values(x, rows, 0.7)
        np.testing.assert_array_equal(code.jacobian()[: jacobian.size], jacobian)
        np.testing.assert_array_equal(code.hessian()[: hessian.size], hessian)


def test_each_code_has_arrays_of_its_own():
    """Two solves at once do not write to the same place."""
    derivatives = differentiate(cases.hs71())
    one, two = derivatives.machine_code(), derivatives.machine_code()
    assert one is not None and two is not None
    one.x[:], two.x[:] = 1.0, 2.0
    first, second = one.values().copy(), two.values().copy()
    assert not np.array_equal(first, second) and np.array_equal(one.values(), first)


def test_functions_of_xla_are_no_machine_code():
    """What is sorted has no element: the solver calls Python for it."""
    problem = Problem(lambda x: jnp.sort(x)[1] + x @ x, np.arange(5.0))
    assert differentiate(problem).machine_code() is None

"""What is not finite is reported under the names of rows and variables, once for each function to blame."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np

import lagrad
from lagrad.checks.nonfinite import nonfinite_derivatives, nonfinite_values


def test_each_function_with_a_value_that_is_not_finite_is_listed():
    """The first row of each, how many more there are, and the operation."""
    rows = {"logs": lagrad.Equality(jnp.log), "roots": lagrad.Equality(lambda x: jnp.sqrt(x))}
    problem = lagrad.Problem(lambda x: jnp.sum(x), [1.0, 0.0, -1.0], rows)
    found = nonfinite_values(problem, problem.start)
    assert [fault.what for fault in found] == ["logs[1] (and 1 more)", "roots[2]"]
    assert [fault.fault.primitive for fault in found] == ["log", "sqrt"]
    assert "test_nonfinite.py" in str(found[1])


def test_second_derivatives_are_blamed_on_the_right_function():
    """Of two constraints, only the one with an infinite curvature is named."""
    rows = {
        "smooth": lagrad.Equality(lambda x: x[0] * x[1]),
        "rough": lagrad.Equality(lambda x: x[1] * x[0] ** 1.5),
    }
    problem = lagrad.Problem(lambda x: jnp.sum(x**2), [0.0, 1.0], rows)
    derivatives = lagrad.differentiate(problem, check=False)
    (found,) = nonfinite_derivatives(derivatives, problem.start, np.ones(2))
    assert found.what == "Hessian of rough at x[0], x[0]"
    assert (found.fault.sweep, found.fault.primitive) == ("second", "pow")


def test_what_reverse_mode_spoils_comes_with_the_cure():
    """A root that is masked by a product is finite forward, nan in reverse: the report says what to do."""
    problem = lagrad.Problem(lambda x: jnp.sum((x > 0) * jnp.sqrt(x)), [0.0, 1.0])
    derivatives = lagrad.differentiate(problem, strategy="colored", check=False)
    found, *_ = nonfinite_derivatives(derivatives, problem.start, np.zeros(0))
    assert found.what == "Hessian of objective at x[0], x[0]"
    assert "make its operand harmless" in str(found)

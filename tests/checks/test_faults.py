"""The first operation that is not finite: found in each sweep and in loops, and never where masked."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lagrad.checks.faults import first_fault
from lagrad.problem.functions import OBJECTIVE, arguments, functions
from lagrad.problem.problem import Problem


def fault(f, x, params=None):
    """The fault of an objective, by the first variable."""
    problem = Problem(f, np.array(x), params=params)
    given = arguments(problem, problem.start)
    return first_fault(functions(problem)[OBJECTIVE], given, np.eye(problem.n)[0], np.ones(1))


def root_then_log(x):
    """Nan at a negative first entry: by sqrt; the log of it comes later."""
    low = jnp.sqrt(x[0])
    return jnp.log(low) + x[1]


def masked_log(x):
    """Finite, though a logarithm inside is not; then a root that is not."""
    safe = jnp.where(x > 0, jnp.log(x), 0.0)
    return jnp.sum(safe) + jnp.sqrt(x[1] - 2.0)


def norm(x):
    """The Euclidean norm, which is written with JAX's own function."""
    return jnp.linalg.norm(x)


def masked_root(x):
    """Forward mode is finite at 0, reverse mode is 0 times infinity."""
    return jnp.sum(jnp.where(x > 0, jnp.sqrt(x), 0.0))


def three_halves(x):
    """First derivative 0 at 0, second one infinite."""
    return x[0] ** 1.5 + x[1]


def scanned(x):
    """log(log(...)) along x."""

    def body(carry, factor):
        return jnp.log(carry * factor), None

    return jax.lax.scan(body, 1.0, x)[0]


def looped(x):
    """Logarithms of x[0] - 1 as long as they are large."""
    return jax.lax.while_loop(lambda value: value > 0.5, lambda value: jnp.log(value - 1.0), x[0])


def branched(x):
    """The branch taken is the logarithm."""
    return jax.lax.cond(x[0] < 5.0, lambda v: jnp.log(v), lambda v: v, x[0])


CASES = {
    "value": (root_then_log, [-1.0, 1.0], "value", "sqrt", "low = jnp.sqrt(x[0])"),
    "masked": (masked_log, [-1.0, 1.0], "value", "sqrt", "return jnp.sum(safe)"),
    "tangent": (norm, [0.0, 0.0], "tangent", "sqrt", "return jnp.linalg.norm(x)"),
    "adjoint": (masked_root, [0.0, 1.0], "adjoint", "sqrt", "jnp.where(x > 0"),
    "second": (three_halves, [0.0, 1.0], "second", "pow", "x[0] ** 1.5"),
    "scan": (scanned, [2.0, 1.0, 1.0], "value", "log", "return jnp.log(carry * factor)"),
    "while": (looped, [1.0], "value", "log", "jnp.log(value - 1.0)"),
    "cond": (branched, [-2.0], "value", "log", "jnp.log(v)"),
}


@pytest.mark.parametrize("name", CASES)
def test_fault_is_named_with_sweep_primitive_and_line(name):
    """Sweep, primitive, file and the text of the user's line are those written down by hand."""
    f, x, sweep, primitive, code = CASES[name]
    found = fault(f, x)
    assert (found.sweep, found.primitive) == (sweep, primitive)
    assert "test_faults.py, line " in found.place
    assert code in found.place


def test_fault_shows_the_operand_at_the_entry():
    """The operand that is shown is the one at the entry that fails."""
    assert fault(lambda x: jnp.sum(jnp.sqrt(x)), [4.0, -9.0, 1.0]).operands == "-9"


def test_fault_in_a_loop_tells_the_iteration():
    """log(2) is positive, log(log 2) is not, its logarithm is nan."""
    assert fault(scanned, [2.0, 1.0, 1.0]).place.endswith("iteration 2 of `scan`")


def test_params_that_are_not_finite_are_blamed_as_such():
    """The functions do nothing wrong if params hold nan."""
    found = fault(lambda x, p: x[0] * p, [1.0], params=np.nan)
    assert found.primitive == "input"
    assert "params" in str(found)


def test_finite_functions_have_no_fault():
    """None where value, both first derivatives and the second one are finite."""
    assert fault(lambda x: jnp.exp(x[0]) * x[1], [0.0, 0.0]) is None


def test_custom_reverse_rules_are_no_obstacle():
    """A function without forward mode has no fault; one beside it is still found."""

    @jax.custom_vjp
    def doubled(x):
        return 2.0 * x

    doubled.defvjp(lambda x: (doubled(x), None), lambda _, weight: (2.0 * weight,))
    found = fault(lambda x: doubled(x[0]) + jnp.sqrt(x[0]), [0.0])
    assert found.primitive == "sqrt"

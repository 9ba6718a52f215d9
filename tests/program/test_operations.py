"""Functions written out as operations: same values as the function, and the user's own lines."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from lagrad.precision import float64
from lagrad.problem.constraints import Equality
from lagrad.problem.functions import OBJECTIVE, arguments, functions
from lagrad.problem.problem import Problem
from lagrad.program.trace import operations


@jax.jit
def helper(x):
    """A compiled function of the user's own."""
    return jnp.sin(x) * 2.0


def objective(x, p):
    """Nested calls, a rule of its own, a scan, a captured array."""
    total = jax.nn.relu(x[0]) + helper(x[1]) + jnp.linalg.norm(x)
    return total * p["a"] + jax.lax.scan(lambda c, v: (c + v, None), 0.0, x * np.arange(3.0))[0]


def problem():
    """Three variables, params, two constraints."""
    rows = {"pair": lambda x, p: {"u": x[:2], "v": x[2] * p["a"]}, "one": lambda x, p: x[0]}
    constraints = {name: Equality(rule) for name, rule in rows.items()}
    return Problem(objective, [1.0, 2.0, -3.0], constraints, params={"a": 0.5})


def test_operations_give_the_function_value():
    """Evaluated one by one, with rules written out or kept whole."""
    declared = problem()
    given = arguments(declared, declared.start)
    expected = np.concatenate([[declared.objective(declared.start, {"a": 0.5})], [1.0, 2.0, -1.5], [1.0]])
    with float64():
        for whole in (False, True):
            found = []
            for function in functions(declared).values():
                steps = operations(function, given, rules_whole=whole)
                found.append(np.ravel(steps.values(given)[steps.outputs[0]]))
            np.testing.assert_allclose(np.concatenate(found), expected, rtol=1e-6)


def test_operations_carry_the_users_line():
    """Those of JAX's own functions get the line of the call, those of the user's helper their own."""
    declared = problem()
    steps = operations(functions(declared)[OBJECTIVE], arguments(declared, declared.start)).equations
    places = {step.name: step.place for step in steps}
    assert "jnp.linalg.norm(x)" in places["sqrt"]
    assert "return jnp.sin(x) * 2.0" in places["sin"]
    assert "jax.nn.relu(x[0])" in places["max"]
    assert all("test_operations.py" in places[name] for name in ("sqrt", "sin", "max", "scan"))


def test_operations_that_nobody_needs_are_left_out():
    """What the result does not depend on is not looked at."""

    def wasteful(x):
        jnp.log(x)
        return x + 1.0

    assert [step.name for step in operations(wasteful, [np.zeros(2)]).equations] == ["add"]

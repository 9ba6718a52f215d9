"""What SciPy's users hand in and are told: any arguments, one call a point, states in SciPy's words."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.optimize as so

from lagrad.solvers.minimize import ipopt, trust_constr


def test_a_function_with_its_jacobian_is_asked_once_a_point():
    """As SciPy does for objectives: value and Jacobian come from one call."""
    asked = []

    def both_at_once(x, radius):
        asked.append(x.copy())
        return radius - x @ x, -2 * x

    rows = {"type": "ineq", "fun": both_at_once, "jac": True, "args": (2.0,)}
    result = so.minimize(
        lambda x: -x[0], [0.5, 0.5], jac=lambda x: np.array([-1.0, 0.0]), method=ipopt, constraints=rows
    )
    np.testing.assert_allclose(result.x, [np.sqrt(2), 0], atol=1e-5)
    repeats = sum(np.array_equal(one, other) for one, other in zip(asked, asked[1:], strict=False))
    assert repeats == 0


@pytest.mark.parametrize(
    "args", [(3.0,), [3.0], np.array([3.0]), iter([3.0]), 3.0, np.float64(3.0), np.array(3.0)]
)
def test_constraints_take_further_arguments_in_any_form(args):
    """Whatever can be unpacked, as in SciPy, and one number."""
    rows = {"type": "ineq", "fun": lambda x, least: x[0] - least, "args": args}
    result = so.minimize(lambda x: x @ x, [5.0, 1.0], method=ipopt, constraints=rows)
    np.testing.assert_allclose(result.x, [3.0, 0.0], atol=1e-6)


@pytest.mark.parametrize("args", [(3.0,), 3.0])
def test_objectives_take_one_argument_without_a_tuple(args):
    """Called without SciPy, too, whose minimize makes a tuple of it."""
    np.testing.assert_allclose(ipopt(lambda x, a: (x - a) @ (x - a), [5.0], args).x, [3.0], atol=1e-6)


def test_states_of_the_trust_region_are_scipys():
    """Penalty, radius and barrier are what SciPy's own method tells, not placeholders."""
    states = []
    so.minimize(
        lambda x: (x[0] - 1) ** 2 + x[1] ** 2,
        [0.5, 0.5],
        method=trust_constr,
        constraints=so.NonlinearConstraint(lambda x: x[0] * x[1], 0.1, 2.0),
        callback=lambda x, state: states.append(state) and None,
    )
    for name in ("constr_penalty", "tr_radius", "barrier_parameter", "barrier_tolerance"):
        assert all(np.isfinite(state[name]) for state in states)
    assert {state.cg_stop_cond for state in states} <= set(range(5)) and states[-1].cg_niter > 0

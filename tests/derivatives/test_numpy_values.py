"""NumPy's own values of traced programs: there for all that suites are made of, and right."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

import lagrad
import lagrad_problems
from lagrad.derivatives.verification.numpy_values import numpy_values
from lagrad.precision import float64
from lagrad.primitives.calls import CALLS
from lagrad.program.program import numbered

SUITE = {
    "cart_pole": {"intervals": 10},
    "clnlbeam": {"intervals": 10},
    "elliptic_control": {"grid": 5},
    "ac_opf": {"buses": 10, "seed": 1},
    "chained_rosenbrock": {"n": 10},
    "gather_network": {"nodes": 30},
}


def told(problem: lagrad.Problem) -> None:
    """Check that NumPy tells the values, and that they are those of the functions."""
    reference = lagrad.differentiate(problem, check=False).reference
    found = numpy_values(numbered(reference.closed, CALLS), problem.start, [])
    with float64():
        x = jnp.asarray(problem.start)
        expected = np.append(problem.flat_objective(x), problem.flat_constraints(x))
    assert found is not None
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", SUITE)
def test_families_of_the_suite_need_no_compiler(name):
    """Pytrees of variables included: a missing row costs a second of compilation at every set-up."""
    told(lagrad_problems.get(name, **SUITE[name]).problem)


def test_scalar_loops_need_no_compiler():
    """Stacks of scalars: XLA would take a minute over what NumPy does at once."""
    rows = lagrad.Equality(lambda x: jnp.stack([x[i + 1] - jnp.sin(x[i]) for i in range(100)]))
    told(lagrad.Problem(lambda x: sum(x[i] ** 2 for i in range(101)), np.linspace(0.1, 1.0, 101), rows))

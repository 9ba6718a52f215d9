"""Laws of merging: equal equations become one, whatever else JAX made anew; others stay apart."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lagrad.precision import float64
from lagrad.program.cse import tidy
from lagrad.program.program import numbered

DATA = np.linspace(0.0, 1.0, 3)


def count(function, name: str) -> int:
    """How many equations of a name are left of a function of a vector."""
    with float64():
        program = tidy(numbered(jax.make_jaxpr(function)(np.zeros(3))))
    return sum(equation.name == name for equation in program.equations)


def loop(x, factor=0.5, data=DATA, length=None, reverse=False):
    """A loop that is traced anew at each call."""

    def body(z, row):
        return jnp.sin(z) * factor + row[0] * row[1], z

    return jax.lax.scan(body, 0.1, (x, jnp.asarray(data)), length, reverse)


def test_loops_that_say_the_same_are_one():
    """Each call has its own program, constants and start."""
    assert count(lambda x: loop(x)[0] + loop(x)[1].sum(), "scan") == 1


@pytest.mark.parametrize("other", [{"factor": 0.25}, {"data": DATA + 1.0}, {"reverse": True}])
def test_loops_that_differ_stay_apart(other):
    """In a literal, an array, or a parameter."""
    assert count(lambda x: loop(x)[0] + loop(x, **other)[0], "scan") == 2


def test_branches_that_say_the_same_are_one():
    """Programs in a tuple."""

    def branch(x, power):
        return jax.lax.cond(x[0] > 0, lambda x: x**power, lambda x: -x, x)

    assert count(lambda x: branch(x, 2) + branch(x, 2), "cond") == 1
    assert count(lambda x: branch(x, 2) + branch(x, 3), "cond") == 2

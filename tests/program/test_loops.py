"""Loops without their carry: the same outputs as JAX's own loop, and none for a recurrence."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from lagrad.precision import float64
from lagrad.primitives.equations import bind
from lagrad.program.loops import without_carry
from lagrad.program.walk import run

N = 6
X = np.linspace(0.2, 1.7, N)


def scan_of(function, *arguments):
    """The scan in a function of arrays, and values of its operands."""
    with float64():
        program = jax.make_jaxpr(function)(*arguments)
    (equation,) = [each for each in program.eqns if each.primitive.name == "scan"]
    return program, equation


LOOPS = {
    "kept": lambda x: lax.scan(lambda c, u: (c, c * u), x[0], x),
    "shifted": lambda x: lax.scan(lambda c, u: (u * 2, c + u), x[1], x),
    "two back": lambda x: lax.scan(lambda c, u: ((u, c[0]), c[0] - c[1]), (x[0], x[1]), x),
    "reversed": lambda x: lax.scan(lambda c, u: (u, c * u), x[1], x, reverse=True),
    "accumulated": lambda x: lax.scan(lambda c, u: (c + jnp.sin(u), c), 0.5, x),
    "subtracted": lambda x: lax.scan(lambda c, u: (c - u * x[0], None), 1.0, x),
    "counted": lambda x: lax.scan(lambda c, u: (c + 2, c * u), 3, x),
    "written": lambda x: lax.fori_loop(0, N - 1, lambda i, c: c.at[i].set(x[i] * x[i + 1]), jnp.ones(N)),
    "written twice": lambda x: lax.fori_loop(
        0, N - 1, lambda i, c: c.at[i].set(x[i]).at[i + 1].set(-x[i]), jnp.ones(N)
    ),
    "rows": lambda x: lax.fori_loop(0, 3, lambda i, c: c.at[i].set(x[:2] * x[i]), jnp.ones((3, 2))),
    "slices": lambda x: lax.fori_loop(
        0, 4, lambda i, c: lax.dynamic_update_slice(c, x[:3] * x[i], (2 * i - 1,)), jnp.ones(N)
    ),
    "added at": lambda x: lax.fori_loop(0, N, lambda i, c: c.at[i // 2].add(x[i]), jnp.ones(N)),
    "dropped": lambda x: lax.fori_loop(0, N, lambda i, c: c.at[2 * i].set(x[i], mode="drop"), jnp.ones(N)),
    "one needs another": lambda x: lax.scan(
        lambda c, u: ((c[0] + c[1] * u, u), c[0]), (x[0], x[2]), x, reverse=True
    ),
    "constant": lambda x: lax.scan(lambda c, u: (1.0, c * u), x[0], x),
}


@pytest.mark.parametrize("name", LOOPS)
def test_all_steps_at_once_give_what_the_loop_gives(name):
    """Final carries and stacked rows, and their derivatives."""
    with float64():
        program, equation = scan_of(LOOPS[name], X)
        known = [np.asarray(a.val) if hasattr(a, "val") else None for a in equation.invars]
        known = [each if each is not None and each.dtype.kind == "i" else None for each in known]
        function = without_carry(equation, known)
        assert function is not None
        at_once = lambda *operands: function(*operands)  # noqa: E731
        rewritten = lambda x: replaced(program, equation, at_once, x)  # noqa: E731
        expected = jax.jit(LOOPS[name])(X)
        for found, right in zip(jax.tree.leaves(rewritten(X)), jax.tree.leaves(expected), strict=True):
            np.testing.assert_allclose(found, right, rtol=1e-13, atol=1e-13)
        one = jax.jacrev(lambda x: sum(jnp.sum(jnp.sin(v * 1.0)) for v in rewritten(x)))(X)
        other = jax.jacrev(lambda x: sum(jnp.sum(jnp.sin(v * 1.0)) for v in jax.tree.leaves(LOOPS[name](x))))(
            X
        )
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-13)


def replaced(program, equation, function, x) -> list:
    """Outputs of a program, one equation of which is a function."""
    visit = lambda each, operands: function(*operands) if each is equation else bind(each, *operands)  # noqa: E731
    return run(program, [jnp.asarray(x)], visit)


RECURRENCES = {
    "recurrence": lambda x: lax.scan(lambda c, u: (jnp.sin(c) + u, c), x[0], x),
    "product": lambda x: lax.scan(lambda c, u: (c * u, None), x[0], x),
    "swapped": lambda x: lax.scan(lambda c, u: ((c[1], c[0]), u), (x[0], x[1]), x),
    "read and written": lambda x: lax.fori_loop(1, N, lambda i, c: c.at[i].set(c[i - 1] * x[i]), x),
}


@pytest.mark.parametrize("name", RECURRENCES)
def test_recurrence_is_left_alone(name):
    """Each step needs the one before."""
    _, equation = scan_of(RECURRENCES[name], X)
    assert without_carry(equation, [None] * len(equation.invars)) is None

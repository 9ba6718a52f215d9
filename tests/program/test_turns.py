"""Laws of turns: each batch of LAPACK depends on the one before, and nothing else changes."""

from __future__ import annotations

import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from jax.extend.core import jaxprs_in_params
from jax.lax.linalg import cholesky, eigh, lu, qr

from lagrad.compile.xla import lower
from lagrad.precision import float64
from lagrad.primitives.small_solve import small_solve
from lagrad.program.turns import LAPACK, has_batches, has_lapack, taking_turns

# 6 positive definite matrices of three rows, and as many right sides.
RANDOM = np.random.default_rng(0)
HALF = RANDOM.normal(size=(6, 3, 3))
MATRICES, RIGHTS = HALF @ HALF.transpose(0, 2, 1) + 3 * np.eye(3), RANDOM.normal(size=(6, 3))


def of_a_loop(a, b):
    """Two batches in each step of a loop, and one behind it."""

    def step(carry, _):
        return carry + cholesky(a * carry) + cholesky(a + 1.0), jnp.sum(b)

    total, sums = lax.scan(step, jnp.ones_like(a), length=2)
    return total, sums, cholesky(2 * a)


PROGRAMS = {
    "side by side": lambda a, b: (cholesky(a), cholesky(2 * a), lu(a)[0], eigh(a)[1], qr(a)[1]),
    "solves": lambda a, b: (jnp.linalg.solve(a, b[..., None]), jnp.linalg.inv(a + 1.0), jnp.linalg.det(a)),
    "in calls": lambda a, b: (jax.jit(cholesky)(a), jax.jit(lambda b, a: b + jnp.linalg.inv(a))(a, 2 * a)),
    "computed again": lambda a, b: jax.grad(
        lambda a: jnp.sum(jax.checkpoint(lambda a: cholesky(a) @ cholesky(a + 1.0))(a))
    )(a),
    "in a loop": of_a_loop,
    "in a branch": lambda a, b: (
        lax.cond(b[0, 0] > 0, lambda a: cholesky(a) + cholesky(2 * a), jnp.negative, a),
        cholesky(a + 1.0),
    ),
    "until": lambda a, b: (
        cholesky(a),
        lax.while_loop(lambda a: a[0, 0, 0] < 50.0, lambda a: a + cholesky(a) + cholesky(2 * a), a),
    ),
    "of slopes": lambda a, b: jax.jacfwd(lambda t: jnp.linalg.inv(a + t) @ cholesky(a * (1 + t)))(0.5),
    "small systems": lambda a, b: (small_solve(a, b), small_solve(2 * a, b), cholesky(a)),
    "one matrix": lambda a, b: (cholesky(a[0]), cholesky(a[1])),
}


def is_a_batch(equation):
    """Whether an equation runs LAPACK on many matrices, or holds one that does."""
    if equation.primitive.name in LAPACK:
        return any(getattr(atom.aval, "ndim", 0) > 2 for atom in equation.invars)
    return any(is_a_batch(each) for inner in jaxprs_in_params(equation.params) for each in inner.eqns)


def waits(jaxpr):
    """Whether each batch in a jaxpr depends on the one before, in every program in it, too."""
    before, behind = None, set()
    for equation in jaxpr.eqns:
        read = {atom for atom in equation.invars if not hasattr(atom, "val")}
        if is_a_batch(equation):
            if before is not None and not read & behind:
                return False
            before, behind = equation, set(equation.outvars)
        elif read & behind:
            behind |= set(equation.outvars)
        inner = [getattr(program, "jaxpr", program) for program in jaxprs_in_params(equation.params)]
        if not all(map(waits, inner)):
            return False
    return True


@pytest.fixture(autouse=True)
def double():
    """Everything here is in double precision."""
    with float64():
        yield


@pytest.mark.parametrize("function", PROGRAMS.values(), ids=PROGRAMS)
def test_batches_wait_and_values_stay(function):
    """Each batch waits for the one before it, however deep they stand. Values are those of JAX."""
    rewritten = taking_turns(function)
    assert waits(jax.make_jaxpr(rewritten)(MATRICES, RIGHTS).jaxpr)
    expected, found = (jax.tree.leaves(jax.jit(each)(MATRICES, RIGHTS)) for each in (function, rewritten))
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-12)


def test_what_does_not_wait_is_told_apart():
    """The test above can fail."""
    program = jax.make_jaxpr(PROGRAMS["side by side"])(MATRICES, RIGHTS)
    assert not waits(program.jaxpr)


def test_bad_numbers_stay_where_they_are():
    """A batch behind one that gives nan is as good as ever."""

    def function(a):
        return cholesky(-a), cholesky(a)

    bad, good = jax.jit(taking_turns(function))(MATRICES)
    assert np.isnan(bad[:, 2, 0]).all()
    np.testing.assert_allclose(good, np.linalg.cholesky(MATRICES), rtol=1e-12)


def test_one_matrix_is_no_batch():
    """A single matrix has no parts to wait for."""
    many, one = (jax.make_jaxpr(cholesky)(a) for a in (MATRICES, MATRICES[0]))
    assert has_batches(many) and not has_batches(one) and has_lapack(one)
    assert not has_lapack(jax.make_jaxpr(jnp.sin)(1.0))


def test_what_calls_back_holds_nobody_up():
    """A program with batches calls Python, which runs another one: they do not wait for each other."""
    inner = lower(lambda a: cholesky(2 * a), [MATRICES]).compile()
    shape = jax.ShapeDtypeStruct(MATRICES.shape, MATRICES.dtype)

    def outer(a):
        return cholesky(a) + jax.pure_callback(lambda a: np.asarray(inner(a)[0]), shape, a)

    program = lower(outer, [MATRICES]).compile()
    assert inner.alone and not program.alone
    expected = np.linalg.cholesky(MATRICES) + np.linalg.cholesky(2 * MATRICES)
    np.testing.assert_allclose(program(MATRICES)[0], expected, rtol=1e-12)


MANY = """
import threading
import jax, jax.numpy as jnp, numpy as np, lagrad

def inverses(x):
    def row(v):
        return jnp.linalg.inv(jnp.outer(v, v) + jnp.diag(2 + v * v)) @ v
    return jnp.ravel(jax.vmap(row)(x.reshape(-1, 5)))

x = np.random.default_rng(0).normal(size=15_000)
problem = lagrad.Problem(lambda x: jnp.sum(x**2), x, lagrad.Equality(inverses))
derivatives = lagrad.differentiate(problem, check=False)

def evaluate():
    for _ in range(3):
        derivatives.hessian(x, np.ones(15_000))

threads = [threading.Thread(target=evaluate) for _ in range(3)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print("done")
"""


def test_many_small_systems_do_not_hang():
    """3000 inverses and their derivatives, from three threads: JAX 0.10 waits for ever on two processors."""
    command = [sys.executable, "-c", MANY]
    assert subprocess.run(command, capture_output=True, text=True, timeout=240).stdout == "done\n"

"""Dense parts of a problem are named: the function, how large they are, and the user's line."""

from __future__ import annotations

from collections.abc import Callable

import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

import lagrad
from lagrad.derivatives.density import Density, densities
from lagrad.sparsity import elementwise

N = 60
K = np.random.default_rng(0).normal(size=(N, N))
BAND = np.eye(N) - np.eye(N, k=1)


def found(
    constraints: Callable | None = None, objective: Callable = lambda x: jnp.sum(x**2)
) -> list[Density]:
    """Dense parts of a problem of N variables."""
    declared = None if constraints is None else {"dynamics": lagrad.Equality(constraints)}
    derivatives = lagrad.differentiate(lagrad.Problem(objective, np.ones(N), declared))
    return densities(derivatives)


def product(x):
    """A full matrix, known."""
    u = jnp.sin(x)
    return K @ u  # the full matrix


def running(x):
    """A running sum, as users of loops write it."""
    square = x**2
    return lax.scan(lambda total, row: (total + row, total + row), 0.0, square)[1]  # the loop


def solved(x):
    """A system with one full matrix."""
    right = BAND @ x
    return jnp.linalg.solve(K, right)  # the system


def normed(x):
    """All divided by one number that depends on all."""
    total = jnp.sum(jnp.exp(x))  # the total
    return jnp.exp(x) / total


def transformed(x):
    """A transform of all."""
    return jnp.fft.rfft(x).real  # the transform


@pytest.mark.parametrize(
    ("function", "line"),
    [
        (product, "# the full matrix"),
        (running, "# the loop"),
        (solved, "# the system"),
        (normed, "# the total"),
        (transformed, "# the transform"),
    ],
)
def test_line_that_makes_rows_dense_is_named(function, line):
    """The first operation behind which a row has most of its columns."""
    (part,) = [each for each in found(function) if each.matrix == "Jacobian"]
    assert (part.function, part.part.columns) == ("dynamics", N)
    assert [line in place for place in part.part.places] == [True]
    assert "test_density.py" in str(part)
    assert f"{N} columns" in str(part)


def test_line_that_makes_a_hessian_dense_is_named():
    """A square of a sum, not the sum."""

    def objective(x):
        total = jnp.sum(x)
        return jnp.sum(x**4) + total**2  # the square

    (part,) = found(objective=objective)
    assert (part.matrix, part.function, part.part.rows) == ("Hessian", "objective", N)
    assert "# the square" in part.part.places[0]


@pytest.mark.parametrize(
    "function",
    [lambda x: BAND @ jnp.sin(x), jnp.sum, lambda x: jnp.diag(x) @ x, lambda x: jnp.prod(x[:20])],
)
def test_sparse_functions_and_single_rows_are_not_named(function):
    """Neither bands nor one row over all variables."""
    assert found(function) == []


def test_rules_of_users_serve_here_too():
    """A primitive of the user's that acts on each element makes nothing dense."""
    primitive = Primitive("scaled_here")
    primitive.def_impl(lambda x: 2.0 * x)
    primitive.def_abstract_eval(lambda x: x)
    mlir.register_lowering(primitive, mlir.lower_fun(lambda x: 2.0 * x, multiple_results=False))
    ad.deflinear2(primitive, lambda cotangent, _: [primitive.bind(cotangent)])
    batching.defvectorized(primitive)
    problem = lagrad.Problem(
        lambda x: jnp.sum(x**2), np.ones(N), {"all": lagrad.Equality(lambda x: K @ primitive.bind(x))}
    )
    derivatives = lagrad.differentiate(problem, rules={"scaled_here": elementwise("x | ")})
    (part,) = densities(derivatives)
    assert "K @" in part.part.places[0]


def test_report_and_diagnosis_say_so():
    """Both name the function and the line."""
    problem = lagrad.Problem(lambda x: jnp.sum(x**2), np.ones(N), {"dynamics": lagrad.Equality(product)})
    derivatives = lagrad.differentiate(problem)
    assert "# the full matrix" in derivatives.report()
    (finding,) = lagrad.diagnose(derivatives).of("dense")
    assert finding.severity == "note"
    assert finding.names == ("dynamics",)
    assert "# the full matrix" in finding.message

"""Derivatives as JAX functions: the same numbers as dense JAX, anywhere JAX runs."""

from __future__ import annotations

import re

import jax
import jax.export
import jax.numpy as jnp
import numpy as np
import pytest

import lagrad
from lagrad import Equality, Inequality, Problem
from lagrad.derivatives.traceable import traceable


def chain(n: int = 6) -> Problem:
    """A banded problem with params, a dense row and a linear one."""
    return Problem(
        lambda x, p: p["weight"] * jnp.sum((x[1:] - x[:-1] ** 2) ** 2) + jnp.sum(jnp.exp(0.1 * x)),
        np.linspace(0.5, 1.5, n),
        {
            "steps": Equality(lambda x, p: jnp.sin(x[1:]) * x[:-1] - p["shift"]),
            "total": Inequality(lambda x, p: jnp.sum(x**3), upper=10.0),
            "line": Inequality(lambda x, p: x[0] + 2 * x[3], lower=0.0),
        },
        params={"weight": 2.0, "shift": np.linspace(0, 1, n - 1)},
    )


@pytest.fixture(scope="module")
def functions():
    """The chain's functions, made once."""
    return traceable(chain())


def lagrangian(problem, params, weight, multipliers):
    """weight f + multipliers c, written apart."""
    return lambda x: (
        weight * problem.flat_objective(x, params) + multipliers @ problem.flat_constraints(x, params)
    )


def test_matrices_are_those_of_dense_jax(functions):
    """Jacobian, Hessian, gradient and products agree with jacfwd and hessian, for other params too."""
    problem, rng = functions.problem, np.random.default_rng(1)
    x, y = rng.uniform(0.5, 1.5, problem.n), rng.normal(size=problem.m)
    v, params = rng.normal(size=problem.n), {"weight": 3.0, "shift": rng.normal(size=problem.n - 1)}
    with jax.enable_x64(True):
        whole = jax.hessian(lagrangian(problem, params, 0.7, y))(x)
        found = functions.hessian(x, y, 0.7, params, dense=True)
        np.testing.assert_allclose(found, whole, atol=1e-12)
        np.testing.assert_allclose(functions.hvp(x, y, v, 0.7, params), whole @ v, atol=1e-12)
        rows = jax.jacfwd(lambda x: problem.flat_constraints(x, params))(x)
        np.testing.assert_allclose(functions.jacobian(x, params).todense(), rows, atol=1e-12)
        slope = jax.grad(lambda x: problem.flat_objective(x, params))(x)
        np.testing.assert_allclose(functions.gradient(x, params), slope, atol=1e-12)


def test_a_batch_is_its_members(functions):
    """vmap over x and params gives what single calls give."""
    problem, rng = functions.problem, np.random.default_rng(2)
    xs = rng.uniform(0.5, 1.5, (3, problem.n))
    params = {"weight": np.array([1.0, 2.0, 3.0]), "shift": rng.normal(size=(3, problem.n - 1))}
    with jax.enable_x64(True):
        batch = jax.vmap(functions.jacobian_values)(xs, params)
        for k in range(3):
            own = jax.tree.map(lambda leaf, k=k: leaf[k], params)
            np.testing.assert_allclose(batch[k], functions.jacobian_values(xs[k], own), atol=1e-13)


def test_entries_have_derivatives_by_params(functions):
    """Differentiating the Hessian's entries by a weight gives those of the weighted part."""
    x, problem = functions.problem.start, functions.problem
    with jax.enable_x64(True):

        def entries(weight):
            return functions.hessian_values(x, None, 1.0, {**problem.params, "weight": weight})

        slope = jax.jacfwd(entries)(2.0)
        np.testing.assert_allclose(slope, entries(3.0) - entries(2.0), atol=1e-10)


@pytest.mark.parametrize("platform", ["cpu", "cuda"])
def test_functions_are_exported_without_the_device(functions, platform):
    """What is lowered holds no callback to the host and no single precision, also where no GPU is."""
    problem = functions.problem

    def everything(x, y, params):
        hessian = functions.hessian_values(x, y, 1.0, params)
        return (
            functions.values(x, params),
            functions.gradient(x, params),
            hessian,
            functions.jacobian_values(x),
        )

    with jax.enable_x64(True):
        arguments = (
            jnp.asarray(problem.start),
            jnp.zeros(problem.m),
            jax.tree.map(jnp.asarray, problem.params),
        )
        exported = jax.export.export(jax.jit(jax.vmap(everything)), platforms=[platform])
        text = exported(*jax.tree.map(lambda leaf: leaf[None], arguments)).mlir_module()
    assert "callback" not in text
    assert not re.search(r"tensor<[^>]*f32>", text)


def test_single_precision_is_refused(functions):
    """Outside of double precision the functions say what to add to the script."""
    with jax.enable_x64(False), pytest.raises(lagrad.ProblemError, match="jax_enable_x64"):
        functions.gradient(functions.problem.start)


def test_derivatives_have_their_jax_functions():
    """`derivatives.jax` holds the same problem."""
    derivatives = lagrad.differentiate(Problem(lambda x: jnp.sum(x**4), np.ones(3)))
    with jax.enable_x64(True):
        np.testing.assert_allclose(derivatives.jax.gradient(np.ones(3)), derivatives.gradient(np.ones(3)))
    assert derivatives.jax is derivatives.jax

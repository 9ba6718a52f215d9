"""Laws of elements by XLA, as on devices other than the CPU: the same matrices as by machine code."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest
import scipy.sparse as sp
from jax.scipy.special import digamma

import lagrad
import lagrad_problems
from lagrad.compile import parts
from lagrad_problems import opf
from tests.derivatives.oracle import check


def with_params() -> lagrad.Problem:
    """Params inside elements, beside them, and alone."""

    def objective(x, params):
        return jnp.sum(params["a"] * jnp.cos(x)) + jnp.sum(params["b"])

    def rows(x, params):
        return params["b"] * x[1:] * jnp.exp(x[:-1] * params["a"][1:]) - params["b"]

    params = {"a": np.linspace(0.5, 1.0, 80), "b": np.linspace(-1.0, 1.0, 79)}
    return lagrad.Problem(objective, np.linspace(0.1, 0.9, 80), lagrad.Equality(rows), params=params)


PROBLEMS = {
    "chain": lambda: lagrad_problems.get("chained_rosenbrock", n=80).problem,
    "collocation": lambda: lagrad_problems.get("rocket", intervals=25).problem,
    "power flow": lambda: opf.opf_problem(opf.synthetic(15, seed=2)),
    "params": with_params,
}


@pytest.mark.parametrize("name", PROBLEMS)
def test_both_compilers_agree_with_dense_jax(name, monkeypatch):
    """Entries at the same places with the same values; f, c and the gradient too."""
    machine = lagrad.differentiate(PROBLEMS[name]())
    monkeypatch.setattr(parts, "on_cpu", lambda: False)
    xla = lagrad.differentiate(PROBLEMS[name]())
    assert {block.compiler for block in machine.jacobian_blocks} == {"machine code"}
    assert {block.compiler for block in xla.jacobian_blocks} == {"XLA"}
    assert {block.strategy for block in xla.jacobian_blocks} == {"elements"}
    check(xla, count=1)
    x = xla.problem.start + 0.01
    for matrix in ("jacobian", "hessian"):
        arguments = (x,) if matrix == "jacobian" else (x, np.linspace(-1, 1, xla.m))
        one, other = (sp.csr_array(getattr(each, matrix)(*arguments)) for each in (machine, xla))
        assert abs(one - other).max() <= 1e-10 * (1 + abs(other).max())
    np.testing.assert_allclose(machine.gradient(x), xla.gradient(x), rtol=1e-11, atol=1e-11)
    np.testing.assert_allclose(machine.constraints(x), xla.constraints(x), rtol=1e-11, atol=1e-11)
    assert machine.objective(x) == pytest.approx(xla.objective(x), rel=1e-12)


def test_other_params_reach_machine_code():
    """Whatever depends on params is computed for those of the call."""
    problem = with_params()
    derivatives, params = lagrad.differentiate(problem), {"a": np.full(80, 2.0), "b": np.full(79, 3.0)}
    x = np.asarray(problem.start)
    wanted = 3.0 * x[1:] * np.exp(2.0 * x[:-1]) - 3.0
    np.testing.assert_allclose(derivatives.constraints(x, params=params), wanted, rtol=1e-13)
    np.testing.assert_allclose(derivatives.gradient(x, params=params), -2.0 * np.sin(x), rtol=1e-13)
    diagonal = derivatives.jacobian(x, params=params).diagonal()
    np.testing.assert_allclose(diagonal, 2.0 * (wanted + 3.0), rtol=1e-13)


def test_what_has_no_rule_is_left_to_xla():
    """The digamma function: its matrices are XLA's, and right."""
    rows = lagrad.Equality(lambda x: digamma(x[1:]) * x[:-1])
    derivatives = lagrad.differentiate(lagrad.Problem(lambda x: x @ x, np.linspace(1, 2, 80), rows))
    assert {block.compiler for block in derivatives.jacobian_blocks} == {"XLA"}
    check(derivatives, count=1)


def test_params_that_are_written_to_between_calls_count():
    """What is kept for the next call is kept for arrays that cannot change only."""
    derivatives = lagrad.differentiate(with_params())
    x, params = np.zeros(80), {"a": np.ones(80), "b": np.ones(79)}
    before = derivatives.objective(x, params=params)
    params["a"][:] = 2.0
    assert (before, derivatives.objective(x, params=params)) == (80 + 79, 160 + 79)
    own = derivatives.problem.params
    assert (
        derivatives.objective(x) == derivatives.objective(x) == pytest.approx(sum(own["a"]) + sum(own["b"]))
    )

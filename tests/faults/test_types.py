"""What is of another type altogether is refused by name, in all public functions."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

import lagrad

THINGS = ["text", object(), {"a": [1.0]}, np.full((2, 2, 2), "a")]


@pytest.fixture(scope="module")
def derivatives():
    """Three variables and one row."""
    row = lagrad.Equality(lambda x: x[0] * x[1], 0.5)
    return lagrad.differentiate(lagrad.Problem(lambda x: jnp.sum(x**2), np.ones(3), row))


CALLS = {
    "multipliers": lambda derivatives, thing: derivatives.hessian(np.ones(3), thing),
    "memory_limit": lambda derivatives, thing: lagrad.differentiate(derivatives.problem, memory_limit=thing),
    "fun": lambda derivatives, thing: lagrad.jacobian_sparsity(thing, np.ones(3)),
    "solution": lambda derivatives, thing: lagrad.certify(derivatives, thing),
    "sampler": lambda derivatives, thing: lagrad.multistart(derivatives, 2, sampler=thing),
    "algebra": lambda derivatives, thing: lagrad.batched(derivatives.problem, algebra=thing),
}


@pytest.mark.parametrize("argument", CALLS)
@pytest.mark.parametrize("thing", THINGS, ids=["text", "object", "dict", "array"])
def test_things_of_another_type_are_refused_by_name(derivatives, argument, thing):
    with pytest.raises(lagrad.ProblemError, match=f"`{argument}"):
        CALLS[argument](derivatives, thing)


def test_patterns_of_nothing_are_refused():
    with pytest.raises(lagrad.ProblemError, match="`x`: no numbers"):
        lagrad.hessian_sparsity(lambda x: 0.0, {})
    with pytest.raises(ValueError, match=r"shape \(2,\), expected two axes"):
        lagrad.SparsityPattern.from_dense([1.0, 0.0])


def test_pictures_of_texts_are_refused():
    pytest.importorskip("matplotlib")
    with pytest.raises(lagrad.ProblemError, match="`trajectory`"):
        lagrad.plot.trajectory({"name": "a"})

"""Laws of bundles: groups that are computed together give what each gives by itself."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lagrad
from lagrad.elements.bundles import FEW, TOGETHER, alike, bundled
from lagrad.elements.split import partially_separable
from lagrad.program.trace import trace
from tests.derivatives.oracle import check

N = 50


def squares(x):
    """Groups of one slot each that have nothing in common."""
    return [x[:N] ** 2, jnp.sin(x[N : 2 * N]), jnp.exp(x[2 * N : 3 * N]), x[3 * N : 4 * N] ** 3]


def products(x):
    """Groups of two slots, some shared."""
    parts = [x[k * N : (k + 1) * N] for k in range(8)]
    return [parts[k] * jnp.sin(parts[k + 1]) for k in range(0, 8, 2)] + [parts[0] * parts[1] ** 2]


def uneven(x):
    """Groups of different sizes."""
    return [x[:N] ** 2, x[: N - 1] * x[1:N] ** 2, jnp.cos(x[N : N + 7])]


def wide(x):
    """Groups of more slots than any may have to join others."""
    parts = [x[k * N : (k + 1) * N] for k in range(8)]
    return [jnp.sin(parts[0] * parts[1] * parts[2]), jnp.cos(parts[3] * parts[4] * parts[5])]


MODELS = {"squares": (squares, 4), "products": (products, 8), "uneven": (uneven, 2), "wide": (wide, 8)}


def problem(name: str) -> lagrad.Problem:
    """All functions of a model as rows, and the sum of their squares as the objective."""
    rows, width = MODELS[name]
    return lagrad.Problem(
        lambda x: sum(jnp.sum(each**2) for each in rows(x)),
        np.linspace(-0.7, 0.9, width * N),
        lagrad.Equality(rows),
    )


@pytest.mark.parametrize("name", MODELS)
def test_derivatives_are_those_of_each_group(name):
    """Against dense derivatives by JAX."""
    check(lagrad.differentiate(problem(name)))


@pytest.mark.parametrize("name, count", [("squares", 1), ("products", 1), ("uneven", 3), ("wide", 2)])
def test_small_groups_of_equal_size_share_a_loop(name, count):
    """Up to so many slots in all; larger groups, and those of other sizes, have loops of their own."""
    rows, width = MODELS[name]
    with jax.enable_x64(True):
        groups = partially_separable(
            trace(
                lagrad.Problem(lambda x: 0.0 * x[0], np.linspace(-0.7, 0.9, width * N), lagrad.Equality(rows))
            )
        ).groups
    for gathered in (alike(groups), bundled(groups)):
        assert len(gathered) == count
        assert sum(len(each.groups) for each in gathered) == len(groups)
        for each in gathered:
            assert len(each.slots) <= max(TOGETHER, FEW + 1) or len(each.groups) == 1

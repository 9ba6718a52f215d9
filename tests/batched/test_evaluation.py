"""Values and derivatives of many points: by elements as by the code of one point."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lagrad.batched.evaluation import ByElements, OneByOne
from lagrad.derivatives.traceable import traceable
from tests.batched.programs import corner, moody, regulator


@pytest.mark.parametrize("problem", [corner(), moody(), regulator(3)], ids=["corner", "moody", "regulator"])
def test_elements_give_what_one_point_gives(problem):
    """f, c, the gradient and the entries of J and H, at three points with params of their own."""
    rng, derivatives = np.random.default_rng(6), traceable(problem)
    with jax.enable_x64(True):
        elements, plain = ByElements.of(derivatives), OneByOne(derivatives)
        assert elements is not None
        x, y = (jnp.asarray(rng.uniform(0.1, 0.9, (size, 3))) for size in (problem.n, problem.m))
        params = jnp.asarray(rng.uniform(0.1, 0.9, (3, *np.shape(problem.params))))
        weight = jnp.array([0.5, 1.0, 2.0])
        for one, other in (
            (elements.values(params, x), plain.values(params, x)),
            (elements.first(params, x), plain.first(params, x)),
            (elements.second(params, x, y, weight), plain.second(params, x, y, weight)),
        ):
            jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-13), one, other)

"""Models of large stages, loops and long sums are the same in JAX and in CasADi."""

from __future__ import annotations

import jax
import numpy as np
import pytest

casadi = pytest.importorskip("casadi")

from benchmarks import loop_models, stage_models, sum_models  # noqa: E402

MODELS = {**stage_models.MODELS, **loop_models.MODELS, **sum_models.MODELS}


@pytest.mark.parametrize("name", MODELS)
def test_rows_are_the_same_in_both_languages(name):
    """Values at a point away from the start."""
    model = MODELS[name]()
    x = model.start + 0.05 * np.cos(np.arange(model.start.size))
    z = casadi.MX.sym("z", x.size)
    theirs = casadi.Function("c", [z], [model.rows_in_casadi(z)])(x).toarray().ravel()
    with jax.enable_x64(True):
        ours = np.ravel(model.rows(x))
    np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-13)

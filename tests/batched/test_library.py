"""Batches of factorisations are right, and come to an end however many run at a time."""

from __future__ import annotations

import subprocess
import sys

import jax
import numpy as np

from lagrad.batched.library import factors, half_solutions, solutions

# With batches in place of single calls this stops for ever on two processors.
SIDE_BY_SIDE = """
from concurrent.futures import ThreadPoolExecutor
import jax
import numpy as np
from lagrad.batched.library import factors, solutions

jax.config.update("jax_enable_x64", True)
matrices = np.random.default_rng(0).normal(size=(4, 64, 40, 40))
matrices = matrices @ matrices.swapaxes(-1, -2) + 40 * np.eye(40)
solve = jax.jit(lambda stacks: [solutions(factors(each), each) for each in stacks])
with ThreadPoolExecutor(3) as pool:
    for found in pool.map(lambda stacks: np.asarray(solve(stacks)), [matrices] * 10):
        assert np.allclose(found, np.eye(40))
"""


def test_batches_side_by_side_come_to_an_end():
    subprocess.run([sys.executable, "-c", SIDE_BY_SIDE], check=True, timeout=120)


def test_factors_and_solutions_are_those_of_numpy():
    rng = np.random.default_rng(1)
    matrices = rng.normal(size=(5, 9, 9))
    matrices = matrices @ matrices.swapaxes(1, 2) + np.eye(9)
    rights = rng.normal(size=(5, 9, 2))
    with jax.enable_x64(True):
        found = factors(matrices)
        assert np.allclose(found, np.linalg.cholesky(matrices), rtol=1e-12)
        assert np.allclose(half_solutions(found, rights), np.linalg.solve(np.asarray(found), rights))
        assert np.allclose(solutions(found, rights), np.linalg.solve(matrices, rights))
        indefinite = factors(np.stack([matrices[0], -matrices[0]]))
    assert np.isfinite(indefinite[0]).all() and not np.isfinite(np.diagonal(indefinite[1])).all()

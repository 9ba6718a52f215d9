"""No entry is ever missing: random programs, their patterns beside dense derivatives at random points."""

from __future__ import annotations

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lagrad.precision import float64
from lagrad.sparsity import detect
from tests.sparsity.oracles import dense_derivatives, nonzero
from tests.sparsity.programs import OPS, N, RandomProgram, programs

SEEDS = st.integers(0, 2**20)


def check(program: RandomProgram, seed: int) -> None:
    """The patterns of a program contain every nonzero of its derivatives, and affine rows are affine."""
    with float64():
        structure = detect(jax.make_jaxpr(program)(np.zeros(N)))
    modes = program.modes(seed % 3 == 0)
    if modes is None:
        return
    jacobian, hessian = dense_derivatives(program, N, modes=modes, seed=seed)
    assert not (nonzero(jacobian) & ~structure.jacobian.toarray()).any(), program.steps
    assert structure.hessian is not None
    assert not (nonzero(hessian) & ~structure.hessian.toarray()).any(), program.steps
    # Rounding only: rows of an affine function are constant.
    affine = np.nan_to_num(jacobian[:, structure.degrees <= 1])
    np.testing.assert_allclose(affine, np.broadcast_to(affine[:1], affine.shape), rtol=1e-12, atol=1e-12)


@settings(max_examples=12, deadline=None)
@given(programs(), SEEDS)
def test_patterns_contain_every_nonzero(program, seed):
    """Jacobian and Hessian of programs of all families, custom rules among them."""
    check(program, seed)


@pytest.mark.slow
@settings(max_examples=400, deadline=None)
@given(programs(), SEEDS)
def test_patterns_contain_every_nonzero_of_many_programs(program, seed):
    """The same, more often."""
    check(program, seed)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(OPS))
@pytest.mark.parametrize("k", range(3))
def test_every_operation_is_sound_alone_and_bent(name, k):
    """Each operation, and each operation of curved operands in a curved function."""
    check(RandomProgram(((name, 0, 0, k),)), k)
    check(RandomProgram((("reverse", 0, 0, 0), ("sin", 1, 0, 0), (name, 0, 2, k), ("square", 3, 0, 0))), k)

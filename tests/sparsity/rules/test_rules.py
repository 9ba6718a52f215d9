"""The rule table as a whole: complete, and without contradictions."""

from __future__ import annotations

import jax
import jax.extend.core as jex
import jax.extend.core.primitives as public
import jax.numpy as jnp
import numpy as np
import pytest

import lagrad
from lagrad.errors import DerivativeError
from lagrad.sparsity import jacobian_sparsity
from lagrad.sparsity.rules import RULES, merged

# Programs over several devices, and tokens; iota has no operands. These do not occur in functions of one
# array on one device, and fall back to a dense block.
ELSEWHERE = {
    "after_all", "all_gather", "all_to_all", "axis_index", "create_token", "custom_lin", "empty2",
    "iota", "pmax", "pmin", "ppermute", "psum", "ragged_all_to_all",
}  # fmt: skip


def test_every_public_primitive_has_a_rule():
    """Whatever differentiable code on one device is made of."""
    names = {value.name for value in vars(public).values() if isinstance(value, jex.Primitive)}
    assert names - ELSEWHERE <= RULES.keys()


def test_two_rules_for_one_primitive_are_an_error():
    """Tables cannot silently override one another."""
    with pytest.raises(ValueError, match=r"\['sin'\] have two rules"):
        merged({"sin": len}, {"sin": len})


@pytest.mark.parametrize("start", [lambda x: x * 1.0, jnp.zeros_like], ids=["of x", "of zeros"])
def test_arrays_written_in_place_are_refused(start):
    """What a write changes is no output of it; silence would lose entries."""

    def rows(x):
        reference = jax.new_ref(start(x))
        reference[0] = x[1] * x[2]
        return reference[...]

    with pytest.raises(DerivativeError, match=r"x\.at\[i\]\.set"):
        jacobian_sparsity(rows, np.zeros(3))
    with pytest.raises(DerivativeError, match=r"x\.at\[i\]\.set"):
        lagrad.differentiate(lagrad.Problem(jnp.sum, np.ones(3), lagrad.Equality(rows)))

"""The rule table as a whole: complete, and without contradictions."""

from __future__ import annotations

import jax.extend.core as jex
import jax.extend.core.primitives as public
import pytest

from lagrad.structure.rules import RULES, merged

# Programs over several devices, mutable references, and tokens; iota has no operands. These do not occur
# in functions of one array on one device, and fall back to a dense block.
ELSEWHERE = {
    "after_all", "all_gather", "all_to_all", "axis_index", "create_token", "custom_lin", "empty2", "get",
    "iota", "pmax", "pmin", "ppermute", "psum", "ragged_all_to_all", "swap",
}  # fmt: skip


def test_every_public_primitive_has_a_rule():
    """Whatever differentiable code on one device is made of."""
    names = {value.name for value in vars(public).values() if isinstance(value, jex.Primitive)}
    assert names - ELSEWHERE <= RULES.keys()


def test_two_rules_for_one_primitive_are_an_error():
    """Tables cannot silently override one another."""
    with pytest.raises(ValueError, match=r"\['sin'\] have two rules"):
        merged({"sin": len}, {"sin": len})

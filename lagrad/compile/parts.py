"""Compile matrices that elements add up to as blocks of machine code."""

from __future__ import annotations

from typing import Any

import jax

from lagrad.compile.blocks import Block, constant_block, element_block
from lagrad.compile.deferred import Deferred, ready
from lagrad.compile.native.element_loops import native_sums
from lagrad.elements.element_sums import ElementMatrix


def on_cpu() -> bool:
    """Whether machine code for this processor is where JAX computes, too."""
    return jax.default_backend() == "cpu"


def native_part(part: ElementMatrix, leaves: list[Any]) -> Deferred[Block] | None:
    """Element derivatives in machine code, a constant block where nothing varies; None without a rule."""
    if not part.sums.batches:
        return ready(constant_block(part.rows, part.columns, part.sums.start()))
    found = native_sums(part.sums, leaves) if on_cpu() else None
    if found is None:
        return None
    return found.begun().then(lambda sums: element_block(part, sums, "machine code"))

"""Laws of waiting: what is begun early becomes what it would have become."""

from __future__ import annotations

from itertools import count

import jax.numpy as jnp
import numpy as np
import pytest

from lagrad.compile import deferred
from lagrad.compile.deferred import Deferred, compile_all
from lagrad.compile.native.loops import Loop, Read, Write
from lagrad.elements.indices import Indices
from tests.compile.native.loops import loop_of


def product(factor: float) -> Loop:
    """A loop that writes factor * sin(x) of twenty numbers."""
    whole = Indices(20)
    return loop_of(lambda x: [factor * jnp.sin(x)], [Read(0, whole)], [Write(whole)])


def waiting(*loops: Loop) -> Deferred:
    """Their machines, and the number of a task."""
    numbers = count()
    return Deferred((lambda: next(numbers),), ((loops, 1),), lambda done, made: (*done, *made))


def test_loops_compiled_by_a_thread_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tasks stay tasks, and several that were begun are finished together with one that was not."""
    monkeypatch.setattr(deferred, "LONG", 0)
    x = np.linspace(0.0, 1.0, 20)
    parts = {
        "1": waiting(product(1.0)).begun(),
        "2": waiting(product(2.0)),
        "3": waiting(product(3.0)).begun(),
    }
    assert [len(part.loops) for part in parts.values()] == [0, 1, 0]
    for name, (number, machine) in compile_all(parts).items():
        found = np.zeros(20)
        machine(found, x)
        assert number == 0
        np.testing.assert_allclose(found, float(name) * np.sin(x), rtol=1e-15)


def test_short_loops_wait_for_the_others() -> None:
    """A thread would take longer than LLVM does."""
    part = waiting(product(1.0))
    assert part.begun() is part

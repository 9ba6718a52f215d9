"""Operations whose trace is timed are the same operations by both ways."""

from __future__ import annotations

import jax
import numpy as np
import pytest

from benchmarks.tracing import OPERATIONS, WAYS, evaluated, row


@pytest.mark.parametrize("name", OPERATIONS)
def test_both_ways_compute_the_same(name):
    """And what they compute is not nothing."""
    with jax.enable_x64(True):
        usual, found = (evaluated(OPERATIONS[name], way) for way in WAYS.values())
        assert row(name, 2, 1)["operation"] == name
    np.testing.assert_array_equal(found, usual)
    assert np.any(usual)


def test_a_program_that_differs_does_not_count(monkeypatch):
    """Else a wrong trace could be a fast one."""
    monkeypatch.setitem(WAYS, "lagrad", lambda function: lambda x: function(2.0 * x))
    with pytest.raises(ValueError, match="different values"):
        row("x[places]", 2, 1)

"""Laws of compiled loops: they do what the same loops do in Python."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings

import lagrad.coloring.compiled as compiled
from lagrad.coloring import color_bidirectional, color_symmetric, compress, decompress, recovery
from tests.coloring.matrices import power_network
from tests.coloring.strategies import fill, symmetric_patterns


@given(pattern=symmetric_patterns(largest=9))
@settings(max_examples=20, deadline=None)
def test_compiled_loops_agree_with_python(pattern):
    """Colors, recovery and values are the same to the last bit."""
    ways = (
        lambda p: color_symmetric(p, "star"),
        lambda p: color_symmetric(p, "acyclic"),
        lambda p: color_bidirectional(p, substitution=True),
    )
    for color in ways:
        interpreted = outcome(color, pattern)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(compiled, "SHORT", -1)
            patch.setattr(compiled, "LONG", -1)
            machine = outcome(color, pattern)
        assert all(np.array_equal(one, other) for one, other in zip(interpreted, machine, strict=True))


def outcome(color, pattern):
    """Everything that comes out of a coloring."""
    coloring = color(pattern)
    plan = recovery(coloring)
    values = decompress(compress(fill(pattern), coloring), plan)
    return coloring.column_colors, coloring.row_colors, plan.slots, plan.target, values


def test_views_and_read_only_arrays_compile_nothing_new(monkeypatch):
    """One compiled form serves them all, since compiling takes half a second."""
    monkeypatch.setattr(compiled, "SHORT", -1)
    monkeypatch.setattr(compiled, "LONG", -1)

    def add_up(values, total):
        for value in values:
            total[0] += value

    frozen, total = np.arange(5), np.zeros(1, np.int64)
    frozen.flags.writeable = False
    for values in (np.arange(5), frozen, np.arange(10)[::2]):
        compiled.run(add_up, (values,), (total,), steps=5)
    assert total[0] == 10 + 10 + 20
    assert len(compiled.compiled(add_up).signatures) == 1


def test_everything_works_without_numba(monkeypatch):
    """Slower, but the same colors."""
    pattern = power_network(800)
    expected = color_symmetric(pattern).colors
    monkeypatch.setattr(compiled, "has_numba", lambda: False)
    assert np.array_equal(color_symmetric(pattern).colors, expected)


def test_small_problems_load_no_compiler():
    """A hundred variables are colored before numba would have been imported."""
    program = """
import sys
import numpy as np
from lagrad.coloring import color_columns, color_symmetric, recovery
from lagrad.pattern import SparsityPattern
pattern = SparsityPattern.from_dense(np.tri(100, k=3) * np.tri(100, k=3).T + np.eye(100)[::-1])
recovery(color_columns(pattern)), recovery(color_symmetric(pattern))
assert "numba" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", program], check=True)


def test_a_loop_is_compiled_once_it_has_run_long_enough(monkeypatch):
    """Short runs never count; long ones add up to the price of compiling."""

    def loop(values):
        values[0] += 1

    monkeypatch.setattr(compiled, "has_numba", lambda: True)
    assert not compiled.is_worth_compiling(loop, compiled.SHORT)
    half = compiled.LONG * 0.6
    assert [compiled.is_worth_compiling(loop, half) for _ in range(2)] == [False, True]

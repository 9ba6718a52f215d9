"""Multistart: starts that fill the box, optima sorted apart."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import qmc

import lagrad
from lagrad import Problem, multistart
from lagrad.sweep.starts import sample


def valleys():
    """(x^2 - 1)^2 + x / 10: optima near -1 and 1, the left one lower."""
    return Problem(lambda x: (x[0] ** 2 - 1) ** 2 + 0.1 * x[0], [0.9], bounds=(-2.0, 2.0))


def test_both_valleys_are_found_and_ranked():
    """Optima by objective, each start counted once; the roots of 4 x (x^2 - 1) + 0.1."""
    found = multistart(valleys(), 6)
    roots = sorted(np.roots([4.0, 0.0, -4.0, 0.1]).real)
    points = [group.solution.x[0] for group in found.optima]
    np.testing.assert_allclose(points, [roots[0], roots[2]], atol=1e-6)
    assert sorted(i for group in found.optima for i in group.members) == list(range(6))
    assert found.best is found.optima[0].solution
    assert "6 starts: 6 succeeded, 2 distinct optima" in str(found)


def test_starts_are_repeatable_and_fill_the_box():
    """The first is the problem's own; of 10 sampled ones, one lies in each tenth of the box."""
    first, again = (sample(valleys(), 11, 3, None, 10.0, None) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert first[0] == 0.9
    assert sorted(np.floor((first[1:, 0] + 2.0) / 0.4)) == list(range(10))


def test_open_sides_are_closed_around_the_start():
    """Without bounds starts lie within reach * max(1, |x0|); a box and a sampler may be given."""
    problem = Problem(lambda x: jnp.sum(x**2), [0.0, 50.0, 1.0])
    starts = sample(problem, 30, 0, None, 2.0, None)
    assert np.all(np.abs(starts - problem.start) <= [2.0, 100.0, 2.0])
    boxed = sample(problem, 30, 0, (5.0, 6.0), 2.0, qmc.Halton(3, seed=1))[1:]
    assert boxed.min() >= 5.0 and boxed.max() <= 6.0


def test_samplers_of_another_size_are_refused():
    """One dimension a variable."""
    with pytest.raises(lagrad.ProblemError, match="`sampler`"):
        multistart(valleys(), 4, sampler=qmc.Sobol(2))


@pytest.mark.parametrize("count", [0, 2.5, "4", [np.zeros(1), np.ones(1)]])
def test_counts_that_are_none_are_refused(count):
    """A list of starts belongs to `solve_many`, and the message says so."""
    with pytest.raises(lagrad.ProblemError, match=r"`count`: .*solve_many\(problem, x0=starts\)"):
        multistart(valleys(), count)

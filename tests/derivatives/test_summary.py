"""What derivatives say of themselves is what they are."""

from __future__ import annotations

from collections import Counter

import jax.numpy as jnp
import numpy as np

import lagrad
from lagrad.derivatives.summary import figures, frequencies, plural, shares


def curved_and_straight() -> lagrad.Derivatives:
    """Five variables; two linear rows, one curved row; a Hessian with three entries below the diagonal."""
    problem = lagrad.Problem(
        lambda x: x[0] * x[1] + x[2] ** 4,
        np.ones(5),
        {
            "straight": lagrad.Equality(lambda x: 2.0 * x[3:]),
            "curved": lagrad.Inequality(lambda x: jnp.sin(x[4]), upper=1.0),
        },
    )
    return lagrad.differentiate(problem)


def test_sizes_and_nonzeros_are_counted():
    """Counts are those of the matrices."""
    derivatives = curved_and_straight()
    found = figures(derivatives)
    assert (found["variables"], found["constraint rows"]) == (5, 3)
    assert found["Jacobian"]["nonzeros"] == shares(derivatives.jacobian(np.ones(5)).nnz, 15)
    assert found["Hessian"]["nonzeros"].startswith("3, ")


def test_rows_that_are_linear_are_counted_as_constant():
    """Two rows of the three are straight."""
    assert figures(curved_and_straight())["Jacobian"]["constant rows"] == 2


def test_report_shows_every_figure():
    """The text has a line for each label, sections included."""
    derivatives = curved_and_straight()
    lines = [line.strip() for line in derivatives.report().splitlines()]
    for label in [*figures(derivatives), *figures(derivatives)["Jacobian"], *derivatives.timings]:
        assert any(line.startswith(label) for line in lines), label


def test_many_sizes_of_elements_are_summed_up():
    """The largest come first, the rest are counted."""
    assert frequencies(Counter(range(1, 9))) == "1 x 8, 1 x 7, 1 x 6, 1 x 5, 1 x 4, 1 x 3 and 2 smaller sizes"
    assert plural(0, "input") == "0 inputs"

"""What may stand for a derivative in SciPy's words: a function, True, or a word for differences."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest
import scipy.optimize as so

from lagrad import ProblemError, ipopt


def rosenbrock(x):
    """In JAX."""
    return 100 * jnp.sum((x[1:] - x[:-1] ** 2) ** 2) + jnp.sum((1 - x[:-1]) ** 2)


WORDS = {
    "jac": (r"`jac`: 'foo'", {"jac": "foo"}),
    "hess": (r"`hess`: 'exact'", {"hess": "exact"}),
    "hessp": (r"`hessp`: array", {"hessp": np.eye(2)}),
    "rows": (
        r"`constraints\[0\].jac`: 'foo'",
        {"constraints": so.NonlinearConstraint(lambda x: x[0], 0, 1, jac="foo")},
    ),
    "dict": (
        r"`constraints\[0\]\['jac'\]`: 'foo'",
        {"constraints": {"type": "ineq", "fun": lambda x: x[0], "jac": "foo"}},
    ),
}


@pytest.mark.parametrize("message, given", WORDS.values(), ids=WORDS)
def test_derivatives_that_are_none_are_refused(message, given):
    """Neither a function nor one of SciPy's words for differences."""
    with pytest.raises(ProblemError, match=message):
        ipopt(rosenbrock, [-1.2, 1.0], **given)


@pytest.mark.parametrize("jac", ["2-point", "3-point", "cs", None, False])
def test_words_for_differences_count_as_not_given(jac):
    """Called without SciPy's minimize as well, whatever the second derivatives."""
    result = ipopt(rosenbrock, [-1.2, 1.0], jac=jac, hess=so.BFGS())
    np.testing.assert_allclose(result.x, 1.0, rtol=1e-6)


def test_jac_true_holds_in_a_direct_call():
    """With args, as SciPy's minimize does it."""
    result = ipopt(lambda x, a: (np.sum((x - a) ** 2), 2 * (x - a)), [3.0, 1.0], args=(2.0,), jac=True)
    np.testing.assert_allclose(result.x, 2.0, rtol=1e-6)

"""SciPy's face: its words for options and bounds, and functions that are compiled once."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest
import scipy.optimize as so

from lagrad.errors import ProblemError
from lagrad.solvers import minimize
from lagrad.solvers.minimize import ipopt, trust_constr
from tests.solvers.cases import rosenbrock


def test_scipys_words_mean_something_or_are_refused(capsys):
    """None and NaN in pairs are no bound; gtol is tol; maxiter keeps its name; others say what to do."""
    start, bounds = [-1.2, 0.0], [(None, np.nan), (np.nan, 0.5)]
    found = so.minimize(rosenbrock, start, method=ipopt, bounds=bounds, options={"gtol": 1e-6})
    assert found.x[1] == pytest.approx(0.5, rel=1e-5)
    for word in ("ftol", "xtol", "eps", "maxfun"):
        with pytest.raises(ProblemError, match=rf"`options\['{word}'\]`: "):
            so.minimize(rosenbrock, start, method=ipopt, options={word: 1e-6})
    with pytest.raises(ProblemError, match="`maxiter`: -1, expected a whole number"):
        so.minimize(rosenbrock, start, method=ipopt, options={"maxiter": -1})
    so.minimize(rosenbrock, start, method=ipopt, options={"maxiter": 1, "disp": True})
    assert "Raise `maxiter`" in capsys.readouterr().out


@pytest.mark.parametrize("method", [ipopt, trust_constr])
def test_the_same_functions_are_compiled_once(method, monkeypatch):
    """Another start, other bounds: nothing is made again; what is captured or passed otherwise is."""
    made, scale = [], np.array([1.0])
    declare = minimize.declare
    monkeypatch.setattr(minimize, "declare", lambda *given: made.append(1) or declare(*given))

    def fun(x, shift):
        return jnp.sum((x - shift) ** 2) * scale[0]

    def solved(start, shift=2.0, **given):
        before = len(made)
        found = so.minimize(fun, start, args=(shift,), method=method, **given)
        assert found.success
        return found, len(made) - before

    rows = {"type": "ineq", "fun": lambda x, most: most - x[0], "args": (1.0,)}
    first, new = solved([0.0, 0.0], constraints=rows)
    assert new and first.solution.timings["trace"] > 0.0
    again, new = solved([0.5, 0.5], constraints=dict(rows), bounds=[(0.0, 1.5)] * 2)
    assert not new and again.solution.timings["trace"] == 0.0
    np.testing.assert_allclose(again.x, [1.0, 1.5], atol=1e-5)
    free, new = solved([0.5, 0.5], constraints=rows)
    assert not new
    np.testing.assert_allclose(free.x, [1.0, 2.0], atol=1e-5)
    for change in ({"shift": 3.0}, {"start": [0.0, 0.0, 0.0]}, {"constraints": rows | {"args": (0.5,)}}):
        assert solved(**{"start": [0.5, 0.5], "constraints": rows} | change)[1]
    scale[0] = -1.0
    moved, new = solved([0.5, 0.4], constraints=rows, bounds=[(0.0, 1.5)] * 2)
    assert new and moved.fun < 0.0

"""Problems that tests of faults share, compiled once; and scripts run in processes of their own."""

from __future__ import annotations

import subprocess
import sys
from functools import cache
from pathlib import Path

import jax.numpy as jnp

import lagrad

ROOT = Path(__file__).parent.parent.parent
METHODS = ("ipopt", "trust-constr")


def rosenbrock(x):
    """Smallest at ones, where it is 0."""
    return jnp.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


def banana() -> lagrad.Problem:
    """Rosenbrock's function of two variables from (-1.2, 1): two dozen iterations, no constraint."""
    return lagrad.Problem(rosenbrock, [-1.2, 1.0], name="banana")


def hs71() -> lagrad.Problem:
    """Hock and Schittkowski 71: 17.0140173, one equality, one inequality, bounds."""
    return lagrad.Problem(
        lambda x: x[0] * x[3] * (x[0] + x[1] + x[2]) + x[2],
        [1.0, 5.0, 5.0, 1.0],
        {"product": lagrad.Inequality(jnp.prod, lower=25.0), "norm": lagrad.Equality(lambda x: x @ x, 40.0)},
        (1.0, 5.0),
        name="hs71",
    )


def hyperbola_objective(x, p):
    """Squared distance from (p, 0)."""
    return (x[0] - p) ** 2 + x[1] ** 2


def hyperbola_rows(x, p):
    """The product of both."""
    return x[0] * x[1]


def hyperbola() -> lagrad.Problem:
    """The point of x0 x1 = 1, x >= 0.1, nearest to (p, 0); its functions can be pickled."""
    rows = {"hyperbola": lagrad.Equality(hyperbola_rows, 1.0)}
    return lagrad.Problem(hyperbola_objective, [1.0, 1.0], rows, (0.1, None), params=2.0)


@cache
def compiled(make):
    """Derivatives of a problem, compiled once a session."""
    return lagrad.differentiate(make())


class Watched:
    """Derivatives that do something before f and c are evaluated.

    Args:
        derivatives: what to watch.
        act: called with the number of the evaluation, from 1.
    """

    def __init__(self, derivatives, act):
        self._derivatives, self._act, self._calls = derivatives, act, 0

    def __getattr__(self, name):
        return getattr(self._derivatives, name)

    def machine_code(self):
        """None: each evaluation is to pass by here."""

    def values(self, x, params=None):
        self._calls += 1
        self._act(self._calls)
        return self._derivatives.values(x, params)


def start_script(text: str, folder: Path, *arguments: str) -> subprocess.Popen:
    """Run a script in a process of its own, in a folder of its own; its output is text."""
    file = folder / "script.py"
    file.write_text(f"import sys\nsys.path[:0] = [{str(ROOT)!r}, {str(ROOT / 'problems')!r}]\n{text}")
    command = [sys.executable, str(file), *arguments]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=folder, stdout=pipe, stderr=pipe, text=True)


def run_script(text: str, folder: Path, *arguments: str, seconds: float = 120.0) -> str:
    """What a script prints; an exit status other than 0 fails the test with what it said."""
    process = start_script(text, folder, *arguments)
    try:
        out, errors = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    assert process.returncode == 0, errors[-3000:]
    return out

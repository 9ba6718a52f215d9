"""Small problems with answers by hand, their derivatives by plain dense JAX; compiled once a session."""

from __future__ import annotations

from functools import cache

import jax.numpy as jnp
import numpy as np

from lagrad.derivatives import differentiate
from lagrad.problem.constraints import Equality, Inequality
from lagrad.problem.problem import Problem
from lagrad.solvers.evaluation import Evaluation
from lagrad.solvers.monitor import Monitor
from lagrad.solvers.solver import Start, Task
from tests.solvers.dense import DenseDerivatives

METHODS = ("ipopt", "trust-constr")
# Solvers that may not be there, by their packages.
PACKAGES = {"uno": "unopy", "pounce": "pounce"}


def rosenbrock(x):
    """Smallest at ones, where it is 0."""
    return jnp.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


def hs71():
    """Hock and Schittkowski 71: 17.0140173 at (1, 4.743, 3.821, 1.379), both rows and x[0] >= 1 active."""
    return Problem(
        lambda x: x[0] * x[3] * (x[0] + x[1] + x[2]) + x[2],
        [1.0, 5.0, 5.0, 1.0],
        {"product": Inequality(jnp.prod, lower=25.0), "norm": Equality(lambda x: jnp.sum(x**2), 40.0)},
        (1.0, 5.0),
        name="hs71",
    )


def hs28():
    """(x0 + x1)^2 + (x1 + x2)^2 with x0 + 2 x1 + 3 x2 = 1: 0 at (0.5, -0.5, 0.5), multiplier 0."""
    return Problem(
        lambda x: (x[0] + x[1]) ** 2 + (x[1] + x[2]) ** 2,
        [-4.0, 1.0, 1.0],
        Equality(lambda x: x[0] + 2.0 * x[1] + 3.0 * x[2], 1.0),
    )


def corner():
    """(x - 2)^2 + (y - 3)^2 with x + y <= 3 and y >= 2.5, a pytree: at (0.5, 2.5), multipliers 3 and 2."""
    return Problem(
        lambda z: (z["x"] - 2.0) ** 2 + (z["y"] - 3.0) ** 2,
        {"x": 0.0, "y": 3.0},
        {"sum": Inequality(lambda z: z["x"] + z["y"], upper=3.0)},
        ({"x": -5.0, "y": 2.5}, {"x": 5.0, "y": 4.0}),
        name="corner",
    )


def lifted():
    """x^2 + y^2 with x + y >= 2 and y >= 0.5: at (1, 1); the row presses from below, its multiplier is -2."""
    return Problem(
        lambda x: x @ x,
        [3.0, 3.0],
        {"row": Inequality(lambda x: x[0] + x[1], lower=2.0)},
        ([-9.0, 0.5], None),
    )


def pushed():
    """(x + 1)^2 + (y - 2)^2 for x >= 0, y <= 1: at (0, 1), both bound multipliers are 2."""
    return Problem(
        lambda x: (x[0] + 1.0) ** 2 + (x[1] - 2.0) ** 2, [0.5, 0.5], None, ([0.0, -np.inf], [np.inf, 1.0])
    )


def parametric():
    """(x0 - p)^2 + x1^2 with x0 x1 = 1 and x >= 0.1; p is a parameter."""
    return Problem(
        lambda x, p: (x[0] - p) ** 2 + x[1] ** 2,
        [1.0, 1.0],
        {"hyperbola": Equality(lambda x, p: x[0] * x[1], 1.0)},
        (0.1, None),
        params=np.float64(2.0),
    )


def contradiction():
    """x + y = 1 and x + y = 3."""
    rows = {"first": Equality(lambda x: x[0] + x[1], 1.0), "second": Equality(lambda x: x[0] + x[1], 3.0)}
    return Problem(lambda x: x @ x, [1.0, 2.0], rows)


def impossible():
    """x^2 + y^2 <= -1."""
    return Problem(lambda x: x @ x, [1.0, 2.0], {"disk": Inequality(lambda x: x @ x, upper=-1.0)})


def falling():
    """x without end, y = 2."""
    return Problem(lambda x: x[0] + (x[1] - 2.0) ** 2, [1.0, 2.0])


def plunging():
    """-exp(x), which overflows."""
    return Problem(lambda x: -jnp.exp(x[0]) + x[1] ** 2, [1.0, 2.0])


def cliff():
    """x + y^2 where x >= 0.5, nan below: the way down ends at an edge that is no minimum."""
    return Problem(lambda x: jnp.where(x[0] < 0.5, jnp.nan, x[0]) + x[1] ** 2, [3.0, 2.0])


def logarithm():
    """x - log(x) + y^2 from (3, 2), where Newton's first step goes to x = -3: smallest at (1, 0)."""
    return Problem(lambda x: x[0] - jnp.log(x[0]) + x[1] ** 2, [3.0, 2.0])


def overdetermined():
    """Three rows for two variables."""
    rows = Equality(lambda x: jnp.stack([x[0] + x[1], x[0] - x[1], x[0]]), np.array([2.0, 0.0, 1.5]))
    return Problem(lambda x: x @ x, [1.0, 2.0], {"rows": rows})


def banana():
    """Rosenbrock's function of two variables from (-1.2, 1)."""
    return Problem(rosenbrock, [-1.2, 1.0], name="banana")


def partly_fixed():
    """Rosenbrock's function of three variables, the middle one fixed at 1: at (1 or -1, 1, 1)."""
    return Problem(rosenbrock, [0.5, 1.0, 3.0], None, ([-5.0, 1.0, -5.0], [5.0, 1.0, 5.0]))


def derivatives(make):
    """Derivatives of a case, compiled once; dense ones but where a test wants lagrad's."""
    return compiled(make, ENGINES[-1])


def task_of(problem: Problem, options: dict) -> Task:
    """A cold start."""
    evaluation = Evaluation(differentiate(problem, check=False), problem)
    return Task(evaluation, Monitor(evaluation), Start(problem.start), 1e-8, None, options)


@cache
def compiled(make, engine):
    """Derivatives of a case by an engine."""
    return engine(make())


# The last one is in use.
ENGINES = [DenseDerivatives]

"""The map from params to the answer, differentiable: one factorisation a point, whatever the direction.

At the answer the primal-dual equations of the barrier problem hold. With their matrix K, dw = -K^-1 dr/dp dp,
which is the derivative of the solution itself up to the last barrier parameter, about tol / 10, where strict
complementarity holds; at a kink it is a value between those of its two sides.

Source: Pirnay, Lopez-Negrete and Biegler (2012), Optimal sensitivity based on IPOPT.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from lagrad.batched import statuses
from lagrad.batched.answer import Answer, answer_of
from lagrad.batched.kkt import Step, System, factored, solve
from lagrad.batched.loop import run
from lagrad.batched.model import Model, hessian_at, scaled_jacobian, slopes_at
from lagrad.batched.settings import Settings

# Distances of the answer to its bounds, which it was clipped to, count at least this much.
LEAST_DISTANCE = 1e-10


def layer(model: Model, settings: Settings) -> Callable[[Any, jax.Array], Answer]:
    """The differentiable function (params, x) -> Answer of one problem.

    Derivatives by params are those of x and of the multipliers; a problem that did not end well has nan.
    Where the solve began makes no difference.
    """

    @jax.custom_jvp
    def answer(params, x):
        return answer_of(model, run(model, settings, params, x))

    @answer.defjvp
    def rule(primals, tangents):
        params, _ = primals
        found = answer(*primals)
        return found, change_of(model, params, tangents[0], found)

    return answer


def change_of(model: Model, params: Any, direction: Any, found: Answer) -> Answer:
    """Derivative of an answer along a direction of params."""
    derivatives, n, m = model.derivatives, model.n, model.m
    system, sides = system_at(model, params, found)

    def equations(params):
        rows = derivatives.constraints(found.x, params) if m else jnp.zeros(0)
        return lagrangian_slope(model, params, found), rows

    (slope, rows) = jax.jvp(equations, (params,), (direction,))[1]
    # One vector: JAX transposes a solve only if all parts of its right side depend on the direction.
    step = as_step(
        jax.lax.custom_linear_solve(
            lambda w: jnp.concatenate(product(model.algebra, system, as_step(w, n))),
            jnp.concatenate([jnp.where(system.moves, -slope, 0.0), jnp.zeros(m), -rows]),
            lambda _, w: jnp.concatenate(solve(model.algebra, system, as_step(w, n))),
            symmetric=True,
        ),
        n,
    )
    good = (found.status == statuses.OPTIMAL) | (found.status == statuses.ACCEPTABLE)
    dx, dy = (jnp.where(good, part, jnp.nan) for part in (step.x, step.y))
    lower, upper = sides
    no_change = np.zeros((), jax.dtypes.float0)
    return Answer(dx, dy, -lower[:n] * dx, upper[:n] * dx, no_change, no_change, jnp.zeros(3))


def as_step(vector: jax.Array, n: int) -> Step:
    """A step from one vector of its parts."""
    m = (vector.size - n) // 2
    return Step(vector[:n], vector[n : n + m], vector[n + m :])


def lagrangian_slope(model: Model, params: Any, found: Answer) -> jax.Array:
    """Gradient of the Lagrangian without bounds, (n,), by one reverse sweep."""

    def lagrangian(x):
        f, c = model.derivatives.values(x, params)
        return f + found.multipliers @ c

    return jax.grad(lagrangian)(found.x)


def system_at(model: Model, params: Any, found: Answer) -> tuple[System, tuple[jax.Array, jax.Array]]:
    """The factored matrix at an answer, and multiplier / distance of lower and upper sides of v."""
    x, y = found.x, found.multipliers
    c = model.derivatives.constraints(x, params) if model.m else jnp.zeros(0)
    v = jnp.concatenate([x, c])
    low, high = (jnp.maximum(side, LEAST_DISTANCE) for side in model.box.distances(v))
    lower = jnp.concatenate([found.lower, jnp.maximum(-y, 0.0)]) * model.box.has_lower / low
    upper = jnp.concatenate([found.upper, jnp.maximum(y, 0.0)]) * model.box.has_upper / high
    jacobian = scaled_jacobian(model, slopes_at(model, params, x), jnp.ones(model.m))
    hessian = hessian_at(model, params, x, jnp.ones(()), y)
    system = factored(model.algebra, hessian, jacobian, lower + upper, model.box.free, 0.0)
    return system, (lower, upper)


def product(algebra: Any, system: System, step: Step) -> Step:
    """The symmetric matrix times a step; the slack of an equality, and a fixed variable, stand alone."""
    slides = system.compliance > 0
    own = jnp.where(slides, 1.0 / jnp.where(slides, system.compliance, 1.0), 1.0)
    inner = algebra.times_hessian(system.hessian, step.x) + system.diagonal * step.x
    x = inner + algebra.times_transposed(system.jacobian, step.y)
    slack = own * step.slack - jnp.where(slides, step.y, 0.0)
    y = algebra.times(system.jacobian, step.x) - jnp.where(slides, step.slack, 0.0)
    return Step(jnp.where(system.moves, x, step.x), slack, y)

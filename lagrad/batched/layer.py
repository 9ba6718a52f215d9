"""Map params to the answer, differentiably: one factorisation a point, whatever the direction.

At the answer the primal-dual equations of the barrier problem hold. With their matrix K, dw = -K^-1 dr/dp dp,
which is the derivative of the solution itself up to the last barrier parameter, about tol / 10, where strict
complementarity holds; at a kink it is a value between those of its two sides.

Source: Pirnay, Lopez-Negrete and Biegler (2012), Optimal sensitivity based on IPOPT.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from lagrad.batched import statuses
from lagrad.batched.answer import Answer
from lagrad.batched.kkt import Step, System, factored, solve
from lagrad.batched.model import Model, hessian_at, scaled_jacobian, slopes_at
from lagrad.batched.places import spread, taken
from lagrad.batched.queue import run_queue
from lagrad.batched.settings import Settings
from lagrad.batched.together import together
from lagrad.program.turns import mapped_in_turn

# Distances of the answer to its bounds, which it was clipped to, count at least this much.
LEAST_DISTANCE = 1e-10
# Residual of a derivative, relative to right side and solution: an answer has about as many digits.
ACCURACY = 1e-10


def layer(model: Model, settings: Settings) -> Callable[[Any, jax.Array], Answer]:
    """The differentiable function (params, x) -> Answer of one problem.

    Derivatives by params are those of x and of the multipliers; a problem that did not end well has nan.
    Where the solve began makes no difference.
    """
    solved = together(lambda params, x: run_queue(model, settings, params, x))
    stepped = together(mapped_in_turn(partial(newton_step, model), model.derivatives.program.closed))

    @jax.custom_jvp
    def answer(params, x):
        return alone(solved, params, x)

    @answer.defjvp
    def rule(primals, tangents):
        params, _ = primals
        found = answer(*primals)
        return found, change_of(model, stepped, params, tangents[0], found)

    return answer


def alone(function: Callable, *arguments: Any) -> Any:
    """The result of a function of a batch for a batch of one."""
    found = function(*jax.tree.map(lambda leaf: jnp.asarray(leaf)[None], arguments))
    return jax.tree.map(lambda leaf: leaf[0], found)


def change_of(model: Model, stepped: Callable, params: Any, direction: Any, found: Answer) -> Answer:
    """Derivative of an answer along a direction of params."""
    derivatives, n, slacks = model.derivatives, model.n, model.sliding.size
    flat = found.x, found.multipliers, found.lower, found.upper

    def equations(params):
        slope = lagrangian_slope(model, params, found.x, found.multipliers)
        return slope, derivatives.constraints(found.x, params)

    (slope, rows) = jax.jvp(equations, (params,), (direction,))[1]
    # One vector: JAX transposes a solve only if all parts of its right side depend on the direction.
    whole = jax.lax.custom_linear_solve(
        lambda w: product(model, params, flat, w),
        jnp.concatenate([jnp.where(model.moves[:, 0], -slope, 0.0), jnp.zeros(slacks), -rows]),
        lambda _, w: alone(stepped, params, flat, w),
        symmetric=True,
    )
    good = (found.status == statuses.OPTIMAL) | (found.status == statuses.ACCEPTABLE)
    dx, dy = (jnp.where(good, part, jnp.nan) for part in (whole[:n], whole[n + slacks :]))
    one = jax.tree.map(lambda leaf: jnp.asarray(leaf)[None], (params, flat))
    lower, upper = (side[:n, 0] for side in slopes_of_bounds(model, *one))
    of_lower, of_upper = -lower * dx, upper * dx
    if not model.moves.all():
        along = partial(lagrangian_slope, model, params)
        # By params alone it is known from above.
        pull = slope + jax.jvp(along, (found.x, found.multipliers), (dx, dy))[1]
        fixed = ~model.moves[:, 0]
        of_lower = jnp.where(fixed & (found.lower > 0.0), pull, of_lower)
        of_upper = jnp.where(fixed & (found.upper > 0.0), -pull, of_upper)
    no_change: Any = np.zeros((), jax.dtypes.float0)
    return Answer(dx, dy, of_lower, of_upper, no_change, no_change, jnp.zeros(3))


def lagrangian_slope(model: Model, params: Any, x: jax.Array, multipliers: jax.Array) -> jax.Array:
    """Gradient of the Lagrangian without bounds, (n,), by one reverse sweep."""

    def lagrangian(x):
        f, c = model.derivatives.values(x, params)
        return f + multipliers @ c

    return jax.grad(lagrangian)(x)


def slopes_of_bounds(model: Model, params: Any, flat: tuple) -> tuple[jax.Array, jax.Array]:
    """Multiplier / distance of the lower and upper sides of v, (n + k, B), for a batch of answers."""
    x, y, below, above = (part.T for part in flat)
    c = jax.vmap(model.derivatives.constraints, (-1, 0), -1)(x, params)
    v, pressed = jnp.concatenate([x, taken(c, model.sliding)]), taken(y, model.sliding)
    low, high = (jnp.maximum(side, LEAST_DISTANCE) for side in model.box.distances(v))
    lower, _ = model.box.at_sides(jnp.concatenate([below, jnp.maximum(-pressed, 0.0)]))
    _, upper = model.box.at_sides(jnp.concatenate([above, jnp.maximum(pressed, 0.0)]))
    return model.box.spread(lower / low, upper / high)


def newton_step(model: Model, params: Any, flat: tuple, right: jax.Array) -> jax.Array:
    """Solve with the matrices at a batch of answers, which come as (x, multipliers, lower, upper).

    Args:
        model: functions and algebra.
        params: of each.
        flat: parts of the answers, (B, n) or (B, m).
        right: right sides, (B, n + k + m): variables, slacks, rows.
    """
    system = system_at(model, params, flat)
    parts = jnp.split(right.T, [model.n, model.n + model.sliding.size])
    return jnp.concatenate(solve(model.algebra, system, Step(*parts))).T


def system_at(model: Model, params: Any, flat: tuple) -> System:
    """The factored matrices at a batch of answers."""
    x, y = flat[0].T, flat[1].T
    lower, upper = slopes_of_bounds(model, params, flat)
    jacobian = scaled_jacobian(model, slopes_at(model, params, x), jnp.ones_like(y))
    hessian = hessian_at(model, params, x, jnp.ones(x.shape[1]), y)
    parts, free = jnp.split(lower + upper, [model.n]), (model.moves, model.sliding)
    found = factored(model.algebra, hessian, jacobian, (*parts,), free, jnp.zeros(x.shape[1]))
    return found._replace(accuracy=ACCURACY)


def product(model: Model, params: Any, flat: tuple, w: jax.Array) -> jax.Array:
    """The matrix at one answer times a vector; fixed variables stand alone."""
    params, flat = jax.tree.map(lambda leaf: jnp.asarray(leaf)[None], (params, flat))
    algebra, system = model.algebra, system_at(model, params, flat)
    x, slack, y = jnp.split(w[:, None], [model.n, model.n + model.sliding.size])
    blocks = algebra.variables(x)
    inner = algebra.times_hessian(system.hessian, blocks) + system.diagonal * blocks
    inner += algebra.times_transposed(system.jacobian, algebra.rows(y))
    rows = algebra.flat_rows(algebra.times(system.jacobian, blocks))
    parts = (
        jnp.where(system.moves, algebra.flat_variables(inner), x),
        slack / system.compliance - taken(y, model.sliding),
        rows - spread(slack, model.sliding, model.m),
    )
    return jnp.concatenate(parts)[:, 0]

"""Transcribe a model of optimal control to a finite problem.

    min  end(y(T), T) + integral of running(y, u)     s.t.  y' = rate(y, u),  bounds,  fixed ends

    trapezoid           states and controls at the nodes; rate and cost by the trapezoidal rule
    hermite_simpson     controls at the middles too; cubic states, Simpson's rule
    shooting            controls constant on each interval; two Runge-Kutta steps across it

A free duration is one more variable, a dense column.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

import lagrad
from lagrad_problems.entry import Entry, known_at


@dataclass(frozen=True, eq=False)
class Model:
    """An optimal control problem.

    Args:
        name: of the model.
        rate: (state (s,), control (c,)) -> time derivative (s,).
        running: (state, control) -> cost a unit of time.
        final: (last state, duration) -> cost at the end.
        first, last: states at the ends; nan where they are free.
        state, control: least and greatest values, scalars or sequences.
        duration: fixed, or the start if `is_free`.
        is_free: whether the duration is a variable.
        path: (state, control) -> quantities that stay within `path_limits`; None if there are none.
        path_limits: least and greatest.
        guess: intervals -> states to start from, (intervals + 1, s); None for a straight line.
        rest: control to start from.
        source, difficulty, note: as in `Entry`.
    """

    name: str
    rate: Callable[[Array, Array], Array]
    first: Sequence[float]
    last: Sequence[float]
    rest: Sequence[float]
    duration: float
    source: str
    running: Callable[[Array, Array], Any] = lambda y, u: jnp.sum(u**2)
    final: Callable[[Array, Any], Any] = lambda y, duration: 0.0
    state: tuple[Any, Any] = (-np.inf, np.inf)
    control: tuple[Any, Any] = (-np.inf, np.inf)
    is_free: bool = False
    path: Callable[[Array, Array], Array] | None = None
    path_limits: tuple[float, float] = (-np.inf, 0.0)
    guess: Callable[[int], np.ndarray] | None = None
    difficulty: str = "normal"
    note: str = ""


@dataclass(frozen=True, eq=False)
class Rule:
    """A transcription.

    Args:
        controls: intervals -> number of controls under each name.
        gaps: (model, x, step) -> rows that vanish, and the integral of the running cost.
    """

    controls: Callable[[int], dict[str, int]]
    gaps: Callable[[Model, dict, Any], tuple[Array, Array]]


def trapezoid(model: Model, x: dict, step) -> tuple[Array, Array]:
    """Trapezoidal rule."""
    y, u = x["state"], x["control"]
    slope, cost = jax.vmap(model.rate)(y, u), jax.vmap(model.running)(y, u)
    return y[1:] - y[:-1] - 0.5 * step * (slope[1:] + slope[:-1]), 0.5 * step * jnp.sum(cost[1:] + cost[:-1])


def hermite_simpson(model: Model, x: dict, step) -> tuple[Array, Array]:
    """Hermite's cubic through both ends gives the state in the middle; Simpson's rule the rest."""
    y, u = x["state"], x["control"]
    slope, cost = jax.vmap(model.rate)(y, u), jax.vmap(model.running)(y, u)
    middle = 0.5 * (y[1:] + y[:-1]) - step / 8 * (slope[1:] - slope[:-1])
    within = jax.vmap(model.rate)(middle, x["middle"])
    cost_within = jax.vmap(model.running)(middle, x["middle"])
    gaps = y[1:] - y[:-1] - step / 6 * (slope[1:] + 4 * within + slope[:-1])
    return gaps, step / 6 * jnp.sum(cost[1:] + 4 * cost_within + cost[:-1])


def shooting(model: Model, x: dict, step) -> tuple[Array, Array]:
    """Two classical Runge-Kutta steps an interval, of the state and of its cost."""

    def both(joint: Array, u: Array) -> Array:
        y = joint[:-1]
        return jnp.append(model.rate(y, u), model.running(y, u))

    def half(joint: Array, u: Array) -> Array:
        h = 0.5 * step
        k1 = both(joint, u)
        k2 = both(joint + 0.5 * h * k1, u)
        k3 = both(joint + 0.5 * h * k2, u)
        k4 = both(joint + h * k3, u)
        return joint + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)

    def across(y: Array, u: Array) -> Array:
        return half(half(jnp.append(y, 0.0), u), u)

    ends = jax.vmap(across)(x["state"][:-1], x["control"])
    return x["state"][1:] - ends[:, :-1], jnp.sum(ends[:, -1])


TRANSCRIPTIONS: Mapping[str, Rule] = {
    "trapezoid": Rule(lambda n: {"control": n + 1}, trapezoid),
    "hermite_simpson": Rule(lambda n: {"control": n + 1, "middle": n}, hermite_simpson),
    "shooting": Rule(lambda n: {"control": n}, shooting),
}


def transcribe(model: Model, method: str, intervals: int, optima: Mapping[int, tuple[float, str]]) -> Entry:
    """The model as a finite problem.

    Args:
        model: what to control.
        method: see `TRANSCRIPTIONS`.
        intervals: number of equal intervals.
        optima: intervals -> (objective, evidence).

    Returns:
        Entry named by model and method.

    Raises:
        KeyError: there is no such method.
        ValueError: fewer than two intervals.
    """
    name, rule = f"{model.name}_{method}", TRANSCRIPTIONS[method]
    if intervals < 2:
        raise ValueError(f"{name}: intervals is {intervals}, expected at least 2.")
    duration = (lambda x: x["duration"]) if model.is_free else (lambda x: model.duration)

    def objective(x: dict) -> Array:
        _, cost = rule.gaps(model, x, duration(x) / intervals)
        return cost + model.final(x["state"][-1], duration(x))

    constraints: dict[str, Any] = {
        "dynamics": lagrad.Equality(lambda x: rule.gaps(model, x, duration(x) / intervals)[0])
    }
    if model.path is not None:
        count = rule.controls(intervals)["control"]
        along = jax.vmap(model.path)
        constraints["path"] = lagrad.Inequality(
            lambda x: along(x["state"][:count], x["control"]), *model.path_limits
        )
    problem = lagrad.Problem(
        objective,
        start(model, rule, intervals),
        constraints,
        bounds=(limits(model, rule, intervals, 0), limits(model, rule, intervals, 1)),
        name=f"{name}({intervals})",
    )
    return Entry(
        name,
        problem,
        "optimal control",
        source=model.source,
        note=model.note,
        difficulty=model.difficulty,
        **known_at(intervals, optima),
    )


def start(model: Model, rule: Rule, intervals: int) -> dict:
    """The guess, or a straight line between the ends; where an end is free, the other one's value."""
    first, last = np.asarray(model.first, float), np.asarray(model.last, float)
    begin, end = np.where(np.isnan(first), last, first), np.where(np.isnan(last), first, last)
    state = begin + np.linspace(0.0, 1.0, intervals + 1)[:, None] * (end - begin)
    if model.guess is not None:
        state = model.guess(intervals)
    least, most = limits(model, rule, intervals, 0), limits(model, rule, intervals, 1)
    x: dict[str, Any] = {"state": np.clip(state, least["state"], most["state"])}
    for name, count in rule.controls(intervals).items():
        x[name] = np.tile(np.asarray(model.rest, float), (count, 1))
    return x | ({"duration": np.array(model.duration)} if model.is_free else {})


def limits(model: Model, rule: Rule, intervals: int, side: int) -> dict:
    """Bounds on one side; the ends are fixed where they are given."""
    state = np.tile(np.broadcast_to(model.state[side], len(model.first)).astype(float), (intervals + 1, 1))
    for place, values in ((0, np.asarray(model.first, float)), (-1, np.asarray(model.last, float))):
        state[place] = np.where(np.isnan(values), state[place], values)
    x: dict[str, Any] = {"state": state}
    for name, count in rule.controls(intervals).items():
        x[name] = np.tile(np.broadcast_to(model.control[side], len(model.rest)).astype(float), (count, 1))
    return x | ({"duration": (1e-3, np.inf)[side]} if model.is_free else {})

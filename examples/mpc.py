"""Model-predictive control: a pendulum is swung up, and the plan is made anew after every step.

    python examples/mpc.py                 prints what each solve took
    python examples/mpc.py --picture       also writes mpc.png (needs Matplotlib)

The state now is a parameter: the problem is differentiated once, and each further solve begins from the last
plan, shifted by a step, with its multipliers.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

import lagrad

HORIZON, STEP, STEPS = 60, 0.08, 50
# Every so many steps the same plan is also made without a warm start, to compare.
COMPARED = 10
TORQUE = 4.0


@dataclass(frozen=True)
class Run:
    """What was driven.

    Args:
        states: angle from the top and its speed after each step, shape (steps + 1, 2).
        torques: shape (steps,).
        iterations: of each solve, warm.
        cold: of every tenth solve, without a warm start.
        seconds: of each warm solve.
        setup: seconds to differentiate, once.
        compiled: seconds of tracing and compiling in each solve.
    """

    states: np.ndarray
    torques: np.ndarray
    iterations: list[int]
    cold: list[int]
    seconds: list[float]
    setup: float
    compiled: list[float]


def step(state, torque):
    """State after a step of the pendulum, by Heun's method."""

    def slope(state):
        return jnp.stack([state[1], 9.81 * jnp.sin(state[0]) + torque - 0.1 * state[1]])

    first = slope(state)
    return state + 0.5 * STEP * (first + slope(state + STEP * first))


def planning() -> lagrad.Problem:
    """Plan torques over the horizon from a state that is given as params."""

    def cost(z, now):
        return (
            jnp.sum(1.0 - jnp.cos(z["state"][:, 0]))
            + 0.01 * jnp.sum(z["state"][:, 1] ** 2)
            + 1e-3 * (jnp.sum(z["torque"] ** 2))
        )

    def motion(z, now):
        before = jnp.concatenate([now[None], z["state"][:-1]])
        return z["state"] - jax.vmap(step)(before, z["torque"])

    start = {"state": np.zeros((HORIZON, 2)), "torque": np.zeros(HORIZON)}
    bounds = ({"state": None, "torque": -TORQUE}, {"state": None, "torque": TORQUE})
    return lagrad.Problem(
        cost,
        start,
        {"motion": lagrad.Equality(motion)},
        bounds,
        params=np.array([np.pi, 0.0]),
        name="pendulum",
    )


def shifted(plan: lagrad.Solution) -> lagrad.Solution:
    """The plan a step later: everything moves up by one, the last entry stands for the new one."""

    def move(leaf):
        return np.concatenate([leaf[1:], leaf[-1:]])

    return plan.replace(
        x=jax.tree.map(move, plan.x),
        multipliers=jax.tree.map(move, plan.multipliers),
        bound_multipliers=jax.tree.map(move, plan.bound_multipliers),
    )


def drive(steps: int = STEPS) -> Run:
    """Plan, apply the first torque, look where it led, plan again."""
    began = time.perf_counter()
    derivatives = lagrad.differentiate(planning())
    setup = time.perf_counter() - began
    state, plan = np.array([np.pi, 0.0]), None
    run = Run(np.zeros((steps + 1, 2)), np.zeros(steps), [], [], [], setup, [])
    run.states[0] = state
    for number in range(steps):
        warm = None if plan is None else shifted(plan)
        plan = lagrad.solve(derivatives, params=state, warm_start=warm)
        run.iterations.append(plan.iterations)
        run.seconds.append(plan.timings["total"])
        run.compiled.append(plan.timings["trace"] + plan.timings["compile"])
        if number % COMPARED == 1:
            run.cold.append(lagrad.solve(derivatives, params=state).iterations)
        run.torques[number] = plan.x["torque"][0]
        disturbance = 0.01 * np.sin(7.0 * number)
        state = plan.x["state"][0] + np.array([0.0, disturbance])
        run.states[number + 1] = state
    return run


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description="Swing up a pendulum by model-predictive control.")
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--picture", action="store_true", help="write mpc.png")
    chosen = parser.parse_args()
    run = drive(chosen.steps)
    warm, cold = np.mean(run.iterations[1:]), np.mean(run.cold)
    print(f"set up once in {run.setup:.2f} s; first plan {run.iterations[0]} iterations")
    pace = np.median(run.seconds[1:]) * 1e3
    print(f"further plans: {warm:.1f} iterations warm, {cold:.1f} cold; {pace:.1f} ms each", end="")
    print(f", of that {1e3 * sum(run.compiled):g} ms to compile in all {len(run.compiled)} together")
    print(f"angle from the top: {run.states[0, 0]:.2f} at the start, {run.states[-1, 0]:.3f} at the end")
    if chosen.picture:
        driven = {"angle": run.states[:, 0], "speed": run.states[:, 1], "torque": run.torques}
        labels = {"angle": "angle, rad", "speed": "speed, rad/s", "torque": "torque, N m"}
        panels = lagrad.plot.trajectory(driven, STEP * np.arange(chosen.steps + 1), labels=labels)
        panels[-1].set_xlabel("time, s")
        panels[0].set_title(f"{warm:.0f} iterations a plan where a cold start takes {cold:.0f}")
        panels[0].figure.savefig("mpc.png")


if __name__ == "__main__":
    main()

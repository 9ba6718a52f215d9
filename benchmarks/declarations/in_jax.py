"""The cases in JAX, written as a user of NumPy would: a Case in, objective(x) and constraints(x) out.

Every contender that takes JAX functions gets these very ones: asdex, POUNCE, dense JAX and lagrad.
"""

from __future__ import annotations

from collections.abc import Callable

import jax.numpy as jnp

from benchmarks.cases import Case

Functions = tuple[Callable, Callable]


def chained_rosenbrock(case: Case) -> Functions:
    """Constraint k couples x[k], x[k+1], x[k+2]."""

    def objective(x):
        return jnp.sum(100 * (x[:-1] ** 2 - x[1:]) ** 2 + (x[:-1] - 1) ** 2)

    def constraints(x):
        a, b, c = x[:-2], x[1:-1], x[2:]
        return 3 * b**3 + 2 * c - 5 + jnp.sin(b - c) * jnp.sin(b + c) + 4 * b - a * jnp.exp(a - b) - 3

    return objective, constraints


def clnlbeam(case: Case) -> Functions:
    """Trapezoidal rule for x' = sin t, t' = u."""
    step, alpha = case.numbers.step, case.numbers.alpha

    def objective(z):
        t, _, u = z.reshape(3, -1)
        return 0.5 * step * jnp.sum(u[1:] ** 2 + u[:-1] ** 2 + alpha * (jnp.cos(t[1:]) + jnp.cos(t[:-1])))

    def constraints(z):
        t, x, u = z.reshape(3, -1)
        bend = x[1:] - x[:-1] - 0.5 * step * (jnp.sin(t[1:]) + jnp.sin(t[:-1]))
        turn = t[1:] - t[:-1] - 0.5 * step * (u[1:] + u[:-1])
        return jnp.concatenate([bend, turn])

    return objective, constraints


def cart_pole(case: Case) -> Functions:
    """Trapezoidal rule for the four states; the accelerations of Kelly (2017), equations 6.1 and 6.2."""
    pole = case.numbers

    def rates(z):
        _, angle, velocity, rate, force = z
        sine, cosine = jnp.sin(angle), jnp.cos(angle)
        mass = pole.cart_mass + pole.pole_mass * (1 - cosine**2)
        swing = pole.length * pole.pole_mass * sine * rate**2
        acceleration = (swing + force + pole.pole_mass * pole.gravity * cosine * sine) / mass
        total = pole.cart_mass + pole.pole_mass
        turning = -(swing * cosine + force * cosine + total * pole.gravity * sine) / (pole.length * mass)
        return jnp.stack([velocity, rate, acceleration, turning])

    def objective(z):
        force = z.reshape(5, -1)[4]
        return 0.5 * pole.step * jnp.sum(force[1:] ** 2 + force[:-1] ** 2)

    def constraints(z):
        z = z.reshape(5, -1)
        states, rate = z[:4], rates(z)
        return (states[:, 1:] - states[:, :-1] - 0.5 * pole.step * (rate[:, 1:] + rate[:, :-1])).ravel()

    return objective, constraints


def elliptic_control(case: Case) -> Functions:
    """Five-point Laplacian by padding with the zero boundary."""
    grid = case.numbers

    def objective(z):
        y, u = z.reshape(2, grid.side, grid.side)
        return 0.5 * grid.spacing**2 * (jnp.sum((y - grid.target) ** 2) + grid.weight * jnp.sum(u**2))

    def constraints(z):
        y, u = z.reshape(2, grid.side, grid.side)
        p = jnp.pad(y, 1)
        laplace = p[2:, 1:-1] + p[:-2, 1:-1] + p[1:-1, 2:] + p[1:-1, :-2] - 4 * y
        return (-laplace + grid.spacing**2 * (y**3 - u)).ravel()

    return objective, constraints


def tanh_network(case: Case) -> Functions:
    """Mean squared error; every weight row has unit norm."""
    data = case.numbers
    split = data.hidden * data.inputs.shape[1]

    def unpack(z):
        weights = z[:split].reshape(data.hidden, -1)
        biases, outputs = z[split:].reshape(2, data.hidden)
        return weights, biases, outputs

    def objective(z):
        weights, biases, outputs = unpack(z)
        return jnp.mean((jnp.tanh(data.inputs @ weights.T + biases) @ outputs - data.targets) ** 2)

    def constraints(z):
        return jnp.sum(unpack(z)[0] ** 2, axis=1) - 1

    return objective, constraints


DECLARATIONS = {
    f.__name__: f for f in (chained_rosenbrock, clnlbeam, cart_pole, elliptic_control, tanh_network)
}


def declare(case: Case) -> Functions:
    """Objective and constraint function of a case, on the flat variable vector."""
    return DECLARATIONS[case.family](case)

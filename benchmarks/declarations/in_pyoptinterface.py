"""Declare the cases in PyOptInterface, for its Ipopt model.

Each repeated element is declared in its own `nl.graph()`: the library groups equal graphs, compiles one
kernel per group and loops over it. Linear rows and quadratic objectives go in as such, as its guide says.
Rows come out in another order (linear, quadratic, then by kernel); the agreement check matches them.

Two traps of 0.6.1: the derivative of `nl.pow` is wrong at a base of zero, so powers are products here; and a
sum or product that is used twice within a graph is altered in place without a word, so none is.
"""

from __future__ import annotations

import numpy as np
import pyoptinterface as poi
from pyoptinterface import nl

from benchmarks.cases import Case
from benchmarks.declarations import power_in_pyoptinterface


def variables(case: Case, model) -> list:
    """The case's bounded variables at their starting point."""
    bounds = zip(case.lower.tolist(), case.upper.tolist(), case.start.tolist(), strict=True)
    return [model.add_variable(lb=lower, ub=upper, start=start) for lower, upper, start in bounds]


def total_of(terms) -> poi.ExprBuilder:
    """A sum of linear or quadratic terms, in linear time."""
    total = poi.ExprBuilder()
    for term in terms:
        total += term
    return total


def chained_rosenbrock(case: Case, model) -> None:
    """Constraint k couples x[k], x[k+1], x[k+2]."""
    x = variables(case, model)
    for a, b in zip(x[:-1], x[1:], strict=True):
        with nl.graph():
            model.add_nl_objective(100 * ((a * a - b) * (a * a - b)) + (a - 1) * (a - 1))
    for a, b, c in zip(x[:-2], x[1:-1], x[2:], strict=True):
        with nl.graph():
            wave = nl.sin(b - c) * nl.sin(b + c)
            model.add_nl_constraint(
                3 * (b * b * b) + 2 * c - 8 + wave + 4 * b - a * nl.exp(a - b), poi.Eq, 0.0
            )


def clnlbeam(case: Case, model) -> None:
    """Trapezoidal rule for x' = sin t, t' = u; the second is linear."""
    beam, nodes = case.numbers, case.numbers.intervals + 1
    z = variables(case, model)
    t, u, x = (z[k * nodes : (k + 1) * nodes] for k in range(3))
    half = 0.5 * beam.step
    for i in range(beam.intervals):
        with nl.graph():
            effort = half * (u[i + 1] * u[i + 1] + u[i] * u[i])
            model.add_nl_objective(effort + half * beam.stiffness * (nl.cos(t[i + 1]) + nl.cos(t[i])))
        with nl.graph():
            model.add_nl_constraint(x[i + 1] - x[i] - half * (nl.sin(t[i + 1]) + nl.sin(t[i])), poi.Eq, 0.0)
        model.add_linear_constraint(t[i + 1] - t[i] - half * u[i + 1] - half * u[i], poi.Eq, 0.0)


def cart_acceleration(cart, angle, spin, force):
    """Acceleration of the cart, m/s^2."""
    sine, cosine = nl.sin(angle), nl.cos(angle)
    mass = cart.cart + cart.pole * (1 - cosine * cosine)
    swing = cart.pole * cart.length * sine * (spin * spin)
    return (swing + force + cart.pole * cart.gravity * cosine * sine) / mass


def pole_acceleration(cart, angle, spin, force):
    """Angular acceleration of the pole, rad/s^2."""
    sine, cosine = nl.sin(angle), nl.cos(angle)
    mass = cart.cart + cart.pole * (1 - cosine * cosine)
    swing = cart.pole * cart.length * sine * (spin * spin) * cosine
    weight = (cart.cart + cart.pole) * cart.gravity * sine
    return (swing + force * cosine + weight) / (mass * -cart.length)


def cart_pole(case: Case, model) -> None:
    """Trapezoidal rule; position and angle rows are linear."""
    cart, nodes = case.numbers, case.numbers.intervals + 1
    z = variables(case, model)
    force, states = z[:nodes], z[nodes:]
    position, angle, velocity, spin = (states[k::4] for k in range(4))
    half = 0.5 * cart.step
    for state, slope in ((position, velocity), (angle, spin)):
        for i in range(cart.intervals):
            row = state[i + 1] - state[i] - half * slope[i + 1] - half * slope[i]
            model.add_linear_constraint(row, poi.Eq, 0.0)
    for acceleration, state in ((cart_acceleration, velocity), (pole_acceleration, spin)):
        for i in range(cart.intervals):
            with nl.graph():
                now = acceleration(cart, angle[i], spin[i], force[i])
                then = acceleration(cart, angle[i + 1], spin[i + 1], force[i + 1])
                model.add_nl_constraint(state[i + 1] - state[i] - half * (then + now), poi.Eq, 0.0)
    model.set_objective(total_of(half * (a * a + b * b) for a, b in zip(force[:-1], force[1:], strict=True)))


def elliptic_control(case: Case, model) -> None:
    """One cubic graph per grid point; the objective is quadratic."""
    numbers, side = case.numbers, case.numbers.grid
    z = variables(case, model)
    u, y = np.reshape(z[: side * side], (side, side)), np.reshape(z[side * side :], (side, side))
    square = numbers.spacing**2
    for i, j in np.ndindex(side, side):
        near = [(i - 1, j), (i + 1, j), (i, j - 1), (i, j + 1)]
        inside = [y[a, b] for a, b in near if 0 <= a < side and 0 <= b < side]
        with nl.graph():
            cube = square * (y[i, j] * y[i, j] * y[i, j])
            row = 4 * y[i, j] - sum(inside[1:], inside[0]) + cube - square * u[i, j]
            model.add_nl_constraint(row, poi.Eq, 0.0)
    total = total_of(0.5 * square * numbers.weight * (v * v) for v in u.ravel())
    for state, target in zip(y.ravel(), numbers.target.ravel().tolist(), strict=True):
        total += 0.5 * square * (state * state) - square * target * state + 0.5 * square * target**2
    model.set_objective(total)


def tanh(x):
    """Hyperbolic tangent, which `nl` of 0.6.1 does not have."""
    return 1 - 2 / (nl.exp(2 * x) + 1)


def tanh_network(case: Case, model) -> None:
    """One graph per sample over all weights: nothing repeats inside it, so the kernel is long."""
    numbers = case.numbers
    samples, inputs = numbers.inputs.shape
    z = variables(case, model)
    bias, output, flat = z[: numbers.units], z[numbers.units : 2 * numbers.units], z[2 * numbers.units :]
    weights = [flat[k * inputs : (k + 1) * inputs] for k in range(numbers.units)]

    def error(row, target):
        sums = (
            sum((a * w for a, w in zip(row, unit, strict=True)), b)
            for b, unit in zip(bias, weights, strict=True)
        )
        return sum((v * tanh(inner) for v, inner in zip(output, sums, strict=True)), -target)

    for row, target in zip(numbers.inputs.tolist(), numbers.targets.tolist(), strict=True):
        with nl.graph():
            model.add_nl_objective(error(row, target) * error(row, target) / samples)
    model.set_objective(total_of(1e-3 * (v * v) for v in bias + output))
    for unit in weights:
        model.add_quadratic_constraint(total_of(w * w for w in unit), poi.Eq, 1.0)


def gather_network(case: Case, model) -> None:
    """One graph per edge in the objective, one per metered node in the constraints."""
    graph = case.numbers
    x = variables(case, model)
    edges = list(zip(graph.tail.tolist(), graph.head.tolist(), graph.weight.tolist(), strict=True))
    for (i, j, weight), angle in zip(edges, graph.angle.tolist(), strict=True):
        with nl.graph():
            model.add_nl_objective(weight - weight * nl.cos(x[i] - x[j] - angle))
    targets = zip(x, graph.target.tolist(), strict=True)
    model.set_objective(
        total_of(0.05 * (v * v) - 0.1 * target * v + 0.05 * target**2 for v, target in targets)
    )
    meter, touching = graph.meter.tolist(), [[] for _ in range(case.m + 1)]
    for i, j, weight in edges:
        touching[meter[i]].append((weight, i, j))
        touching[meter[j]].append((-weight, i, j))
    for terms, injection in zip(touching[:-1], case.constraint_lower.tolist(), strict=True):
        with nl.graph():
            flows = [weight * nl.sin(x[i] - x[j]) for weight, i, j in terms]
            model.add_nl_constraint(sum(flows[1:], flows[0]), poi.Eq, injection)


def acopf(case: Case, model) -> None:
    """AC optimal power flow, in a file of its own."""
    power_in_pyoptinterface.acopf(case, model, variables(case, model))


DECLARATIONS = {
    f.__name__: f
    for f in (chained_rosenbrock, clnlbeam, cart_pole, elliptic_control, tanh_network, gather_network, acopf)
}


def declare(case: Case, model) -> None:
    """Declare a case in an empty Ipopt model of PyOptInterface."""
    DECLARATIONS[case.family](case, model)

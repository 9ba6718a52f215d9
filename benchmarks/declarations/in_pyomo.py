"""Declare the cases in Pyomo: rules added to a ConcreteModel with variables `x`.

Scalar expressions, one constraint a row, as Pyomo's users write them; rows are in no particular order, for
only whole solves are compared.
"""

from __future__ import annotations

import numpy as np
import pyomo.environ as pyo

from benchmarks.cases import Case


def variables(case: Case, model) -> list:
    """The case's bounded variables at their starting point."""
    sides = [
        (None if lower == -np.inf else lower, None if upper == np.inf else upper)
        for lower, upper in zip(case.lower.tolist(), case.upper.tolist(), strict=True)
    ]
    start = case.start.tolist()
    model.x = pyo.Var(range(case.n), bounds=lambda _, i: sides[i], initialize=lambda _, i: start[i])
    return list(model.x.values())


def equations(model, rows) -> None:
    """Each row is zero."""
    model.rows = pyo.ConstraintList()
    for row in rows:
        model.rows.add(row == 0)


def chained_rosenbrock(case: Case, model) -> None:
    """Constraint k couples x[k], x[k+1], x[k+2]."""
    x = variables(case, model)
    pairs = zip(x[:-1], x[1:], strict=True)
    model.f = pyo.Objective(expr=pyo.quicksum(100 * (a**2 - b) ** 2 + (a - 1) ** 2 for a, b in pairs))
    triples = zip(x[:-2], x[1:-1], x[2:], strict=True)
    equations(
        model,
        (
            3 * b**3 + 2 * c - 8 + pyo.sin(b - c) * pyo.sin(b + c) + 4 * b - a * pyo.exp(a - b)
            for a, b, c in triples
        ),
    )


def clnlbeam(case: Case, model) -> None:
    """Trapezoidal rule for x' = sin t, t' = u."""
    beam, nodes = case.numbers, case.numbers.intervals + 1
    z = variables(case, model)
    t, u, x = (z[k * nodes : (k + 1) * nodes] for k in range(3))
    half, steps = 0.5 * beam.step, range(beam.intervals)
    energy = [control**2 + beam.stiffness * pyo.cos(angle) for control, angle in zip(u, t, strict=True)]
    model.f = pyo.Objective(expr=pyo.quicksum(half * (energy[i] + energy[i + 1]) for i in steps))
    equations(
        model,
        [x[i + 1] - x[i] - half * (pyo.sin(t[i + 1]) + pyo.sin(t[i])) for i in steps]
        + [t[i + 1] - t[i] - half * (u[i + 1] + u[i]) for i in steps],
    )


def cart_pole(case: Case, model) -> None:
    """Trapezoidal rule for the four states."""
    cart, nodes = case.numbers, case.numbers.intervals + 1
    z = variables(case, model)
    force, states = z[:nodes], z[nodes:]
    position, angle, velocity, spin = (states[k::4] for k in range(4))
    half, steps = 0.5 * cart.step, range(cart.intervals)

    def accelerations(i):
        sine, cosine = pyo.sin(angle[i]), pyo.cos(angle[i])
        mass = cart.cart + cart.pole * (1 - cosine**2)
        swing = cart.pole * cart.length * sine * spin[i] ** 2
        weight = (cart.cart + cart.pole) * cart.gravity * sine
        along = (swing + force[i] + cart.pole * cart.gravity * cosine * sine) / mass
        return along, -(swing * cosine + force[i] * cosine + weight) / (cart.length * mass)

    along, around = zip(*map(accelerations, range(nodes)), strict=True)
    model.f = pyo.Objective(expr=pyo.quicksum(half * (force[i] ** 2 + force[i + 1] ** 2) for i in steps))
    pairs = ((position, velocity), (angle, spin), (velocity, along), (spin, around))
    equations(model, (s[i + 1] - s[i] - half * (r[i + 1] + r[i]) for s, r in pairs for i in steps))


def elliptic_control(case: Case, model) -> None:
    """One cubic row per grid point."""
    numbers, side = case.numbers, case.numbers.grid
    z = variables(case, model)
    u, y = (np.reshape(np.array(part, object), (side, side)) for part in (z[: side**2], z[side**2 :]))
    square, points = numbers.spacing**2, list(np.ndindex(side, side))
    misfit = pyo.quicksum((y[at] - float(numbers.target[at])) ** 2 for at in points)
    effort = pyo.quicksum(u[at] ** 2 for at in points)
    model.f = pyo.Objective(expr=0.5 * square * (misfit + numbers.weight * effort))

    def row(i, j):
        near = [(i - 1, j), (i + 1, j), (i, j - 1), (i, j + 1)]
        inside = pyo.quicksum(y[a, b] for a, b in near if 0 <= a < side and 0 <= b < side)
        return 4 * y[i, j] - inside + square * (y[i, j] ** 3 - u[i, j])

    equations(model, (row(i, j) for i, j in points))


def tanh_network(case: Case, model) -> None:
    """Mean squared error and penalty; every weight row has unit norm."""
    numbers = case.numbers
    samples, inputs = numbers.inputs.shape
    z = variables(case, model)
    bias, output, flat = z[: numbers.units], z[numbers.units : 2 * numbers.units], z[2 * numbers.units :]
    weights = [flat[k * inputs : (k + 1) * inputs] for k in range(numbers.units)]

    def error(row, target):
        sums = (
            pyo.quicksum(a * w for a, w in zip(row, unit, strict=True)) + b
            for b, unit in zip(bias, weights, strict=True)
        )
        return pyo.quicksum(v * pyo.tanh(inner) for v, inner in zip(output, sums, strict=True)) - target

    pairs = zip(numbers.inputs.tolist(), numbers.targets.tolist(), strict=True)
    fit = pyo.quicksum(error(row, target) ** 2 for row, target in pairs) / samples
    model.f = pyo.Objective(expr=fit + 1e-3 * pyo.quicksum(v**2 for v in bias + output))
    equations(model, (pyo.quicksum(w**2 for w in unit) - 1 for unit in weights))


def gather_network(case: Case, model) -> None:
    """A term per edge, a row per metered node."""
    graph = case.numbers
    x = variables(case, model)
    edges = list(zip(graph.tail.tolist(), graph.head.tolist(), graph.weight.tolist(), strict=True))
    energy = pyo.quicksum(
        weight * (1 - pyo.cos(x[i] - x[j] - angle))
        for (i, j, weight), angle in zip(edges, graph.angle.tolist(), strict=True)
    )
    anchored = pyo.quicksum((v - target) ** 2 for v, target in zip(x, graph.target.tolist(), strict=True))
    model.f = pyo.Objective(expr=energy + 0.05 * anchored)
    meter, touching = graph.meter.tolist(), [[] for _ in range(case.m + 1)]
    for i, j, weight in edges:
        flow = weight * pyo.sin(x[i] - x[j])
        touching[meter[i]].append(flow)
        touching[meter[j]].append(-flow)
    sides = zip(touching[:-1], case.constraint_lower.tolist(), strict=True)
    equations(model, (pyo.quicksum(flows) - injection for flows, injection in sides))


DECLARATIONS = {
    f.__name__: f
    for f in (chained_rosenbrock, clnlbeam, cart_pole, elliptic_control, tanh_network, gather_network)
}


def declare(case: Case, model) -> None:
    """Declare a case in an empty ConcreteModel."""
    DECLARATIONS[case.family](case, model)

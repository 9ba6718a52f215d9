"""The cases in PyOptInterface: a Case and an empty Ipopt model in, the declared model's variables out.

Each repeated element is declared in its own `nl.graph()`: the library groups equal graphs, compiles one
kernel per group and loops over it. Linear rows and quadratic objectives go in as such, as its guide says.
Rows come out in another order (linear, quadratic, then by kernel); the agreement check matches them.
`nl.pow` is avoided: its derivative was found wrong at a base of zero in 0.6.1, products are right.
"""

from __future__ import annotations

import pyoptinterface as poi
from pyoptinterface import nl

from benchmarks.cases import Case


def variables(case: Case, model) -> list:
    """The case's bounded variables at their starting point."""
    bounds = zip(case.lower.tolist(), case.upper.tolist(), case.start.tolist())
    return [model.add_variable(lb=lower, ub=upper, start=start) for lower, upper, start in bounds]


def add_all(model, terms) -> None:
    """A sum added pairwise from a generator of expressions as linear or quadratic objective."""
    total = poi.ExprBuilder()
    for term in terms:
        total += term
    model.set_objective(total)


def chained_rosenbrock(case: Case, model) -> None:
    """Constraint k couples x[k], x[k+1], x[k+2]."""
    x = variables(case, model)
    for a, b in zip(x[:-1], x[1:]):
        with nl.graph():
            residual = a * a - b
            model.add_nl_objective(100 * (residual * residual) + (a - 1) * (a - 1))
    for a, b, c in zip(x[:-2], x[1:-1], x[2:]):
        with nl.graph():
            wave = nl.sin(b - c) * nl.sin(b + c)
            model.add_nl_constraint(3 * (b * b * b) + 2 * c - 5 + wave + 4 * b - a * nl.exp(a - b) - 3, poi.Eq, 0.0)


def clnlbeam(case: Case, model) -> None:
    """Trapezoidal rule for x' = sin t, t' = u; the second is linear."""
    beam, nodes = case.numbers, case.numbers.intervals + 1
    z = variables(case, model)
    t, x, u = z[:nodes], z[nodes : 2 * nodes], z[2 * nodes :]
    half = 0.5 * beam.step
    for i in range(beam.intervals):
        with nl.graph():
            model.add_nl_objective(
                half * (u[i + 1] * u[i + 1] + u[i] * u[i])
                + half * beam.alpha * (nl.cos(t[i + 1]) + nl.cos(t[i]))
            )
        with nl.graph():
            model.add_nl_constraint(x[i + 1] - x[i] - half * (nl.sin(t[i + 1]) + nl.sin(t[i])), poi.Eq, 0.0)
        model.add_linear_constraint(t[i + 1] - t[i] - half * u[i + 1] - half * u[i], poi.Eq, 0.0)


def cart_acceleration(pole, angle, rate, force):
    """Acceleration of the cart, m/s^2."""
    sine, cosine = nl.sin(angle), nl.cos(angle)
    mass = pole.cart_mass + pole.pole_mass * (1 - cosine * cosine)
    swing = pole.length * pole.pole_mass * sine * (rate * rate)
    return (swing + force + pole.pole_mass * pole.gravity * cosine * sine) / mass


def pole_acceleration(pole, angle, rate, force):
    """Angular acceleration of the pole, rad/s^2."""
    sine, cosine = nl.sin(angle), nl.cos(angle)
    mass = pole.cart_mass + pole.pole_mass * (1 - cosine * cosine)
    swing = pole.length * pole.pole_mass * sine * (rate * rate) * cosine
    weight = (pole.cart_mass + pole.pole_mass) * pole.gravity * sine
    return (swing + force * cosine + weight) / (mass * -pole.length)


def cart_pole(case: Case, model) -> None:
    """Trapezoidal rule; position and angle rows are linear.

    No sum or product is used twice: 0.6.1 alters a shared one in place, without a word.
    """
    pole, nodes = case.numbers, case.numbers.intervals + 1
    z = variables(case, model)
    position, angle, velocity, rate, force = (z[k * nodes : (k + 1) * nodes] for k in range(5))
    half = 0.5 * pole.step
    for state, slope in ((position, velocity), (angle, rate)):
        for i in range(pole.intervals):
            row = state[i + 1] - state[i] - half * slope[i + 1] - half * slope[i]
            model.add_linear_constraint(row, poi.Eq, 0.0)
    for acceleration, state in ((cart_acceleration, velocity), (pole_acceleration, rate)):
        for i in range(pole.intervals):
            with nl.graph():
                now = acceleration(pole, angle[i], rate[i], force[i])
                then = acceleration(pole, angle[i + 1], rate[i + 1], force[i + 1])
                model.add_nl_constraint(state[i + 1] - state[i] - half * (then + now), poi.Eq, 0.0)
    add_all(model, (half * (a * a + b * b) for a, b in zip(force[:-1], force[1:])))


def elliptic_control(case: Case, model) -> None:
    """One cubic graph per grid point; the objective is quadratic."""
    grid, points = case.numbers, case.numbers.side**2
    z = variables(case, model)
    square = grid.spacing**2
    for i in range(grid.side):
        for j in range(grid.side):
            k = i * grid.side + j
            near = [(i - 1, j), (i + 1, j), (i, j - 1), (i, j + 1)]
            inside = [z[a * grid.side + b] for a, b in near if 0 <= a < grid.side and 0 <= b < grid.side]
            with nl.graph():
                cube = square * (z[k] * z[k] * z[k])
                model.add_nl_constraint(4 * z[k] - sum(inside[1:], inside[0]) + cube - square * z[points + k], poi.Eq, 0.0)
    target = grid.target.ravel().tolist()
    states = (0.5 * square * (y * y - 2 * d * y + d * d) for y, d in zip(z[:points], target))
    controls = (0.5 * square * grid.weight * (u * u) for u in z[points:])
    add_all(model, (term for terms in (states, controls) for term in terms))


def tanh(x):
    """Hyperbolic tangent, which `nl` of 0.6.1 does not have."""
    return 1 - 2 / (nl.exp(2 * x) + 1)


def tanh_network(case: Case, model) -> None:
    """One graph per sample over all weights: nothing repeats inside it, so the kernel is long."""
    data = case.numbers
    samples, features = data.inputs.shape
    z = variables(case, model)
    weights = [z[k * features : (k + 1) * features] for k in range(data.hidden)]
    biases, outputs = z[-2 * data.hidden : -data.hidden], z[-data.hidden :]

    def error(row, target):
        units = [tanh(sum((a * w for a, w in zip(row, unit)), b)) for b, unit in zip(biases, weights)]
        return sum((v * unit for v, unit in zip(outputs, units)), -target)

    for row, target in zip(data.inputs.tolist(), data.targets.tolist()):
        with nl.graph():
            # Built twice: the square of one expression would alter it in place.
            model.add_nl_objective(error(row, target) * error(row, target) / samples)
    for unit in weights:
        model.add_quadratic_constraint(sum((w * w for w in unit[1:]), unit[0] * unit[0]), poi.Eq, 1.0)


DECLARATIONS = {
    f.__name__: f for f in (chained_rosenbrock, clnlbeam, cart_pole, elliptic_control, tanh_network)
}


def declare(case: Case, model) -> None:
    """Declare a case in an empty Ipopt model of PyOptInterface."""
    DECLARATIONS[case.family](case, model)

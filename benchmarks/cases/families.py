"""Families of cases with a formula: a size in, the numbers of the problem out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmarks.cases.case import Case, equality_case


def chained_rosenbrock(n: int) -> Case:
    """Chained Rosenbrock with trigonometric-exponential equalities, m = n - 2.

    Source: Luksan, Vlcek (1999), Sparse and partially separable test problems, 5.1.
    """
    start = np.where(np.arange(n) % 2 == 0, -1.2, 1.0)
    return equality_case("chained_rosenbrock", n, start, n - 2)


@dataclass(frozen=True)
class Beam:
    """Clamped nonlinear beam: `intervals` of length `step`, load `alpha`."""

    intervals: int
    step: float
    alpha: float


def clnlbeam(n: int) -> Case:
    """Clamped nonlinear beam; x = (angle t, displacement x, control u), each at n / 3 nodes.

    Source: Maurer, Mittelmann (1991); CUTEst CLNLBEAM in JuMP's form.
    """
    nodes = n // 3
    beam = Beam(nodes - 1, 1.0 / (nodes - 1), 350.0)
    wave = 0.05 * np.cos(beam.step * np.arange(nodes))
    start = np.concatenate([wave, wave, np.full(nodes, 0.01)])
    upper = np.repeat([1.0, 0.05, np.inf], nodes)
    return equality_case("clnlbeam", n, start, 2 * beam.intervals, beam, (-upper, upper))


@dataclass(frozen=True)
class CartPole:
    """Swing-up of a pole on a cart: `intervals` of length `step`, masses kg, length m, gravity m/s^2."""

    intervals: int
    step: float
    cart_mass: float = 1.0
    pole_mass: float = 0.3
    length: float = 0.5
    gravity: float = 9.81


def cart_pole(n: int) -> Case:
    """Trapezoidal collocation of the swing-up; x = (position, angle, velocity, rate, force), n / 5 nodes each.

    Source: Kelly (2017), An introduction to trajectory optimization, section 6.
    """
    nodes = n // 5
    duration, distance, largest_distance, largest_force = 2.0, 1.0, 2.0, 20.0
    ramp = np.linspace(0.0, 1.0, nodes)
    rest = np.zeros(nodes)
    start = np.concatenate([distance * ramp, np.pi * ramp, rest, rest, rest])
    upper = np.stack([np.full(nodes, bound) for bound in (largest_distance, np.inf, np.inf, np.inf, largest_force)])
    lower = -upper
    # Both ends are known: bounds that meet, as a user of a solver would say it.
    lower[:4, 0] = upper[:4, 0] = 0.0
    lower[:4, -1] = upper[:4, -1] = [distance, np.pi, 0.0, 0.0]
    numbers = CartPole(nodes - 1, duration / (nodes - 1))
    return equality_case("cart_pole", n, start, 4 * (nodes - 1), numbers, (lower.ravel(), upper.ravel()))


@dataclass(frozen=True)
class EllipticControl:
    """Grid of side x side inner points at distance `spacing`, target state (side, side), weight of the control."""

    side: int
    spacing: float
    target: np.ndarray
    weight: float


def elliptic_control(n: int) -> Case:
    """Distributed control of -laplace(y) + y^3 = u on the unit square; x = (y, u), n / 2 grid points each.

    Source: the model problem of Hinze, Pinnau, Ulbrich, Ulbrich (2009), Optimization with PDE constraints.
    """
    side = round(np.sqrt(n / 2))
    spacing = 1.0 / (side + 1)
    grid = spacing * np.arange(1, side + 1)
    target = 1.0 + 2.0 * np.outer(np.sin(np.pi * grid), np.sin(2 * np.pi * grid))
    numbers = EllipticControl(side, spacing, target, 1e-3)
    points = side * side
    bounds = (np.repeat([-np.inf, -30.0], points), np.repeat([np.inf, 30.0], points))
    return equality_case("elliptic_control", 2 * points, np.zeros(2 * points), points, numbers, bounds)


@dataclass(frozen=True)
class TanhNetwork:
    """Regression by one hidden layer: inputs (samples, features), targets (samples,)."""

    inputs: np.ndarray
    targets: np.ndarray
    hidden: int


def tanh_network(n: int) -> Case:
    """Fit of a tanh network whose hidden weight rows have unit norm; x = (weights, biases, output weights)."""
    hidden, samples = 16, 500
    features = n // hidden - 2
    random = np.random.default_rng(0)
    inputs = random.standard_normal((samples, features))
    targets = np.sin(inputs[:, 0]) + 0.5 * inputs[:, 1] * inputs[:, 2]
    weights = random.standard_normal((hidden, features))
    weights /= np.linalg.norm(weights, axis=1, keepdims=True)
    start = np.concatenate([weights.ravel(), np.zeros(hidden), 0.1 * random.standard_normal(hidden)])
    return equality_case("tanh_network", n, start, hidden, TanhNetwork(inputs, targets, hidden))

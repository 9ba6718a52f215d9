"""The cases in CasADi, vectorised: a Case and a symbol class (SX or MX) in, (x, f, g) expressions out."""

from __future__ import annotations

from typing import Any

import casadi
import numpy as np

from benchmarks.cases import Case

Expressions = tuple[Any, Any, Any]


def chained_rosenbrock(case: Case, symbol) -> Expressions:
    """Constraint k couples x[k], x[k+1], x[k+2]."""
    x = symbol.sym("x", case.n)
    f = casadi.sum1(100 * (x[:-1] ** 2 - x[1:]) ** 2 + (x[:-1] - 1) ** 2)
    a, b, c = x[:-2], x[1:-1], x[2:]
    g = 3 * b**3 + 2 * c - 5 + casadi.sin(b - c) * casadi.sin(b + c) + 4 * b - a * casadi.exp(a - b) - 3
    return x, f, g


def clnlbeam(case: Case, symbol) -> Expressions:
    """Trapezoidal rule for x' = sin t, t' = u."""
    step, alpha, nodes = case.numbers.step, case.numbers.alpha, case.numbers.intervals + 1
    z = symbol.sym("z", case.n)
    t, x, u = casadi.vertsplit(z, nodes)
    cosine, sine = casadi.cos(t), casadi.sin(t)
    f = 0.5 * step * casadi.sum1(u[1:] ** 2 + u[:-1] ** 2 + alpha * (cosine[1:] + cosine[:-1]))
    bend = x[1:] - x[:-1] - 0.5 * step * (sine[1:] + sine[:-1])
    turn = t[1:] - t[:-1] - 0.5 * step * (u[1:] + u[:-1])
    return z, f, casadi.vertcat(bend, turn)


def cart_pole(case: Case, symbol) -> Expressions:
    """Trapezoidal rule for the four states."""
    pole = case.numbers
    z = symbol.sym("z", case.n)
    position, angle, velocity, rate, force = casadi.vertsplit(z, pole.intervals + 1)
    sine, cosine = casadi.sin(angle), casadi.cos(angle)
    mass = pole.cart_mass + pole.pole_mass * (1 - cosine**2)
    swing = pole.length * pole.pole_mass * sine * rate**2
    acceleration = (swing + force + pole.pole_mass * pole.gravity * cosine * sine) / mass
    total = pole.cart_mass + pole.pole_mass
    turning = -(swing * cosine + force * cosine + total * pole.gravity * sine) / (pole.length * mass)
    f = 0.5 * pole.step * casadi.sum1(force[1:] ** 2 + force[:-1] ** 2)
    pairs = ((position, velocity), (angle, rate), (velocity, acceleration), (rate, turning))
    rows = [s[1:] - s[:-1] - 0.5 * pole.step * (r[1:] + r[:-1]) for s, r in pairs]
    return z, f, casadi.vertcat(*rows)


def elliptic_control(case: Case, symbol) -> Expressions:
    """Five-point Laplacian as a sparse matrix; CasADi stores columns first, hence the vectors stay flat."""
    grid = case.numbers
    points = grid.side**2
    z = symbol.sym("z", case.n)
    y, u = casadi.vertsplit(z, points)
    f = 0.5 * grid.spacing**2 * (casadi.sumsqr(y - grid.target.ravel()) + grid.weight * casadi.sumsqr(u))
    ones = np.ones(grid.side)
    band = casadi.DM(casadi.Sparsity.banded(grid.side, 1), 1.0) - casadi.DM.eye(grid.side)
    eye = casadi.diag(casadi.DM(ones))
    neighbors = casadi.kron(band, eye) + casadi.kron(eye, band)
    laplace = casadi.mtimes(neighbors - 4 * casadi.DM.eye(points), y)
    return z, f, -laplace + grid.spacing**2 * (y**3 - u)


def tanh_network(case: Case, symbol) -> Expressions:
    """Mean squared error; every weight row has unit norm."""
    data = case.numbers
    samples, features = data.inputs.shape
    z = symbol.sym("z", case.n)
    flat, biases, outputs = casadi.vertsplit(z, [0, data.hidden * features, data.hidden * (features + 1), case.n])
    # Reshape fills columns first: the transposed weights, one column per hidden unit.
    weights = casadi.reshape(flat, features, data.hidden)
    hidden = casadi.tanh(casadi.mtimes(casadi.DM(data.inputs), weights) + casadi.repmat(biases.T, samples, 1))
    f = casadi.sumsqr(casadi.mtimes(hidden, outputs) - data.targets) / samples
    return z, f, casadi.sum1(weights**2).T - 1


DECLARATIONS = {
    f.__name__: f for f in (chained_rosenbrock, clnlbeam, cart_pole, elliptic_control, tanh_network)
}


def declare(case: Case, symbol) -> Expressions:
    """Variables, objective and constraints of a case as CasADi expressions of class `symbol`."""
    return DECLARATIONS[case.family](case, symbol)

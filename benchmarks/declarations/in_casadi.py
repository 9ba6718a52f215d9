"""Declare the cases in CasADi, vectorised, as SX or MX expressions.

Variables and rows are in the order of lagrad_problems: containers sorted by name, arrays by rows. CasADi
fills matrices by columns, hence the transposed shapes.
"""

from __future__ import annotations

from typing import Any

import casadi
import numpy as np
import scipy.sparse as sp

from benchmarks.cases import Case

Expressions = tuple[Any, Any, Any]


def incidence(rows: int, positions: np.ndarray) -> casadi.DM:
    """Constant matrix that adds entry k of a vector to row positions[k]; positions >= rows are left out."""
    inside = np.flatnonzero(positions < rows)
    shape = (rows, positions.size)
    return casadi.DM(sp.csc_matrix((np.ones(inside.size), (positions[inside], inside)), shape=shape))


def chained_rosenbrock(case: Case, symbol) -> Expressions:
    """Constraint k couples x[k], x[k+1], x[k+2]."""
    x = symbol.sym("x", case.n)
    f = casadi.sum1(100 * (x[:-1] ** 2 - x[1:]) ** 2 + (x[:-1] - 1) ** 2)
    a, b, c = x[:-2], x[1:-1], x[2:]
    g = 3 * b**3 + 2 * c - 8 + casadi.sin(b - c) * casadi.sin(b + c) + 4 * b - a * casadi.exp(a - b)
    return x, f, g


def clnlbeam(case: Case, symbol) -> Expressions:
    """Trapezoidal rule for x' = sin t, t' = u."""
    beam = case.numbers
    z = symbol.sym("z", case.n)
    t, u, x = casadi.vertsplit(z, beam.intervals + 1)

    def mean(values):
        return 0.5 * (values[1:] + values[:-1])

    f = beam.step * casadi.sum1(mean(u**2 + beam.stiffness * casadi.cos(t)))
    deflection = x[1:] - x[:-1] - beam.step * mean(casadi.sin(t))
    return z, f, casadi.vertcat(deflection, t[1:] - t[:-1] - beam.step * mean(u))


def cart_pole(case: Case, symbol) -> Expressions:
    """Trapezoidal rule for the four states."""
    cart = case.numbers
    nodes = cart.intervals + 1
    z = symbol.sym("z", case.n)
    force, flat = casadi.vertsplit(z, [0, nodes, 5 * nodes])
    position, angle, velocity, spin = casadi.vertsplit(
        casadi.reshape(flat, 4, nodes).T.reshape((-1, 1)), nodes
    )
    sine, cosine = casadi.sin(angle), casadi.cos(angle)
    swing = cart.pole * cart.length * sine * spin**2
    mass = cart.cart + cart.pole * (1 - cosine**2)
    acceleration = (swing + force + cart.pole * cart.gravity * cosine * sine) / mass
    weight = (cart.cart + cart.pole) * cart.gravity * sine
    torque = -(swing * cosine + force * cosine + weight) / (cart.length * mass)
    f = 0.5 * cart.step * casadi.sum1(force[1:] ** 2 + force[:-1] ** 2)
    pairs = ((position, velocity), (angle, spin), (velocity, acceleration), (spin, torque))
    rows = [s[1:] - s[:-1] - 0.5 * cart.step * (r[1:] + r[:-1]) for s, r in pairs]
    return z, f, casadi.vec(casadi.horzcat(*rows).T)


def elliptic_control(case: Case, symbol) -> Expressions:
    """Five-point Laplacian as a constant sparse matrix."""
    grid = case.numbers
    points = grid.grid**2
    z = symbol.sym("z", case.n)
    u, y = casadi.vertsplit(z, points)
    f = 0.5 * grid.spacing**2 * (casadi.sumsqr(y - grid.target.ravel()) + grid.weight * casadi.sumsqr(u))
    line = sp.diags_array([-1.0, 2.0, -1.0], offsets=[-1, 0, 1], shape=(grid.grid, grid.grid))
    eye = sp.eye_array(grid.grid)
    laplace = casadi.DM(sp.csc_matrix(sp.kron(line, eye) + sp.kron(eye, line)))
    return z, f, casadi.mtimes(laplace, y) + grid.spacing**2 * (y**3 - u)


def tanh_network(case: Case, symbol) -> Expressions:
    """Mean squared error and penalty; every weight row has unit norm."""
    network = case.numbers
    samples, inputs = network.inputs.shape
    z = symbol.sym("z", case.n)
    bias, output, flat = casadi.vertsplit(z, [0, network.units, 2 * network.units, case.n])
    weights = casadi.reshape(flat, inputs, network.units)
    hidden = casadi.tanh(
        casadi.mtimes(casadi.DM(network.inputs), weights) + casadi.repmat(bias.T, samples, 1)
    )
    f = casadi.sumsqr(casadi.mtimes(hidden, output) - network.targets) / samples
    f += 1e-3 * (casadi.sumsqr(output) + casadi.sumsqr(bias))
    return z, f, casadi.sum1(weights**2).T


def gather_network(case: Case, symbol) -> Expressions:
    """Gathers by index, sums by a constant incidence matrix."""
    graph = case.numbers
    x = symbol.sym("x", case.n)
    difference = x[graph.tail.tolist()] - x[graph.head.tolist()]
    f = casadi.sum1(graph.weight * (1 - casadi.cos(difference - graph.angle))) + 0.05 * casadi.sumsqr(
        x - graph.target
    )
    flow = graph.weight * casadi.sin(difference)
    out, into = (incidence(case.m, graph.meter[ends]) for ends in (graph.tail, graph.head))
    return x, f, casadi.mtimes(out - into, flow)


def acopf(case: Case, symbol) -> Expressions:
    """Rows in the order reference, balance, flow, angle, thermal, piecewise."""
    grid = case.numbers
    buses, gens, branches = grid.load_p.size, grid.gen_bus.size, grid.from_bus.size
    kinks = grid.costs.piecewise.size
    z = symbol.sym("z", case.n)
    sizes = [kinks, branches, gens, branches, branches, gens, branches, buses, buses]
    parts = casadi.vertsplit(z, np.concatenate([[0], np.cumsum(sizes)]).tolist())
    kinked, p_from, p_gen, p_to, q_from, q_gen, q_to, va, vm = parts
    start, end = grid.from_bus.tolist(), grid.to_bus.tolist()
    at_gen, at_from, at_to = (incidence(buses, p) for p in (grid.gen_bus, grid.from_bus, grid.to_bus))
    f = sum(
        casadi.dot(grid.costs.polynomial[:, power], p_gen**power)
        for power in range(1, grid.costs.polynomial.shape[1])
    )
    f = f + float(grid.costs.polynomial[:, 0].sum()) + casadi.sum1(kinked)

    def left_over(load, shunt, generated, at_start, at_end):
        inflow = (
            casadi.mtimes(at_gen, generated) - casadi.mtimes(at_from, at_start) - casadi.mtimes(at_to, at_end)
        )
        return inflow - load - shunt * vm**2

    vm_from, vm_to, difference = vm[start], vm[end], va[start] - va[end]
    along, across = vm_from * vm_to * casadi.cos(difference), vm_from * vm_to * casadi.sin(difference)
    own = (vm_from**2, vm_from**2, vm_to**2, vm_to**2)
    flows = [grid.square[k] * own[k] + grid.cosine[k] * along + grid.sine[k] * across for k in range(4)]
    # Flows are declared as p_from, q_from, p_to, q_to and come out sorted by name.
    made = [flows[k] - part for k, part in ((0, p_from), (2, p_to), (1, q_from), (3, q_to))]
    rated = np.flatnonzero(np.isfinite(grid.rate)).tolist()
    spread = np.flatnonzero(np.isfinite(grid.angle_lower) | np.isfinite(grid.angle_upper)).tolist()
    rows = [
        va[grid.reference.tolist()],
        left_over(grid.load_p, grid.shunt_g, p_gen, p_from, p_to),
        left_over(grid.load_q, -grid.shunt_b, q_gen, q_from, q_to),
        *made,
        difference[spread],
        p_from[rated] ** 2 + q_from[rated] ** 2,
        p_to[rated] ** 2 + q_to[rated] ** 2,
    ]
    if kinks:
        costs = grid.costs
        rows.append(kinked[costs.line_cost.tolist()] - costs.slope * p_gen[costs.line_gen.tolist()])
    return z, f, casadi.vertcat(*rows)


DECLARATIONS = {
    f.__name__: f
    for f in (chained_rosenbrock, clnlbeam, cart_pole, elliptic_control, tanh_network, gather_network, acopf)
}
DECLARATIONS["complex_acopf"] = acopf


def declare(case: Case, symbol) -> Expressions:
    """Variables, objective and constraints of a case as CasADi expressions of class `symbol`."""
    return DECLARATIONS[case.family](case, symbol)

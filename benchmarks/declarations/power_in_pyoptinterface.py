"""Declare AC optimal power flow in PyOptInterface."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pyoptinterface as poi
from pyoptinterface import nl

from benchmarks.cases import Case


def named(case: Case, z: list) -> dict[str, list]:
    """Variables by name; containers are sorted by name in the flat vector."""
    grid = case.numbers
    buses, gens, branches = grid.load_p.size, grid.gen_bus.size, grid.from_bus.size
    sizes = {"cost": grid.costs.piecewise.size, "p_from": branches, "p_gen": gens, "p_to": branches}
    sizes |= {"q_from": branches, "q_gen": gens, "q_to": branches, "va": buses, "vm": buses}
    stream = iter(z)
    return {name: list(islice(stream, size)) for name, size in sizes.items()}


def add_flows(grid, x: dict[str, list], model) -> None:
    """Four rows a branch in one graph; only sine and cosine are shared, sums and products are not."""
    square, cosine, sine = grid.square.T.tolist(), grid.cosine.T.tolist(), grid.sine.T.tolist()
    for k, (i, j) in enumerate(zip(grid.from_bus.tolist(), grid.to_bus.tolist(), strict=True)):
        vm_i, vm_j = x["vm"][i], x["vm"][j]
        flows = (x["p_from"][k], x["q_from"][k], x["p_to"][k], x["q_to"][k])
        with nl.graph():
            along, across = nl.cos(x["va"][i] - x["va"][j]), nl.sin(x["va"][i] - x["va"][j])
            for row, (flow, own) in enumerate(zip(flows, (vm_i, vm_i, vm_j, vm_j), strict=True)):
                made = square[k][row] * (own * own) + cosine[k][row] * (vm_i * vm_j * along)
                model.add_nl_constraint(made + sine[k][row] * (vm_i * vm_j * across) - flow, poi.Eq, 0.0)


def add_balance(grid, x: dict[str, list], model, letter: str, load, shunt) -> None:
    """One row a bus: quadratic where there is a shunt, else linear."""
    rows = [poi.ExprBuilder() for _ in range(load.size)]
    for bus, power in zip(grid.gen_bus.tolist(), x[f"{letter}_gen"], strict=True):
        rows[bus] += power
    for end in ("from", "to"):
        for bus, power in zip(getattr(grid, f"{end}_bus").tolist(), x[f"{letter}_{end}"], strict=True):
            rows[bus] -= power
    for row, voltage, demand, admittance in zip(rows, x["vm"], load.tolist(), shunt.tolist(), strict=True):
        if admittance:
            row -= admittance * (voltage * voltage)
            model.add_quadratic_constraint(row, poi.Eq, demand)
        else:
            model.add_linear_constraint(row, poi.Eq, demand)


def add_limits(grid, x: dict[str, list], model) -> None:
    """Reference angles, angle differences and thermal limits."""
    for bus in grid.reference.tolist():
        model.add_linear_constraint(1.0 * x["va"][bus], poi.Eq, 0.0)
    limits = zip(
        grid.from_bus.tolist(),
        grid.to_bus.tolist(),
        grid.angle_lower.tolist(),
        grid.angle_upper.tolist(),
        strict=True,
    )
    for i, j, lower, upper in limits:
        if np.isfinite(lower) or np.isfinite(upper):
            model.add_linear_constraint(x["va"][i] - x["va"][j], (lower, upper))
    for end in ("from", "to"):
        for p, q, rate in zip(x[f"p_{end}"], x[f"q_{end}"], grid.rate.tolist(), strict=True):
            if np.isfinite(rate):
                model.add_quadratic_constraint(p * p + q * q, poi.Leq, rate**2)


def add_cost(grid, x: dict[str, list], model) -> None:
    """Quadratic cost of the generators; straight lines below the piecewise ones."""
    polynomial = grid.costs.polynomial
    if polynomial.shape[1] > 3:
        raise ValueError(
            f"acopf in PyOptInterface: cost of degree {polynomial.shape[1] - 1}, expected at most 2."
        )
    total = poi.ExprBuilder()
    total += float(polynomial[:, 0].sum())
    for p, coefficients in zip(x["p_gen"], polynomial.tolist(), strict=True):
        total += sum(
            (c * term for c, term in zip(coefficients[2:], [p * p], strict=False)), coefficients[1] * p
        )
    for cost in x["cost"]:
        total += cost
    model.set_objective(total)
    lines = zip(
        grid.costs.line_cost, grid.costs.line_gen, grid.costs.slope, grid.costs.intercept, strict=True
    )
    for cost, gen, slope, intercept in lines:
        row = x["cost"][cost] - float(slope) * x["p_gen"][gen]
        model.add_linear_constraint(row, poi.Geq, float(intercept))


def acopf(case: Case, model, z: list) -> None:
    """Declare everything; `z` are the model's variables in flat order."""
    grid, x = case.numbers, named(case, z)
    add_limits(grid, x, model)
    add_balance(grid, x, model, "p", grid.load_p, grid.shunt_g)
    add_balance(grid, x, model, "q", grid.load_q, -grid.shunt_b)
    add_flows(grid, x, model)
    add_cost(grid, x, model)

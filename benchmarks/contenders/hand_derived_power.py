"""Give derivatives of AC optimal power flow, derived by hand.

With d = va_i - va_j each flow of a branch is F_k = s_k own^2 + vm_i vm_j A_k less a variable, where
A_k = c_k cos d + n_k sin d, B_k = dA_k/dd = n_k cos d - c_k sin d and dB_k/dd = -A_k.
"""

from __future__ import annotations

from types import SimpleNamespace

import jax.numpy as jnp
import numpy as np

from benchmarks.cases import Case
from benchmarks.contenders.hand_derived import HandDerived, Staged, stacked

# Rows of the flow block are sorted by name, p_from, p_to, q_from, q_to; coefficients begin p_from, q_from.
SORTED_FLOWS = (0, 2, 1, 3)


def layout(case: Case) -> SimpleNamespace:
    """Positions of every block of variables and of rows, and the branches that have limits."""
    grid = case.numbers
    buses, gens, branches = grid.load_p.size, grid.gen_bus.size, grid.from_bus.size
    rated = np.flatnonzero(np.isfinite(grid.rate))
    spread = np.flatnonzero(np.isfinite(grid.angle_lower) | np.isfinite(grid.angle_upper))
    variables = {"cost": grid.costs.piecewise.size, "p_from": branches, "p_gen": gens, "p_to": branches}
    variables |= {"q_from": branches, "q_gen": gens, "q_to": branches, "va": buses, "vm": buses}
    rows = {"reference": grid.reference.size, "balance_p": buses, "balance_q": buses, "flow": 4 * branches}
    rows |= {"angle": spread.size, "thermal": 2 * rated.size, "piecewise": grid.costs.slope.size}
    return SimpleNamespace(rated=rated, spread=spread, x=positions(variables), row=positions(rows))


def positions(sizes: dict[str, int]) -> SimpleNamespace:
    """Index arrays of consecutive blocks."""
    ends = np.cumsum(list(sizes.values()))
    blocks = zip(sizes.items(), ends, strict=True)
    return SimpleNamespace(**{name: np.arange(end - size, end) for (name, size), end in blocks})


def constant_entries(case: Case, at: SimpleNamespace) -> tuple[tuple[np.ndarray, np.ndarray], np.ndarray]:
    """Structure and values of the linear part of J."""
    grid, x, row = case.numbers, at.x, at.row
    ends = (grid.from_bus, grid.to_bus)
    flows = (x.p_from, x.p_to, x.q_from, x.q_to)
    lines = grid.costs
    blocks = [
        (1.0, row.reference, x.va[grid.reference]),
        (1.0, row.balance_p[grid.gen_bus], x.p_gen),
        (1.0, row.balance_q[grid.gen_bus], x.q_gen),
        *((-1.0, row.balance_p[end], flow) for end, flow in zip(ends, (x.p_from, x.p_to), strict=True)),
        *((-1.0, row.balance_q[end], flow) for end, flow in zip(ends, (x.q_from, x.q_to), strict=True)),
        (-1.0, row.flow, np.concatenate(flows)),
        (1.0, row.angle, x.va[grid.from_bus[at.spread]]),
        (-1.0, row.angle, x.va[grid.to_bus[at.spread]]),
        (1.0, row.piecewise, x.cost[lines.line_cost]),
        (-lines.slope, row.piecewise, x.p_gen[lines.line_gen]),
    ]
    values = [np.broadcast_to(value, rows.shape) for value, rows, _ in blocks]
    return stacked(*((rows, cols) for _, rows, cols in blocks)), np.concatenate(values)


def part(z, block: np.ndarray):
    """The entries of a block of consecutive positions."""
    return z[block[0] : block[-1] + 1]


def costly(case: Case, at: SimpleNamespace, z) -> tuple:
    """Voltages at both ends of every branch, cosine and sine of its angle: all that is gathered or costs."""
    start, end = case.numbers.from_bus, case.numbers.to_bus
    vm, va = part(z, at.x.vm), part(z, at.x.va)
    difference = va[start] - va[end]
    return (jnp.stack([vm[start], vm[end], jnp.cos(difference), jnp.sin(difference)]),)


def jacobian_of(case: Case, at: SimpleNamespace):
    """Structure of J and its values: constant part, shunts, thermal limits, flows."""
    grid, x, row = case.numbers, at.x, at.row
    linear, constant = constant_entries(case, at)
    start, end = grid.from_bus, grid.to_bus
    square, cosine, sine = (flows[list(SORTED_FLOWS)] for flows in (grid.square, grid.cosine, grid.sine))
    # Which voltage's square stands in p_from, p_to, q_from, q_to.
    at_start, at_end = np.array([[1.0], [0], [1], [0]]), np.array([[0.0], [1], [0], [1]])
    own_i, own_j = 2 * at_start * square, 2 * at_end * square
    shunts = -2 * np.stack([grid.shunt_g, -grid.shunt_b])
    thermal = np.stack([x.p_from[at.rated], x.p_to[at.rated], x.q_from[at.rated], x.q_to[at.rated]])

    def slopes(gathered, z):
        vm_i, vm_j, c, s = gathered[0]
        a, b = cosine * c + sine * s, (sine * c - cosine * s) * (vm_i * vm_j)
        flows = jnp.stack([vm_j * a + own_i * vm_i, vm_i * a + own_j * vm_j, b, -b])
        parts = [shunts * part(z, x.vm), 2 * z[thermal], flows]
        return jnp.concatenate([values.ravel() for values in parts])

    flow_rows = row.flow.reshape(4, -1)
    from_rows, to_rows = row.thermal.reshape(2, -1)
    structure = stacked(
        linear,
        (row.balance_p, x.vm),
        (row.balance_q, x.vm),
        (np.stack([from_rows, to_rows, from_rows, to_rows]), thermal),
        *((flow_rows, cols) for cols in (x.vm[start], x.vm[end], x.va[start], x.va[end])),
    )
    return structure, Staged(lambda z: costly(case, at, z), slopes, constant)


def hessian_of(case: Case, at: SimpleNamespace):
    """Structure of H's triangle and its values, repeated entries to be summed."""
    grid, x, row = case.numbers, at.x, at.row
    start, end = grid.from_bus, grid.to_bus
    square, cosine, sine = (flows[list(SORTED_FLOWS)] for flows in (grid.square, grid.cosine, grid.sine))
    polynomial = grid.costs.polynomial
    powers = np.arange(2, polynomial.shape[1])
    curvature = polynomial[:, 2:] * (powers * (powers - 1))

    def curvatures(gathered, z, multipliers, weight):
        vm_i, vm_j, c, s = gathered[0]
        of_flow, p_gen = part(multipliers, row.flow).reshape(4, -1), part(z, x.p_gen)
        own = 2 * square * of_flow
        along, across = jnp.sum(cosine * of_flow, axis=0), jnp.sum(sine * of_flow, axis=0)
        a, b = along * c + across * s, across * c - along * s
        turning, i, j = vm_i * vm_j * a, vm_j * b, vm_i * b
        blocks = [own[0] + own[2], own[1] + own[3], a, i, -i, j, -j, -turning, -turning, turning]
        of_p, of_q = part(multipliers, row.balance_p), part(multipliers, row.balance_q)
        shunts = 2 * (grid.shunt_b * of_q - grid.shunt_g * of_p)
        costs = weight * sum(curvature[:, k] * p_gen**k for k in range(curvature.shape[1]))
        of_limit = 2 * multipliers[row.thermal]
        flat = [jnp.stack(blocks).ravel(), shunts, costs + jnp.zeros_like(p_gen), of_limit, of_limit]
        return jnp.concatenate(flat)

    vm_i, vm_j, va_i, va_j = x.vm[start], x.vm[end], x.va[start], x.va[end]
    pairs = [(vm_i, vm_i), (vm_j, vm_j), (vm_i, vm_j), (vm_i, va_i), (vm_i, va_j), (vm_j, va_i), (vm_j, va_j)]
    pairs += [(va_i, va_i), (va_j, va_j), (va_i, va_j)]
    diagonal = [x.vm, x.p_gen, *(flows[at.rated] for flows in (x.p_from, x.p_to, x.q_from, x.q_to))]
    rows, cols = stacked(*pairs, *((k, k) for k in diagonal))
    return (np.maximum(rows, cols), np.minimum(rows, cols)), Staged(
        lambda z, *_: costly(case, at, z), curvatures
    )


def acopf(case: Case) -> HandDerived:
    """Sine and cosine once a branch; everything else is products and static places."""
    at = layout(case)
    return HandDerived(*jacobian_of(case, at), *hessian_of(case, at))

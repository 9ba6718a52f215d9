"""Two problems solved by IPOPT and told in full: AC optimal power flow of a network, then a textbook problem.

    python examples/opf_demo.py                 a network of 1000 buses, made on the spot
    python examples/opf_demo.py network.m       the network of a MATPOWER file

The least cost at which generators can supply a power network is found subject to the physics of alternating
current at every bus and the limits of every line. The second problem shows how little there is to declare.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping

import numpy as np

import lagrad
from lagrad.display.text import duration, table
from lagrad_problems import opf

SETTING_UP, SOLVING = ("trace", "structure", "coloring", "compile"), ("callbacks", "solver")


def main() -> int:
    """Solve both problems; exit status 0 if both were solved."""
    chosen = argparse.ArgumentParser(description="Optimal power flow, then Hock-Schittkowski 71, with IPOPT.")
    chosen.add_argument("network", nargs="?", help="a MATPOWER file; a network is made up if there is none")
    chosen.add_argument(
        "--buses", type=int, default=1000, help="of the made-up network (default %(default)s)"
    )
    arguments = chosen.parse_args()
    outcomes = [power_flow(arguments.network, arguments.buses), textbook()]
    return 0 if all(outcome.success for outcome in outcomes) else 1


def power_flow(path: str | None, buses: int) -> lagrad.Solution:
    """The cheapest operation of a power network."""
    network = opf.network(opf.read(path)) if path else opf.synthetic(buses)
    counts = f"{network.buses} buses, {network.gens} generators, {network.branches} branches"
    solution = tell(f"AC optimal power flow, {network.name}: {counts}", opf.opf_problem(network))
    power = network.base_mva * float(np.sum(solution.x["p_gen"]))
    magnitudes = solution.x["vm"]
    print(f"cost {solution.objective:,.2f} an hour for {power:,.1f} MW of power;", end=" ")
    print(f"voltages between {magnitudes.min():.3f} and {magnitudes.max():.3f}")
    prices = np.abs(solution.multipliers["balance"]["p"]) / network.base_mva
    print(f"one more MW costs between {prices.min():.2f} and {prices.max():.2f} an hour, depending on where")
    return solution


def textbook() -> lagrad.Solution:
    """Problem 71 of W. Hock and K. Schittkowski, Test Examples for Nonlinear Programming Codes (1981)."""
    problem = lagrad.Problem(
        objective=lambda x: x[0] * x[3] * (x[0] + x[1] + x[2]) + x[2],
        x0=[1.0, 5.0, 5.0, 1.0],
        constraints={
            "product": lagrad.Inequality(lambda x: x.prod(), lower=25.0),
            "sphere": lagrad.Equality(lambda x: x @ x, 40.0),
        },
        bounds=(1.0, 5.0),
        name="Hock-Schittkowski 71",
    )
    solution = tell("Hock-Schittkowski 71", problem)
    print(
        "x =",
        np.round(solution.x, 6),
        "  multipliers:",
        *(f"{k} {v:.6f}" for k, v in solution.multipliers.items()),
    )
    return solution


def tell(title: str, problem: lagrad.Problem) -> lagrad.Solution:
    """Differentiate and solve a problem, and print what was found on the way."""
    print(f"\n{title}\n{'=' * len(title)}")
    derivatives = lagrad.differentiate(problem)
    print(derivatives.report())
    print(patterns(derivatives))
    solution = lagrad.solve(derivatives)
    print(f"\nConvergence with Ipopt {solution.versions['ipopt']}:")
    print(solution.history.table(12))
    print(f"\n{solution}\n\nWhere the time went:")
    print(spent(derivatives.timings, solution.timings))
    print()
    return solution


def patterns(derivatives: lagrad.Derivatives) -> str:
    """What plain coloring would need, and how the Hessian looks."""
    jacobian, hessian = derivatives.jacobian_pattern, derivatives.hessian_pattern
    columns, star = lagrad.color_columns(jacobian).num_colors, lagrad.color_symmetric(hessian).num_colors
    return "\n".join(
        [
            f"colors by coloring alone: {columns} for the Jacobian's columns, {star} for the Hessian",
            "\nHessian of the Lagrangian:",
            hessian.spy(width=48, height=20),
        ]
    )


def spent(setting_up: Mapping[str, float], solving: Mapping[str, float]) -> str:
    """Seconds and share of each stage."""
    stages = {stage: setting_up.get(stage, 0.0) for stage in SETTING_UP}
    stages |= {stage: solving.get(stage, 0.0) for stage in SOLVING}
    total = sum(stages.values())
    rows = [
        {"stage": stage, "time": duration(seconds), "share": f"{seconds / total:.0%}"}
        for stage, seconds in stages.items()
    ]
    return table(rows)


if __name__ == "__main__":
    sys.exit(main())

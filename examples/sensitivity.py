"""How the best portfolio moves with what is expected: a solution is differentiated like any JAX function.

    python examples/sensitivity.py                 prints slopes and a check against solving again
    python examples/sensitivity.py --picture       also writes sensitivity.png (needs Matplotlib)

Weights w >= 0 that add up to one make w'C w / 2 - r mu'w smallest. The params are the expected returns mu and
the appetite for risk r. Then r is fitted by Newton's method through the solver, so that the portfolio has a
wanted volatility.
"""

from __future__ import annotations

import argparse

import jax
import jax.numpy as jnp
import numpy as np

import lagrad
from lagrad.sensitivity import SolutionMap

RETURNS = np.array([0.02, 0.05, 0.07, 0.09, 0.12])
DEVIATIONS = np.array([0.01, 0.08, 0.12, 0.18, 0.30])
COVARIANCE = np.outer(DEVIATIONS, DEVIATIONS) * (0.25 + 0.75 * np.eye(5))


def portfolio() -> SolutionMap:
    """The map from returns and appetite to the best weights."""
    problem = lagrad.Problem(
        lambda w, p: 50.0 * w @ COVARIANCE @ w - 100.0 * p["appetite"] * p["returns"] @ w,
        np.full(5, 0.2),
        {"invested": lagrad.Equality(lambda w, p: jnp.sum(w), 1.0)},
        bounds=(0.0, None),
        params={"returns": RETURNS, "appetite": 0.3},
        name="portfolio",
    )
    return lagrad.solution_map(problem, tol=1e-10)


def slopes(weights, params) -> np.ndarray:
    """dw/dmu, shape (5, 5), with its check printed: one factorisation against ten solves."""
    slope = jax.jacobian(weights)(params)["returns"]
    step = 1e-6
    moved = [
        (
            weights(params | {"returns": RETURNS + step * unit})
            - weights(params | {"returns": RETURNS - step * unit})
        )
        / (2 * step)
        for unit in np.eye(5)
    ]
    print("how weights (rows) move with expected returns (columns), per percent:")
    print(np.array2string(0.01 * np.asarray(slope), precision=3, suppress_small=True))
    print(f"largest difference to solving again: {np.abs(slope - np.stack(moved, 1)).max():.1e}")
    return slope


def fit_appetite(weights, wanted: float = 0.1, steps: int = 12) -> float:
    """The appetite for risk whose portfolio has a wanted volatility, by Newton's method."""

    def excess(appetite):
        w = weights({"returns": RETURNS, "appetite": appetite})
        return jnp.sqrt(w @ COVARIANCE @ w) - wanted

    appetite = 0.3
    for _ in range(steps):
        value, slope = jax.value_and_grad(excess)(appetite)
        if abs(value) < 1e-9:
            break
        appetite = float(appetite - value / slope)
    print(f"volatility {wanted:.0%} needs an appetite of {appetite:.4f}, off by {float(value):.0e}")
    return appetite


def picture(weights) -> None:
    """Weights over appetite, kinks where an asset enters or leaves."""
    appetites = np.linspace(0.02, 1.0, 60)
    found = jax.vmap(lambda a: weights({"returns": RETURNS, "appetite": a}))(appetites)
    [panel] = lagrad.plot.trajectory({"weight": np.asarray(found)}, time=appetites)
    panel.set(xlabel="appetite for risk", title="assets enter and leave one by one")
    panel.figure.savefig("sensitivity.png")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description="Differentiate the best portfolio by its params.")
    parser.add_argument("--picture", action="store_true", help="write sensitivity.png")
    chosen = parser.parse_args()
    jax.config.update("jax_enable_x64", True)
    weights = portfolio()
    slopes(weights, {"returns": RETURNS, "appetite": 0.3})
    fit_appetite(weights)
    if chosen.picture:
        picture(weights)


if __name__ == "__main__":
    main()

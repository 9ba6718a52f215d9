"""Put gradients inside constraints: a motion that keeps Hamilton's equations at every step.

A chain of masses on stiffening springs is to come to rest in given time with the least push. The force is
the gradient of the energy, written as one: nobody derives it by hand, and the Jacobian and Hessian that
the solver needs, second and third derivatives of the energy, stay sparse.

    python examples/nested_hamiltonian.py [steps]
"""

from __future__ import annotations

import sys

import jax
import jax.numpy as jnp
import numpy as np

import lagrad
from lagrad import nested

MASSES, STEP = 4, 0.1


def energy(q):
    """Springs to the neighbors and to the wall, stiffer the further they are pulled."""
    stretch = jnp.diff(q, prepend=0.0)
    return jnp.sum(stretch**2 / 2 + stretch**4 / 4)


def resting(steps: int) -> lagrad.Problem:
    """From a stretched chain to rest: symplectic Euler steps as equalities, pushes on the last mass free."""
    q0 = np.linspace(0.25, 1.0, MASSES)

    def motion(x):
        force = -jax.vmap(nested.grad(energy))(x["q"][:-1])
        force = force.at[:, -1].add(x["push"])
        return {
            "momentum": x["p"][1:] - x["p"][:-1] - STEP * force,
            "position": x["q"][1:] - x["q"][:-1] - STEP * x["p"][1:],
        }

    def ends(x):
        return {"start": jnp.stack([x["q"][0] - q0, x["p"][0]]), "rest": jnp.stack([x["q"][-1], x["p"][-1]])}

    start = {"q": np.tile(q0, (steps + 1, 1)), "p": np.zeros((steps + 1, MASSES)), "push": np.zeros(steps)}
    constraints = {"motion": lagrad.Equality(motion), "ends": lagrad.Equality(ends)}
    return lagrad.Problem(lambda x: STEP * jnp.sum(x["push"] ** 2), start, constraints, name="chain to rest")


def main() -> None:
    derivatives = lagrad.differentiate(resting(int(sys.argv[1]) if len(sys.argv) > 1 else 60))
    print(derivatives.report())
    solution = lagrad.solve(derivatives)
    print(f"{solution.status.name} after {solution.iterations} iterations, effort {solution.objective:.4f}")


if __name__ == "__main__":
    main()

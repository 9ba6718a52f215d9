"""Derivatives of a Problem by plain dense JAX, without lagrad's engine: an oracle, and a stand-in for it."""

import copy

import jax
import jax.numpy as jnp
import numpy as np

from lagrad.precision import float64


class DenseDerivatives:
    """The interface of lagrad's Derivatives, every pattern full."""

    def __init__(self, problem):
        self.problem, self.n, self.m = problem, problem.n, problem.m
        self.timings = {"trace": 0.0, "structure": 0.0, "coloring": 0.0, "compile": 0.0}
        self.jacobian_structure = tuple(part.ravel() for part in np.indices((self.m, self.n)))
        self.hessian_structure = np.tril_indices(self.n)

        def lagrangian(x, multipliers, weight, params):
            return weight * problem.flat_objective(x, params) + multipliers @ problem.flat_constraints(
                x, params
            )

        self._values = jax.jit(lambda x, p: (problem.flat_objective(x, p), problem.flat_constraints(x, p)))
        self._gradient = jax.jit(jax.grad(problem.flat_objective))
        self._jacobian = jax.jit(jax.jacrev(problem.flat_constraints))
        self._hessian = jax.jit(jax.hessian(lagrangian))

    def bind(self, params):
        bound = copy.copy(self)
        bound.problem = self.problem.replace(params=params)
        return bound

    def _call(self, function, x, params, *rest):
        params = self.problem.params if params is None else params
        with float64():
            return jax.tree.map(np.asarray, function(jnp.asarray(x), *rest, params))

    def values(self, x, params=None):
        f, c = self._call(self._values, x, params)
        return float(f), c

    def first_order(self, x, params=None):
        return self._call(self._gradient, x, params), self._call(self._jacobian, x, params).ravel()

    def hessian_values(self, x, multipliers, objective_weight=1.0, params=None):
        full = self._call(self._hessian, x, params, np.asarray(multipliers), float(objective_weight))
        return full[self.hessian_structure]

    def hvp(self, x, multipliers, vector, objective_weight=1.0, params=None):
        return self._call(self._hessian, x, params, np.asarray(multipliers), float(objective_weight)) @ vector

"""Give a problem's derivatives as pure JAX functions of (x, params) with static structure.

They may be jitted, batched over x and params, differentiated, sharded and exported. Nothing leaves the
device: what the compiled functions gather on the host is an index array in the program here. All matrices are
colored; seeds are pushed in chunks.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from lagrad.annotations import Pytree
from lagrad.coloring import Recovery, color_symmetric
from lagrad.compile import colored
from lagrad.compile.ad_modes import gradient, hessian_product
from lagrad.compile.colored import Sweeps
from lagrad.derivatives.candidates import jacobian_colorings
from lagrad.elements.remainder import everything
from lagrad.errors import ProblemError
from lagrad.pattern import SparsityPattern
from lagrad.precision import float64
from lagrad.problem.problem import Problem, problem_of
from lagrad.program.program import Program
from lagrad.program.steady import steadily, steady_function
from lagrad.program.trace import trace
from lagrad.sparsity.detect import detect

# Seeds that are pushed together.
TOGETHER = 256


@dataclass(frozen=True, eq=False)
class Traceable:
    """Pure JAX functions of a problem's values and derivatives.

    In every function x is a flat array of shape (n,), and `params` None for the problem's own or a pytree
    like them. JAX must be set to double precision where they are traced.

    Args:
        problem: n variables, m rows.
        program: its traced equations.
        jacobian_sweeps: compressed products of the Jacobian, and how entries are read from them.
        hessian_sweeps: the same of the Hessian's lower triangle.

    >>> problem = lagrad.Problem(lambda x, p: p * x[0] ** 2, [1.0], params=1.0)
    >>> with jax.enable_x64(True):
    ...     slopes = jax.vmap(traceable(problem).gradient)(np.ones((2, 1)), np.array([1.0, 3.0]))
    >>> slopes.tolist()
    [[2.0], [6.0]]
    """

    problem: Problem
    program: Program = field(repr=False)
    jacobian_sweeps: Sweeps = field(repr=False)
    hessian_sweeps: Sweeps = field(repr=False)

    @property
    def n(self) -> int:
        """Number of variables."""
        return self.problem.n

    @property
    def m(self) -> int:
        """Number of constraint rows."""
        return self.problem.m

    @cached_property
    def jacobian_structure(self) -> tuple[np.ndarray, np.ndarray]:
        """Row and column of each Jacobian value, no pair twice."""
        return self.jacobian_sweeps.rows, self.jacobian_sweeps.columns

    @cached_property
    def hessian_structure(self) -> tuple[np.ndarray, np.ndarray]:
        """Row and column of each Hessian value, row >= column, no pair twice."""
        return self.hessian_sweeps.rows, self.hessian_sweeps.columns

    def values(self, x: jax.Array, params: Pytree = None) -> tuple[jax.Array, jax.Array]:
        """Objective and constraint rows, (m,)."""
        f, c = self._run(params)(x)
        return jnp.reshape(f, ()), c

    def objective(self, x: jax.Array, params: Pytree = None) -> jax.Array:
        """Objective f(x)."""
        return self.values(x, params)[0]

    def constraints(self, x: jax.Array, params: Pytree = None) -> jax.Array:
        """Constraint rows c(x), (m,)."""
        return self.values(x, params)[1]

    def gradient(self, x: jax.Array, params: Pytree = None) -> jax.Array:
        """Gradient of the objective, (n,)."""
        run = self._run(params)
        return gradient(lambda x: jnp.reshape(run(x)[0], ()))(x)

    def jacobian_values(self, x: jax.Array, params: Pytree = None) -> jax.Array:
        """Entries of the Jacobian, in the order of `jacobian_structure`."""
        return entries(self.jacobian_sweeps, x, jnp.zeros(self.m + 1), self._leaves(params))

    def hessian_values(
        self,
        x: jax.Array,
        multipliers: ArrayLike | None = None,
        objective_weight: ArrayLike = 1.0,
        params: Pytree = None,
    ) -> jax.Array:
        """Entries of the Hessian of objective_weight f + multipliers c, in order of `hessian_structure`."""
        return entries(
            self.hessian_sweeps, x, self._weights(multipliers, objective_weight), self._leaves(params)
        )

    def hvp(
        self,
        x: jax.Array,
        multipliers: ArrayLike | None,
        vector: jax.Array,
        objective_weight: ArrayLike = 1.0,
        params: Pytree = None,
    ) -> jax.Array:
        """Product of the Lagrangian's Hessian with a vector, (n,)."""
        run, weights = self._run(params), self._weights(multipliers, objective_weight)

        def lagrangian(x: jax.Array):
            f, c = run(x)
            return weights[0] * jnp.reshape(f, ()) + weights[1:] @ c

        return hessian_product(lagrangian, x, vector)

    def jacobian(self, x: jax.Array, params: Pytree = None, dense: bool = False) -> Any:
        """Jacobian as a BCOO matrix of shape (m, n), or as a dense array."""
        found = matrix(self.jacobian_values(x, params), self.jacobian_structure, (self.m, self.n))
        return found.todense() if dense else found

    def hessian(
        self,
        x: jax.Array,
        multipliers: ArrayLike | None = None,
        objective_weight: ArrayLike = 1.0,
        params: Pytree = None,
        dense: bool = False,
    ) -> Any:
        """Lagrangian's Hessian, both triangles, as a BCOO matrix of shape (n, n), or as a dense array."""
        values, (low, high) = (
            self.hessian_values(x, multipliers, objective_weight, params),
            (self.hessian_structure),
        )
        off = np.flatnonzero(low != high)
        both = np.concatenate([low, high[off]]), np.concatenate([high, low[off]])
        found = matrix(jnp.concatenate([values, values[off]]), both, (self.n, self.n))
        return found.todense() if dense else found

    def _leaves(self, params: Pytree) -> list[jax.Array]:
        """Leaves of params as arrays of the declared kinds."""
        require_double()
        if params is None:
            params = self.problem.params
        leaves, declared = jax.tree.leaves(params), jax.tree.leaves(self.problem.params)
        return [jnp.asarray(leaf, own.dtype) for leaf, own in zip(leaves, declared, strict=True)]

    def _run(self, params: Pytree) -> Callable[..., Any]:
        """x -> (f, c)."""
        leaves, run = self._leaves(params), steady_function(self.program)
        return lambda x: run(x, *leaves)

    def _weights(self, multipliers: ArrayLike | None, objective_weight: ArrayLike) -> jax.Array:
        """Objective weight and multipliers as one array, (m + 1,)."""
        multipliers = jnp.zeros(self.m) if multipliers is None else multipliers
        return jnp.concatenate([jnp.reshape(objective_weight, (1,)), jnp.reshape(multipliers, (-1,))])


def traceable(problem: Any) -> Traceable:
    """Derivatives of a problem as pure JAX functions; nothing is compiled.

    Args:
        problem: a Problem, or its Derivatives.

    Returns:
        Traceable.

    Raises:
        ProblemError: no Problem.
        DerivativeError: a function cannot be traced.
    """
    declared = problem_of(problem)
    program = trace(declared) if declared is problem else problem.program
    outputs, arguments = everything(program), [program.avals[number] for number in program.inputs]
    with float64():
        found = detect(jax.make_jaxpr(outputs)(*arguments))
        rows = SparsityPattern.from_scipy(found.jacobian.to_scipy()[1:])
        jacobian, outputs = jacobian_colorings(rows, False)[0], steadily(outputs, program.closed)
        hessian = color_symmetric(found.hessian, method="star")
        return Traceable(
            declared,
            program,
            colored.jacobian(lambda x, *leaves: outputs(x, *leaves)[1:], jacobian, TOGETHER),
            colored.hessian(outputs, hessian, TOGETHER),
        )


def require_double() -> None:
    """Raise ProblemError unless JAX traces in double precision."""
    if jnp.result_type(float) != jnp.float64:
        raise ProblemError(
            "`derivatives.jax`: JAX is set to float32, expected double precision. Add "
            'jax.config.update("jax_enable_x64", True) at the top of your script.'
        )


def entries(sweeps: Sweeps, x: jax.Array, weights: jax.Array, leaves: list[Any]) -> jax.Array:
    """Values of the wanted entries, read from the products inside the program."""
    if not sweeps.rows.size:
        return jnp.zeros(0)
    products = sweeps.function(x, weights, *leaves)
    if sweeps.is_read:
        return products
    values = read(products, sweeps.plan)
    return values if sweeps.keep is None else values[sweeps.keep]


def read(products: jax.Array, plan: Recovery) -> jax.Array:
    """Values of the pattern's entries from the products; a gather, or one a round of substitution."""
    if plan.is_direct:
        return products.at[plan.slots].get(mode="promise_in_bounds")
    left, found = jnp.append(products, 0.0), []
    for begin, end in zip(plan.levels[:-1], plan.levels[1:], strict=True):
        found.append(left[plan.source[begin:end]])
        left = left.at[plan.target[begin:end]].add(-found[-1])
    values = jnp.concatenate(found)
    return values if plan.unknown is None else values[plan.unknown]


def matrix(values: jax.Array, places: tuple[np.ndarray, np.ndarray], shape: tuple[int, int]) -> Any:
    """A BCOO matrix of fixed triplets."""
    from jax.experimental.sparse import BCOO

    return BCOO((values, jnp.stack([jnp.asarray(each, jnp.int32) for each in places], axis=1)), shape=shape)

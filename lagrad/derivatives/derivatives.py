"""Evaluate a problem's compiled f, gradient, c, sparse Jacobian, sparse Hessian and products at a point."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import jax
import numpy as np
import scipy.sparse as sp

from lagrad.annotations import Pytree, Rows
from lagrad.compile.blocks import Block
from lagrad.derivatives.machine_code import MachineCode, idle_code, machine_code
from lagrad.derivatives.on_demand import OnDemand
from lagrad.derivatives.plan import Plan
from lagrad.derivatives.summary import figures
from lagrad.derivatives.traceable import Traceable, traceable
from lagrad.derivatives.triplets import Triplets
from lagrad.derivatives.verification.exact import examine
from lagrad.derivatives.verification.looks import Looks
from lagrad.derivatives.verification.reference import Reference
from lagrad.derivatives.verify import refuse
from lagrad.display.markup import preformatted, side_by_side, titled
from lagrad.display.page import Page
from lagrad.display.spy import caption
from lagrad.display.spy_svg import spy_svg
from lagrad.display.text import outline
from lagrad.pattern import SparsityPattern
from lagrad.precision import float64
from lagrad.problem.multipliers import flat_multipliers
from lagrad.problem.problem import Problem
from lagrad.program.program import Program


@dataclass(frozen=True, eq=False)
class Derivatives:
    """Compiled exact derivatives of a problem; see `lagrad.differentiate`.

    In every method x is a flat float64 array of shape (n,) or a pytree like x0, `params` is None for the
    problem's own or a pytree like them, and multipliers are an array of shape (m,) or a dict by constraint
    such as `Solution.multipliers`. Methods may be called from several threads at once.

    Args:
        problem: what was differentiated.
        plan: how each matrix is computed.
        functions: compiled functions by name.
        jacobian_blocks: blocks whose sum is the Jacobian.
        hessian_blocks: blocks whose sum is the lower triangle of the Hessian.
        timings: seconds of set-up by step: trace, structure, coloring, compile, check, total.
        leaves: the problem's params, on the device.
        unseen: what the look at set-up left out, and why.
    """

    problem: Problem
    plan: Plan = field(repr=False)
    functions: OnDemand = field(repr=False)
    jacobian_blocks: list[Block] = field(repr=False)
    hessian_blocks: list[Block] = field(repr=False)
    timings: dict[str, float] = field(repr=False)
    leaves: list[jax.Array] = field(repr=False)
    unseen: list[str] = field(default_factory=list, repr=False)

    def __str__(self) -> str:
        return self.report()

    def _repr_html_(self) -> str:
        patterns = {"Hessian of the Lagrangian": self.hessian_pattern}
        if self.m:
            patterns = {"Jacobian": self.jacobian_pattern} | patterns
        pictures = (titled(f"{name}, {caption(p)}", "<br>", spy_svg(p)) for name, p in patterns.items())
        return preformatted(self.report()) + side_by_side(*pictures)

    @property
    def n(self) -> int:
        """Number of variables."""
        return self.problem.n

    @property
    def m(self) -> int:
        """Number of constraint rows."""
        return self.problem.m

    @property
    def program(self) -> Program:
        """The traced equations of f and c."""
        return self.functions.program

    def bind(self, params: Pytree) -> Derivatives:
        """The same derivatives with other params as their own, read and put on the device once.

        Args:
            params: pytree like the problem's.

        Raises:
            ProblemError: another structure or shape.

        >>> problem = lagrad.Problem(lambda x, p: p * x[0] ** 2, [1.0], params=1.0)
        >>> lagrad.differentiate(problem).bind(3.0).objective([1.0])
        3.0
        """
        problem = self.problem.replace(params=params)
        leaves = jax.tree.leaves(problem.params)
        # Machine code reads them once, and copies them.
        if not self._idle_code:
            with float64():
                leaves = jax.device_put(leaves)
        bound = object.__new__(Derivatives)
        bound.__dict__.update(self.__dict__, looks=self.looks, _idle_code=self._idle_code)
        bound.__dict__.update(problem=problem, leaves=leaves)
        for name in OF_PARAMS:
            bound.__dict__.pop(name, None)
        return bound

    @cached_property
    def jax(self) -> Traceable:
        """The same derivatives as pure JAX functions, to be jitted, batched, differentiated and sharded."""
        return traceable(self)

    def values(self, x: Pytree, params: Pytree = None) -> tuple[float, np.ndarray]:
        """Objective and constraints in one call: a float and an array of shape (m,)."""
        f, c = self.functions["values"](self._flat(x), *self._leaves(params))
        return float(f), np.asarray(c)

    def objective(self, x: Pytree, params: Pytree = None) -> float:
        """Objective f(x)."""
        return self.values(x, params)[0]

    def constraints(self, x: Pytree, params: Pytree = None) -> np.ndarray:
        """Constraint rows c(x), shape (m,), in declared order."""
        return self.values(x, params)[1]

    def gradient(self, x: Pytree, params: Pytree = None) -> np.ndarray:
        """Gradient of the objective, shape (n,)."""
        return np.asarray(self.functions["gradient"](self._flat(x), *self._leaves(params))[0])

    def first_order(self, x: Pytree, params: Pytree = None) -> tuple[np.ndarray, np.ndarray]:
        """Gradient, shape (n,), and values of the Jacobian's entries."""
        return self.gradient(x, params), self.jacobian_values(x, params)

    @cached_property
    def jacobian_structure(self) -> tuple[np.ndarray, np.ndarray]:
        """Rows and columns of the entries that `jacobian_values` gives; repeated ones are summed."""
        return structure(self.jacobian_blocks)

    @cached_property
    def hessian_structure(self) -> tuple[np.ndarray, np.ndarray]:
        """Rows and columns of what `hessian_values` gives, row >= column; repeated entries are summed."""
        return structure(self.hessian_blocks)

    @property
    def jacobian_pattern(self) -> SparsityPattern:
        """Where the Jacobian may be nonzero, (m, n); prints as a picture."""
        return SparsityPattern.from_triplets(*self.jacobian_structure, (self.m, self.n))

    @property
    def hessian_pattern(self) -> SparsityPattern:
        """Where the Lagrangian's Hessian may be nonzero, (n, n), both triangles; prints as a picture."""
        low, high = self.hessian_structure
        both = np.concatenate([low, high]), np.concatenate([high, low])
        return SparsityPattern.from_triplets(*both, (self.n, self.n))

    @cached_property
    def _no_weights(self) -> np.ndarray:
        """What a Jacobian is given for weights, of which it reads none: long, so it is not made each time."""
        return np.zeros(self.m + 1)

    def jacobian_values(self, x: Pytree, params: Pytree = None) -> np.ndarray:
        """Values of the Jacobian's entries, in the order of `jacobian_structure`."""
        return evaluated(self.jacobian_blocks, self._flat(x), self._no_weights, self._leaves(params))

    def hessian_values(
        self, x: Pytree, multipliers: Rows = None, objective_weight: float = 1.0, params: Pytree = None
    ) -> np.ndarray:
        """Values of the Lagrangian Hessian's lower entries, in the order of `hessian_structure`.

        Args:
            x: point.
            multipliers: one a constraint row, shape (m,), or a dict by constraint; None without constraints.
            objective_weight: factor of f.
            params: see above.

        Raises:
            ProblemError: multipliers of another size, or of other constraints.
        """
        weights = self._weights(multipliers, objective_weight)
        return evaluated(self.hessian_blocks, self._flat(x), weights, self._leaves(params))

    def jacobian(self, x: Pytree, params: Pytree = None) -> sp.csr_array:
        """Jacobian of the constraint rows, csr_array of shape (m, n)."""
        return self._jacobian_triplets.matrix(self.jacobian_values(x, params))

    def hessian(
        self, x: Pytree, multipliers: Rows = None, objective_weight: float = 1.0, params: Pytree = None
    ) -> sp.csr_array:
        """Hessian of objective_weight * f + multipliers @ c, csr_array of shape (n, n), both triangles.

        >>> cube = lagrad.Equality(lambda x: x[0] ** 3)
        >>> problem = lagrad.Problem(lambda x: x[0] ** 2, [1.0], {"cube": cube})
        >>> lagrad.differentiate(problem).hessian([1.0], {"cube": 2.0}).toarray()
        array([[14.]])
        """
        return self._hessian_triplets.matrix(self.hessian_values(x, multipliers, objective_weight, params))

    def jvp(self, x: Pytree, vector: Pytree, params: Pytree = None) -> np.ndarray:
        """Product of the Jacobian with a vector of shape (n,): shape (m,); compiled at the first call."""
        return self.along(x, vector, params)[1]

    def vjp(self, x: Pytree, vector: Rows, params: Pytree = None) -> np.ndarray:
        """Product of the transposed Jacobian with a vector, shape (n,); compiled at the first call.

        Args:
            x: point.
            vector: shape (m,), or a dict by constraint.
            params: see above.
        """
        rows = flat_multipliers(self.problem, vector, "vector")
        return np.asarray(self.functions["vjp"](self._flat(x), rows, *self._leaves(params))[0])

    def hvp(
        self,
        x: Pytree,
        multipliers: Rows,
        vector: Pytree,
        objective_weight: float = 1.0,
        params: Pytree = None,
    ) -> np.ndarray:
        """Product of the Lagrangian Hessian with a vector, shape (n,); compiled at the first call."""
        arguments = self._flat(x), self._weights(multipliers, objective_weight), self._flat(vector)
        return np.asarray(self.functions["hvp"](*arguments, *self._leaves(params))[0])

    def along(self, x: Pytree, vector: Pytree, params: Pytree = None) -> tuple[float, np.ndarray]:
        """Derivatives of f and of c along a vector; compiled at the first call."""
        f, c = self.functions["jvp"](self._flat(x), self._flat(vector), *self._leaves(params))
        return float(f), np.asarray(c)

    @cached_property
    def reference(self) -> Reference:
        """The functions and their products by JAX alone, what all is held against; compiled if used."""
        return Reference(self.program.traced or self.program)

    def machine_code(self) -> MachineCode | None:
        """The functions as machine code with arrays that nobody else uses; None where one of them is not."""
        if (code := idle_code(self._idle_code, self.leaves)) is not None:
            return code
        functions = self.functions["values"], self.functions["gradient"]
        blocks = self.jacobian_blocks, self.hessian_blocks
        return machine_code(functions, blocks, (self.n, self.m), self.leaves, self._idle_code)

    @cached_property
    def is_finite_at_start(self) -> bool:
        """Whether f, c and first derivatives are finite at the problem's own start."""
        values, first_order = self.values(self.problem.start), self.first_order(self.problem.start)
        return all(np.isfinite(part).all() for part in (*values, *first_order))

    @cached_property
    def looks(self) -> Looks:
        """At which ends of solves of these functions, with whatever params, to look at derivatives."""
        return Looks()

    def verify(self, x: Pytree = None, multipliers: Rows = None, params: Pytree = None) -> None:
        """Compare values, gradient and the assembled matrices with what JAX computes, entry by entry.

        Args:
            x: point; the problem's start if not given.
            multipliers: of the constraint rows; random ones if not given.
            params: see above.

        Raises:
            DerivativeError: something is wrong; the message names the rows.
        """
        bound = self if params is None else self.bind(params)
        point = self.problem.start if x is None else self._flat(x)
        weights = np.random.default_rng(1).uniform(0.5, 1.5, self.m) if multipliers is None else multipliers
        refuse(examine(bound, point, flat_multipliers(self.problem, weights)))

    def report(self) -> Page:
        """What was found and chosen, as text: sizes, nonzeros, strategies, colors, elements, set-up times."""
        return Page(outline(figures(self)))

    def __reduce__(self):
        raise TypeError(
            "Derivatives: compiled functions cannot be pickled. Pickle `derivatives.problem`, and call "
            "lagrad.differentiate where it is loaded."
        )

    # What is compiled never changes, so that a copy is the same.
    def __copy__(self) -> Derivatives:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Derivatives:
        return self

    @cached_property
    def _idle_code(self) -> list[MachineCode]:
        return []

    @cached_property
    def _jacobian_triplets(self) -> Triplets:
        return Triplets.of(*self.jacobian_structure, (self.m, self.n))

    @cached_property
    def _hessian_triplets(self) -> Triplets:
        return Triplets.symmetric(*self.hessian_structure, self.n)

    def _flat(self, x: Pytree) -> np.ndarray:
        """A point as a flat float64 array."""
        if type(x) is np.ndarray and x.dtype == np.float64 and x.shape == (self.problem.n,):
            return x
        return self.problem.variables.flatten(x)

    def _leaves(self, params: Pytree) -> list[Any]:
        """Leaves of the params of a call."""
        if params is None:
            return self.leaves
        return [np.asarray(leaf) for leaf in jax.tree.leaves(self.problem.read_params(params))]

    def _weights(self, multipliers: Rows, objective_weight: float) -> np.ndarray:
        """Objective weight and multipliers as one array, shape (m + 1,)."""
        weights = np.empty(self.m + 1)
        weights[0], weights[1:] = objective_weight, flat_multipliers(self.problem, multipliers)
        return weights


# What was made for the params at hand, and is to be made anew for others.
OF_PARAMS = ("jax", "is_finite_at_start")


def structure(blocks: list[Block]) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of all blocks."""
    if not blocks:
        return np.zeros(0, np.int32), np.zeros(0, np.int32)
    rows, columns = ([getattr(block, side) for block in blocks] for side in ("rows", "columns"))
    return np.concatenate(rows), np.concatenate(columns)


def evaluated(blocks: list[Block], x: np.ndarray, weights: np.ndarray, leaves: list[Any]) -> np.ndarray:
    """Values of all blocks."""
    parts = [block.values(x, weights, leaves) for block in blocks]
    if len(parts) == 1:
        return parts[0]
    return np.concatenate(parts) if parts else np.zeros(0)

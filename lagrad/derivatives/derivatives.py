"""Derivatives: a problem in, compiled f, gradient, c, sparse Jacobian, sparse Hessian and products out."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import scipy.sparse as sp

from lagrad.compile.ad_modes import differentiable, gradient
from lagrad.compile.blocks import Block, Pending, Sample, vector
from lagrad.compile.xla import Compiled, Lowered, compile_all, lower
from lagrad.derivatives import plan as planning
from lagrad.derivatives.summary import figures
from lagrad.derivatives.user_patterns import nearby, read_pattern, read_symmetric_pattern
from lagrad.derivatives.verify import lower_jvp, verify
from lagrad.display.spy import preformatted
from lagrad.display.text import outline
from lagrad.fork_safety import refuse_forks
from lagrad.pattern import SparsityPattern
from lagrad.precision import float64
from lagrad.problem.problem import Problem, problem_of
from lagrad.program.program import Program, trace


@dataclass(frozen=True, eq=False)
class Derivatives:
    """Compiled exact derivatives of a problem; see `differentiate`.

    In every method x is a flat float64 array of shape (n,) or a pytree like x0, and `params` is None for the
    problem's own or a pytree like them. Methods may be called from several threads at once.

    Args:
        problem: what was differentiated.
        program: its trace.
        plan: how each matrix is computed.
        functions: compiled functions by name.
        jacobian_blocks: blocks whose sum is the Jacobian.
        hessian_blocks: blocks whose sum is the lower triangle of the Hessian.
        leaves: the problem's params, on the device.
        timings: seconds of set-up by step: trace, structure, coloring, compile, check, total.
    """

    problem: Problem
    program: Program = field(repr=False)
    plan: planning.Plan = field(repr=False)
    functions: dict[str, Compiled] = field(repr=False)
    jacobian_blocks: list[Block] = field(repr=False)
    hessian_blocks: list[Block] = field(repr=False)
    leaves: list[jax.Array] = field(repr=False)
    timings: dict[str, float] = field(repr=False)
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def __str__(self) -> str:
        return self.report()

    def _repr_html_(self) -> str:
        return preformatted(self.report())

    @property
    def n(self) -> int:
        """Number of variables."""
        return self.problem.n

    @property
    def m(self) -> int:
        """Number of constraint rows."""
        return self.problem.m

    def values(self, x, params=None) -> tuple[float, np.ndarray]:
        """Objective and constraints in one call: a float and an array of shape (m,)."""
        f, c = self.functions["values"](self.flat(x), *self.given(params))
        return float(f), np.asarray(c)

    def objective(self, x, params=None) -> float:
        """Objective f(x)."""
        return self.values(x, params)[0]

    def constraints(self, x, params=None) -> np.ndarray:
        """Constraint rows c(x), shape (m,), in declared order."""
        return self.values(x, params)[1]

    def gradient(self, x, params=None) -> np.ndarray:
        """Gradient of the objective, shape (n,)."""
        return np.asarray(self.functions["gradient"](self.flat(x), *self.given(params))[0])

    def first_order(self, x, params=None) -> tuple[np.ndarray, np.ndarray]:
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

    def jacobian_values(self, x, params=None) -> np.ndarray:
        """Values of the Jacobian's entries, in the order of `jacobian_structure`."""
        return evaluated(self.jacobian_blocks, self.flat(x), self.no_weights, self.given(params))

    def hessian_values(self, x, multipliers, objective_weight: float = 1.0, params=None) -> np.ndarray:
        """Values of the Lagrangian Hessian's lower entries, in the order of `hessian_structure`.

        Args:
            x: point.
            multipliers: one a constraint row, shape (m,).
            objective_weight: factor of f.
            params: see above.
        """
        weights = self.weights(multipliers, objective_weight)
        return evaluated(self.hessian_blocks, self.flat(x), weights, self.given(params))

    def jacobian(self, x, params=None) -> sp.csr_array:
        """Jacobian of the constraint rows, csr_array of shape (m, n)."""
        values = self.jacobian_values(x, params)
        return sp.csr_array((values, self.jacobian_structure), shape=(self.m, self.n))

    def hessian(self, x, multipliers, objective_weight: float = 1.0, params=None) -> sp.csr_array:
        """Hessian of objective_weight * f + multipliers @ c, csr_array of shape (n, n), both triangles."""
        values = self.hessian_values(x, multipliers, objective_weight, params)
        rows, columns = self.hessian_structure
        off = rows != columns
        full = np.concatenate([rows, columns[off]]), np.concatenate([columns, rows[off]])
        return sp.csr_array((np.concatenate([values, values[off]]), full), shape=(self.n, self.n))

    def hvp(self, x, multipliers, vector, objective_weight: float = 1.0, params=None) -> np.ndarray:
        """Product of the Lagrangian Hessian with a vector, shape (n,); compiled at the first call."""
        weights = self.weights(multipliers, objective_weight)
        product = self.lazily("hvp", lambda: lower_hvp(self.program))
        return np.asarray(product(self.flat(x), weights, self.flat(vector), *self.given(params))[0])

    def jvp(self, x, vector, params=None) -> np.ndarray:
        """Product of the Jacobian with a vector, shape (m,); compiled at the first call."""
        return self.along(x, vector, params)[1]

    def along(self, x, vector, params=None) -> tuple[float, np.ndarray]:
        """Derivatives of f and of c along a vector; compiled at the first call."""
        product = self.lazily("jvp", lambda: lower_jvp(self.program))
        f, c = product(self.flat(x), self.flat(vector), *self.given(params))
        return float(f), np.asarray(c)

    def verify(self, x=None, multipliers=None, params=None) -> None:
        """Compare the assembled matrices with products that do not use their patterns.

        Args:
            x: point; the problem's start if not given, where values are compared, too.
            multipliers: weights of the constraint rows, shape (m,); random ones if not given.
            params: see above.

        Raises:
            DerivativeError: a matrix is wrong; the message names the rows.
        """
        point = self.problem.start if x is None else self.flat(x)
        weights = np.random.default_rng(1).uniform(0.5, 1.5, self.m) if multipliers is None else multipliers
        verify(self, point, np.asarray(weights, dtype=np.float64), params, first=x is None)

    def report(self) -> str:
        """What was found and chosen, as text: sizes, nonzeros, strategies, colors, elements, set-up times."""
        return outline(figures(self))

    def __reduce__(self):
        raise TypeError(
            "Derivatives: compiled functions cannot be pickled. Pickle `derivatives.problem`, and call "
            "lagrad.differentiate where it is loaded."
        )

    # What is compiled never changes, so that a copy is the same.
    def __copy__(self) -> Derivatives:
        return self

    def __deepcopy__(self, memo) -> Derivatives:
        return self

    def flat(self, x) -> np.ndarray:
        """A point as a flat float64 array."""
        if type(x) is np.ndarray and x.dtype == np.float64 and x.shape == (self.problem.n,):
            return x
        return self.problem.variables.flatten(x)

    def given(self, params) -> list:
        """Leaves of the params of a call."""
        if params is None:
            return self.leaves
        return [np.asarray(leaf) for leaf in jax.tree.leaves(self.problem.read_params(params))]

    def weights(self, multipliers, objective_weight: float) -> np.ndarray:
        """Objective weight and multipliers as one array, shape (m + 1,)."""
        multipliers = np.asarray(multipliers, dtype=np.float64).reshape(-1)
        if multipliers.size != self.m:
            raise ValueError(
                f"`multipliers`: {multipliers.size} entries, expected {self.m}, one a constraint row."
            )
        found = np.empty(self.m + 1)
        found[0] = objective_weight
        found[1:] = multipliers
        return found

    @cached_property
    def no_weights(self) -> np.ndarray:
        """Weights of functions that need none."""
        return np.zeros(self.m + 1)

    def lazily(self, name: str, lowered: Callable[[], Lowered]) -> Compiled:
        """A function that is compiled when first used."""
        with self.lock:
            if name not in self.functions:
                self.functions[name] = lowered().compile()
        return self.functions[name]


@differentiable()
def differentiate(
    problem: Problem,
    *,
    strategy: str = "auto",
    mode: str = "forward-over-reverse",
    memory_limit: int = planning.Options.memory_limit,
    jacobian_pattern: Any = None,
    hessian_pattern: Any = None,
    check: bool = True,
) -> Derivatives:
    """Find the structure of a problem and compile its derivatives.

    Args:
        problem: n variables, m constraint rows.
        strategy: "auto", or what to use wherever it can be used: "elements", "colored" or "dense".
        mode: nesting of colored Hessian-vector products, see `lagrad.nested.hvp`.
        memory_limit: bytes that the sweeps of one chunk may take together.
        jacobian_pattern: where the Jacobian of the constraints can be nonzero, if you know better: a
            SparsityPattern or a SciPy sparse matrix of shape (m, n). It may hold too much, never too little.
            All matrices are then colored.
        hessian_pattern: the same of the Lagrangian's Hessian, (n, n), one triangle or both.
        check: whether to compare the matrices at the start with products that do not use their patterns.

    Returns:
        Derivatives.

    Raises:
        ProblemError: no Problem, an unknown strategy, a limit that is not positive, a pattern of another
            shape.
        DerivativeError: a function cannot be traced or differentiated, or the check fails: a given pattern
            is too small.

    >>> problem = lagrad.Problem(lambda x: (x**3).sum(), [1.0, 2.0])
    >>> differentiate(problem).hessian([1.0, 2.0], []).toarray().tolist()
    [[6.0, 0.0], [0.0, 12.0]]
    """
    problem = problem_of(problem)
    refuse_forks()
    patterns = (
        read_pattern(jacobian_pattern, (problem.m, problem.n), "jacobian_pattern"),
        read_symmetric_pattern(hessian_pattern, problem.n, "hessian_pattern"),
    )
    options = planning.Options(strategy, mode, memory_limit, *patterns)
    watch, start = planning.Watch(), time.perf_counter()
    with watch.step("trace"):
        program = trace(problem)
    with float64():
        leaves = [jnp.asarray(leaf) for leaf in jax.tree.leaves(problem.params)]
    plan = planning.make(program, options, watch, Sample(problem.start, np.ones(problem.m + 1), leaves))
    with watch.step("compile"):
        blocks = [*plan.jacobian, *plan.hessian]
        pending = [block for block in blocks if isinstance(block, Pending)]
        waiting = [*plan.functions.values(), *(block.uncompiled for block in pending)]
        compiled = compile_all(waiting)
        functions = dict(zip(plan.functions, compiled, strict=False))
        ready = iter(compiled[len(functions) :])
        finished = [block.finish(next(ready)) if isinstance(block, Pending) else block for block in blocks]
    count = len(plan.jacobian)
    blocks = finished[:count], finished[count:]
    derivatives = Derivatives(problem, program, plan, functions, *blocks, leaves, watch.seconds)
    if check:
        with watch.step("check"):
            derivatives.verify()
            if options.given:
                derivatives.verify(nearby(problem))
    watch.seconds["total"] = time.perf_counter() - start
    return derivatives


def lower_hvp(program: Program) -> Lowered:
    """(x, weights, vector, *leaves) -> Hessian of the Lagrangian times vector."""
    run, n, m = program.function(), program.size(program.inputs[0]), program.size(program.outputs[1])

    def product(x, weights, v, *leaves):
        def lagrangian(x):
            f, c = run(x, *leaves)
            return weights[0] * f + weights[1:] @ c

        return jax.jvp(gradient(lagrangian), (x,), (v,))[1]

    return lower(
        product, [vector(n), vector(m + 1), vector(n), *(program.avals[i] for i in program.inputs[1:])]
    )


def structure(blocks: list[Block]) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of all blocks."""
    if not blocks:
        return np.zeros(0, np.int32), np.zeros(0, np.int32)
    return np.concatenate([block.rows for block in blocks]), np.concatenate(
        [block.columns for block in blocks]
    )


def evaluated(blocks: list[Block], x: np.ndarray, weights: np.ndarray, leaves: list) -> np.ndarray:
    """Values of all blocks."""
    parts = [block.values(x, weights, leaves) for block in blocks]
    if len(parts) == 1:
        return parts[0]
    return np.concatenate(parts) if parts else np.zeros(0)

"""Differentiate a problem: trace it, plan each part, compile, and compare once with products by AD."""

from __future__ import annotations

import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager, nullcontext
from typing import Any

import jax
import jax.core
import jax.numpy as jnp
import numpy as np

from lagrad.compile.ad_modes import differentiable
from lagrad.compile.blocks import Block, Sample
from lagrad.compile.deferred import Deferred, compile_all
from lagrad.compile.native import products
from lagrad.compile.native.ahead import ahead
from lagrad.derivatives import plan as planning
from lagrad.derivatives.density import too_dense
from lagrad.derivatives.derivatives import Derivatives
from lagrad.derivatives.on_demand import OnDemand
from lagrad.derivatives.user_patterns import read_pattern, read_symmetric_pattern
from lagrad.derivatives.verify import look_at_set_up
from lagrad.fork_safety import refuse_forks
from lagrad.garbage import collected_later
from lagrad.precision import float64
from lagrad.problem.problem import Problem, problem_of
from lagrad.program.trace import trace
from lagrad.sparsity.deps import TooDense
from lagrad.sparsity.interpreter import Rule


@contextmanager
def at_once() -> Generator[None]:
    """Context, or decorator, in which JAX computes at once though somebody's jax.jit is tracing around it."""
    # Nothing that is done here depends on what is traced there. Eager elsewhere, constants would be slow.
    is_traced = isinstance(jnp.zeros(()), jax.core.Tracer)
    with jax.ensure_compile_time_eval() if is_traced else nullcontext():
        yield


@collected_later()
@at_once()
@differentiable()
def differentiate(
    problem: Problem,
    *,
    strategy: str = "auto",
    mode: str = "forward-over-reverse",
    memory_limit: int = planning.Options.memory_limit,
    jacobian_pattern: Any = None,
    hessian_pattern: Any = None,
    rules: Mapping[str, Rule] | None = None,
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
        rules: primitive name -> sparsity rule, for primitives of your own; see `lagrad.sparsity.elementwise`.
        check: whether to compare the matrices at the start with products that do not use their patterns.

    Returns:
        Derivatives.

    Raises:
        ProblemError: no Problem, an unknown strategy, a limit that is not positive, a pattern of another
            shape, `rules` that are none.
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
    options = planning.Options(strategy, mode, memory_limit, *patterns, rules)
    watch, start = planning.Watch(), time.perf_counter()
    ahead(products.function)
    with watch.step("trace"):
        program = trace(problem)
    with float64():
        leaves = [jnp.asarray(leaf) for leaf in jax.tree.leaves(problem.params)]
    sample = Sample(problem.start, np.ones(problem.m + 1), leaves)
    try:
        plan = planning.make(program, options, watch, sample)
    except TooDense as error:
        raise too_dense(error, problem, rules) from None
    with watch.step("compile"):
        functions, (jacobian, hessian) = compiled(plan)
    on_demand = OnDemand(program, functions)
    derivatives = Derivatives(problem, plan, on_demand, jacobian, hessian, watch.seconds, leaves)
    if check:
        with watch.step("check"):
            look_at_set_up(derivatives)
    watch.seconds["total"] = time.perf_counter() - start
    return derivatives


def compiled(plan: planning.Plan) -> tuple[dict[str, Any], tuple[list[Block], list[Block]]]:
    """Functions and the blocks of both matrices, everything compiled side by side."""
    parts: dict[Any, Deferred[Any]] = dict(plan.functions)
    for name, blocks in (("jacobian", plan.jacobian), ("hessian", plan.hessian)):
        parts |= {(name, number): block for number, block in enumerate(blocks)}
    done: dict[Any, Any] = compile_all(parts)
    jacobian = [done["jacobian", number] for number in range(len(plan.jacobian))]
    hessian = [done["hessian", number] for number in range(len(plan.hessian))]
    return {name: done[name] for name in plan.functions}, (jacobian, hessian)

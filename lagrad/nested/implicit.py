"""Differentiate the solution of residual(y, a) = 0 by the implicit function theorem.

Legend: r(y, a) = 0 defines y(a); R = dr/dy, a matrix of m rows and columns, m the size of y. Then
y_dot = -R^-1 (dr/da a_dot). The right side is a JVP and R^-1 a linear solve that JAX can transpose and
differentiate again, so derivatives of every order and in both modes cost linear solves with R or R' at the
solution, and none goes through the iterations.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.extend.core import jaxpr_as_fun
from jax.flatten_util import ravel_pytree

from lagrad.nested.custom_rules import with_both_rules
from lagrad.nested.linear import LinearSolver, linear_solver_of
from lagrad.nested.ruled import ruled_call
from lagrad.nested.symmetric import hoisted, replaced

Tree = Any


def implicit(residual: Callable, solver: Callable, linear_solver: str | LinearSolver = "auto") -> Callable:
    """The solution map of an equation, with derivatives of any order by the implicit function theorem.

    Args:
        residual: `residual(y, a)`, with the structure and shapes of y; zero at the solution. It must be
            differentiable and R = d residual / dy regular there.
        solver: `solver(a) -> y` with `residual(y, a) == 0`. Any code that JAX can trace, `lax.while_loop`
            included; it is never differentiated. Its error e leaves an error of the order of e in
            derivatives.
        linear_solver: how to solve with R and R'. "dense" builds R by m JVPs and factors it; "gmres", and
            "cg" for symmetric positive definite R, are matrix-free; "auto" is dense up to m = 512 and gmres
            beyond; or a `LinearSolver`, such as `sparse_solver` gives. A matrix-free solve that does not
            converge gives nan, never a wrong derivative.

    Returns:
        A function `a -> y`. What `residual` closes over is differentiated as well.

    Raises:
        ValueError: `linear_solver` is no known name, or the residual has another structure or shape than y.

    Source: Griewank and Walther (2008), chapter 15; Blondel et al. (2022), Efficient and modular implicit
    differentiation.

    >>> root = implicit(lambda y, a: y ** 2 - a, jnp.sqrt)
    >>> float(jax.grad(root)(4.0)), float(jax.grad(jax.grad(root))(4.0))
    (0.25, -0.03125)
    """

    def solution(a):
        leaves, tree = jax.tree.flatten(jax.tree.map(jnp.asarray, a))
        y_like = jax.eval_shape(solver, a)
        _check_residual(jax.eval_shape(residual, y_like, a), y_like)
        y, unravel = ravel_pytree(jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), y_like))

        def flat_residual(y, *leaves):
            return ravel_pytree(residual(unravel(y), jax.tree.unflatten(tree, leaves)))[0]

        def flat_solver(*leaves):
            return ravel_pytree(solver(jax.tree.unflatten(tree, leaves)))[0]

        root = _root(flat_residual, flat_solver, linear_solver_of(linear_solver, y.size), y, leaves)
        return unravel(root)

    linear_solver_of(linear_solver, 0)
    return solution


def _root(residual: Callable, solver: Callable, linear: LinearSolver, y_like: jax.Array, leaves: list):
    equation, closed_over = hoisted(residual, y_like, *leaves)
    equation_of = jaxpr_as_fun(with_both_rules(equation))
    iteration, solver_inputs = hoisted(solver, *leaves)
    count, total = len(leaves), len(leaves) + len(closed_over)

    def iterate(*operands):
        return jaxpr_as_fun(iteration)(*operands[:count], *operands[total:])

    def tangents(values, operands, moves):
        y, inputs = values[0], operands[:total]
        slope = _slope(lambda *inputs: equation_of(y, *inputs)[0], inputs, moves[:total])
        if slope is None:
            return [jnp.zeros_like(y)]
        return [-_solved(lambda y: equation_of(y, *inputs)[0], y, slope, linear)]

    operands = [*leaves, *closed_over, *solver_inputs]
    return ruled_call(jax.make_jaxpr(iterate)(*operands), tangents, operands)[0]


def _slope(f: Callable, inputs, moves):
    places = [i for i, move in enumerate(moves) if move is not None]
    if not places:
        return None
    return jax.jvp(
        lambda *parts: f(*replaced(inputs, places, parts)),
        [inputs[i] for i in places],
        [moves[i] for i in places],
    )[1]


def _solved(residual: Callable, y, right, linear: LinearSolver):
    def matvec(t):
        return jax.jvp(residual, (y,), (t,))[1]

    return jax.lax.custom_linear_solve(
        matvec, right, linear.solve, linear.transpose_solve, symmetric=linear.symmetric
    )


def _check_residual(value, y) -> None:
    same_tree = jax.tree.structure(value) == jax.tree.structure(y)
    shapes = [[leaf.shape for leaf in jax.tree.leaves(tree)] for tree in (value, y)]
    if same_tree and shapes[0] == shapes[1]:
        return
    raise ValueError(
        f"nested.implicit: `residual` returns {value}, but `solver` returns {y}. "
        "Give one equation for each unknown, in the same structure."
    )

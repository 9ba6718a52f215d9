"""Give the sparsity of one function's derivatives at a prompt."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp

from lagrad.errors import ProblemError
from lagrad.pattern import SparsityPattern
from lagrad.precision import float64
from lagrad.problem.layout import Layout
from lagrad.problem.user_functions import check_signature
from lagrad.sparsity.density import located
from lagrad.sparsity.deps import TooDense
from lagrad.sparsity.detect import Structure, detect
from lagrad.sparsity.interpreter import Rule
from lagrad.sparsity.rules import with_users
from lagrad.tracing import quick


def jacobian_sparsity(
    fun: Callable[[Any], Any], x: Any, *, rules: Mapping[str, Rule] | None = None
) -> SparsityPattern:
    """Where the Jacobian of a function can be nonzero, at any x.

    Args:
        fun: JAX function of x, which returns an array or a pytree of arrays, m numbers in all.
        x: array or pytree of arrays, n numbers in all; only its shapes matter.
        rules: primitive name -> sparsity rule, for primitives of your own; see `lagrad.sparsity.elementwise`.

    Returns:
        SparsityPattern of shape (m, n), outputs and inputs raveled as `jax.flatten_util.ravel_pytree` does.

    Raises:
        ProblemError: `fun` is no function of x, x is empty, or `rules` is no dict of rules.
        DerivativeError: the pattern would not fit into memory.

    Warns:
        LagradWarning: a primitive has no rule and is taken to be dense.

    >>> jacobian_sparsity(lambda x: x[1:] - x[:-1], np.zeros(3)).toarray().astype(int)
    array([[1, 1, 0],
           [0, 1, 1]])
    """
    return structure_of(fun, x, rules, second_order=False).jacobian


def hessian_sparsity(
    fun: Callable[[Any], Any], x: Any, *, rules: Mapping[str, Rule] | None = None
) -> SparsityPattern:
    """Where the Hessian of a function can be nonzero, at any x.

    Args:
        fun: JAX function of x, which returns a number; several count as their sum with any weights.
        x: array or pytree of arrays, n numbers in all; only its shapes matter.
        rules: primitive name -> sparsity rule, for primitives of your own; see `lagrad.sparsity.elementwise`.

    Returns:
        SparsityPattern of shape (n, n), symmetric.

    Raises:
        ProblemError: `fun` is no function of x, x is empty, or `rules` is no dict of rules.
        DerivativeError: the pattern would not fit into memory.

    Warns:
        LagradWarning: a primitive has no rule and is taken to be dense.

    >>> hessian_sparsity(lambda x: x[0] * x[1] + x[2] ** 2, np.zeros(3)).toarray().astype(int)
    array([[0, 1, 0],
           [1, 0, 0],
           [0, 0, 1]])
    """
    hessian = structure_of(fun, x, rules, second_order=True).hessian
    assert hessian is not None
    return hessian


def structure_of(
    fun: Callable[[Any], Any], x: Any, rules: Mapping[str, Rule] | None, *, second_order: bool
) -> Structure:
    """Structure of a function of a pytree, outputs and inputs flattened."""
    check_signature(fun, False, "fun")
    layout = Layout.of(x, "x")
    if not layout.size:
        raise ProblemError("`x`: no numbers, expected an array or a pytree of arrays with one at least.")

    def flat(vector):
        leaves = jax.tree.leaves(fun(layout.unflatten(vector)))
        return [jnp.ravel(leaf) for leaf in leaves]

    vector = layout.flatten(x)
    with float64():
        program = jax.make_jaxpr(quick(flat))(vector)
        try:
            return detect(program, rules=with_users(rules), second_order=second_order)
        except TooDense as error:
            raise located(error, flat, [vector], with_users(rules)) from None

"""Compile sparse derivatives of plain functions: x -> csr_array."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import scipy.sparse as sp

from lagrad.annotations import Pytree
from lagrad.derivatives.differentiate import differentiate
from lagrad.problem.constraints import Equality
from lagrad.problem.problem import Problem
from lagrad.sparsity.interpreter import Rule


def sparse_jacobian(
    fun: Callable[..., Any], x: Pytree, *, rules: Mapping[str, Rule] | None = None
) -> Callable[..., sp.csr_array]:
    """Compile the sparse Jacobian of a function.

    Args:
        fun: x -> array or pytree of arrays, m elements in all.
        x: array or pytree of arrays, n elements in all; its shapes count, and where it is finite is checked.
        rules: primitive name -> sparsity rule, for primitives of your own; see `lagrad.sparsity.elementwise`.

    Returns:
        Callable: x, a pytree like the given one or a flat vector, to a csr_array of shape (m, n).

    Raises:
        ProblemError: x or the value of fun is not made of real arrays.
        DerivativeError: fun cannot be traced.

    >>> sparse_jacobian(lambda x: x[1:] * x[:-1], np.ones(3))(np.array([1.0, 2.0, 3.0])).toarray()
    array([[2., 1., 0.],
           [0., 3., 2.]])
    """
    return differentiate(Problem(lambda x: 0.0, x, Equality(fun)), rules=rules).jacobian


def sparse_hessian(
    fun: Callable[..., Any], x: Pytree, *, rules: Mapping[str, Rule] | None = None
) -> Callable[..., sp.csr_array]:
    """Compile the sparse Hessian of a scalar function.

    Args:
        fun: x -> scalar.
        x: array or pytree of arrays, n elements in all; its shapes count, and where it is finite is checked.
        rules: primitive name -> sparsity rule, for primitives of your own; see `lagrad.sparsity.elementwise`.

    Returns:
        Callable: x, a pytree like the given one or a flat vector, to a csr_array of shape (n, n).

    Raises:
        ProblemError: x is not made of real arrays, or the value of fun is no scalar.
        DerivativeError: fun cannot be traced.

    >>> sparse_hessian(lambda x: (x[1:] * x[:-1]).sum(), np.ones(3))(np.ones(3)).toarray()
    array([[0., 1., 0.],
           [1., 0., 1.],
           [0., 1., 0.]])
    """
    derivatives, nothing = differentiate(Problem(fun, x), rules=rules), np.zeros(0)
    return lambda x: derivatives.hessian(x, nothing)

"""Trace the user's functions for their shapes, with errors that name the user's own line.

Functions are traced abstractly (`jax.eval_shape`, in float64): nothing is compiled or computed here.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from lagrad.annotations import Pytree
from lagrad.errors import DerivativeError, ProblemError
from lagrad.precision import float64
from lagrad.problem.layout import NUMBERS, Layout
from lagrad.source_location import through, users_line, warn_user
from lagrad.tracing import Listing, emit, listed

STALE = (
    "A value of an earlier trace was kept outside the function, or an outer function is being traced. "
    "Return values instead of storing them, and pass what varies as params."
)

_IN_PLACE = "x and what is computed from it cannot be changed in place. Use y = x.at[i].set(v) for x[i] = v."

_MAPPED = (
    "jax.vmap maps an array of NumPy into a function with a derivative rule of its own, such as relu, which "
    "jax.jit cannot trace either. Give it jnp.asarray(array), within the function."
)

_SLICE = (
    "A slice has an end that depends on x or params, which makes the length depend on it. "
    "Use jnp.where(jnp.arange(x.size) < end, x, 0), or jax.lax.dynamic_slice for a fixed length."
)

# What to do about a value that JAX cannot make concrete; a subclass stands before its parent.
_CURES: dict[type[Exception], str] = {
    jax.errors.TracerBoolConversionError: (
        "Python's if, while, and, or, not need a number, but the value depends on x or params. "
        "Use jnp.where, jax.lax.cond or jnp.logical_and."
    ),
    jax.errors.TracerArrayConversionError: (
        "NumPy or SciPy cannot compute with x while it is traced. Use jax.numpy or jax.scipy instead; for "
        "np.dot(A, x) or A.dot(x) write A @ x."
    ),
    jax.errors.TracerIntegerConversionError: (
        "A value that depends on x or params is used as a length, or as an index of a list. "
        "Use jnp.take or jax.lax.fori_loop."
    ),
    jax.errors.NonConcreteBooleanIndexError: (
        "A mask that depends on x makes the length depend on x. Use jnp.where(mask, x, 0) instead of x[mask]."
    ),
    jax.errors.UnexpectedTracerError: STALE,
    jax.errors.ConcretizationTypeError: (
        "A number or a shape is needed, but the value depends on x or params. "
        "Use jax.numpy instead of float(), int(), .item() or math, and keep shapes fixed."
    ),
}

# Numbers that become one array sooner than one by one.
FEWEST_STACKED = 8

# Folder of a library that cannot compute with JAX's tracers -> its name, and what to do.
_REWRITE = "Write the function with jax.numpy."
FOREIGN = {
    "casadi": ("CasADi", f"{_REWRITE} The documentation has a page on coming from CasADi."),
    "pyomo": ("Pyomo", f"{_REWRITE} The documentation has a page on coming from Pyomo."),
    "sympy": (
        "SymPy",
        'Make a function of JAX of it: sympy.lambdify(symbols, expression, modules="jax").',
    ),
    "numba": ("Numba", _REWRITE),
    "torch": ("PyTorch", _REWRITE),
    "tensorflow": ("TensorFlow", _REWRITE),
    "pandas": ("pandas", "Take arrays out of tables beforehand, and write the function with jax.numpy."),
}
_OTHERS_OBJECT = (
    "An object of another library does not compute with JAX's tracers: what the function uses must be "
    "numbers, or arrays of NumPy or JAX."
)


@contextmanager
def users_code(where: str) -> Generator[None]:
    """Context for calling a user's function: a value that cannot be traced becomes a DerivativeError.

    Any other exception surfaces unchanged, with a note that says where lagrad called the function.

    Args:
        where: name of the function as the user declared it, such as `constraints['flow']`.

    Raises:
        DerivativeError: NumPy, a Python `if`, `float()` and the like met a traced value.
    """
    try:
        yield
    except Exception as error:
        explain(error, where)
        raise


def explain(error: Exception, where: str) -> None:
    """Say of an exception which function was called, and what to do if a value cannot be traced.

    Raises:
        DerivativeError: NumPy, a Python `if`, `float()` and the like met a traced value. Others get a note.
    """
    if isinstance(error, ProblemError | DerivativeError):
        return
    cure, library = _cure(error), through(error, FOREIGN)
    if library and (cure or any(word in str(error) for word in ("Tracer", "JAX Array"))):
        name, cure = FOREIGN[library]
        line = users_line(error, library)
        raise DerivativeError(
            f"`{where}`: cannot be traced at {line}. {name} cannot compute with JAX's tracers. {cure}"
        ) from error
    if cure:
        raise DerivativeError(f"`{where}`: cannot be traced at {users_line(error)}. {cure}") from error
    error.add_note(f"lagrad: raised while tracing `{where}`, at {users_line(error)}.")


def _cure(error: Exception) -> str | None:
    """What to do about an error of JAX's that is due to tracing; None for all others."""
    # A traced end of a slice is a bare IndexError, a traced shape, as in jnp.zeros(x[0]), a bare TypeError.
    if isinstance(error, IndexError) and "must be static" in str(error):
        return _SLICE
    if type(error) is TypeError and "concrete value" in str(error):
        return _CURES[jax.errors.ConcretizationTypeError]
    if type(error) is TypeError and "in-place item assignment" in str(error):
        return _IN_PLACE
    if isinstance(error, AssertionError) and "non-canonical constant" in str(error):
        return _MAPPED
    if type(error) is TypeError and "unsupported operand" in str(error) and "Tracer" in str(error):
        return _OTHERS_OBJECT
    return next((text for kind, text in _CURES.items() if isinstance(error, kind)), None)


def check_signature(fun: object, has_params: bool, where: str) -> None:
    """Raise ProblemError unless `fun` can be called as fun(x), or as fun(x, params) when there are params."""
    if not callable(fun):
        raise ProblemError(f"`{where}`: {type(fun).__name__}, expected a function. {_call_form(has_params)}")
    try:
        signature = inspect.signature(fun)
    except (TypeError, ValueError):
        return
    if _accepts(signature, 1 + has_params):
        return
    if _accepts(signature, 2 - has_params):
        found = "takes no params, but params are given" if has_params else "takes params, but none are given"
        cure = "Declare it as f(x, params)." if has_params else "Pass params=..., or declare it as f(x)."
        raise ProblemError(f"`{where}`: the function {found}. {cure}")
    raise ProblemError(
        f"`{where}`: the function has arguments {signature}, expected {1 + has_params}. "
        f"{_call_form(has_params)}"
    )


def _call_form(has_params: bool) -> str:
    """How lagrad will call the user's functions, as an instruction."""
    return "Give a function f(x, params)." if has_params else "Give a function f(x)."


def _accepts(signature: inspect.Signature, count: int) -> bool:
    """Whether a function of this signature can be called with `count` positional arguments."""
    try:
        signature.bind(*range(count))
    except TypeError:
        return False
    return True


def function(fun: Callable[..., Any], has_params: bool) -> Callable[..., Any]:
    """A user's function as one of (x, params), whether the problem has params or not."""
    return fun if has_params else lambda x, params: fun(x)


def scalar_shape(value: Pytree) -> tuple[int, ...]:
    """Shape of the objective's value, which has to be one real number.

    Args:
        value: what the objective returns, see `Traced.values`.

    Returns:
        () or (1,).

    Raises:
        ProblemError: it is nothing, a pytree, of another shape, or not real and floating.
    """
    if value is None:
        raise ProblemError("`objective`: returns None, expected a scalar. Is a `return` missing?")
    if not jax.tree_util.all_leaves([value]):
        found = type(value).__name__
        raise ProblemError(f"`objective`: returns a {found}, expected a scalar. Return one number.")
    _check_real(value, "objective")
    if value.shape not in ((), (1,)):
        raise ProblemError(
            f"`objective`: returns shape {value.shape}, expected a scalar. "
            "Reduce it, for example with jnp.sum."
        )
    return value.shape


def value_layout(value: Pytree, where: str, label: str) -> Layout:
    """How the value of a constraint is laid out.

    Args:
        value: what the constraint returns, see `Traced.values`.
        where: how error messages name the function, such as `constraints['flow']`.
        label: how rows are named, such as `flow`.

    Raises:
        ProblemError: it is nothing, or has leaves that are not real and floating.
    """
    _check_rows(value, where)
    return Layout.of(value, label)


def require_same(value: Pytree, layout: Layout, where: str) -> None:
    """Raise DerivativeError unless a function still returns what it returned when it was declared.

    Args:
        value: what it returns now, a pytree of arrays or tracers.
        layout: how its value was laid out then.
        where: how error messages name the function.
    """
    now = Layout.of(value, layout.label)
    if (now.treedef, now.shapes) == (layout.treedef, layout.shapes):
        return
    found, expected = (
        each.shapes[0] if each.is_array else dict(zip(each.paths, each.shapes, strict=True))
        for each in (now, layout)
    )
    raise DerivativeError(
        f"`{where}`: returns shape {found}, expected {expected} as when it was declared: something that it "
        "captured has changed since. Declare the problem again, and pass what varies as params."
    )


@dataclass(frozen=True, eq=False)
class Traced:
    """A problem's functions as they were traced when it was declared, all in one go.

    Args:
        values: name of the argument -> what its function returns, with shapes and dtypes in the place of
            arrays; what is no array stays.
        leaves: (x, params) -> the arrays that the functions return, one after the other, many numbers
            of one as one array; traced once, which JAX remembers.
        listing: the operations by which these arrays are computed, all in one list, where there is nothing
            else; JAX's equations are then written when `leaves` is asked for.
    """

    values: dict[str, Any]
    leaves: Callable[..., list[Any]]
    listing: Listing | None


def trace_functions(
    functions: Mapping[str, Callable[..., Any]], has_params: bool, arguments: tuple[Pytree, Pytree]
) -> Traced:
    """Trace the user's functions for shapes and dtypes.

    Args:
        functions: as the user gave them, by the name of the argument, such as `constraints['flow']`.
        has_params: whether they take params.
        arguments: x and params, pytrees of arrays; only shapes and dtypes count.

    Raises:
        DerivativeError: one cannot be traced.
    """
    values: dict[str, Any] = {}

    def leaves(x: Pytree, params: Pytree) -> list[Any]:
        found = []
        for where, fun in functions.items():
            value = function(fun, has_params)(x, params)
            values[where] = jax.tree.map(_abstract, value, is_leaf=_is_none)
            arrays = [leaf for leaf in jax.tree.leaves(value) if _is_array(leaf)]
            are_many = len(arrays) >= FEWEST_STACKED and not any(map(np.ndim, arrays))
            found += [jnp.stack(arrays)] if are_many else arrays
        return found

    listing = None

    def once(x: Pytree, params: Pytree) -> list[Any]:
        nonlocal listing
        found, listing = listed(leaves, x, params)
        return found if listing is None else []

    # Kept aside instead of returned: lagrad, not JAX, tells the user what is wrong with the value.
    run = jax.jit(once)
    try:
        with float64():
            jax.eval_shape(run, *arguments)
    except Exception as error:
        # By how many were traced: outside of JAX, which adds a note of its own to what passes through it.
        explain(error, [*functions][min(len(values), len(functions) - 1)])
        raise
    if listing is None:
        return Traced(dict(values), run, None)
    whole = listing
    written = jax.jit(lambda *given: emit(whole, jax.tree.leaves(given)))
    return Traced(dict(values), written, whole)


def _is_array(leaf: Any) -> bool:
    return (hasattr(leaf, "dtype") and hasattr(leaf, "shape")) or isinstance(leaf, NUMBERS)


def _abstract(leaf: Any) -> Any:
    """Shape and dtype of an array or a number; anything else as it is."""
    if _is_array(leaf):
        return jax.ShapeDtypeStruct(np.shape(leaf), jnp.result_type(leaf))
    return leaf


def _is_none(node: object) -> bool:
    return node is None


def _check_rows(value: Pytree, where: str) -> None:
    """Raise ProblemError unless every leaf of a constraint's value is an array of real floating numbers."""
    if value is None:
        raise ProblemError(f"`{where}`: returns None, expected an array. Is a `return` missing?")
    for path, leaf in jax.tree_util.tree_leaves_with_path(value, is_leaf=_is_none):
        name = where + jax.tree_util.keystr(path)
        if leaf is None:
            raise ProblemError(f"`{name}`: returns None, expected an array. Return one, or leave it out.")
        _check_real(leaf, name)


def _check_real(value: object, where: str) -> None:
    """Raise ProblemError unless a returned leaf is real and floating; warn if it is less than float64."""
    if not isinstance(value, jax.ShapeDtypeStruct):
        cure = _OTHERS_OBJECT if value is NotImplemented else "Return an array."
        raise ProblemError(f"`{where}`: returns a {type(value).__name__}, expected numbers. {cure}")
    dtype = value.dtype
    if jnp.issubdtype(dtype, np.complexfloating):
        raise ProblemError(f"`{where}`: returns {dtype}, expected float64. Return jnp.real and jnp.imag.")
    if not jnp.issubdtype(dtype, np.floating):
        raise ProblemError(
            f"`{where}`: returns {dtype}, which has no derivative, expected float64. Return floats."
        )
    if dtype != np.float64:
        warn_user(
            f"`{where}`: returns {dtype}, so that derivatives have no more digits than that. "
            "Remove the cast to see float64."
        )

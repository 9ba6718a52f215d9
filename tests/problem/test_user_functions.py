"""What functions may return and how they may be written, with the message for everything else."""

from __future__ import annotations

import functools
import math
import warnings
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special

from lagrad.errors import DerivativeError, LagradWarning, ProblemError
from lagrad.problem.problem import Problem
from lagrad.problem.user_functions import (
    check_signature,
    scalar_shape,
    trace_functions,
    value_layout,
)

X = np.arange(1.0, 5.0)
HERE = Path(__file__)


def traced(fun, x=X):
    """Layout of a constraint's value."""
    where = "constraints['flow']"
    return value_layout(trace_functions({where: fun}, False, (x, None)).values[where], where, "flow")


def objective(fun, x=X):
    """Shape of an objective's value."""
    return scalar_shape(trace_functions({"objective": fun}, False, (x, None)).values["objective"])


@pytest.mark.parametrize(
    ("fun", "shape"),
    [
        (lambda x: x[0], ()),
        (lambda x: x[:1], (1,)),
        (lambda x: 0.0, ()),
        (lambda x: np.float64(3), ()),
        (jax.jit(lambda x: x @ x), ()),
        (functools.partial(jnp.sum, axis=0), ()),
    ],
)
def test_objectives_return_one_number(fun, shape):
    """Traced or constant, a scalar or one entry, jitted or partial."""
    assert objective(fun) == shape


@pytest.mark.parametrize(
    ("fun", "message"),
    [
        (lambda x: None, "returns None, expected a scalar. Is a `return` missing?"),
        (lambda x: x[:2], "returns shape (2,), expected a scalar. Reduce it, for example with jnp.sum."),
        (
            lambda x: x[None, :1],
            "returns shape (1, 1), expected a scalar. Reduce it, for example with jnp.sum.",
        ),
        (lambda x: (x[0], x[1]), "returns a tuple, expected a scalar. Return one number."),
        (lambda x: {"cost": x[0]}, "returns a dict, expected a scalar. Return one number."),
        (lambda x: [], "returns a list, expected a scalar. Return one number."),
        (lambda x: 0, "returns int64, which has no derivative, expected float64. Return floats."),
        (lambda x: x[0] > 0, "returns bool, which has no derivative, expected float64. Return floats."),
        (lambda x: x[0] * 1j, "returns complex128, expected float64. Return jnp.real and jnp.imag."),
        (lambda x: "f8", "returns a str, expected numbers. Return an array."),
    ],
)
def test_other_objectives_are_refused(fun, message):
    """One real floating number it must be; the message says what came instead."""
    with pytest.raises(ProblemError) as caught:
        objective(fun)
    assert str(caught.value) == f"`objective`: {message}"


@pytest.mark.parametrize(
    ("fun", "names"),
    [
        (lambda x: x[0], ["flow"]),
        (lambda x: x[:2], ["flow[0]", "flow[1]"]),
        (lambda x: x[:0], []),
        (lambda x: x.reshape(1, 4)[:, :2], ["flow[0, 0]", "flow[0, 1]"]),
        (lambda x: [x[0], 1.0], ["flow[0]", "flow[1]"]),
        (lambda x: (x[:1], x[0]), ["flow[0][0]", "flow[1]"]),
        (lambda x: {"q": x[0], "p": x[:2]}, ["flow['p'][0]", "flow['p'][1]", "flow['q']"]),
        (lambda x: np.ones(1), ["flow[0]"]),
    ],
)
def test_constraints_are_flattened_with_names(fun, names):
    """Scalars, arrays of any shape, lists, tuples and dicts of them; constants too."""
    layout = traced(fun)
    assert [layout.describe(i) for i in range(layout.size)] == names


@pytest.mark.parametrize(
    ("fun", "message"),
    [
        (lambda x: None, "`constraints['flow']`: returns None, expected an array. Is a `return` missing?"),
        (
            lambda x: [x, None],
            "`constraints['flow'][1]`: returns None, expected an array. Return one, or leave it out.",
        ),
        (
            lambda x: x.astype(int),
            "`constraints['flow']`: returns int64, which has no derivative, expected float64. Return floats.",
        ),
        (
            lambda x: {"on": x > 0},
            "`constraints['flow']['on']`: returns bool, which has no derivative, expected float64. "
            "Return floats.",
        ),
        (
            lambda x: x + 1j,
            "`constraints['flow']`: returns complex128, expected float64. Return jnp.real and jnp.imag.",
        ),
        (
            lambda x: {"p": "x"},
            "`constraints['flow']['p']`: returns a str, expected numbers. Return an array.",
        ),
        (
            lambda x: print,
            "`constraints['flow']`: returns a builtin_function_or_method, expected numbers. Return an array.",
        ),
    ],
)
def test_other_constraints_are_refused(fun, message):
    """Every leaf must be real and floating; the message names the leaf."""
    with pytest.raises(ProblemError) as caught:
        traced(fun)
    assert str(caught.value) == message


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_fewer_digits_are_answered(dtype):
    """A cast inside the function costs digits in all derivatives."""
    with pytest.warns(LagradWarning) as caught:
        traced(lambda x: x.astype(dtype))
    assert [str(warning.message) for warning in caught] == [
        f"`constraints['flow']`: returns {dtype}, so that derivatives have no more digits than that. "
        "Remove the cast to see float64."
    ]
    assert caught[0].filename == __file__


def test_float32_constants_are_no_cast():
    """What a user captured in float32 meets x in float64."""
    captured = jnp.ones(4, jnp.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert traced(lambda x: captured * x).size == 4


BRANCH = (
    "Python's if, while, and, or, not need a number, but the value depends on x or params. "
    "Use jnp.where, jax.lax.cond or jnp.logical_and."
)
NUMPY = (
    "NumPy or SciPy cannot compute with x while it is traced. Use jax.numpy or jax.scipy instead; "
    "for np.dot(A, x) or A.dot(x) write A @ x."
)
NUMBER = (
    "A number or a shape is needed, but the value depends on x or params. "
    "Use jax.numpy instead of float(), int(), .item() or math, and keep shapes fixed."
)
MASK = "A mask that depends on x makes the length depend on x. Use jnp.where(mask, x, 0) instead of x[mask]."
INDEX = (
    "A value that depends on x or params is used as a length, or as an index of a list. "
    "Use jnp.take or jax.lax.fori_loop."
)
IN_PLACE = "x and what is computed from it cannot be changed in place. Use y = x.at[i].set(v) for x[i] = v."


@pytest.mark.parametrize(
    ("code", "cure"),
    [
        ("x if x[0] > 0 else -x", BRANCH),
        ("x[0] > 0 and x[1] > 0", BRANCH),
        ("np.sin(x)", NUMPY),
        ("np.linalg.norm(x)", NUMPY),
        ("np.array([x[0], x[1]])", NUMPY),
        ("scipy.special.erf(x)", NUMPY),
        ("float(x[0])", NUMBER),
        ("math.sin(x[0])", NUMBER),
        ("x[0].item()", NUMBER),
        ("jnp.nonzero(x)", NUMBER),
        ("jnp.zeros(x[0])", NUMBER),
        ("x[x > 0]", MASK),
        ("[1.0, 2.0][x[0].astype(int)]", INDEX),
        ("sum(range(x[0].astype(int)))", INDEX),
        ("x.__setitem__(0, 1.0)", IN_PLACE),
    ],
)
def test_what_cannot_be_traced_is_quoted_with_its_cure(tmp_path, code, cure):
    """The user's file, line and code, what to write instead, and JAX's own error as the cause."""
    file = tmp_path / "model.py"
    file.write_text(f"def flow(x):\n    return {code}\n")
    names = {"np": np, "jnp": jnp, "math": math, "scipy": scipy}
    exec(compile(file.read_text(), str(file), "exec"), names)
    with pytest.raises(DerivativeError) as caught:
        traced(names["flow"])
    assert str(caught.value) == (
        f"`constraints['flow']`: cannot be traced at {file}, line 2: `return {code}`. {cure}"
    )
    assert caught.value.__cause__ is not None


def test_what_jax_only_asserts_has_a_cure():
    """Some versions trace no rule of its own on an array of NumPy that vmap maps; eagerly all is well."""

    def mapped(x):
        raise AssertionError("non-canonical constant of type ndarray: array([1.])")

    with pytest.raises(DerivativeError, match=r"an array of NumPy into a function .* jnp.asarray\(array\)"):
        traced(mapped)


def test_the_users_own_exception_surfaces_unchanged():
    """Same object, same traceback, with a note that says where lagrad called."""
    mine = KeyError("mine")

    def fails(x):
        raise mine

    with pytest.raises(KeyError) as caught:
        traced(fails)
    assert caught.value is mine
    line = fails.__code__.co_firstlineno + 1
    assert mine.__notes__[-1] == (
        f"lagrad: raised while tracing `constraints['flow']`, at {HERE}, line {line}: `raise mine`."
    )


def test_wrong_shapes_are_the_users_own_exception():
    """JAX says it best; the note adds which function and which line."""
    with pytest.raises(TypeError, match=r"incompatible shapes for broadcasting: \(4,\), \(3,\)") as caught:
        traced(lambda x: x + jnp.ones(3))
    assert "`constraints['flow']`" in caught.value.__notes__[-1] and str(HERE) in caught.value.__notes__[-1]


@pytest.mark.parametrize(
    ("fun", "has_params", "message"),
    [
        (
            lambda x, p: x,
            False,
            "the function takes params, but none are given. Pass params=..., or declare it as f(x).",
        ),
        (
            lambda x: x,
            True,
            "the function takes no params, but params are given. Declare it as f(x, params).",
        ),
        (lambda: 1, False, "the function has arguments (), expected 1. Give a function f(x)."),
        (
            lambda x, y, z: x,
            True,
            "the function has arguments (x, y, z), expected 2. Give a function f(x, params).",
        ),
        (lambda x, *, k: x, False, "the function has arguments (x, *, k), expected 1. Give a function f(x)."),
        (3.0, False, "float, expected a function. Give a function f(x)."),
        (None, True, "NoneType, expected a function. Give a function f(x, params)."),
    ],
)
def test_other_signatures_are_refused(fun, has_params, message):
    """f(x), or f(x, params) if and only if there are params."""
    with pytest.raises(ProblemError) as caught:
        check_signature(fun, has_params, "objective")
    assert str(caught.value) == f"`objective`: {message}"


@pytest.mark.parametrize("has_params", [False, True])
@pytest.mark.parametrize("fun", [lambda x, p=None: x, lambda *a: a, max])
def test_functions_with_a_spare_argument_fit_both_ways(fun, has_params):
    """Defaults and star arguments are welcome; what has no signature is left to the call."""
    check_signature(fun, has_params, "objective")


def test_functions_of_other_libraries_are_named():
    """CasADi refuses tracers in its own words; a table of pandas turns them into arrays."""
    casadi, pandas = pytest.importorskip("casadi"), pytest.importorskip("pandas")
    with pytest.raises(DerivativeError, match=r"test_user_functions.*casadi.sin.*CasADi cannot compute with"):
        Problem(lambda x: casadi.sin(x[0]), [1.0])
    with pytest.raises(DerivativeError, match="pandas cannot compute with JAX's tracers"):
        Problem(lambda x: pandas.Series(x).sum(), [1.0])
    with pytest.raises(KeyError, match="missing"):
        Problem(lambda x: x[0] * pandas.Series({"a": 1.0})["missing"], [1.0])


def test_objects_that_do_not_compute_with_tracers_are_told():
    """An operand that knows nothing of arrays, and an operation that gives no result."""
    with pytest.raises(DerivativeError, match="object of another library"):
        Problem(lambda x: object() * x[0], [1.0])
    with pytest.raises(ProblemError, match="object of another library"):
        Problem(lambda x: NotImplemented, [1.0])


def program(fun, *arguments):
    """A traced program."""
    return jax.make_jaxpr(fun)(*arguments)

"""Faults 28 to 36: functions that are hard to differentiate sparsely give right values or an error."""

from __future__ import annotations

import time
import tracemalloc

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.sparse as sp
from jax.experimental import io_callback
from jax.extend.core import Primitive
from jax.interpreters import ad, mlir

import lagrad
from lagrad import DerivativeError, Equality, LagradWarning, Problem
from tests.derivatives.oracle import check

N = 6
START = np.linspace(0.3, 1.2, N)


def of_rows(rows, start=START) -> Problem:
    """The rows as constraints, the sum of their squares as objective."""
    return Problem(lambda x: jnp.sum(rows(x) ** 2), start, {"rows": Equality(rows)})


def mirrored_cubes(x):
    """What the unknown primitive computes."""
    return x[::-1] ** 3


UNKNOWN = Primitive("mirrored_cubes")
UNKNOWN.def_abstract_eval(lambda x: x)
mlir.register_lowering(UNKNOWN, mlir.lower_fun(mirrored_cubes, multiple_results=False))
ad.primitive_jvps[UNKNOWN] = lambda primals, tangents: jax.jvp(mirrored_cubes, primals, tangents)


def test_28_an_unknown_primitive_is_taken_to_be_dense(record):
    """A warning names it; values are right."""
    with pytest.warns(LagradWarning, match="no rule for the primitive `mirrored_cubes`") as caught:
        derivatives = lagrad.differentiate(of_rows(lambda x: UNKNOWN.bind(x)))
    record("a primitive of the user's own, without a rule for its structure", str(caught[0].message))
    assert lagrad.SparsityPattern.from_triplets(*derivatives.jacobian_structure, (N, N)).nnz == N * N
    check(derivatives)


DENSE = {
    "fft": lambda x: jnp.abs(jnp.fft.rfft(x)) ** 2,
    "linalg.solve": lambda x: jnp.linalg.solve(jnp.diag(1.0 + x) + 0.1, x),
}


@pytest.mark.parametrize("kind", DENSE)
def test_28_dense_operations_are_right(kind, record):
    """Where every output depends on every input there is nothing to gain, and nothing lost."""
    derivatives = lagrad.differentiate(of_rows(DENSE[kind]))
    check(derivatives)
    record(kind, "dense block, equal to dense JAX")


def host_sine(x):
    """NumPy behind a callback, without a derivative."""
    return jax.pure_callback(np.sin, jax.ShapeDtypeStruct(x.shape, x.dtype), x)


def host_effect(x):
    """The same with an effect."""
    return io_callback(np.sin, jax.ShapeDtypeStruct(x.shape, x.dtype), x)


@jax.custom_vjp
def reverse_only(x):
    """A sine whose reverse rule calls the function, which forward mode cannot enter."""
    return jnp.sin(x)


reverse_only.defvjp(lambda x: (reverse_only(x), x), lambda x, w: (jnp.cos(x) * w,))

REFUSED = {
    "pure_callback": (host_sine, "jax.custom_jvp"),
    "io_callback": (host_effect, "jax.custom_jvp"),
    "igamma_grad_a": (lambda x: jax.lax.igamma(x, 2.0 * x), "jax.custom_jvp"),
    "expn_jvp": (lambda x: jax.scipy.special.exp1(x), "jax.custom_jvp"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_29_what_has_no_derivative_is_named(name, record):
    """Before anything is compiled, with the way out."""
    function, cure = REFUSED[name]
    with pytest.raises(DerivativeError, match=f"`{name}` has no derivative.*{cure}") as caught:
        lagrad.differentiate(of_rows(function))
    record(f"{name} without a derivative", caught.value)


@jax.custom_jvp
def ruled_sine(x):
    """The callback with a rule, itself differentiable."""
    return host_sine(x)


ruled_sine.defjvp(lambda primals, tangents: (ruled_sine(*primals), ruled_cosine(*primals) * tangents[0]))


@jax.custom_jvp
def ruled_cosine(x):
    """Its derivative, with a rule too."""
    return jax.pure_callback(np.cos, jax.ShapeDtypeStruct(x.shape, x.dtype), x)


ruled_cosine.defjvp(lambda primals, tangents: (ruled_cosine(*primals), -ruled_sine(*primals) * tangents[0]))


CURED = {
    "custom_vjp": reverse_only,
    "custom_vjp in both modes": lagrad.nested.both_modes(reverse_only),
    "callback": ruled_sine,
}


@pytest.mark.parametrize("cured", CURED.values(), ids=CURED)
def test_29_the_ways_out_work(cured):
    """What the errors recommend gives the derivatives of a sine."""
    problem = Problem(lambda x: jnp.sum(cured(x)), START, {"rows": Equality(lambda x: x[1:] * cured(x)[:-1])})
    derivatives = lagrad.differentiate(problem, check=False)
    np.testing.assert_allclose(derivatives.gradient(START), np.cos(START), rtol=1e-12)
    hessian = derivatives.hessian(START, np.zeros(N - 1)).toarray()
    np.testing.assert_allclose(hessian, np.diag(-np.sin(START)), rtol=1e-12, atol=1e-14)
    weights = np.linspace(1.0, 2.0, N - 1)
    matrices = derivatives.jacobian(START), derivatives.hessian(START, weights)
    np.testing.assert_allclose(derivatives.jvp(START, START), matrices[0] @ START, rtol=1e-12)
    np.testing.assert_allclose(derivatives.hvp(START, weights, START), matrices[1] @ START, rtol=1e-12)


def test_29_a_while_loop_is_differentiated_forward(record):
    """JAX has no reverse mode for it: a warning tells what that costs, values are right."""

    def doubled(x):
        return jax.lax.while_loop(lambda y: jnp.sum(y) < 100.0, lambda y: 2.0 * y, x)

    problem = Problem(lambda x: jnp.sum(x**2), START, {"rows": Equality(lambda x: doubled(x) ** 2)})
    with pytest.warns(LagradWarning, match="while_loop has no reverse mode.*lagrad.nested") as caught:
        derivatives = lagrad.differentiate(problem)
    record("while_loop in reverse mode", str(caught[0].message))
    # The sum of START is 4.5, so 32 START is the first beyond 100.
    expected = np.diag(2 * 32.0**2 * START)
    np.testing.assert_allclose(derivatives.jacobian(START).toarray(), expected, rtol=1e-12)


def picked(x):
    """Rows that take part in one another by what is largest."""
    return x * x[jnp.argmax(x)]


def sorted_products(x):
    """Neighbors in the order of size."""
    y = jnp.sort(x)
    return y[1:] * jnp.sin(y[:-1])


def branched(x):
    """One of two structures."""
    return jax.lax.cond(x[0] > x[1], lambda x: x * x[0], lambda x: x**2 * x[-1], x)


@pytest.mark.parametrize("rows", [picked, sorted_products, branched])
def test_30_patterns_that_depend_on_x(rows, record):
    """A superset that holds at 20 points where the order of the variables changes: equal to dense JAX."""
    derivatives = lagrad.differentiate(of_rows(rows, np.ones(N)))
    check(derivatives, count=20)
    record(f"{rows.__name__}: gather by argmax, sort or cond", "equal to dense JAX at 20 points")


CHAIN = of_rows(lambda x: x[1:] * x[:-1] ** 2)
BAND = sp.diags_array([np.ones(N - 1), np.ones(N - 1)], offsets=[0, 1], shape=(N - 1, N)).tocoo()
TWICE = np.tile(BAND.coords, 2)[:, ::-1]
PATTERNS = {
    "unsorted, every entry twice": sp.coo_array((np.ones(4 * (N - 1)), tuple(TWICE)), shape=(N - 1, N)),
    "too large": lagrad.SparsityPattern.from_dense(np.ones((N - 1, N))),
}


@pytest.mark.parametrize("kind", PATTERNS)
def test_31_given_patterns_are_normalised(kind, record):
    """Order, repetition and excess do not matter, nor which triangle of the Hessian is given."""
    upper = sp.csc_array(np.triu(np.ones((N, N))))
    check(lagrad.differentiate(CHAIN, jacobian_pattern=PATTERNS[kind], hessian_pattern=upper))
    record(f"a given Jacobian pattern: {kind}; the Hessian's upper triangle", "equal to dense JAX")


@pytest.mark.parametrize("matrix", ["jacobian", "hessian"])
def test_31_given_patterns_that_are_too_small_are_refused(matrix, record):
    """The rows that miss something are named."""
    shape = (N - 1, N) if matrix == "jacobian" else (N, N)
    diagonal = sp.eye_array(*shape).tocsr()
    with pytest.raises(DerivativeError, match=f"given `{matrix}_pattern` lacks entries") as caught:
        lagrad.differentiate(CHAIN, **{f"{matrix}_pattern": diagonal})
    record(f"a given pattern of the {matrix} that is too small", caught.value)
    assert ("rows[0]" if matrix == "jacobian" else "x[1]") in str(caught.value)


@pytest.mark.parametrize("strategy", ["elements", "colored"])
def test_32_an_entry_whose_value_vanishes_at_the_start(strategy, record):
    """x_0 x_1 at 0: in the pattern, and right elsewhere."""
    problem = Problem(lambda x: x[0] * x[1] * x[2], np.zeros(3), Equality(lambda x: x[0] * x[1]))
    derivatives = lagrad.differentiate(problem, strategy=strategy)
    x, one = np.array([2.0, 3.0, 5.0]), np.ones(1)
    assert derivatives.jacobian(x).toarray().tolist() == [[3.0, 2.0, 0.0]]
    assert derivatives.hessian(x, one).toarray().tolist() == [[0, 6, 3], [6, 0, 2], [3, 2, 0]]
    record(f"product that vanishes at the start, {strategy}", "entries present, values right elsewhere")


LARGE = 50_000


def dense_row(x):
    """A chain and one row with everything in it."""
    return jnp.concatenate([x[1:] * x[:-1], jnp.sum(x**3)[None]])


def dense_column(x):
    """Every row takes the first variable."""
    return x[1:] * x[0]


def arrow(x):
    """Both."""
    return jnp.concatenate([jnp.sum(x**2)[None], x[1:] * x[0]])


@pytest.mark.parametrize(
    ("rows", "strategy"), [(dense_row, "auto"), (dense_column, "auto"), (arrow, "auto"), (arrow, "colored")]
)
def test_33_dense_rows_and_columns_stay_linear(rows, strategy, record):
    """n = 50,000: four seeds at most (the chain's three and the spine), 200 bytes an entry, seconds."""
    problem = Problem(lambda x: jnp.sum(x[1:] ** 2 * x[0]) + x[0] ** 4, np.ones(LARGE), Equality(rows))
    began = time.perf_counter()
    tracemalloc.start()
    derivatives = lagrad.differentiate(problem, strategy=strategy)
    jacobian = derivatives.jacobian(problem.start)
    hessian = derivatives.hessian(problem.start, np.ones(problem.m))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    seconds, colors = (
        time.perf_counter() - began,
        [
            block.coloring.num_colors
            for block in (*derivatives.jacobian_blocks, *derivatives.hessian_blocks)
            if block.coloring
        ],
    )
    record(f"{rows.__name__}, n=50,000, {strategy}", f"{jacobian.nnz:,} entries, colors {colors or 'none'}")
    assert max(colors, default=0) <= 4
    assert peak < 200 * (jacobian.nnz + hessian.nnz)
    assert seconds < 60.0


SHAPES = {
    "empty rows and columns": lambda x: jnp.stack([x[0] * x[2], jnp.asarray(1.0), x[2] ** 2]),
    "many more rows than variables": lambda x: jnp.concatenate([jnp.sin(k * x) for k in range(1, 7)]),
    "many more variables than rows": lambda x: jnp.stack([jnp.sum(x**3), x[0] * x[-1]]),
    "one row": lambda x: x[1] * x[3],
}


@pytest.mark.parametrize("strategy", ["auto", "colored"])
@pytest.mark.parametrize("kind", SHAPES)
def test_34_odd_shapes(kind, strategy, record):
    """Right, and no larger than what can be nonzero."""
    start = np.linspace(0.3, 1.2, 40) if "more variables" in kind else START
    problem = Problem(lambda x: x[0] ** 4, start, Equality(SHAPES[kind]))
    derivatives = lagrad.differentiate(problem, strategy=strategy)
    check(derivatives)
    record(f"{kind}, {strategy}", f"{derivatives.jacobian(start).nnz} entries, equal to dense JAX")
    if kind == "empty rows and columns":
        assert derivatives.jacobian(start).nnz == 3


def test_35_a_huge_captured_constant_is_told(record):
    """A warning with its size when the problem is differentiated; the value is right."""
    table = np.linspace(0.0, 1.0, 14_000_000)
    problem = Problem(lambda x: jnp.asarray(table)[x[0].astype(int)] * x[1] ** 2, [7e6, 2.0])
    with pytest.warns(LagradWarning, match="112 MB of captured arrays.*Pass them as params") as caught:
        derivatives = lagrad.differentiate(problem)
    record("112 MB captured by the objective", str(caught[0].message))
    assert derivatives.gradient([7e6, 2.0])[1] == pytest.approx(4.0 * table[7_000_000], rel=1e-14)


def test_35_a_long_python_loop_is_told(record):
    """A warning with the number of operations, where passes differ at random; the value is right."""
    steps = np.random.default_rng(0).integers(0, 2, 1600)

    def objective(x):
        y = x
        for step in steps:
            y = 0.5 * y + x if step else y - 0.5 * (y - 2.0 * x)
        return jnp.sum(y**2)

    with pytest.warns(LagradWarning, match=r"\d+ operations.*jax.lax.scan") as caught:
        derivatives = lagrad.differentiate(Problem(objective, START[:3]))
    record("a Python loop of 1600 vector operations", str(caught[0].message))
    np.testing.assert_allclose(derivatives.gradient(START[:3]), 8.0 * START[:3], rtol=1e-12)


def test_35_a_long_python_loop_of_equal_passes_is_a_loop(record, recwarn):
    """No warning: it is compiled as what it is."""

    def objective(x):
        y = x
        for _ in range(1600):
            y = 0.5 * y + x
        return jnp.sum(y**2)

    derivatives = lagrad.differentiate(Problem(objective, START[:3]))
    assert not recwarn.list
    record("a Python loop of 1600 equal passes", "becomes a `jax.lax.scan`, and is compiled as that")
    np.testing.assert_allclose(derivatives.gradient(START[:3]), 8.0 * START[:3], rtol=1e-12)


@jax.custom_jvp
def wrong_square(x):
    """x squared, with 3 x as its derivative."""
    return x**2


wrong_square.defjvp(lambda primals, tangents: (primals[0] ** 2, 3.0 * primals[0] * tangents[0]))


def test_36_a_wrong_rule_of_the_users_is_found(record):
    """Entry, value and finite difference are named; the right functions are not blamed."""
    rows = Equality(lambda x: jnp.stack([x[0] * x[1], wrong_square(x[2])]))
    check = lagrad.check_derivatives(Problem(lambda x: x @ x, [1.0, 2.0, 2.0], {"rows": rows}))
    worst = check.mismatches[0]
    record("custom_jvp with a wrong factor, `check_derivatives`", str(worst))
    assert not check.ok and (worst.row, worst.column) == ("rows[1]", "x[2]")
    assert (worst.found, worst.expected) == (pytest.approx(6.0), pytest.approx(4.0, rel=1e-5))
    assert {mismatch.row for mismatch in check.mismatches if mismatch.matrix == "jacobian"} == {"rows[1]"}

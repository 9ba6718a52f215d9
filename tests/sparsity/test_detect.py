"""What detection finds, exactly: small functions whose patterns and degrees anyone can write down."""

from __future__ import annotations

import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from jax.experimental import sparse
from jax.extend.core import Primitive
from jax.interpreters import ad, mlir

import lagrad
from lagrad.errors import DerivativeError, LagradWarning
from lagrad.precision import float64
from lagrad.sparsity import RULES, detect
from lagrad.sparsity.deps import MOST_ENTRIES
from lagrad.sparsity.interpreter import Walk

BAND = np.eye(6) + np.eye(6, k=1)


def structure(function, n: int = 6, *params, **options):
    """Structure of a function of n numbers and of params."""
    with float64():
        return detect(jax.make_jaxpr(function)(np.zeros(n), *params), **options)


def jacobian(function, n: int = 6, *params) -> np.ndarray:
    """Its Jacobian's pattern, as zeros and ones."""
    return structure(function, n, *params).jacobian.toarray().astype(int)


def hessian(function, n: int = 6, *params) -> np.ndarray:
    """Its Hessian's pattern, as zeros and ones."""
    found = structure(function, n, *params).hessian
    assert found is not None
    return found.toarray().astype(int)


def pairs(function, n: int = 6, *params) -> set[tuple[int, int]]:
    """Entries of the Hessian on and below the diagonal."""
    return {(int(i), int(j)) for i, j in np.argwhere(hessian(function, n, *params)) if i >= j}


def full(*blocks: int) -> np.ndarray:
    """Dense blocks on the diagonal."""
    sizes = np.repeat(np.arange(len(blocks)), blocks)
    return (sizes[:, None] == sizes[None, :]).astype(int)


EXACT_JACOBIANS = {
    "slices": (lambda x: x[1:] - x[:-1], np.eye(5, 6) + np.eye(5, 6, k=1)),
    "known mask": (
        lambda x: jnp.where(np.arange(6) > 2, x, x[::-1]),
        np.diag([0, 0, 0, 1, 1, 1]) + np.eye(6)[::-1] * (np.arange(6) < 3)[:, None],
    ),
    "constant zeros": (lambda x: np.array([1.0, 0, 2, 0, 0, 3]) * x, np.diag([1, 0, 1, 0, 0, 1])),
    "constant matrix": (lambda x: BAND @ x, BAND),
    "stopped": (lambda x: lax.stop_gradient(x) + x[0], np.eye(6)[[0] * 6]),
    "rounded": (lambda x: jnp.round(x), np.zeros((6, 6))),
    "segments": (lambda x: jax.ops.segment_sum(x, np.arange(6) // 2, 3), np.repeat(np.eye(3), 2, axis=1)),
    "index arithmetic": (lambda x: x[(2 * jnp.arange(3) + 1) % 5], np.eye(6)[[1, 3, 0]]),
    "scan without carry": (lambda x: lax.map(lambda i: x[i] * 2.0, jnp.arange(4)), np.eye(4, 6)),
    "loop that sets": (
        lambda x: lax.fori_loop(0, 6, lambda i, s: s.at[i].set(x[5 - i] ** 2), x),
        np.eye(6)[::-1],
    ),
    "known branch": (lambda x: lax.cond(len(x) > 3, lambda v: v, lambda v: v[::-1], x), np.eye(6)),
    "batched solve": (
        lambda x: jnp.linalg.solve(jnp.eye(2) + jnp.zeros((3, 2, 2)), x.reshape(3, 2, 1)).ravel(),
        full(2, 2, 2),
    ),
    "unknown column": (lambda x: x.reshape(2, 3)[:, jnp.argmax(x) % 3], np.repeat(np.eye(2), 3, axis=1)),
    "convolution": (
        lambda x: jnp.convolve(x, np.array([1.0, 0, 2]), mode="same"),
        np.eye(6, k=1) + np.eye(6, k=-1),
    ),
    "system for each": (
        lambda x: jax.vmap(jnp.linalg.solve)(
            2 * jnp.eye(2) + x[:4].reshape(2, 2, 1) * jnp.ones((2, 1, 2)), x[2:].reshape(2, 2)
        ).ravel(),
        np.repeat([[1, 1, 1, 1, 0, 0], [0, 0, 1, 1, 1, 1]], 2, axis=0),
    ),
    "factor for each": (
        lambda x: jnp.linalg.cholesky(x.reshape(3, 2, 1) * jnp.eye(2) + jnp.eye(2))[:, 1, 0],
        np.repeat(np.eye(3), 2, axis=1),
    ),
    "coordinate format": (lambda x: sparse.BCOO.fromdense(BAND, nse=11) @ x, BAND),
    "stored entries": (
        lambda x: sparse.BCOO((x[:3], np.array([[0, 1], [2, 0], [0, 3]])), shape=(3, 6)) @ x**2,
        np.array([[1, 1, 1, 1, 0, 0], [0] * 6, [1, 1, 0, 0, 0, 0]]),
    ),
    "compressed rows": (lambda x: sparse.BCSR.fromdense(BAND, nse=11) @ x, BAND),
    "old compressed rows": (lambda x: sparse.CSR.fromdense(BAND) @ x, BAND),
    "old coordinates": (lambda x: sparse.COO.fromdense(BAND) @ x, BAND),
    "computed segments": (
        lambda x: jax.ops.segment_sum(x, jnp.arange(6) % 2 * 2, 3),
        np.array([[1, 0] * 3, [0] * 6, [0, 1] * 3]),
    ),
    "scan over numbers": (
        lambda x: lax.scan(lambda c, i: (c, x[i] + x[5 - i]), 0.0, jnp.arange(3))[1],
        np.eye(3, 6) + np.eye(3, 6)[:, ::-1],
    ),
    "scattered backwards": (
        lambda x: jnp.zeros(3).at[jnp.arange(3)[::-1]].add(x[:3]),
        np.eye(3)[::-1] @ np.eye(3, 6),
    ),
    "largest two of each row": (
        lambda x: lax.top_k(x.reshape(2, 3), 2)[0].ravel(),
        np.repeat([[1, 1, 1, 0, 0, 0], [0, 0, 0, 1, 1, 1]], 2, axis=0),
    ),
    "pairs scanned": (
        lambda x: lax.associative_scan(jnp.add, x.reshape(3, 2), axis=1).ravel(),
        np.kron(np.eye(3), np.tri(2)),
    ),
    "called back": (
        lambda x: (
            x[0] * jax.pure_callback(np.sin, jax.ShapeDtypeStruct((2,), float), lax.stop_gradient(x[:2]))
        ),
        np.eye(2, 6)[[0, 0]],
    ),
    "running sum": (lambda x: jnp.cumsum(x), np.tri(6)),
    "fourier": (lambda x: jnp.fft.fft(x.reshape(2, 3)).real.ravel(), full(3, 3)),
    "broadcast product": (
        lambda x: (x[:2, None] * x[None, 2:5]).ravel(),
        np.repeat(np.eye(2, 6), 3, axis=0) + np.tile(np.eye(6)[2:5], (2, 1)),
    ),
}


@pytest.mark.parametrize("name", EXACT_JACOBIANS)
def test_jacobian_is_exact(name):
    """Neither more nor less than the entries that can be nonzero."""
    function, expected = EXACT_JACOBIANS[name]
    np.testing.assert_array_equal(jacobian(function), expected.astype(int))


EXACT_HESSIANS = {
    "product": (lambda x: x[0] * x[1], {(1, 0)}),
    "quotient": (lambda x: x[0] / x[1], {(1, 0), (1, 1)}),
    "affine": (lambda x: 3 * x.sum() - 2 * x[1], set()),
    "piecewise linear": (lambda x: jnp.maximum(x, 0.0) + jnp.abs(x), set()),
    "thrown away": (lambda x: (x**3)[:2].sum() + (x[4] ** 2) * 0.0, {(0, 0), (1, 1)}),
    "masked": (lambda x: np.array([0.0, 1, 0, 0, 0, 1]) @ jnp.sin(x), {(1, 1), (5, 5)}),
    "inner product": (lambda x: x[:3] @ x[3:], {(3, 0), (4, 1), (5, 2)}),
    "diagonal of a product": (lambda x: jnp.diag(jnp.outer(x[:2], x[2:4])), {(2, 0), (3, 1)}),
    "pairs of a product": (lambda x: jnp.prod(x[:3]), {(1, 0), (2, 0), (2, 1)}),
    "loop": (
        lambda x: lax.fori_loop(0, 5, lambda i, s: s + x[i] * x[i + 1], 0.0),
        {(i + 1, i) for i in range(5)},
    ),
    "linear system": (lambda x: jnp.linalg.solve(np.eye(2) * 3, x[:2]), set()),
    "selected lane": (lambda x: (x.reshape(2, 3) ** 2).sum(axis=1)[1], {(3, 3), (4, 4), (5, 5)}),
}


@pytest.mark.parametrize("name", EXACT_HESSIANS)
def test_hessian_is_exact(name):
    """Neither more nor less than the pairs that can be nonzero."""
    function, expected = EXACT_HESSIANS[name]
    assert pairs(function) == expected


def test_long_counting_loop_is_exact_to_second_order():
    """A sum over 30000 steps of a counting loop has a tridiagonal Hessian."""
    n = 30_000
    found = structure(lambda x: lax.fori_loop(0, n - 1, lambda i, s: s + x[i] ** 2 * x[i + 1], 0.0), n)
    assert found.hessian.nnz == 3 * (n - 1)


def test_params_are_constants_of_any_value():
    """A factor that is zero today may be another tomorrow."""
    found = structure(lambda x, p: p["a"] * x + p["b"] * x[::-1], 4, {"a": np.zeros(4), "b": 0.0})
    np.testing.assert_array_equal(found.jacobian.toarray(), np.eye(4) + np.eye(4)[::-1])
    assert set(found.degrees.tolist()) == {1}


def test_active_input_is_chosen_by_number():
    """The others are params, wherever they stand."""
    with float64():
        program = jax.make_jaxpr(lambda p, x: p[:3] * x)(np.zeros(5), np.zeros(3))
    assert detect(program, 1).jacobian.shape == (3, 3)
    assert detect(program, 0).jacobian.shape == (3, 5)


DEGREES = {
    "constant": (lambda x: x[:2] * 0.0 + 1.0, [0, 0]),
    "affine": (lambda x: 2 * x[:2] - x[2:4], [1, 1]),
    "quadratic": (lambda x: x[:2] * x[2:4] + x[0], [2, 2]),
    "square of a square": (lambda x: (x[:2] ** 2) ** 2, [3, 3]),
    "power": (lambda x: x[:1] ** 3, [3]),
    "quotient by a constant": (lambda x: x[:2] / 4.0, [1, 1]),
    "element by element": (lambda x: jnp.stack([x[0], x[1] ** 2, jnp.sin(x[2]), 0 * x[3]]), [1, 2, 3, 0]),
    "piecewise linear": (lambda x: jnp.maximum(x[:1], 0.0), [3]),
    "chosen by x": (lambda x: jnp.where(x[:1] > 0, x[:1], 2 * x[:1]), [3]),
    "rounded factor": (lambda x: jnp.floor(x[:1]) * x[1], [3]),
    "sorted": (lambda x: jnp.sort(x[:2]), [3, 3]),
    "repeated as x says": (lambda x: lax.while_loop(lambda c: c < x[1], lambda c: 2 * c, x[0])[None], [3]),
    "inner product": (lambda x: (x @ x)[None], [2]),
    "matrix times": (lambda x: BAND[:2] @ x, [1, 1]),
}


@pytest.mark.parametrize("name", DEGREES)
def test_degree_is_exact(name):
    """Constant, affine, quadratic and other outputs are told apart."""
    function, expected = DEGREES[name]
    assert structure(function).degrees.tolist() == expected


@pytest.mark.parametrize("n", [0, 1])
def test_smallest_sizes(n):
    """No variables, one variable."""
    found = structure(lambda x: [jnp.sum(x**2), x[:0], x * 2], n)
    assert found.jacobian.shape == (1 + n, n) and found.jacobian.nnz == 2 * n
    assert found.hessian.nnz == n and found.degrees.size == 1 + n


def test_outputs_that_are_inputs_or_constants():
    """A program may return what it is given."""
    found = structure(lambda x: (x, np.ones(2), jnp.arange(3)), 4)
    np.testing.assert_array_equal(found.jacobian.toarray(), np.eye(9, 4))
    assert found.degrees.tolist() == [1] * 4 + [0] * 5


def test_second_order_can_be_left_out():
    """Then there is no Hessian."""
    assert structure(jnp.sin, second_order=False).hessian is None


def test_rule_of_the_user_replaces_ours():
    """`rules` is a plain dict."""
    used = []

    def rule(equation, *operands, **params):
        used.append(equation.primitive.name)
        return RULES["cos"](equation, *operands, **params)

    structure(jnp.sin, rules=RULES | {"sin": rule})
    assert used == ["sin"]


def test_unknown_primitive_is_dense_and_named():
    """A primitive without a rule costs sparsity, never an entry."""
    rules = {name: rule for name, rule in RULES.items() if name != "sin"}
    with pytest.warns(LagradWarning, match="no rule for the primitive `sin`"):
        found = structure(jnp.sin, 3, rules=rules)
    assert found.jacobian.nnz == 9 and found.hessian.nnz == 9


def test_known_primitives_do_not_warn():
    """Ordinary code is quiet."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        structure(lambda x: jax.nn.relu(jnp.linalg.norm(x)) + lax.scan(lambda c, a: (c + a, a), 0.0, x)[0])


def test_hessian_too_large_to_hold_is_an_error():
    """The square of a sum of many variables has no sparse Hessian."""
    n = int(MOST_ENTRIES**0.5) + 1
    with pytest.raises(DerivativeError, match="the Hessian has up to"):
        structure(lambda x: jnp.sum(x) ** 2, n)


def test_jacobian_too_large_to_hold_is_an_error():
    """A running sum over many variables has no sparse Jacobian."""
    with pytest.raises(DerivativeError, match="a running reduction depends on up to"):
        structure(jnp.cumsum, 2 * int(MOST_ENTRIES**0.5))


@pytest.mark.parametrize(
    "pattern", [lagrad.jacobian_sparsity, lambda f, x: lagrad.hessian_sparsity(lambda x: jnp.sum(f(x)), x)]
)
@pytest.mark.parametrize(
    "function",
    [
        lambda x: jnp.cumsum(x) ** 2,  # the sums
        lambda x: jnp.exp(x) / jnp.sum(jnp.exp(x)),  # the quotient
    ],
)
def test_patterns_too_large_name_the_users_line_and_the_cure(pattern, function):
    """Before memory is taken, wherever the limit is met."""
    with pytest.raises(DerivativeError, match=r"variable.*makes.*sparse.*test_detect.py, line \d+.*# the"):
        pattern(function, np.ones(2 * int(MOST_ENTRIES**0.5)))


def test_problems_too_dense_name_function_line_and_cure():
    """As `differentiate` meets them."""
    problem = lagrad.Problem(
        jnp.sum,
        np.ones(2 * int(MOST_ENTRIES**0.5)),
        {
            "sparse": lagrad.Equality(lambda x: x[1:] * x[:-1]),
            "flow": lagrad.Equality(lambda x: jnp.cumsum(x)),
        },
    )
    with pytest.raises(DerivativeError, match=r"`flow`: .*makes them sparse.*test_detect.py, line"):
        lagrad.differentiate(problem)


def test_cholesky_factors_are_seen_entry_by_entry():
    """Row i up to column j, and the rows up to j: L[2, 0] does not depend on A[1, 1]."""

    def factor(x):
        a = x.reshape(2, 3, 3)
        return jnp.linalg.cholesky(a @ jnp.swapaxes(a, -1, -2) + 3 * jnp.eye(3)).ravel()

    with float64():
        dense = np.asarray(jax.jacrev(factor)(np.random.default_rng(0).normal(size=18)))
    np.testing.assert_array_equal(jacobian(factor, 18), np.abs(dense) > 1e-12)


KNOWN_CUBES = Primitive("known_cubes")
KNOWN_CUBES.def_impl(lambda x: x[::-1] ** 3)
KNOWN_CUBES.def_abstract_eval(lambda x: x)
ad.primitive_jvps[KNOWN_CUBES] = lambda primals, tangents: jax.jvp(lambda x: x[::-1] ** 3, primals, tangents)


def test_primitive_is_read_through_its_implementation(recwarn):
    """Where a primitive is evaluated by JAX, that and its derivative say what it depends on."""
    np.testing.assert_array_equal(jacobian(lambda x: KNOWN_CUBES.bind(x)), np.eye(6)[::-1])
    np.testing.assert_array_equal(hessian(lambda x: jnp.sum(KNOWN_CUBES.bind(x))), np.eye(6))
    assert not recwarn.list


PREPARED = Primitive("prepared_quotient")
PREPARED.def_impl(lambda x, factor, right: right.at[:].get() / factor)
PREPARED.def_abstract_eval(lambda x, factor, right: right)
mlir.register_lowering(PREPARED, mlir.lower_fun(lambda x, factor, right: right / factor, False))


def prepared_jvp(primals, tangents):
    """Derivatives by x and the right-hand side; the factor, made from x, has none."""
    x, factor, _ = primals
    assert type(tangents[1]) is ad.Zero
    found = PREPARED.bind(*primals)
    moved = [ad.instantiate_zeros(each) for each in tangents]
    return found, PREPARED.bind(x, factor, moved[2] - moved[0] * found)


ad.primitive_jvps[PREPARED] = prepared_jvp


def prepared_quotient(x):
    """sin(x)[1:] / x[:-1], through a factor whose own dependence on x is stopped."""
    return PREPARED.bind(x[:-1], lax.stop_gradient(x[:-1]), jnp.sin(x)[1:])


def test_factors_made_beforehand_are_no_constants():
    """A solver that keeps a factor of its matrix apart: the rule says that it depends on the matrix."""
    band = np.eye(6) + np.eye(6, k=1) + np.eye(6, k=-1)
    np.testing.assert_array_equal(jacobian(prepared_quotient), BAND[:5])
    np.testing.assert_array_equal(hessian(lambda x: jnp.sum(prepared_quotient(x))), band)


def test_implementations_get_arrays_of_jax():
    """Numbers that are known reach code that asks them for `.at`."""
    known = lambda x: x * PREPARED.bind(np.ones(6), np.full(6, 2.0), np.ones(6))  # noqa: E731
    np.testing.assert_array_equal(jacobian(known), np.eye(6))
    problem = lagrad.Problem(lambda x: jnp.sum(known(x) ** 2), np.ones(6))
    np.testing.assert_allclose(lagrad.differentiate(problem).gradient(np.ones(6)), 0.5)


@jax.custom_jvp
def multiple(x, count):
    """x times a whole number."""
    return x * count


multiple.defjvp(lambda primals, tangents: (multiple(*primals), tangents[0] * primals[1]))


def test_whole_numbers_that_depend_on_x_have_no_tangents():
    """A counter of a loop that looks at x, given to a function with a rule of its own."""

    def function(x):
        step = lambda s: (s[0] + (s[1][0] > 0), s[1] * 1.5)  # noqa: E731
        count, y = lax.while_loop(lambda s: s[0] < 3, step, (0, x))
        return multiple(y, count)

    np.testing.assert_array_equal(jacobian(function), np.eye(6))


def steered(x):
    """A loop whose number of steps depends on x, over pairs that do not meet."""
    body = lambda s: (s[0] + 1, s[1] * jnp.sin(s[1][:, ::-1]))  # noqa: E731
    return lax.while_loop(lambda s: jnp.sum(s[1]) > s[0], body, (0, x.reshape(3, 2)))[1].ravel()


def test_loop_of_unknown_length_keeps_lanes_apart():
    """One walk of the body, closed over any number of steps: two by two blocks."""
    np.testing.assert_array_equal(jacobian(steered), full(2, 2, 2))
    np.testing.assert_array_equal(hessian(lambda x: jnp.sum(steered(x))), full(2, 2, 2))


def test_loop_whose_state_is_mixed_is_left_early(monkeypatch):
    """More steps tell nothing new: all depends on all after a few walks of the body."""
    visits, visit = [], Walk.visit
    monkeypatch.setattr(Walk, "visit", lambda *arguments: visits.append(1) or visit(*arguments))

    def mixed(x):
        body = lambda s: (s[0] + 1, jnp.sin(s[1][::-1] * x[2] + s[1]))  # noqa: E731
        return lax.while_loop(lambda s: s[0] < 300, body, (0, x[:2]))[1]

    np.testing.assert_array_equal(jacobian(mixed, 3), np.ones((2, 3)))
    assert len(visits) < 300


def test_loop_that_fills_an_array_is_walked_to_its_end():
    """The first entry depends on all, the others on one each: what is still empty may differ."""

    def filled(x):
        entry = lambda i: jnp.where(i == 0, jnp.sum(x**2), jnp.sin(x[i]))  # noqa: E731
        body = lambda s: (s[0] + 1, s[1].at[s[0]].set(entry(s[0])))  # noqa: E731
        return lax.while_loop(lambda s: s[0] < 6, body, (0, jnp.zeros(6)))[1]

    expected = np.eye(6)
    expected[0] = 1
    np.testing.assert_array_equal(jacobian(filled), expected)


def test_loop_in_place_keeps_its_entries_apart():
    """Each step bends one entry; none of them ever depends on another, in a second sweep neither."""

    def swept(x):
        body = lambda s: (s[0] + 1, s[1].at[s[0] % 6].set(jnp.sin(s[1][s[0] % 6])))  # noqa: E731
        return lax.while_loop(lambda s: s[0] < 12, body, (0, x))[1]

    np.testing.assert_array_equal(jacobian(swept), np.eye(6))
    np.testing.assert_array_equal(hessian(lambda x: jnp.sum(swept(x))), np.eye(6))


def test_counter_of_unknown_loop_is_no_constant():
    """How often a loop ran depends on x, in steps: neither constant nor affine."""
    count = lambda x: lax.while_loop(lambda i: i < x[0], lambda i: i + 1.0, 0.0) * x  # noqa: E731
    assert (structure(count).degrees == 3).all()

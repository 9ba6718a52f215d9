"""Laws of verification: what is wrong is refused however small, what is right never, however it cancels."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import replace
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.experimental.ode import odeint

import lagrad
from benchmarks.seeded_errors import KINDS, seeded
from benchmarks.verification_cases import LIKELIHOODS, MODELS, fit, likelihood, scaled_chain
from lagrad.compile.blocks import Block
from lagrad.derivatives.verification.exact import examine
from lagrad.derivatives.verification.numpy_values import numpy_values
from lagrad.derivatives.verify import look
from lagrad.errors import LagradWarning
from lagrad.primitives.calls import CALLS
from lagrad.program.program import numbered


def problem() -> lagrad.Problem:
    """Steep, flat and linear rows, and a kink at the start."""

    def rows(x):
        return jnp.concatenate(
            [1e6 * x[:2] * x[1:3], 1e-6 * jnp.sin(x), 2.0 * x[:1], jnp.abs(x[3:4] - 0.5) * x[:1]]
        )

    start = np.array([0.3, 0.6, 0.9, 0.5])
    return lagrad.Problem(lambda x: jnp.sum(x**4), start, {"rows": lagrad.Equality(rows)})


def without(blocks: list[Block], row: int, column: int) -> list[Block]:
    """The same blocks with one entry of the matrix left out."""

    def cut(block: Block) -> Block:
        keep = (block.rows != row) | (block.columns != column)
        return replace(
            block,
            rows=block.rows[keep],
            columns=block.columns[keep],
            values=lambda *arguments: block.values(*arguments)[keep],
        )

    return [cut(block) for block in blocks]


@pytest.mark.parametrize("strategy", ["elements", "colored"])
def test_right_matrices_pass(strategy):
    """At the start, where one row has a kink, and elsewhere."""
    derivatives = lagrad.differentiate(problem(), strategy=strategy)
    derivatives.verify(np.array([0.1, -0.2, 0.3, 2.0]), np.arange(8.0) - 3)


@pytest.mark.parametrize("row, column", [(1, 2), (5, 3), (6, 0)])
def test_a_missing_jacobian_entry_is_named(row, column):
    """Large, tiny or constant; the message names the row."""
    right = lagrad.differentiate(problem(), strategy="elements", check=False)
    wrong = replace(right, jacobian_blocks=without(right.jacobian_blocks, row, column))
    with pytest.raises(lagrad.DerivativeError, match=rf"rows\[{row}\]"):
        wrong.verify()


@pytest.mark.parametrize("row, column", [(3, 3), (2, 1)])
def test_a_missing_hessian_entry_is_named(row, column):
    """On the diagonal or below it; the message names the variable."""
    right = lagrad.differentiate(problem(), strategy="elements", check=False)
    wrong = replace(right, hessian_blocks=without(right.hessian_blocks, row, column))
    with pytest.raises(lagrad.DerivativeError, match=rf"x\[{row}\]"):
        wrong.verify(np.array([0.3, 0.6, 0.9, 0.7]))


def test_sparse_functions_are_those_of_a_problem():
    """Plain functions in, matrices out, for points like the example."""
    x = np.array([1.0, 2.0, 3.0])
    np.testing.assert_allclose(
        lagrad.sparse_jacobian(lambda x: x[1:] * x[:-1], x)(x).toarray(), [[2, 1, 0], [0, 3, 2]]
    )
    hessian = lagrad.sparse_hessian(lambda x: (x[1:] * x[:-1] ** 2).sum(), x)
    np.testing.assert_allclose(hessian(x).toarray(), [[4, 2, 0], [2, 6, 4], [0, 4, 0]])


def doubts(derivatives: lagrad.Derivatives, x, multipliers=()) -> list:
    """What either way of looking finds at a point."""
    x, multipliers = np.asarray(x, float), np.asarray(multipliers, float)
    return look(derivatives, x, multipliers, thorough=True) + examine(derivatives, x, multipliers)


def quietly(problem: lagrad.Problem) -> lagrad.Derivatives:
    """Derivatives of a problem whose set-up must not say a word."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return lagrad.differentiate(problem)


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
@pytest.mark.parametrize("name", ["decay", "peak", "logistic", "distance", "cubic"])
def test_fits_of_exact_data_are_not_accused(name, scale):
    """Neither at the start nor at the optimum, where residuals and gradient are nothing but rounding."""
    derivatives = quietly(fit(name, scale, 0.0))
    assert not doubts(derivatives, MODELS[name][1])


@pytest.mark.parametrize("name", ["normal", "gamma", "student"])
def test_likelihoods_are_not_accused(name):
    """Logarithms of scales, gammas, sums of squares over squares."""
    derivatives = quietly(likelihood(name, 1))
    assert not doubts(derivatives, LIKELIHOODS[name][2])


def test_a_likelihood_without_a_minimum_ends_in_a_status():
    """Exact data drive the spread to zero, where everything cancels and grows; nothing is raised."""
    X, Y = np.arange(1.0, 6), np.array([2.0, 5, 8, 11, 14])
    loss = lambda p: jnp.sum((Y - p[0] * X - p[1]) ** 2) / (2 * p[2] ** 2)  # noqa: E731
    problem = lagrad.Problem(lambda p: 2.5 * jnp.log(2 * jnp.pi * p[2] ** 2) + loss(p), [1.0, 1, 1])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        solution = lagrad.solve(problem, "trust-constr", max_iterations=200)
    assert isinstance(solution.status, lagrad.Status) and solution.certificate.doubts == ()


def test_prices_times_susceptances_that_cancel_are_not_accused():
    """Power flow by complex voltages at equal angles: terms of 1e5 leave 1e-6 in the Hessian."""
    n = 12
    B = 34.0 * (2 * np.eye(n) - np.eye(n, k=1) - np.eye(n, k=-1))

    def power(x):
        V = x["vm"] * jnp.exp(1j * x["va"])
        S = V * jnp.conj(-1j * B @ V)
        return S.real, S.imag

    x0 = {"va": np.full(n, 0.3), "vm": np.random.default_rng(0).uniform(0.95, 1.05, n)}
    derivatives = quietly(lagrad.Problem(lambda x: 0.0 * x["vm"][0], x0, lagrad.Equality(power)))
    derivatives.verify(None, np.concatenate([np.full(n, 4230.0), np.full(n, 1e-7)]))


RIGHT: dict[str, tuple[Callable, list]] = {
    "root of a difference": (lambda x: jnp.sqrt(1e6 + 1e-3 - x[0] ** 2), [1e3]),
    "rounded on purpose": (lambda x: jnp.sum(jax.lax.reduce_precision(x, 8, 23) * x), [0.3, 0.7, 1.1]),
    "float32 inside": (lambda x: jnp.sum(jnp.sin(x.astype(jnp.float32)) ** 2).astype(float), [0.3, 0.7, 1.1]),
    "underflow": (lambda x: jnp.sum(jnp.exp(-((jnp.arange(60.0) - x[0]) ** 2) * x[1])), [1.0, 0.25]),
    "kinks at the start": (
        lambda x: jnp.sum(jax.nn.relu(x) + jnp.abs(x - 1) + jnp.maximum(x, 2)),
        [0.0, 1.0, 2.0],
    ),
    "bfloat16 with a rule of its own": (
        lambda x: jnp.sum(jax.nn.softplus(x.astype(jnp.bfloat16)).astype(float)),
        [1.0, 1.0],
    ),
    "great constants that cancel": (lambda x: (x[0] + 1e9) - 1e9 + jnp.exp(x[0]) - 1.0, [1e-6]),
}


@pytest.mark.parametrize("objective, start", RIGHT.values(), ids=RIGHT)
def test_rounding_of_any_kind_is_no_error(objective, start):
    """Cancellation, coarse number types, numbers that vanish: what the program rounds, it may."""
    derivatives = quietly(lagrad.Problem(objective, start))
    assert not look(derivatives, np.array(start), np.zeros(0), thorough=True)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", [0, 1], ids=["17 variables", "more than 64"])
def test_seeded_errors_are_caught(kind, seed):
    """Twenty kinds, in rows that are 1e-8 to 1e8 of their neighbors."""
    right, x, multipliers = SCALED[seed]()
    wrong = seeded(right, kind, x)
    wrong.__dict__["reference"] = right.reference
    with pytest.raises(lagrad.DerivativeError, match="found, .* expected"):
        wrong.verify(x, multipliers)


def masked(x: jax.Array) -> jax.Array:
    """Sums over all but one, and over every second one, by masks of float64."""
    place = jnp.arange(x.size, dtype=float)
    others = jnp.where(place[:, None] != place[None, :], 1.0, 0.0)
    return others @ jnp.exp(x) + jnp.sum(jnp.where(place % 2 == 0, x**3, 0.0)) * jnp.floor(place / 2)


@pytest.mark.parametrize("kind", KINDS)
def test_masks_of_floats_hide_no_error(kind):
    """Rounding of what x does not reach flips no comparison and no floor."""
    right, x, multipliers = masked_sums()
    assert not examine(right, x, multipliers)
    wrong = seeded(right, kind, x)
    wrong.__dict__["reference"] = right.reference
    with pytest.raises(lagrad.DerivativeError, match="found, .* expected"):
        wrong.verify(x, multipliers)


@pytest.mark.parametrize("kind", KINDS)
def test_branches_that_are_not_taken_hide_no_error(kind):
    """JAX gives nan where their slope is infinite times 0; what is right there is known all the same."""
    right, x, multipliers = branched_sums()
    assert np.isnan(jax.jacobian(branched)(x)).any()
    assert not examine(right, x, multipliers)
    wrong = seeded(right, kind, x)
    wrong.__dict__["reference"] = right.reference
    with pytest.raises(lagrad.DerivativeError, match="found, .* expected"):
        wrong.verify(x, multipliers)


def branched(x: jax.Array) -> jax.Array:
    """exp(x^2) erfc(x) of two neighbors, by its asymptotic series where the product overflows."""
    y = x[1:] + 0.1 * x[:-1]
    return jnp.where(y > 5.0, (1.0 - 0.5 / y**2) / y, jnp.exp(y**2) * jax.scipy.special.erfc(y))


@cache
def branched_sums() -> tuple:
    """Right derivatives, a point where both branches are taken, and multipliers; made once."""
    x = np.array([0.3, 40.0, 0.7, 0.5, 60.0, 1.1])
    rows = lagrad.Equality(lambda x: branched(x[3:]))
    right = lagrad.differentiate(
        lagrad.Problem(lambda x: jnp.sum(branched(x[:3]) ** 2), x, rows), check=False
    )
    return right, x, np.array([-1.0, 2.0])


@cache
def masked_sums() -> tuple:
    """Right derivatives, a point and multipliers; made once."""
    x = np.linspace(0.3, 1.1, 9)
    right = lagrad.differentiate(
        lagrad.Problem(lambda x: jnp.sum(x**4), x, lagrad.Equality(masked)), check=False
    )
    return right, x, np.linspace(-1.0, 2.0, 9)


def scaled(seed: int) -> Callable[[], tuple]:
    """Right derivatives of a badly scaled chain, a point and multipliers; made once."""

    @cache
    def make() -> tuple:
        problem = next(p for p in map(scaled_chain, range(100)) if (p.n > 64) == bool(seed))
        random = np.random.default_rng(seed)
        right = lagrad.differentiate(problem)
        x, multipliers = problem.start + 0.1 * random.normal(size=problem.n), random.normal(size=problem.m)
        right.verify(x, multipliers)
        return right, x, multipliers

    return make


SCALED = [scaled(0), scaled(1)]


@pytest.mark.parametrize(
    "kind", ["f and c stale", "gradient stale", "a gradient entry missing", "J stale", "H stale"]
)
def test_set_up_sees_each_part(kind):
    """Values, gradient, Jacobian and Hessian: none of them may go unlooked at."""
    right = lagrad.differentiate(
        lagrad.Problem(lambda x: jnp.sum(x**4), [0.5, 0.8, 1.1], lagrad.Equality(jnp.sin))
    )
    wrong = seeded(right, kind, right.problem.start)
    assert look(wrong, np.array([0.6, 0.7, 1.2]), np.ones(3), thorough=True)


@pytest.mark.parametrize("kind", ["gradient stale", "J stale", "H stale"])
def test_the_look_after_a_solve_sees_each_matrix(kind):
    """One direction is enough for what is wrong as a whole."""
    right = lagrad.differentiate(
        lagrad.Problem(lambda x: jnp.sum(x**4), [0.5, 0.8, 1.1], lagrad.Equality(jnp.sin))
    )
    wrong = seeded(right, kind, right.problem.start)
    found = look(wrong, np.array([0.6, 0.7, 1.2]), np.ones(3), thorough=False)
    assert [doubt.matrix for doubt in found] == [KINDS[kind][0]]


def wrong_values(derivatives: lagrad.Derivatives, error: float) -> lagrad.Derivatives:
    """The same derivatives with an objective that is off."""

    def values(x, *leaves):
        f, c = derivatives.functions["values"](x, *leaves)
        return [f + error, c]

    return replace(derivatives, functions=derivatives.functions.replaced({"values": values}))


@pytest.mark.parametrize("error", [1e-3, np.nan, np.inf])
def test_wrong_values_are_refused(error):
    """Numbers, and what is no number where JAX gives one."""
    derivatives = lagrad.differentiate(problem())
    with pytest.raises(lagrad.DerivativeError, match="what JAX gives: the objective"):
        wrong_values(derivatives, error).verify()
    wrong_values(derivatives, 1e-12).verify()


def test_a_wrong_custom_rule_is_a_warning_at_set_up():
    """JAX agrees with it, differences do not: maybe on purpose, so nothing is refused."""

    @jax.custom_jvp
    def cube(x):
        return x**3

    cube.defjvp(lambda primals, tangents: (cube(*primals), 2 * primals[0] ** 2 * tangents[0]))
    with pytest.warns(LagradWarning, match=r"finite differences.*custom rule.*check_derivatives"):
        lagrad.differentiate(lagrad.Problem(lambda x: jnp.sum(cube(x)), [0.5, 0.7]))


@pytest.mark.parametrize("dtype", [jnp.float64, jnp.float32])
def test_a_wrong_custom_rule_of_coarse_numbers_is_a_warning(dtype):
    """Where differences can tell: not in bfloat16, whose last place is larger than their step."""

    @jax.custom_jvp
    def cube(x):
        return x**3

    cube.defjvp(lambda primals, tangents: (cube(*primals), 2 * primals[0] ** 2 * tangents[0]))
    with pytest.warns(LagradWarning, match="custom rule"):
        objective = lambda x: jnp.sum(cube(x.astype(dtype))).astype(float)  # noqa: E731
        lagrad.differentiate(lagrad.Problem(objective, [0.5, 0.7]))


def test_a_right_custom_rule_is_not_accused():
    """Also where a formula is replaced by one that cancels less."""

    @jax.custom_jvp
    def softplus(x):
        return jnp.log1p(jnp.exp(x))

    softplus.defjvp(lambda p, t: (softplus(*p), jax.nn.sigmoid(p[0]) * t[0]))
    quietly(lagrad.Problem(lambda x: jnp.sum(softplus(x)), [0.5, 0.7]))


def test_a_wrong_fold_is_seen():
    """Products of small integers are JAX's: the reference folds nothing, and NumPy does not take them."""
    u = np.full(4, 200, np.uint8)

    def row(x):
        return x * jnp.dot(u, u, preferred_element_type=jnp.int32)

    problem = lagrad.Problem(lambda x: jnp.sum(x), np.ones(2), lagrad.Equality(row))
    reference = lagrad.differentiate(problem, check=False).reference
    np.testing.assert_array_equal(
        reference.values(reference.noises[0], np.ones(2), []), [2.0, 160000.0, 160000.0]
    )
    assert numpy_values(numbered(reference.closed, CALLS), np.ones(2), []) is None


PROGRAMS: dict[str, Callable] = {
    "elementwise": lambda x: jnp.sum(
        jnp.exp(x) * jnp.sin(x) / (1 + x**2) + jnp.tanh(x) ** 3 + jnp.abs(x) ** 1.5
    ),
    "indexing": lambda x: jnp.sum(x[jnp.array([3, 1, 1])] * x[1:4]) + x[::2] @ x[1::2],
    "two axes": lambda x: jnp.sum(x.reshape(2, 3)[:, jnp.array([2, 0])] @ jnp.ones((2, 4))),
    "scatter": lambda x: jnp.sum(jnp.zeros(4).at[jnp.array([0, 2, 2])].add(x[:3]) ** 2),
    "contraction": lambda x: jnp.einsum("ij,kj->", x.reshape(2, 3), jnp.arange(6.0).reshape(2, 3)),
    "cumulation": lambda x: jnp.sum(jnp.cumsum(x) * jnp.cumprod(x[::-1])) + jnp.max(x) - jnp.min(x),
    "selection": lambda x: jnp.sum(jnp.where(x > 0.5, x, jnp.clip(-x, -0.3, 0.2))) + jax.nn.sigmoid(x[0]),
    "special": lambda x: (
        jnp.sum(jax.scipy.special.erf(x) * jax.scipy.special.erfc(x) + jax.scipy.special.gammaln(x))
        + jax.scipy.special.digamma(x[0])
    ),
    "padding": lambda x: jnp.sum(jnp.pad(x, 2, constant_values=3.0) ** 2) + jnp.hypot(x[0], x[1]),
}


@pytest.mark.parametrize("objective", PROGRAMS.values(), ids=PROGRAMS)
def test_numpys_values_are_jaxs(objective):
    """Row by row of the table, written apart from every other."""
    x = np.random.default_rng(0).uniform(0.1, 1.0, 6)
    reference = lagrad.differentiate(lagrad.Problem(objective, x), check=False).reference
    found = numpy_values(numbered(reference.closed, CALLS), x, [])
    assert found is not None
    with jax.enable_x64(True):
        np.testing.assert_allclose(found, [float(objective(jnp.asarray(x)))], rtol=1e-13)


@pytest.mark.parametrize("size", [1e-9, 1.0, 1e9])
def test_rounding_of_cancelled_terms_is_no_error(size):
    """An objective that vanishes at the start, and one of great numbers that cancel."""
    start = np.linspace(0.3, 0.9, 70)
    objective = lambda x: jnp.sum((x - start) ** 2) + jnp.sum(size * jnp.sin(x) - size * jnp.sin(start))  # noqa: E731
    lagrad.differentiate(lagrad.Problem(objective, start))


def test_rules_that_index_constants_by_tracers_are_looked_at():
    """As the backward rule of odeint does with its times: constants reach it as JAX's arrays."""
    times = np.array([0.0, 0.5, 1.0])

    @jax.custom_vjp
    def summed(x, times):
        return x * jnp.sum(times)

    def back(times, cotangent):
        step = lambda k, total: total + times[k]  # noqa: E731
        return cotangent * jax.lax.fori_loop(0, 3, step, 0.0), jnp.zeros(3)

    summed.defvjp(lambda x, times: (summed(x, times), times), back)
    objective = lambda x: jnp.sum(x**2) + jax.jit(summed)(x[0], times)  # noqa: E731
    quietly(lagrad.Problem(objective, [0.5, 0.7])).verify()


@pytest.mark.slow
def test_integrators_are_right_up_to_their_tolerance():
    """`odeint` differentiates by another integration: two orders of modes agree to its tolerance only."""

    def step(state, force):
        def slope(state, time, force):
            return jnp.stack([state[1], force - jnp.sin(state[0])])

        return odeint(slope, state, jnp.array([0.0, 0.1]), force)[-1]

    def defects(x):
        return x["state"][1:] - jax.vmap(step)(x["state"][:-1], x["force"])

    problem = lagrad.Problem(
        lambda x: jnp.sum(x["force"] ** 2) + x["state"][-1, 0] ** 2,
        {"state": np.zeros((6, 2)), "force": np.zeros(5)},
        {"steps": lagrad.Equality(defects)},
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error", LagradWarning)
        lagrad.differentiate(problem)

"""Laws of the look that ends a solve: it tells, and takes nothing away."""

from __future__ import annotations

import importlib
import warnings
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lagrad
from lagrad.derivatives.verification.looks import Looks
from lagrad.errors import LagradWarning

T = np.linspace(0, 5, 60)
METHODS = pytest.mark.parametrize("method", ["ipopt", "trust-constr"])


def decay() -> lagrad.Problem:
    """A fit of exact data: gradient and residuals are nothing but rounding at the optimum."""
    data = 1000 * np.exp(-1.3 * T) + 200
    model = lambda p: p[0] * jnp.exp(-p[1] * T) + p[2]  # noqa: E731
    return lagrad.Problem(lambda p: jnp.sum((data - model(p)) ** 2), [500.0, 1.0, 0.0])


def lying() -> lagrad.Derivatives:
    """Derivatives whose Jacobian is off by a factor, on which nothing depends at the optimum."""
    problem = lagrad.Problem(
        lambda x: jnp.sum((x - 1) ** 2), [3.0, 2.0], {"far": lagrad.Inequality(lambda x: x[:1] ** 3, -50.0)}
    )
    right = lagrad.differentiate(problem)
    blocks = [
        replace(block, values=lambda *given, block=block: 1.01 * block.values(*given))
        for block in right.jacobian_blocks
    ]
    return replace(right, jacobian_blocks=blocks)


@METHODS
def test_a_fit_of_exact_data_is_solved_without_a_word(method):
    """The right parameters, optimal, no doubt."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        solution = lagrad.solve(decay(), method)
    np.testing.assert_allclose(solution.x, [1000, 1.3, 200], rtol=1e-6)
    assert solution.success and solution.certificate.doubts == ()


SINGULAR = {
    "log above": (lambda x: jnp.log(x[0] - 3), 3.1, (3.0, None)),
    "log below": (lambda x: jnp.log(5 - x[0]), 4.1, (None, 5.0)),
    "pole": (lambda x: -1 / x[0], 4.1, (0.0, None)),
}


@METHODS
@pytest.mark.parametrize("objective, start, bounds", SINGULAR.values(), ids=SINGULAR)
def test_a_fall_without_end_at_a_bound_is_no_success(objective, start, bounds, method):
    """There is no minimum: minus infinity at the bound, where multiplier times distance stays at one."""
    solution = lagrad.solve(lagrad.Problem(objective, [start], bounds=bounds), method)
    assert not solution.success and not solution.certificate.is_satisfied


def test_a_point_within_rounding_of_a_singularity_is_told():
    """The last digits of x decide what the gradient is."""
    problem = lagrad.Problem(lambda x: jnp.log(x[0] - 3), [3.1], bounds=(3.0, None))
    solution = lagrad.solve(problem, "trust-constr")
    assert "singularity" in " ".join(solution.certificate.doubts)
    assert not lagrad.certify(problem, solution).is_satisfied


def test_ends_are_looked_at_more_and_more_seldom():
    """The first, second and fourth of five solves by the same derivatives tell of what is wrong."""
    derivatives, told = lying(), []
    for _ in range(5):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            lagrad.solve(derivatives)
        told.append(len(caught))
    assert told == [1, 1, 0, 1, 0]


@METHODS
def test_wrong_derivatives_are_told_and_change_no_status(method, tmp_path):
    """A doubt in the certificate, one warning with numbers and the check to run; both survive a file."""
    with pytest.warns(LagradWarning, match=r"far\[0\].*found.*expected.*check_derivatives") as told:
        solution = lagrad.solve(lying(), method)
    assert len(told) == 1 and told[0].filename == __file__
    assert solution.success and solution.status is lagrad.Status.OPTIMAL
    assert "doubt" in str(solution.certificate) and "far[0]" in solution.summary()
    again = lagrad.Solution.load(solution.save(tmp_path / "solution.npz"))
    assert again.certificate.doubts == solution.certificate.doubts


def test_what_the_look_itself_raises_is_no_outcome(monkeypatch):
    """Whatever goes wrong while looking, the Solution is returned."""

    def fail(*given):
        raise RuntimeError("no look today")

    derivatives = lagrad.differentiate(decay())
    monkeypatch.setattr(importlib.import_module("lagrad.solvers.solve"), "look", fail)
    assert lagrad.solve(derivatives).success


def test_params_unlike_those_before_are_looked_at():
    """A rule that is wrong for large params only is found at their first solve, whichever number that has."""

    @jax.custom_jvp
    def square(x, p):
        return x * x

    square.defjvp(lambda at, along: (square(*at), 2 * at[0] * along[0] * jnp.where(at[1] > 5, 1.1, 1.0)))
    problem = lagrad.Problem(lambda x, p: jnp.sum(square(x, p) + x), [1.0], params=1.0)
    derivatives = lagrad.differentiate(problem)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for params in (1.0, 1.5, 1.5, 1.5, 1.6):
            lagrad.solve(derivatives, params=params)
    with pytest.warns(LagradWarning, match="custom rule"):
        lagrad.solve(derivatives, params=9.0)


def test_looks_stay_rare():
    """A thousand params within a range, or on a way without turns, are looked at a few dozen times."""
    random, inside, ahead = np.random.default_rng(0), Looks(), Looks()
    assert sum(inside.is_due([random.uniform(size=(3, 4))]) for _ in range(1000)) < 20
    assert sum(ahead.is_due([np.float64(step)]) for step in range(1000)) < 50
    switches = Looks()
    assert [switches.is_due([np.int64(kind), jax.random.key(0)]) for kind in (0, 0, 0, 1, 2, 1, 0)] == [
        *(True, True, False, True, True, False, False)
    ]


def test_a_likelihood_without_a_maximum_says_so():
    """Exact data: the standard deviation goes to 0, and the objective to minus infinity."""
    x = np.arange(1.0, 6.0)
    residual = lambda p: 3 * x - 1 - p[0] * x - p[1]  # noqa: E731
    objective = lambda p: 5 * jnp.log(jnp.abs(p[2])) + jnp.sum(residual(p) ** 2) / (2 * p[2] ** 2)  # noqa: E731
    solution = lagrad.solve(lagrad.Problem(objective, [1.0, 1.0, 1.0]), "trust-constr")
    assert not solution.success
    assert "may fall there without end" in solution.message


def test_an_objective_that_ignores_x_is_told():
    """Unless it is 0, which asks for a feasible point."""
    data = np.arange(3.0)
    with pytest.warns(LagradWarning, match="does not depend on x"):
        solution = lagrad.solve(lambda x: jnp.sum(data**2), [1.0, 2.0])
    assert "does not depend on x" in solution.certificate.doubts[0]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert lagrad.solve(lambda x: jnp.zeros(()), [1.0, 2.0]).certificate.doubts == ()


def amplified(size: float, start: float = 0.5) -> lagrad.Problem:
    """A fit of exact data of an amplitude, begun at a part of it."""
    data = size * np.exp(-1.3 * T)
    return lagrad.Problem(lambda p: jnp.sum((data - p[0] * jnp.exp(-p[1] * T)) ** 2), [start * size, 1.0])


@pytest.mark.parametrize("size", [1e6, 1e12, 1e20])
def test_a_fit_of_any_amplitude_is_solved(size):
    """Residuals are relative to the start, where the gradient is the square of the amplitude."""
    problem = amplified(size)
    solution = lagrad.solve(problem, "ipopt")
    np.testing.assert_allclose(solution.x, [size, 1.3], rtol=1e-6)
    assert solution.success and solution.status is lagrad.Status.OPTIMAL
    assert lagrad.certify(problem, solution).is_satisfied


def test_small_beside_a_huge_gradient_is_not_enough():
    """One parameter is where it began, but its slope is 1e-20 of the other's."""
    problem = amplified(1e20)
    # The best rate where the amplitude is fixed; Newton's method on half the gradient, in plain JAX.
    rate, slope = 1.0, jax.grad(lambda k: jnp.sum((jnp.exp(-1.3 * T) - 0.5 * jnp.exp(-k * T)) ** 2))
    with jax.enable_x64(True):
        for _ in range(30):
            rate -= slope(rate) / jax.grad(slope)(rate)
    beside = lagrad.solve(problem, "ipopt").replace(x=np.array([0.5e20, float(rate)]))
    assert not lagrad.certify(problem, beside).is_satisfied


def test_iterates_that_start_large_may_grow():
    """Ipopt's limit for those that run away, 1e20, is relative to x0; the user's own limit stands."""
    bowl = lambda u: jnp.sum(u**2 + u**4)  # noqa: E731
    problem = lagrad.Problem(lambda x: 1e20 * bowl(x / 1e20 - 7.0), [1e20, -1e19])
    solution = lagrad.solve(problem, "ipopt")
    assert solution.success
    np.testing.assert_allclose(solution.x, 7e20, rtol=1e-6)
    stopped = lagrad.solve(problem, "ipopt", options={"diverging_iterates_tol": 2e20})
    assert stopped.status is lagrad.Status.UNBOUNDED


FAINT = {
    "fit": amplified(1e-12),
    "everything": lagrad.Problem(lambda x: 1e-12 * jnp.sum((x - 1.0) ** 4 + x**2), [3.0, 0.0]),
    "on a line": lagrad.Problem(
        lambda x: 1e-12 * jnp.sum(x**2), [3.0, 0.0], lagrad.Equality(lambda x: x.sum(), 3.0)
    ),
    "a line": lagrad.Problem(lambda x: 1e-12 * x.sum(), [3.0, 1.0], bounds=(0.0, 5.0)),
}


@METHODS
@pytest.mark.parametrize("problem", FAINT.values(), ids=FAINT)
def test_an_objective_below_the_tolerance_is_told(problem, method):
    """The status stays: by the numbers the start is a solution."""
    solution = lagrad.solve(problem, method)
    assert solution.success
    assert "below `tol` already" in solution.certificate.doubts[0]
    assert "Scale the objective" in str(solution)


@METHODS
def test_a_start_that_is_a_solution_is_no_doubt(method):
    """A gradient that is small there means nothing: exact and noisy data, and a bound that presses."""
    noisy = np.exp(-1.3 * T) + 0.1 * np.sin(40 * T)
    fit = lagrad.Problem(lambda p: jnp.sum((noisy - p[0] * jnp.exp(-p[1] * T)) ** 2), [1.0, 1.0])
    bounded = lagrad.Problem(lambda x: jnp.sum(x**2), [3.0, 2.0], bounds=(1.0, None))
    for problem in (fit, amplified(1.0), bounded):
        first = lagrad.solve(problem, method, tol=1e-10)
        again = lagrad.solve(problem, method, x0=first.x)
        assert again.success and again.certificate.doubts == ()

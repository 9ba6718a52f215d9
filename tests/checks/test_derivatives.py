"""check_derivatives: silent on right derivatives, and the entry by name on wrong ones."""

from __future__ import annotations

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lagrad
from lagrad.checks.comparison import AUTODIFF, DIFFERENCES


@jax.custom_jvp
def careless(x):
    """A sine whose rule is two percent off."""
    return jnp.sin(x)


@careless.defjvp
def _careless_rule(primals, tangents):
    return jnp.sin(primals[0]), 1.02 * jnp.cos(primals[0]) * tangents[0]


def tree_problem(wave=jnp.sin):
    """A pytree, params, a linear row, a curved one, an inequality."""
    return lagrad.Problem(
        lambda z, p: p * jnp.sum(z["a"] ** 2) * z["b"],
        {"a": np.array([0.3, 1.2]), "b": 0.8},
        {
            "line": lagrad.Equality(lambda z, p: z["a"][0] - 2.0 * z["b"]),
            "wave": lagrad.Inequality(lambda z, p: wave(z["a"]) * z["b"], upper=3.0),
        },
        bounds=(0.0, 5.0),
        params=2.0,
    )


def test_right_derivatives_pass():
    """No mismatch, both comparisons made, remainders of order 2 where there is curvature."""
    check = lagrad.check_derivatives(tree_problem())
    assert check.ok
    assert not check.mismatches
    assert check.comparisons == {AUTODIFF: 3 * 2 * 7, DIFFERENCES: 2 * 7}
    np.testing.assert_allclose([check.orders["objective"], check.orders["wave"]], 2.0, atol=0.1)
    assert np.isnan(check.orders["line"])
    check.raise_for_errors()


@pytest.mark.parametrize(
    ("fun", "x"),
    [
        (lambda x: (x[0] - 1) ** 2 + (x[1] - x[2]) ** 2, 1.0 + np.array([2.0, 0.0, -1.0]) * 2.0**-52),
        (
            lambda x: jnp.sin(x[0] + x[1]) + (x[0] - x[1]) ** 2 - 1.5 * x[0] + 2.5 * x[1],
            np.array([0.5, -0.5]) - np.pi / 3 + 1e-9,
        ),
    ],
)
def test_rounding_errors_at_a_minimum_are_no_mismatch(fun, x):
    """All first derivatives vanish there: what is left of them are rounding errors, in every computation."""
    for factor in (1.0, 1e6):
        check = lagrad.check_derivatives(lagrad.Problem(lambda x, factor=factor: factor * fun(x), x), x)
        assert check.ok, check


def test_a_wrong_rule_of_the_users_is_found_by_differences():
    """The entry is named, with both values; the order of the remainder tells, too."""
    check = lagrad.check_derivatives(tree_problem(careless), multipliers=np.ones(3))
    worst = check.mismatches[0]
    assert not check.ok
    assert (worst.matrix, worst.against) == ("jacobian", DIFFERENCES)
    assert {(m.row, m.column) for m in check.mismatches if m.matrix == "jacobian"} == {
        ("wave[0]", "x['a'][0]"),
        ("wave[1]", "x['a'][1]"),
    }
    assert worst.found / worst.expected == pytest.approx(1.02, rel=1e-6)
    assert check.orders["wave"] == pytest.approx(1.0, abs=0.1)
    with pytest.raises(lagrad.DerivativeError, match="wave"):
        check.raise_for_errors()


def test_an_entry_missing_from_the_pattern_is_found():
    """Derivatives of another problem, whose second row lacks x[2]: said to be not in the pattern."""

    def problem(factor):
        rows = {
            "one": lagrad.Equality(lambda x: x[0] * x[1]),
            "two": lagrad.Equality(lambda x: x[1] + factor * x[2] if factor else x[1]),
        }
        return lagrad.Problem(lambda x: jnp.sum(x**2), [1.0, 2.0, 3.0], rows)

    tampered = replace(lagrad.differentiate(problem(0.0)), problem=problem(7.0))
    found = [m for m in lagrad.check_derivatives(tampered).mismatches if m.against == AUTODIFF]
    assert [(m.row, m.column, m.found, m.expected, m.is_stored) for m in found] == [
        ("two", "x[2]", 0.0, 7.0, False)
    ]


def test_a_wrong_hessian_is_found():
    """Derivatives of another problem, whose Hessian has another corner."""

    def problem(factor):
        return lagrad.Problem(lambda x: x[0] ** 2 + factor * x[1] ** 3, [1.0, 2.0])

    tampered = replace(lagrad.differentiate(problem(1.0)), problem=problem(1.5))
    entries = {(m.matrix, m.row, m.column) for m in lagrad.check_derivatives(tampered).mismatches}
    assert ("hessian", "x[1]", "x[1]") in entries
    assert ("gradient", "the objective", "x[1]") in entries
    assert not any("x[0]" in (row, column) for _, row, column in entries)


def test_a_kink_at_the_point_is_named_and_not_called_an_error():
    """Differences cannot agree with one-sided derivatives: a kink, no mistake."""
    check = lagrad.check_derivatives(lagrad.Problem(lambda x: jnp.abs(x[0]) + x[1] ** 2, [0.0, 1.0]))
    assert check.ok
    assert [kink.primitive for kink in check.kinks["objective"]] == ["abs"]
    assert all(mismatch.on_kink for mismatch in check.mismatches)
    assert "kink" in str(check)


def test_a_kink_elsewhere_excuses_no_wrong_rule():
    """The row with the kink is let off at the kink, the careless ones beside it are not."""
    rows = {
        "kinked": lagrad.Inequality(lambda x: jnp.abs(x[0] - 1.0) + x[1], 0.0),
        "empty": lagrad.Inequality(lambda x: x[:0], 0.0),
        "wave": lagrad.Inequality(lambda x: careless(x), 0.0),
    }
    check = lagrad.check_derivatives(lagrad.Problem(lambda x: x[1] ** 2, [1.0, 0.5], rows))
    assert not check.ok
    excused = {(m.matrix, m.row) for m in check.mismatches if m.on_kink and m.matrix == "jacobian"}
    blamed = {(m.matrix, m.row) for m in check.mismatches if not m.on_kink}
    assert excused == {("jacobian", "kinked")}
    assert blamed == {("jacobian", "wave[0]"), ("jacobian", "wave[1]")}


def test_a_wrong_hessian_is_found_by_differences_beside_a_kink():
    """At the kink differences prove nothing; a little away from it they do."""

    def problem(factor):
        rows = {"kinked": lagrad.Inequality(lambda x: jnp.abs(x[0] - 1.0), upper=1.0)}
        return lagrad.Problem(lambda x: factor * x[1] ** 3, [1.0, 2.0], rows)

    tampered = replace(lagrad.differentiate(problem(1.0)), problem=problem(1.5))
    found = lagrad.check_derivatives(tampered).mismatches
    assert [m.on_kink for m in found if (m.matrix, m.row, m.against) == ("hessian", "x[1]", DIFFERENCES)] == [
        False
    ]


def test_what_is_not_finite_is_reported_instead_of_compared():
    """The entry, the operation and the user's line."""
    rows = {"root": lagrad.Equality(lambda x: jnp.sqrt(x))}
    check = lagrad.check_derivatives(lagrad.Problem(lambda x: jnp.sum(x), [0.0, 1.0], rows))
    assert not check.ok
    assert [fault.what for fault in check.faults] == ["Jacobian of root[0] by x[0]"]
    assert "jnp.sqrt(x)" in str(check)


def test_the_point_and_the_params_can_be_chosen():
    """At x[0] = 0 the derivative is infinite, elsewhere it is not; likewise for params."""
    problem = lagrad.Problem(lambda x, p: jnp.sqrt(x[0] + p), [1.0], params=0.0)
    assert lagrad.check_derivatives(problem).ok
    assert not lagrad.check_derivatives(problem, [0.0]).ok
    assert lagrad.check_derivatives(problem, [0.0], params=1.0).ok


def test_reverse_rules_alone_are_compared_with_differences():
    """Without forward mode plain JAX cannot be asked; that is said, and differences still find the error."""

    @jax.custom_vjp
    def doubled(x):
        return 2.0 * x

    doubled.defvjp(lambda x: (doubled(x), None), lambda _, weight: (2.5 * weight,))
    problem = lagrad.Problem(lambda x: doubled(x[0]), [1.0])
    try:
        check = lagrad.check_derivatives(problem)
    except lagrad.DerivativeError:
        pytest.skip("this engine refuses functions without forward mode")
    assert not check.ok
    assert check.notes

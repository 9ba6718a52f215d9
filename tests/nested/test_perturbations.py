"""Perturbation confusion: derivatives inside of derivatives that share variables, every known trap by hand.

A tool falls into the trap when it mixes up the infinitesimal of an outer derivative with an inner one's.
Sources: Siskind and Pearlmutter (2005), Perturbation confusion and referential transparency; Manzyuk,
Pearlmutter, Radul, Rush, Siskind (2019), Perturbation confusion in forward AD of higher-order functions.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from lagrad import nested


def by_jvp(f):
    return lambda x: jax.jvp(f, (x,), (jnp.ones_like(x),))[1]


def by_vjp(f):
    def slope(x):
        value, pullback = jax.vjp(f, x)
        return pullback(jnp.ones_like(value))[0]

    return slope


D: dict[str, Callable] = {"jvp": by_jvp, "vjp": by_vjp, "nested.grad": nested.grad}
pairs = pytest.mark.parametrize(("outer", "inner"), [(a, b) for a in D for b in D])


@pairs
def test_inner_derivative_of_a_closure(outer, inner):
    """d/dx [x d/dy (x + y)] at 1 is 1; confused infinitesimals give 2."""
    found = D[outer](lambda x: x * D[inner](lambda y: x + y)(1.0))(1.0)
    assert float(found) == 1.0


@pairs
def test_outer_variable_in_the_inner_point(outer, inner):
    """d/dx [d/dy (x y^3) at y = 2 x] = d/dx 12 x^3 = 36 x^2."""
    found = D[outer](lambda x: D[inner](lambda y: x * y**3)(2 * x))(1.5)
    assert float(found) == pytest.approx(81.0, rel=1e-13)


@pairs
def test_shared_name_at_three_levels(outer, inner):
    """d/dx [x d/dy (x y d/dz (x y z))] = d/dx (2 x^3 y) = 6 x^2 y, one inner derivative reused."""

    def f(x):
        return x * D[inner](lambda y: x * y * D[outer](lambda z: x * y * z)(7.0))(3.0)

    # x d/dy (x^2 y^2) = 2 x^3 y; its slope in x is 6 x^2 y.
    assert float(D[outer](f)(2.0)) == pytest.approx(6 * 4 * 3, rel=1e-13)


@pairs
def test_derivative_of_a_function_that_returns_a_function(outer, inner):
    """The trap of the curried offset: s(u)(f)(x) = f(x + u); D_u of its second-level use is h''."""

    def shift(u):
        return lambda f: lambda x: f(x + u)

    def slope(f):
        return lambda x: D[outer](lambda u: shift(u)(f)(x))(0.0)

    found = slope(slope(jnp.exp))(1.0)
    assert float(found) == pytest.approx(np.e, rel=1e-13)
    mixed = slope(D[inner](jnp.exp))(1.0)
    assert float(mixed) == pytest.approx(np.e, rel=1e-13)


@pairs
def test_derivative_inside_vmap_inside_derivative(outer, inner):
    """d/dx sum_i d/dy (x y^2) at y = a_i x is 4 x sum a_i: batch axes and infinitesimals stay apart."""
    a = np.array([1.0, 2.0, 4.0])

    def f(x):
        return jnp.sum(jax.vmap(lambda s: D[inner](lambda y: x * y**2)(s * x))(a))

    assert float(D[outer](f)(3.0)) == pytest.approx(4 * 3 * 7, rel=1e-13)


@pairs
def test_vmap_over_the_outer_derivative(outer, inner):
    """A batch of outer points, each with its own inner closure."""
    xs = np.array([1.0, 2.0, 3.0])
    found = jax.vmap(D[outer](lambda x: D[inner](lambda y: jnp.sin(x * y))(x)))(xs)
    # d/dy sin(x y) at y = x is x cos(x^2); its slope is cos(x^2) - 2 x^2 sin(x^2).
    np.testing.assert_allclose(found, np.cos(xs**2) - 2 * xs**2 * np.sin(xs**2), rtol=1e-13)


@pairs
def test_inner_derivative_in_a_scan(outer, inner):
    """x <- x + h d/dx (k x^2 / 2) = x (1 + h k): the end point is differentiated in k."""

    def end(k):
        def step(x, _):
            return x + 0.1 * D[inner](lambda x: k * x**2 / 2)(x), None

        return lax.scan(step, jnp.asarray(2.0), None, length=3)[0]

    assert float(D[outer](end)(0.5)) == pytest.approx(2 * 3 * 0.1 * 1.05**2, rel=1e-13)


@pairs
def test_compiled_inner_derivative_closes_over_a_tracer(outer, inner):
    """jit in between does not hide the outer variable."""
    found = D[outer](lambda x: x * jax.jit(D[inner](lambda y: x * y**2))(3.0))(2.0)
    assert float(found) == pytest.approx(2 * 6 * 2.0, rel=1e-13)


@pairs
def test_branches_on_outer_variables(outer, inner):
    """A cond that looks at the outer variable takes its branch and its slope."""

    def f(x):
        return D[inner](lambda y: lax.cond(x > 0, lambda: x * y**2, lambda: y))(3.0)

    assert float(D[outer](f)(2.0)) == 6.0
    assert float(D[outer](f)(-2.0)) == 0.0


def test_constant_inner_function_has_no_slope():
    """d/dx [d/dy x] = 0, though x itself moves."""
    for inner in D.values():
        assert float(jax.grad(lambda x, inner=inner: inner(lambda y: x + 0 * y)(1.0))(2.0)) == 0.0


def test_tools_close_over_tracers_of_each_other():
    """An implicit root, an island and a nested gradient, each seeing the outer variable only by closure."""

    def f(x, root, gradient, island):
        y = root(lambda y: y**3 - x)(x)
        slope = gradient(lambda z: x * jnp.sin(z * y))(2.0)
        return island(lambda z: z * x * y)(slope)

    def root(residual):
        return nested.implicit(lambda y, a: residual(y), jnp.cbrt)

    tools = {"root": root, "gradient": nested.grad, "island": nested.forward_mode}
    plain = {"root": lambda residual: jnp.cbrt, "gradient": jax.grad, "island": lambda fun: fun}
    for mode in nested.MODES:
        found = nested.hessian(lambda x: f(x, **tools), jnp.asarray(1.3), mode)
        np.testing.assert_allclose(found, jax.hessian(lambda x: f(x, **plain))(1.3).reshape(1, 1), rtol=1e-10)

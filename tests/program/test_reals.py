"""Laws of complex numbers as pairs: values and derivatives are those of JAX's complex numbers."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from jax.experimental import sparse

from lagrad.precision import float64
from lagrad.primitives.calls import names_in
from lagrad.primitives.movers import MOVERS
from lagrad.primitives.pairs import PAIRS
from lagrad.program.program import numbered
from lagrad.program.reals import holds_complex, in_reals

RANDOM = np.random.default_rng(0)
MATRIX = RANDOM.normal(size=(4, 4)) + 1j * RANDOM.normal(size=(4, 4))
TURN = np.exp(1j * np.arange(4.0))
PLACES = np.array([2, 0, 2, 1])


def stored():
    """A sparse matrix of JAX's own."""
    return sparse.BCOO((TURN, np.stack([PLACES, PLACES[::-1]], 1)), shape=(4, 4))


# Of z and w, vectors of four complex numbers each.
WRITTEN = {
    "sum": lambda z, w: z + w - 2j * z,
    "minus": lambda z, w: -z * jnp.conj(-w),
    "product": lambda z, w: z * w,
    "product with known numbers": lambda z, w: z * TURN + (1 - 2j) * w,
    "quotient": lambda z, w: z / (w + 3),
    "quotient by a known number": lambda z, w: z / (1 + 2j),
    "quotient by a real number": lambda z, w: z / w.real**2,
    "quotient by an imaginary number": lambda z, w: z / (1j * w.real**2),
    "quotient of a real number": lambda z, w: w.imag / z,
    "exponential": lambda z, w: jnp.exp(z) + jnp.exp(1j * w.real) + jnp.exp(w.imag + 0j),
    "logarithm": lambda z, w: jnp.log(z) * w,
    "logarithm of an imaginary number": lambda z, w: jnp.log(1j * z.real**2),
    "absolute value": lambda z, w: jnp.abs(z) * w,
    "absolute value of an imaginary number": lambda z, w: jnp.abs(1j * z.real) * w,
    "angle": lambda z, w: jnp.angle(z) * w,
    "squares": lambda z, w: jnp.square(z) + w**2,
    "powers": lambda z, w: z**5 + w**-3,
    "power of zero": lambda z, w: lax.integer_pow(z, 0) * w,
    "parts": lambda z, w: lax.complex(w.real, z.imag),
    "matrix": lambda z, w: z * jnp.conj(MATRIX @ w),
    "matrix times real numbers": lambda z, w: MATRIX @ z.real + MATRIX.imag @ w,
    "batched products": lambda z, w: jnp.einsum("i,ij,j->j", z, MATRIX, w),
    "stored matrix": lambda z, w: z * jnp.conj(stored() @ w),
    "convolution": lambda z, w: jnp.convolve(z, np.array([1.0, 1j, -2.0]), "same") * w,
    "sums": lambda z, w: jnp.sum(z) * w + jnp.cumsum(w) + jnp.mean(z),
    "moved": lambda z, w: jnp.concatenate([z[::-1][:3], w[1:2]]).reshape(2, 2).T.reshape(-1) * z[PLACES],
    "padded": lambda z, w: jnp.pad(z, (1, 0), constant_values=2j)[:4] * w,
    "stacked": lambda z, w: jnp.stack([z, w * 1j]).sum(axis=0) * w,
    "spread": lambda z, w: jnp.broadcast_to(z[0], (4,)) * w[:, None][:, 0],
    "scattered": lambda z, w: jnp.zeros(4, complex).at[PLACES].add(z * w),
    "written": lambda z, w: z.at[1].set(w[0]).at[jnp.array([0, 3])].set(1j),
    "real numbers added to complex ones": lambda z, w: z.at[PLACES].add(w.real),
    "at a place that is found out": lambda z, w: lax.dynamic_update_slice(
        z, lax.dynamic_slice(w, (jnp.argmax(z.real),), (1,)), (jnp.argmin(w.real),)
    ),
    "chosen": lambda z, w: jnp.where(z.real > w.real, z, jnp.conj(w)),
    "in a call": lambda z, w: jax.jit(lambda z: z * jnp.conj(z) * w)(z),
    "in a checkpoint": lambda z, w: jax.checkpoint(lambda z: z * w)(z),
    "in a scan": lambda z, w: lax.scan(lambda c, u: (0.3 * c * u + 1j, (c, c.real)), w[0], z)[1][0],
    "in a scan from zero": lambda z, w: lax.scan(lambda c, u: (0.3 * c * u + u, c), 0j, z)[1] * w,
    "in a loop": lambda z, w: lax.fori_loop(0, 3, lambda k, s: 0.3 * s * w + k, z),
    "in a while loop": lambda z, w: lax.while_loop(
        lambda s: s[0] < 3, lambda s: (s[0] + 1, s[1] * 0.5 * w), (0, z)
    )[1],
    "in a branch": lambda z, w: lax.cond(
        z[0].real > 0, lambda z: z * w, lambda z: 1j * jnp.ones(4) * z.real, z
    ),
    "in a branch whose result is a number": lambda z, w: lax.cond(
        z[0].real > 0, lambda z: jnp.ones(4, complex), lambda z: z, z
    ),
    "vectorised": lambda z, w: jax.vmap(lambda a, b: a * jnp.conj((1 - 2j) * (a - b)))(z, w),
}
# No form in real numbers: complex numbers are put together there, and taken apart again.
LEFT = {
    "root": lambda z, w: jnp.sqrt(z) * w,
    "broken power": lambda z, w: z**0.5 * jnp.tanh(w),
    "Fourier transform": lambda z, w: jnp.fft.fft(z) * w,
    "system": lambda z, w: jnp.linalg.solve(jnp.diag(z + 3) + 0.1 * MATRIX, w),
    "single precision": lambda z, w: z.astype(np.complex64).astype(complex) * w,
    "filled": lambda z, w: jnp.take(z, np.array([0, 7, 1, 2]), mode="fill", fill_value=1 + 2j) * w,
    "factors written": lambda z, w: z.at[1].multiply(w[0], unique_indices=True),
}
FUNCTIONS = WRITTEN | LEFT


def of_reals(function):
    """A function of two complex vectors as one of 16 real numbers, with real results."""

    def flat(x):
        z, w = x[:4] + 1j * x[4:8], x[8:12] * jnp.exp(1j * x[12:])
        found = function(z, w)
        return jnp.concatenate([jnp.real(found).ravel(), jnp.imag(found).ravel(), jnp.abs(found).ravel()])

    return flat


def traced(function, size=16):
    """Its program."""
    with float64():
        return numbered(jax.make_jaxpr(function)(jnp.zeros(size)))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_values_and_derivatives_are_those_of_complex_numbers(name):
    """JAX differentiates the original by its rules for complex numbers, and the other by those for reals."""
    flat = of_reals(FUNCTIONS[name])
    program = in_reals(traced(flat))
    assert not holds_complex(program.closed) or name in LEFT
    mine = lambda x: program.function()(x)[0]  # noqa: E731
    for seed in range(2):
        point = np.random.default_rng(seed).uniform(-1.0, 1.0, 16)
        with float64():
            x = jnp.asarray(point)
            weights = np.linspace(1.0, 2.0, flat(x).size)
            curve = lambda fun: jax.jacfwd(jax.jacfwd(lambda x: weights @ fun(x)))  # noqa: B023, E731
            np.testing.assert_allclose(mine(x), flat(x), rtol=1e-13, atol=1e-13)
            np.testing.assert_allclose(jax.jacfwd(mine)(x), jax.jacfwd(flat)(x), rtol=1e-11, atol=1e-11)
            np.testing.assert_allclose(curve(mine)(x), curve(flat)(x), rtol=1e-9, atol=1e-9)


def test_every_row_of_the_table_is_tried():
    """But for movers, which share a rule, and names that JAX writes nowhere here."""
    tried = {name for each in WRITTEN.values() for name in names_in(traced(of_reals(each)).closed)}
    assert set(PAIRS) - tried - set(MOVERS) == {
        "add_any",
        "bcsr_dot_general",
        "coo_matmat",
        "coo_matvec",
        "csr_matmat",
        "csr_matvec",
    }


def test_a_program_of_real_numbers_stays_itself():
    """So do numbers of single precision."""
    for function in (jnp.sin, lambda x: jnp.abs(x.astype(np.complex64)).astype(float)):
        program = traced(function)
        assert in_reals(program) is program


def test_zero_parts_are_left_out():
    """Polar voltages are two products; a real number turned by i is one."""
    polar = in_reals(traced(lambda x: jnp.real(x[:8] * jnp.exp(-1j * x[8:]))))
    assert polar.names == {"slice", "mul", "cos", "sin"}
    assert in_reals(traced(lambda x: jnp.imag(-1j * x))).names == {"mul"}


@pytest.mark.parametrize(
    "function",
    [
        lambda x: jnp.abs(x[0] + 1j * x[1]),
        lambda x: jnp.abs(1j * x[0]),
        lambda x: jnp.abs(x[0] + 0j),
        lambda x: jnp.abs(x[0] + 1j * x[1]) ** 2,
    ],
)
def test_absolute_values_have_no_slope_at_zero(function):
    """As JAX's for complex numbers; none of its derivatives is nan."""
    mine = in_reals(traced(function)).function()
    with float64():
        x = jnp.zeros(16)
        np.testing.assert_array_equal(jax.grad(lambda x: mine(x)[0])(x), jax.grad(function)(x))
        assert np.isfinite(jax.hessian(lambda x: mine(x)[0])(x)).all()


@pytest.mark.parametrize(
    "function",
    [
        lambda x: jnp.imag(jnp.log(-(x + 0j))),
        lambda x: jnp.imag(jnp.log(-x + 0j)),
        lambda x: jnp.angle(jnp.conj(x + 0j)),
        lambda x: jnp.angle(jnp.conj(-x + 0j)),
        lambda x: jnp.angle(-(1j * x)),
        lambda x: jnp.angle(1j * (1j * x)),
        lambda x: jnp.angle((x + 0j) * (-2 + 0j)),
    ],
)
def test_sides_of_a_branch_cut_are_kept(function):
    """Minus zero is below the cut."""
    with float64():
        x = jnp.linspace(1.0, 2.0, 16)
        np.testing.assert_array_equal(in_reals(traced(function)).function()(x)[0], function(x))


def test_complex_numbers_divided_by_zero_are_none():
    """Of a divisor that is known to be zero nothing is left out."""
    with float64():
        mine = in_reals(traced(lambda x: jnp.real((x + 1j) / 0j)))
        assert not np.isfinite(mine.function()(jnp.ones(16))[0]).any()


def test_complex_params_are_taken_apart():
    """A program may have complex inputs."""
    with float64():
        function = lambda x, y: jnp.real(x * jnp.conj(y * x))  # noqa: E731
        program = in_reals(numbered(jax.make_jaxpr(function)(np.ones(4), TURN)))
        assert program.names <= {"real", "imag", "mul", "add", "sub", "neg"}
        np.testing.assert_allclose(
            program.function()(np.arange(4.0), TURN)[0], function(np.arange(4.0), TURN), atol=1e-15
        )


def test_lines_of_the_user_stay_known():
    """Each equation has a line that the user wrote, where it had one."""
    program = in_reals(traced(lambda x: jnp.real(jnp.sqrt(x + 1j))))
    places = [each.source.source_info.traceback for each in program.equations if each.name == "sqrt"]
    assert places and all("test_reals.py" in str(place) for place in places)

"""Collect how people write sparse models: constraints as functions of x, in any size.

Written as users of CasADi, JuMP, MATLAB and finite-element codes write them: mostly as matrices.
"""

from __future__ import annotations

from collections.abc import Callable

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.experimental import sparse
from jax.experimental.ode import odeint
from jax.scipy.linalg import block_diag

Model = tuple[Callable, int]


def halves(function: Callable, n: int) -> Model:
    """A function of two vectors of length n as one of both."""
    return (lambda z: function(z[:n], z[n:])), 2 * n


def whole(function: Callable, n: int) -> Model:
    """A function of n numbers."""
    return function, n


def incidence(n: int) -> np.ndarray:
    """Edges of a path and of some shortcuts, by nodes."""
    rng = np.random.default_rng(n)
    ends = np.concatenate([np.stack([np.arange(n - 1), np.arange(1, n)], 1), rng.integers(0, n, (n // 4, 2))])
    matrix = np.zeros((len(ends), n))
    np.add.at(matrix, (np.arange(len(ends)), ends[:, 0]), 1.0)
    np.add.at(matrix, (np.arange(len(ends)), ends[:, 1]), -1.0)
    return matrix


def weighted_laplacian(n: int) -> Model:
    """Conductivity design: unknown conductances on edges, unknown potentials of nodes."""
    a = incidence(n)
    edges = len(a)
    return (lambda z: a.T @ jnp.diag(z[:edges]) @ a @ z[edges:]), edges + n


def power_flow(n: int) -> Model:
    """Textbook balance with dense constant conductance and susceptance matrices."""
    a = incidence(n)
    g, b = a.T @ a, -10 * a.T @ a

    def balance(v, angle):
        difference, both = angle[:, None] - angle, v[:, None] * v
        active = jnp.sum(both * (g * jnp.cos(difference) + b * jnp.sin(difference)), axis=1)
        return jnp.concatenate(
            [active, jnp.sum(both * (g * jnp.sin(difference) - b * jnp.cos(difference)), 1)]
        )

    return halves(balance, n)


def complex_power_flow(n: int) -> Model:
    """The same with complex voltages."""
    a = incidence(n)
    y = (1 - 10j) * (a.T @ a)

    def balance(v, angle):
        voltage = v * jnp.exp(1j * angle)
        power = voltage * jnp.conj(y @ voltage)
        return jnp.concatenate([power.real, power.imag])

    return halves(balance, n)


def branch_flow(n: int) -> Model:
    """Complex power sent into each branch, from complex currents."""
    i = np.arange(n - 1)

    def sent(v, angle):
        voltage = v * jnp.exp(1j * angle)
        power = voltage[i] * jnp.conj((1 - 10j) * (voltage[i] - voltage[i + 1]))
        return jnp.concatenate([power.real, power.imag, jnp.abs(power)])

    return halves(sent, n)


def rows_of_coefficients(n: int) -> Model:
    """A spline whose pieces are rows of a table."""
    knots, rows = np.linspace(-2, 2, 9), np.random.default_rng(0).normal(size=(8, 4))

    def value(x):
        piece = jnp.clip(jnp.searchsorted(jnp.asarray(knots), x) - 1, 0, 7)
        d, row = x - jnp.asarray(knots)[piece], jnp.asarray(rows)[piece]
        return row[:, 0] + d * (row[:, 1] + d * (row[:, 2] + d * row[:, 3]))

    return whole(value, n)


def assembled(n: int) -> Model:
    """Finite elements in one dimension: element stiffnesses scattered into a matrix."""
    i = np.arange(n - 1)
    rows, cols = np.stack([i, i, i + 1, i + 1], 1), np.stack([i, i + 1, i, i + 1], 1)
    unit = np.array([1.0, -1.0, -1.0, 1.0])

    def residual(k, u):
        entries = (1 + k[:-1, None] ** 2) * unit
        return jnp.zeros((n, n)).at[rows, cols].add(entries) @ u

    return halves(residual, n)


def element_sum(n: int) -> Model:
    """Known element matrices weighted by unknown areas: a truss."""
    a = incidence(n)
    matrices = np.einsum("ei,ej->eij", a, a)
    return (lambda z: jnp.einsum("e,eij->ij", z[: len(a)], matrices) @ z[len(a) :]), len(a) + n


def kronecker(n: int) -> Model:
    """The same unknown 2 x 2 block for each pair of unknowns."""
    return (lambda z: jnp.kron(np.eye(n // 2), z[:4].reshape(2, 2)) @ z[4:]), 4 + 2 * (n // 2)


def rotations(n: int) -> Model:
    """A rotation matrix for each of many points."""

    def turned(angle, point):
        return jnp.array([[jnp.cos(angle), -jnp.sin(angle)], [jnp.sin(angle), jnp.cos(angle)]]) @ point

    return (lambda z: jax.vmap(turned)(z[:n], z[n:].reshape(n, 2)).ravel()), 3 * n


def scalings(n: int) -> Model:
    """A diagonal matrix written by hand for each of many points."""
    one = lambda t, point: jnp.array([[t, 0.0], [0.0, t**2]]) @ point  # noqa: E731
    return (lambda z: jax.vmap(one)(z[:n], z[n:].reshape(n, 2)).ravel()), 3 * n


def heat(n: int) -> Model:
    """Heat equation with a conductivity field, on a square grid, by slices and padding."""
    side = int(np.sqrt(n))

    def residual(k, u):
        k, u = k.reshape(side, side), jnp.pad(u.reshape(side, side), 1)
        laplace = u[2:, 1:-1] + u[:-2, 1:-1] + u[1:-1, 2:] + u[1:-1, :-2] - 4 * u[1:-1, 1:-1]
        return (k * laplace).ravel()

    return halves(residual, side * side)


def filled(n: int) -> Model:
    """A loop that writes one row after the other."""
    return whole(
        lambda x: lax.fori_loop(0, n - 1, lambda k, c: c.at[k].set(jnp.sin(x[k]) - x[k + 1]), jnp.zeros(n)), n
    )


def filled_matrix(n: int) -> Model:
    """A loop that writes the three diagonals of a matrix, which is then multiplied."""

    def residual(x, u):
        step = lambda k, a: a.at[k, k].set(x[k]).at[k, k + 1].set(x[k] * x[k + 1])  # noqa: E731
        return lax.fori_loop(0, n - 1, step, jnp.zeros((n, n))) @ u

    return halves(residual, n)


def previous(n: int) -> Model:
    """A scan whose carry is the row before."""
    return whole(lambda x: lax.scan(lambda c, row: (row, jnp.sin(c) * row), 0.0, x)[1], n)


def two_states(n: int) -> Model:
    """A scan whose carry is the two rows before."""
    step = lambda c, row: ((row, c[0]), jnp.sin(c[0]) * c[1] + row)  # noqa: E731
    return whole(lambda x: lax.scan(step, (x[0], x[1]), x)[1], n)


def defects(flight: Callable, share: int = 1) -> Callable[[int], Model]:
    """Multiple shooting: a flight of the pendulum from each of many states, under its control."""

    def model(size: int) -> Model:
        n = max(size // share, 2)

        def gaps(z):
            states, controls = z[: 2 * n].reshape(n, 2), z[2 * n :]
            return (states[1:] - jax.vmap(flight)(states[:-1], controls[:-1])).ravel()

        return gaps, 3 * n

    return model


def pendulum(t, state, control):
    """Time derivative of angle and speed."""
    return jnp.stack([state[1], control - jnp.sin(state[0])])


def euler(state, control):
    """A few steps of Euler's method."""
    step = lambda s, _: (s + 0.1 * pendulum(0.0, s, control), None)  # noqa: E731
    return lax.scan(step, state, None, length=4)[0]


def constant_steps(state, control):
    """Steps of the same length by diffrax."""
    term, steps = diffrax.ODETerm(pendulum), diffrax.ConstantStepSize()
    found = diffrax.diffeqsolve(
        term, diffrax.Heun(), 0.0, 0.4, 0.1, state, args=control, stepsize_controller=steps, max_steps=8
    )
    return found.ys[-1]


def adaptive_steps(state, control):
    """Steps whose length follows from their error, by JAX's own integrator."""
    derivative = lambda state, t, control: pendulum(t, state, control)  # noqa: E731
    return odeint(derivative, state, jnp.array([0.0, 0.4]), control)[-1]


def accumulated(n: int) -> Model:
    """A loop that adds up at known places."""

    def residual(x):
        step = lambda k, c: c.at[k // 2].add(x[k] * x[(k + 1) % n])  # noqa: E731
        return lax.fori_loop(0, n, step, jnp.zeros(n // 2 + 1))

    return whole(residual, n)


def solves(size: int) -> Callable[[int], Model]:
    """Systems of a few unknowns, one for each stage."""

    def model(n: int) -> Model:
        def one(row):
            matrix = row.reshape(size + 1, size)
            return jnp.linalg.solve(matrix[:size] @ matrix[:size].T + 3 * np.eye(size), matrix[size])

        count = max(n // size, 1)
        width = size * (size + 1)
        return (lambda z: jax.vmap(one)(z.reshape(count, width)).ravel()), count * width

    return model


def matrices(function: Callable, size: int) -> Callable[[int], Model]:
    """A function of a small matrix, one for each stage."""

    def model(n: int) -> Model:
        count = max(n // size**2, 1)
        shape = (count, size, size)
        return (lambda z: jax.vmap(function)(z.reshape(shape)).ravel()), count * size**2

    return model


def stored(n: int) -> Model:
    """A sparse matrix of JAX's own with unknown entries."""
    i = np.arange(n)
    places = np.stack([np.concatenate([i, i[1:]]), np.concatenate([i, i[:-1]])], 1)
    return (
        lambda z: sparse.BCOO((z[: 2 * n - 1], places), shape=(n, n)) @ z[2 * n - 1 :],
        3 * n - 1,
    )


def network(n: int) -> Model:
    """The same small network for each of many rows."""
    weights = np.random.default_rng(0).normal(size=(2, 3, 3))
    one = lambda row: weights[1] @ jnp.tanh(weights[0] @ row)  # noqa: E731
    return (lambda z: jax.vmap(one)(z.reshape(-1, 3)).ravel()), 3 * (n // 3)


BAND = lambda n: np.eye(n) - np.eye(n, k=1)  # noqa: E731
LOWER = lambda n: np.tril(np.ones((n, n))) - np.tril(np.ones((n, n)), -3)  # noqa: E731

IDIOMS: dict[str, Callable[[int], Model]] = {
    # matrices that are mostly zero
    "diag(x) @ u": lambda n: halves(lambda x, u: jnp.diag(x) @ u, n),
    "diag(x, 1) + diag(y)": lambda n: halves(lambda x, u: (jnp.diag(x[1:], 1) + jnp.diag(x)) @ u, n),
    "A' diag(x) A u": weighted_laplacian,
    "zeros.at[i, j].add(k(x)) @ u": assembled,
    'einsum("e,eij->ij", x, K) @ u': element_sum,
    "(A * x) @ sin(u)": lambda n: halves(lambda x, u: (BAND(n) * x[:, None]) @ jnp.sin(u), n),
    "A @ (x * (A @ u))": lambda n: halves(lambda x, u: BAND(n).T @ (x * (BAND(n) @ u)), n),
    "kron(I, x) @ u": kronecker,
    "block_diag(...) @ u": lambda n: halves(
        lambda x, u: (
            block_diag(*[jnp.outer(x[k : k + 2], x[k : k + 2]) for k in range(0, n - 1, 2)]) @ u[: n // 2 * 2]
        ),
        n,
    ),
    "jnp.block of diagonals": lambda n: halves(
        lambda x, u: (
            jnp.block([[jnp.diag(x), jnp.eye(n)], [jnp.zeros((n, n)), jnp.diag(u)]]) @ jnp.concatenate([u, x])
        ),
        n,
    ),
    "[[t, 0], [0, t t]] @ p": scalings,
    "rotation matrices": rotations,
    "power flow, G cos + B sin": power_flow,
    "power flow, V conj(Y V)": complex_power_flow,
    "power flow, V conj(I) by branches": branch_flow,
    "tril(A) * x @ u": lambda n: halves(lambda x, u: (LOWER(n) * x) @ u, n),
    "where(mask, x x', 0) @ u": lambda n: halves(
        lambda x, u: jnp.where(BAND(n) != 0, jnp.outer(x, x), 0.0) @ u, n
    ),
    "mask * outer(x, u)": lambda n: halves(lambda x, u: (BAND(n) * jnp.outer(x, u)).sum(1), n),
    "1 / K where K > 0": lambda n: halves(
        lambda x, u: (
            jnp.where(jnp.diag(x**2 + 1) > 0, 1 / jnp.where(jnp.diag(x**2 + 1) > 0, jnp.diag(x**2 + 1), 1), 0)
            @ u
        ),
        n,
    ),
    "BCOO with unknown entries": stored,
    "banded product B(x) B(u) 1": lambda n: halves(
        lambda x, u: (jnp.diag(x) @ BAND(n)) @ (jnp.diag(u) @ BAND(n)) @ np.arange(1.0, n + 1) ** 2, n
    ),
    "trace of a product": lambda n: halves(lambda x, u: jnp.diag(jnp.diag(x) @ jnp.outer(u, u)), n),
    "segment sums of x[i] u[j]": lambda n: halves(
        lambda x, u: jax.ops.segment_sum(x * u, np.arange(n) // 3, n // 3 + 1), n
    ),
    # vectors, stencils
    "zeros.at[1:-1].set(...)": lambda n: whole(
        lambda x: jnp.zeros(n).at[1:-1].set(x[2:] * x[:-2] - x[1:-1]) * x, n
    ),
    "concatenate zeros, multiply": lambda n: halves(
        lambda x, u: jnp.concatenate([np.zeros(n // 2), x[: n - n // 2]]) * u, n
    ),
    "pad, stencil, field": heat,
    "convolve(x, known)": lambda n: whole(
        lambda x: jnp.convolve(x, np.array([1.0, 0.0, -2.0]), "same") * x, n
    ),
    "roll": lambda n: whole(lambda x: x * jnp.roll(x, 1) - jnp.roll(x, -1), n),
    "diff, cross terms": lambda n: whole(lambda x: jnp.diff(x) ** 2 * x[1:], n),
    "meshgrid mask": lambda n: halves(
        lambda x, u: jnp.sum(
            (np.abs(np.subtract.outer(np.arange(n), np.arange(n))) < 2) * (x[:, None] - u) ** 2, 1
        ),
        n,
    ),
    "maximum(0, mask * x) * u": lambda n: halves(
        lambda x, u: jnp.maximum((np.arange(n) % 2) * x + 0.1 * (np.arange(n) % 2), 0.0) * u, n
    ),
    "x ** known powers": lambda n: whole(lambda x: (1 + x**2) ** (np.arange(n) % 3) * x[::-1], n),
    "prod of stacked factors": lambda n: halves(
        lambda x, u: jnp.prod(jnp.stack([x, u, np.arange(n) % 2 * 1.0]), axis=0), n
    ),
    "interp(x, known, known)": lambda n: whole(
        lambda x: jnp.interp(x, np.linspace(-2, 2, 9), np.arange(9.0) ** 2) * x[::-1], n
    ),
    "spline rows by searchsorted": rows_of_coefficients,
    "sort by known keys": lambda n: whole(lambda x: x[np.argsort(np.sin(np.arange(n)))] * x, n),
    # loops
    "fori_loop fills c[k]": filled,
    "fori_loop fills a matrix": filled_matrix,
    "scan, carry is the row before": previous,
    "scan, two rows before": two_states,
    "shooting: short scan under vmap": defects(euler),
    "shooting: diffrax, constant steps": defects(constant_steps),
    "shooting: odeint": defects(adaptive_steps, share=10),
    "fori_loop adds at k // 2": accumulated,
    "lax.map over rows": lambda n: whole(
        lambda x: lax.map(lambda row: row[0] * jnp.sin(row[1]), x.reshape(-1, 2)), n // 2 * 2
    ),
    "running sum": lambda n: whole(lambda x: lax.scan(lambda c, row: (c + row, c + row), 0.0, x)[1], n),
    # small blocks along a batch
    "2 x 2 solves": solves(2),
    "4 x 4 solves": solves(4),
    "det(A) sum(A^2), 3 x 3": matrices(lambda a: jnp.linalg.det(a) * jnp.sum(a**2), 3),
    "expm, 2 x 2": matrices(jax.scipy.linalg.expm, 2),
    "inv, 3 x 3": matrices(lambda a: jnp.linalg.inv(a + 5 * np.eye(3)), 3),
    "cholesky, 3 x 3": matrices(lambda a: jnp.linalg.cholesky(a @ a.T + 3 * np.eye(3)), 3),
    "cumprod of rows": matrices(jnp.cumprod, 2),
    "softmax of rows": matrices(lambda a: jax.nn.softmax(a, axis=-1), 3),
    "network under vmap": network,
}

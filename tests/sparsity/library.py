"""Offer library functions for random programs, of two vectors and a small integer.

What `tests.sparsity.programs` has of its own are JAX's operations by the handful; here are factorisations,
sparse formats, special functions, loops and rules of users, so that no family goes untried.
"""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.experimental import sparse

from lagrad import nested

N = 5
INDICES = [np.array([0, 0, 3, 1, 4]), np.array([4, 2, 2, 2, 0]), np.array([1, 0, 4, 3, 2])]
MASKS = [np.array([0, 1, 1, 0, 1.0]), np.array([1, 0, 0, 0, 1.0]), np.array([0.0, 0, 0, 2, 0])]
MATRICES = [np.eye(N, k=1) - 2 * np.eye(N), np.outer(MASKS[0], MASKS[1]), np.diag(MASKS[2]) + np.eye(N)[::-1]]
OUTSIDE = np.array([1, 7, -9, 0, 4])
APART = np.diag([0.0, 3.0])


def long(x, short):
    """A shorter vector continued by x."""
    flat = jnp.ravel(short)[:N]
    return jnp.concatenate([flat, x[: N - flat.size]])


def spd(x):
    """Positive definite 2 x 2 matrix."""
    return jnp.outer(x[:2], x[:2]) + jnp.diag(2 + x[2:4] ** 2)


def spd3(x):
    """Positive definite 3 x 3 matrix."""
    return jnp.outer(x[:3], x[:3]) + jnp.diag(2 + x[2:] ** 2)


def stored(x, k):
    """Sparse matrix with the entries x, some of them at the same place."""
    return sparse.BCOO((x, np.stack([INDICES[k], INDICES[0]], 1)), shape=(N, N))


@jax.custom_jvp
def called_back(x):
    """The sine, computed by NumPy."""
    return jax.pure_callback(np.sin, jax.ShapeDtypeStruct(x.shape, x.dtype), x, vmap_method="broadcast_all")


called_back.defjvp(lambda primals, tangents: (called_back(*primals), jnp.cos(primals[0]) * tangents[0]))


@jax.custom_gradient
def bent_gradient(x):
    """x^2 with a gradient that mixes neighbours."""
    return x**2, lambda g: (g * jnp.roll(x, 1),)


@jax.custom_jvp
def recursive(x):
    """x^3 whose rule calls a function with a rule of its own."""
    return x**3


recursive.defjvp(lambda primals, tangents: (recursive(*primals), 3 * jax.nn.relu(primals[0]) * tangents[0]))


def tridiagonal(x, y):
    """Three unknowns."""
    outside = jnp.zeros(1)
    lower, upper = jnp.concatenate([outside, x[:2]]), jnp.concatenate([x[2:4], outside])
    return lax.linalg.tridiagonal_solve(lower, 4 + y[:3] ** 2, upper, x[2:, None])


def strided(x, y, k):
    """Convolution with strides and holes, both factors unknown."""
    return lax.conv_general_dilated(x[None, None], y[None, None, :2], (2,), [(k, 1)], rhs_dilation=(2,))


def image(x, y):
    """Convolution of an image with two filters."""
    return lax.conv_general_dilated(x[:4].reshape(1, 1, 2, 2), y[:4].reshape(2, 1, 2, 1), (1, 1), "SAME")


def batched_solve(x, y):
    """Two systems of two unknowns."""
    one = lambda a, b: jnp.linalg.solve(jnp.outer(a, a) + 3 * jnp.eye(2), b)  # noqa: E731
    return jax.vmap(one)(x[:4].reshape(2, 2), y[:4].reshape(2, 2))


def matrix_chain(x, y):
    """Running products of matrices."""
    factors = 0.5 * jnp.concatenate([x, y, x[:2]]).reshape(3, 2, 2)
    return lax.associative_scan(jnp.matmul, factors)[-1]


LINEAR_ALGEBRA: dict[str, Callable] = {
    "lu": lambda x, y, k: long(y, jax.scipy.linalg.lu(spd(x))[2]),
    "qr": lambda x, y, k: long(y, jnp.linalg.qr(spd(x))[k % 2]),
    "svd": lambda x, y, k: long(y, jnp.linalg.svd(spd(x) + APART)[k]),
    "eigh_vectors": lambda x, y, k: long(y, jnp.linalg.eigh(spd(x) + APART)[1] ** 2),
    "slogdet": lambda x, y, k: long(y, jnp.linalg.slogdet(jnp.stack([spd(x), spd(y)]))[1]),
    "det": lambda x, y, k: long(y, jnp.linalg.det(spd3(x))),
    "tridiagonal_solve": lambda x, y, k: long(y, tridiagonal(x, y)),
    "cho_solve": lambda x, y, k: long(
        y, jax.scipy.linalg.cho_solve((jnp.linalg.cholesky(spd3(x)), True), y[:3])
    ),
    "pinv": lambda x, y, k: long(y, jnp.linalg.pinv(jnp.stack([x[:2] + 2, y[:2], x[3:]]))),
    "batched_solve": lambda x, y, k: long(y, batched_solve(x, y)),
    "cg": lambda x, y, k: long(y, jax.scipy.sparse.linalg.cg(lambda v: spd(x) @ v, y[:2], tol=1e-12)[0]),
    "rfft": lambda x, y, k: jnp.fft.irfft(jnp.fft.rfft(x) * jnp.arange(3), n=N),
    "conv_strided": lambda x, y, k: long(y, strided(x, y, k)),
    "conv_image": lambda x, y, k: long(y, image(x, y)),
    "einsum": lambda x, y, k: jnp.einsum("i,j,ij->i", x, y, MATRICES[k]),
    "kron": lambda x, y, k: jnp.kron(x[:2], y[:3])[:N],
    "cross": lambda x, y, k: long(y, jnp.cross(x[:3], y[2:])),
    "triangle": lambda x, y, k: long(y, jnp.triu(jnp.outer(x[:2], y[:2]))),
    "diagonal": lambda x, y, k: long(y, jnp.diag(jnp.outer(x[:3], y[:3]))),
    "norm": lambda x, y, k: x / (1 + jnp.linalg.norm(y)),
}
SPARSE: dict[str, Callable] = {
    "bcsr": lambda x, y, k: sparse.BCSR.fromdense(MATRICES[k], nse=N * 2) @ x,
    "bcoo_entries": lambda x, y, k: stored(x, k) @ y,
    "bcoo_transposed": lambda x, y, k: stored(x, k).T @ y,
    "bcoo_todense": lambda x, y, k: sparse.BCOO((x, INDICES[k][:, None]), shape=(N,)).todense() * y,
    "bcoo_sum": lambda x, y, k: sparse.BCOO((x, INDICES[k][:, None]), shape=(N,)).sum_duplicates(nse=N).data,
    "bcoo_times": lambda x, y, k: (sparse.BCOO((x, INDICES[k][:, None]), shape=(N,)) * y).todense(),
    "sparsify": lambda x, y, k: sparse.sparsify(lambda m, v: (m @ v) * v)(
        sparse.BCOO.fromdense(MATRICES[k], nse=2 * N), x
    ),
}
INDEXING: dict[str, Callable] = {
    "set_unknown": lambda x, y, k: x.at[jnp.argsort(y)[:2]].set(y[1:3] * x[0]),
    "min_at": lambda x, y, k: x.at[INDICES[2][:2]].min(y[:2]),
    "add_clip": lambda x, y, k: x.at[OUTSIDE].add(y, mode="clip"),
    "add_drop": lambda x, y, k: x.at[OUTSIDE].add(y, mode="drop"),
    "add_negative": lambda x, y, k: x.at[np.array([-1, -2, 0])].add(y[:3]),
    "set_column": lambda x, y, k: long(x, x[:4].reshape(2, 2).at[:, k % 2].set(y[:2] * y[2])),
    "subtract_rows": lambda x, y, k: long(
        y, x[:4].reshape(2, 2).at[np.array([1, 0, 1])].subtract(y[:3, None] * jnp.ones(2))
    ),
    "take_along": lambda x, y, k: jnp.take_along_axis(x * y, INDICES[k], 0),
    "roll_unknown": lambda x, y, k: jnp.roll(x, jnp.argmax(y)),
    "searchsorted": lambda x, y, k: x[jnp.clip(jnp.searchsorted(jnp.sort(y), x), 0, N - 1)],
    "interp": lambda x, y, k: jnp.interp(x, np.linspace(-2, 2, N), y),
    "interp_known": lambda x, y, k: jnp.interp(x, np.linspace(-2, 2, N), MASKS[k]),
    "tile": lambda x, y, k: jnp.tile(x * y, 2)[k : k + N],
    "repeat": lambda x, y, k: jnp.repeat(x**2, 2)[k : k + N],
    "split": lambda x, y, k: jnp.concatenate(jnp.split(x * y, [2, k + 2])[::-1]),
    "sort_keys": lambda x, y, k: lax.sort((x, y), num_keys=1 + k % 2)[1],
    "argsort_gather": lambda x, y, k: y[jnp.argsort(x)],
    "median": lambda x, y, k: x * jnp.median(y),
    "quantile": lambda x, y, k: long(x, jnp.quantile(y, 0.3)),
    "cummin": lambda x, y, k: lax.cummin(x, reverse=k == 0),
    "extremes": lambda x, y, k: x * jnp.ptp(y),
    "reduce": lambda x, y, k: long(x, lax.reduce(y, np.float64(1.0), lambda a, b: a * b, (0,))),
    "pool": lambda x, y, k: long(y, lax.reduce_window(x, 0.0, lax.add, (2,), (2,), [(0, 1)])),
    "variance": lambda x, y, k: x + jnp.var(y),
    "select": lambda x, y, k: jnp.select([x > 0.5, y > 0], [x * y, x], y**2),
    "piecewise": lambda x, y, k: jnp.piecewise(x, [x < 0, x >= 0.5], [jnp.sin, jnp.square, 1.0]),
}
SPECIAL: dict[str, Callable] = {
    "precision": lambda x, y, k: lax.reduce_precision(x * y, 11, 52),
    "cast": lambda x, y, k: (x.astype(jnp.float32) * 2).astype(jnp.float64),
    "barrier": lambda x, y, k: lax.optimization_barrier((x * y, y))[0],
    "complex_product": lambda x, y, k: ((x + 1j * y) * (y + 1j * jnp.roll(x, 1))).imag,
    "complex_exp": lambda x, y, k: jnp.real(jnp.exp(1j * x) * jnp.conj(y + 1j) / (2 + 1j * y)),
    "angle": lambda x, y, k: jnp.angle(2 + x**2 + 1j * y),
    "safe_root": lambda x, y, k: jnp.where(x > 0, jnp.sqrt(jnp.where(x > 0, x, 1.0)), y),
    "gammaln": lambda x, y, k: jax.scipy.special.gammaln(1 + x**2),
    "digamma": lambda x, y, k: jax.scipy.special.digamma(1 + x**2),
    "expi": lambda x, y, k: jax.scipy.special.expi(1 + x**2),
    "polygamma": lambda x, y, k: jax.scipy.special.polygamma(1, 1 + x**2),
    "bessel": lambda x, y, k: [jax.scipy.special.i0e, jax.scipy.special.i1, jax.scipy.special.i0][k](x),
    "betainc": lambda x, y, k: jax.scipy.special.betainc(1.5, 2.0 + k, jax.nn.sigmoid(x)),
    "gammainc": lambda x, y, k: jax.scipy.special.gammainc(1.0 + k, 1 + x**2),
    "erfinv": lambda x, y, k: jax.scipy.special.erfinv(0.9 * jnp.tanh(x)),
    "ndtr": lambda x, y, k: jax.scipy.special.ndtr(x) + jax.scipy.special.log_ndtr(y),
    "xlogy": lambda x, y, k: jax.scipy.special.xlogy(x, 1 + y**2),
    "sinc": lambda x, y, k: jnp.sinc(x),
    "hyperbolic": lambda x, y, k: [jnp.arcsinh, jnp.cosh, lambda v: jnp.arctanh(0.9 * jnp.tanh(v))][k](
        0.5 * x
    ),
    "roots": lambda x, y, k: jnp.cbrt(1 + x**2) + jnp.log1p(y**2) + jnp.expm1(jnp.tanh(x)),
    "exp2": lambda x, y, k: jnp.exp2(jnp.tanh(x)),
    "hypot": lambda x, y, k: jnp.hypot(x, 1 + y**2),
    "gelu": lambda x, y, k: [jax.nn.gelu, jax.nn.elu, jax.nn.leaky_relu][k](x),
    "silu": lambda x, y, k: [jax.nn.silu, jax.nn.relu6, jax.nn.celu][k](x),
    "softmax": lambda x, y, k: jax.nn.softmax(x) * y,
    "logaddexp": lambda x, y, k: jnp.logaddexp(x, y),
    "polyval": lambda x, y, k: jnp.polyval(0.3 * y[:3], x),
}
LOOPS: dict[str, Callable] = {
    "while": lambda x, y, k: lax.while_loop(
        lambda s: s[0] < 2 + jnp.argmax(y), lambda s: (s[0] + 1, jnp.sin(s[1]) * x), (0, y)
    )[1],
    "while_known": lambda x, y, k: lax.while_loop(
        lambda s: s[0] < 2, lambda s: (s[0] + 1, jnp.sin(s[1]) * jnp.roll(x, 1)), (0, y)
    )[1],
    "switch_known": lambda x, y, k: lax.switch(k, [jnp.sin, jnp.square, jnp.cumsum], x),
    "map_indices": lambda x, y, k: lax.map(lambda i: x[i] * y[(i + k) % N], jnp.arange(N)),
    "map_batched": lambda x, y, k: lax.map(lambda a: jnp.sin(a) * y[k], x, batch_size=2),
    "scan_indices": lambda x, y, k: lax.scan(lambda c, i: (c, c[i] * x[(i + 1) % N]), y, INDICES[k])[1],
    "scan_pairs": lambda x, y, k: lax.scan(lambda c, u: (c + u[0] * u[1], c), 0.0, (x, y))[1],
    "scan_rounded": lambda x, y, k: lax.scan(lambda c, u: (jnp.round(c) + u, c * u), y[0], x)[1],
    "matrix_chain": lambda x, y, k: long(y, matrix_chain(x, y)),
    "nested_cond": lambda x, y, k: lax.cond(
        x[0] > 0, lambda a: lax.cond(a[1] > 0, jnp.sin, lambda v: v, a), jnp.square, x
    ),
    "vmap_cond": lambda x, y, k: jax.vmap(lambda a, b: lax.cond(a > 0, lambda: a * b, lambda: jnp.sin(b)))(
        x, y
    ),
    "vmap_scan": lambda x, y, k: jax.vmap(
        lambda a: lax.scan(lambda c, _: (c * a, None), a, None, length=2)[0]
    )(x),
    "platform": lambda x, y, k: lax.platform_dependent(x, cpu=jnp.sin, default=jnp.cos),
}
DERIVATIVES: dict[str, Callable] = {
    "linearize": lambda x, y, k: jax.linearize(lambda v: jnp.sin(v) * v[0], x)[1](y),
    "inner_grad": lambda x, y, k: jax.grad(lambda v: jnp.sum(v**3 * y * jnp.roll(v, 1)))(x),
    "inner_hvp": lambda x, y, k: jax.jvp(jax.grad(lambda v: jnp.sum(0.1 * v**4)), (x,), (y,))[1],
    "inner_vjp": lambda x, y, k: jax.vjp(lambda v: jnp.sin(v) * v[1], x)[1](y)[0],
    "nested_grad": lambda x, y, k: nested.grad(lambda v: jnp.sum(jnp.sin(v) * jnp.roll(v, 1) ** 2 * y))(x),
    "callback": lambda x, y, k: called_back(x),
    "bent_gradient": lambda x, y, k: bent_gradient(x),
    "recursive": lambda x, y, k: recursive(x) * y,
    "random_categorical": lambda x, y, k: x * jax.random.categorical(jax.random.key(k), y),
    "random_uniform": lambda x, y, k: x * jax.random.uniform(jax.random.key(k), (N,)) + y,
}
LIBRARY = LINEAR_ALGEBRA | SPARSE | INDEXING | SPECIAL | LOOPS | DERIVATIVES
# What JAX differentiates in one direction only.
FORWARD_ONLY = frozenset({"while", "while_known"})
BACKWARD_ONLY = frozenset({"bent_gradient"})

"""Draw random programs from every family of operations.

Every operation makes a vector of N numbers from two others and a small integer. All are tame (no overflow
from moderate numbers), and most are functions of this module, so that JAX compiles each of them once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from hypothesis import strategies as st
from jax import lax
from jax.experimental import sparse

from tests.sparsity.library import (
    BACKWARD_ONLY,
    FORWARD_ONLY,
    INDICES,
    LIBRARY,
    MASKS,
    MATRICES,
    OUTSIDE,
    N,
    long,
    spd,
)
from tests.sparsity.masked import MASKED

SEGMENTS = [np.array([0, 2, 0, 2, 1]), np.array([1, 1, 1, 0, 0]), np.array([2, 1, 0, 4, 4])]


@jax.custom_jvp
def straight_through(x):
    """Rounded, with the derivative of the identity."""
    return jnp.round(x)


straight_through.defjvp(lambda primals, tangents: (straight_through(*primals), tangents[0]))


@jax.custom_jvp
def crossed(x, y):
    """A constant to the eye, with a derivative that couples x and y."""
    return jnp.floor(x) + jnp.floor(y)


crossed.defjvp(
    lambda primals, tangents: (crossed(*primals), primals[1] * tangents[0] + jnp.roll(tangents[1], 1))
)


@jax.custom_vjp
def bent_backward(x):
    """Rounded, with another derivative backward."""
    return jnp.round(x) + 0.5 * x


# Forward over reverse runs the forward pass in forward mode, so it must not call the function itself.
bent_backward.defvjp(lambda x: (jnp.round(x) + 0.5 * x, x), lambda x, g: (jnp.cos(x) * g[::-1],))


@jax.custom_vjp
def clipped_backward(x):
    """The identity, its cotangent limited."""
    return x * 1.0


clipped_backward.defvjp(lambda x: (x, None), lambda _, g: (jnp.clip(g, -1.0, 1.0),))


def linear_solve(x, y, k):
    """A system with matrix diag(2 + x^2)."""
    divide = lambda _, b: b / (2 + lax.stop_gradient(x) ** 2)  # noqa: E731
    return lax.custom_linear_solve(lambda v: (2 + x**2) * v, y, divide, symmetric=True)


def root(x, y, k):
    """z + z^3 / 4 = x, solved by Newton steps."""

    def newton(f, z):
        return lax.fori_loop(0, 20, lambda _, v: v - (v + 0.25 * v**3 - x) / (1 + 0.75 * v**2), z)

    return lax.custom_root(
        lambda z: z + 0.25 * z**3 - x, jnp.zeros(N), newton, lambda g, b: b / g(jnp.ones(N))
    )


def carry_step(carry, a):
    """A recurrence."""
    return jnp.sin(carry) + 0.5 * a, carry * a


def square_and_scale(a):
    """One step without a carry."""
    return a * a[0]


def set_one_by_one(i, s):
    """Step i of a loop that writes element i."""
    return s.at[i].set(s[i - 1] * 0.5 + s[i])


def bounded_while(x):
    """A loop with a known number of steps."""
    return lax.fori_loop(0, 3, lambda i, s: jnp.tanh(s) * x[i], x)


OPS: dict[str, Callable] = {
    # elementwise
    "sin": lambda x, y, k: jnp.sin(x),
    "square": lambda x, y, k: x**2,
    "cube": lambda x, y, k: 0.1 * x**3,
    "root": lambda x, y, k: jnp.sqrt(1 + x**2),
    "exp": lambda x, y, k: jnp.exp(jnp.tanh(x)),
    "logistic": lambda x, y, k: jax.nn.sigmoid(x),
    "softplus": lambda x, y, k: jax.nn.softplus(x),
    "relu": lambda x, y, k: jax.nn.relu(x) * (1 + k),
    "abs": lambda x, y, k: jnp.abs(x),
    "steps": lambda x, y, k: jnp.floor(x) * y + jnp.sign(y),
    "erf": lambda x, y, k: jax.scipy.special.erf(x),
    "clip": lambda x, y, k: jnp.clip(x, -0.5, y),
    "add": lambda x, y, k: x + (k - 1) * y,
    "sub": lambda x, y, k: x - y,
    "mul": lambda x, y, k: x * y,
    "div": lambda x, y, k: x / (1 + y**2),
    "atan2": lambda x, y, k: jnp.arctan2(x, 1 + y**2),
    "pow": lambda x, y, k: (1 + x**2) ** jnp.tanh(y),
    "rem": lambda x, y, k: jnp.fmod(x, 1 + jnp.abs(y)),
    "max": lambda x, y, k: jnp.maximum(x, y),
    "where": lambda x, y, k: jnp.where(x > y, x * y, y[::-1]),
    "where_known": lambda x, y, k: jnp.where(MASKS[k] > 0, x**2, y),
    "mask": lambda x, y, k: MASKS[k] * x,
    "stop": lambda x, y, k: lax.stop_gradient(x) * y,
    "complex": lambda x, y, k: jnp.abs(x + 1j * (2 + y)),
    # indexing
    "roll": lambda x, y, k: jnp.roll(x, k + 1),
    "reverse": lambda x, y, k: x[::-1],
    "gather": lambda x, y, k: x[INDICES[k]],
    "gather_fill": lambda x, y, k: x.at[OUTSIDE].get(mode="fill", fill_value=0.5),
    "gather_clip": lambda x, y, k: x.at[OUTSIDE].get(mode="clip"),
    "gather_unknown": lambda x, y, k: x[jnp.argsort(y)],
    "gather_rows": lambda x, y, k: long(x, jnp.outer(x[:2], y[:3])[:, jnp.argmax(y) % 3]),
    "slice": lambda x, y, k: jnp.concatenate([x[k:], y[:k]]),
    "pad": lambda x, y, k: lax.pad(x[1:4], 0.5 * y[0], [(k, 2 - k, 0)]),
    "stack": lambda x, y, k: jnp.stack([x, y], 1).reshape(-1)[k : k + N],
    "dynamic_slice": lambda x, y, k: lax.dynamic_slice(jnp.concatenate([x, y]), (jnp.argmax(x),), (N,)),
    "dynamic_update": lambda x, y, k: lax.dynamic_update_slice(x, y[:2] * 2, (jnp.argmin(y),)),
    "set": lambda x, y, k: x.at[INDICES[k][:3]].set(y[:3] * y[1]),
    "set_outside": lambda x, y, k: x.at[OUTSIDE].set(y, mode="drop"),
    "add_at": lambda x, y, k: x.at[INDICES[k]].add(y),
    "add_unknown": lambda x, y, k: x.at[jnp.argsort(x)[:2]].add(y[:2]),
    "multiply_at": lambda x, y, k: x.at[INDICES[2][:3]].multiply(y[:3], unique_indices=True),
    "max_at": lambda x, y, k: x.at[INDICES[2][:2]].max(y[:2]),
    "transpose": lambda x, y, k: long(x, jnp.concatenate([x, y[:1]]).reshape(2, 3).T),
    "vmap": lambda x, y, k: jax.vmap(lambda a, i: a * y[i])(x, INDICES[k]),
    # reductions
    "sum": lambda x, y, k: x + jnp.sum(y[k:]),
    "reduce_max": lambda x, y, k: x * jnp.max(y),
    "prod": lambda x, y, k: long(x, jnp.prod(jnp.concatenate([x[1:], y[1:]]).reshape(4, 2), axis=1)),
    "cumsum": lambda x, y, k: lax.cumsum(x, reverse=k == 1),
    "cumprod": lambda x, y, k: lax.cumprod(0.5 * x),
    "cummax": lambda x, y, k: lax.cummax(x),
    "cumlogsumexp": lambda x, y, k: lax.cumlogsumexp(x),
    "sort": lambda x, y, k: jnp.sort(x),
    "top_k": lambda x, y, k: long(y, lax.top_k(x, k + 1)[0]),
    "logsumexp": lambda x, y, k: x - jax.scipy.special.logsumexp(y),
    "segment_sum": lambda x, y, k: jax.ops.segment_sum(x * y, SEGMENTS[k], N),
    "window": lambda x, y, k: lax.reduce_window(x, 0.0, lax.add, (k + 1,), (1,), "SAME"),
    "window_max": lambda x, y, k: lax.reduce_window(x, -jnp.inf, lax.max, (2,), (1,), "SAME"),
    # contractions
    "matvec": lambda x, y, k: MATRICES[k] @ x,
    "quadratic": lambda x, y, k: x * (y @ MATRICES[k] @ x),
    "matmul": lambda x, y, k: long(x, x[:4].reshape(2, 2) @ y[1:].reshape(2, 2)),
    "batched": lambda x, y, k: long(
        x, jnp.einsum("bi,bij->bj", x[:4].reshape(2, 2), jnp.outer(y[:4], y[:2]).reshape(2, 2, 2))
    ),
    "outer": lambda x, y, k: jnp.sum(x[:, None] * y[None, :] * MATRICES[k], axis=1),
    "convolve": lambda x, y, k: jnp.convolve(x, y[: k + 1], mode="same"),
    "convolve_known": lambda x, y, k: jnp.convolve(x, MASKS[k], mode="same"),
    "fft": lambda x, y, k: jnp.fft.fft(x).real,
    "bcoo": lambda x, y, k: sparse.BCOO.fromdense(MATRICES[k], nse=N * 2) @ x,
    # linear algebra
    "solve": lambda x, y, k: long(y, jnp.linalg.solve(spd(x), y[:2])),
    "solve_batched": lambda x, y, k: long(
        y, jnp.linalg.solve(jnp.stack([spd(x), spd(y)]), x[:4].reshape(2, 2, 1))
    ),
    "cholesky": lambda x, y, k: long(y, jnp.linalg.cholesky(spd(x))),
    "triangular": lambda x, y, k: long(
        y, lax.linalg.triangular_solve(spd(x), y[:4].reshape(2, 2), left_side=k > 0)
    ),
    "inverse": lambda x, y, k: long(y, jnp.linalg.inv(spd(x))),
    "eigh": lambda x, y, k: long(y, jnp.linalg.eigh(spd(x) + jnp.diag(jnp.array([0.0, 3.0])))[0]),
    # control flow
    "jit": lambda x, y, k: jax.jit(lambda a, b: jnp.sin(a) * b)(x, y),
    "checkpoint": lambda x, y, k: jax.checkpoint(lambda a: jnp.sin(a) * a[k])(x),
    "scan": lambda x, y, k: lax.scan(carry_step, y[0], x, reverse=k == 1)[1],
    "scan_carry": lambda x, y, k: lax.scan(carry_step, x, jnp.stack([y, x]))[0],
    "map": lambda x, y, k: long(y, lax.map(square_and_scale, x[:4].reshape(2, 2))),
    "fori": lambda x, y, k: lax.fori_loop(1, N, set_one_by_one, x),
    "fori_read": lambda x, y, k: bounded_while(x),
    "cond": lambda x, y, k: lax.cond(x[0] > y[k], lambda a, b: a * b, lambda a, b: b[::-1], x, y),
    "cond_known": lambda x, y, k: lax.cond(k > 1, lambda a, b: a * b, lambda a, b: b[::-1], x, y),
    "switch": lambda x, y, k: lax.switch(jnp.argmax(y), [jnp.sin, jnp.square, jnp.cumsum], x),
    "associative_scan": lambda x, y, k: lax.associative_scan(jnp.multiply, 0.5 * x),
    # derivatives by hand
    "straight_through": lambda x, y, k: straight_through(x) * y,
    "crossed": lambda x, y, k: crossed(x, y),
    "bent_backward": lambda x, y, k: bent_backward(x),
    "clipped_backward": lambda x, y, k: clipped_backward(x) ** 2,
    "linear_solve": linear_solve,
    "custom_root": root,
    # numbers of few digits, whole and complex ones, of any size; kinks hit exactly
    "bfloat16": lambda x, y, k: jnp.sin(x.astype(jnp.bfloat16)).astype(float) + y,
    "float8": lambda x, y, k: x.astype(jnp.float8_e4m3fn).astype(float) * y,
    "float16": lambda x, y, k: (x.astype(np.float16) * y[::-1].astype(np.float16)).astype(float),
    "float32": lambda x, y, k: jax.nn.softplus(x.astype(np.float32)).astype(float),
    "float32_matrix": lambda x, y, k: (MATRICES[k].astype(np.float32) @ x.astype(np.float32)).astype(float),
    "int8": lambda x, y, k: (4 * x).astype(jnp.int8) * y,
    "uint8": lambda x, y, k: x * (np.uint8(200) * MASKS[k].astype(np.uint8)),
    "complex64": lambda x, y, k: jnp.real((x + 1j * y).astype(np.complex64) ** 2).astype(float),
    "complex_constants": lambda x, y, k: jnp.imag(
        jnp.zeros(N, complex).at[INDICES[k]].add(1j * MASKS[0]) * (x + 1j * y)
    ),
    "nan_outside": lambda x, y, k: jnp.nan_to_num(jnp.take(x, OUTSIDE)) * y,
    "nearly_singular": lambda x, y, k: long(
        y, jnp.linalg.solve(np.array([[1, 1], [1, 1.0001]]) + 1e-4 * spd(x), y[:2]) * 1e-4
    ),
    "large_and_small": lambda x, y, k: (1e150 * x) * (1e-150 * y),
    "exact_kink": lambda x, y, k: jax.nn.relu(x - x[k]) + jnp.abs(y - y[k]),
    "exact_tie": lambda x, y, k: jnp.maximum(x, jnp.where(MASKS[k] > 0, x, y)),
    # random numbers
    "gamma": lambda x, y, k: jax.random.gamma(jax.random.key(k), 1 + x**2, (N,)),
    "known_keys": lambda x, y, k: lax.sort((MASKS[k], x), num_keys=1)[1],
    "random": lambda x, y, k: x * jax.random.normal(jax.random.key(k), (N,)),
    "permutation": lambda x, y, k: x[jax.random.permutation(jax.random.key(k), N)],
} | {**LIBRARY, **MASKED}
BACKWARD = BACKWARD_ONLY | {"bent_backward", "clipped_backward"}
# JAX's rule of their derivative holds a `while`: the second derivative goes forward.
ONCE_BACKWARD = {"gamma"}


@dataclass(frozen=True)
class RandomProgram:
    """A function of a vector of N numbers.

    Args:
        steps: (operation, operand, operand, small integer); operands are numbered from x = 0 on.
    """

    steps: tuple[tuple[str, int, int, int], ...]

    def __call__(self, x):
        """The last two vectors, the second one weighted by a mask."""
        pool = [x]
        for name, i, j, k in self.steps:
            pool.append(OPS[name](pool[i % len(pool)], pool[j % len(pool)], k))
        return jnp.concatenate([pool[-1], pool[-2 % len(pool)] * MASKS[0]])

    @property
    def names(self) -> set[str]:
        """Operations used."""
        return {name for name, *_ in self.steps}

    def modes(self, prefers_reverse: bool) -> tuple[Callable, Callable] | None:
        """How JAX can differentiate it twice: inner and outer; None where its parts have no mode in common.

        There is no forward mode through `custom_vjp`, though forward over reverse there is; and no reverse
        mode through `while`, nor through the derivative of a gamma variate.
        """
        if self.names & FORWARD_ONLY:
            return None if self.names & BACKWARD else (jax.jacfwd, jax.jacfwd)
        backward_twice = prefers_reverse and not self.names & ONCE_BACKWARD
        return jax.jacrev, jax.jacrev if backward_twice else jax.jacfwd


def programs(longest: int = 6) -> st.SearchStrategy[RandomProgram]:
    """Programs of one to `longest` operations."""
    operand = st.integers(0, longest)
    step = st.tuples(st.sampled_from(sorted(OPS)), operand, operand, st.integers(0, 2))
    return st.lists(step, min_size=1, max_size=longest).map(lambda steps: RandomProgram(tuple(steps)))


def random_program(rng: np.random.Generator, longest: int = 6) -> RandomProgram:
    """A program drawn at random."""
    names = sorted(OPS)
    length = int(rng.integers(1, longest + 1))
    draws = [
        (names[rng.integers(len(names))], *rng.integers(0, longest, 2).tolist(), int(rng.integers(3)))
        for _ in range(length)
    ]
    return RandomProgram(tuple(draws))

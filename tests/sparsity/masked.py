"""Offer matrices with zeros, and loops, as people write them, for random programs."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from tests.sparsity.library import INDICES, MASKS, MATRICES, N, long

SMALL = np.array([[1.0, 0, -1], [0, 2, 0], [0, 0, 0], [1, 1, 0]])


def stamped(x, k):
    """A matrix made of entries at known places, some of them added up."""
    return jnp.zeros((N, N)).at[INDICES[k], INDICES[(k + 1) % 3]].add(x)


def element_matrices(x, y, k):
    """The sum of known matrices weighted by x, times y."""
    return jnp.einsum("e,eij->ij", x[:3], np.stack(MATRICES)) @ y


def guarded(x, y, k):
    """A reciprocal that is only taken where a matrix has entries."""
    a = stamped(1 + x**2, k)
    return jnp.where(a > 0, 1 / jnp.where(a > 0, a, 1.0), 0.0) @ y


def blocks(x, y, k):
    """A block matrix put together from rows of blocks."""
    upper = [jnp.diag(x[:2]), jnp.zeros((2, 3))]
    lower = [jnp.outer(y[:3], x[:2]) * (k > 0), jnp.diag(y[2:], 0)]
    return jnp.block([upper, lower]) @ x


def filled(x, y, k):
    """An array that is written element by element."""
    return lax.fori_loop(0, N - 1, lambda i, c: c.at[i].set(jnp.sin(x[i]) * y[i + 1]), jnp.asarray(MASKS[k]))


def written_twice(x, y, k):
    """Two elements a step, the second of which the next step writes again."""

    def step(i, c):
        return c.at[i].set(x[i] * y[k]).at[i + 1].set(y[i])

    return lax.fori_loop(0, N - 1, step, x)


def gathered_up(x, y, k):
    """Elements added up at known places."""
    return lax.fori_loop(0, N, lambda i, c: c.at[i // 2].add(x[i] * y[(i + k) % N]), jnp.zeros(N))


def slabs(x, y, k):
    """Slices that overlap."""

    def step(i, c):
        return lax.dynamic_update_slice(c, jnp.stack([x[i], x[i] * y[i]]), (2 * i - k,))

    return lax.fori_loop(0, 3, step, y)


def sums_of_products(x, y, k):
    """A sum whose terms need the row before."""

    def step(carry, row):
        total, before = carry
        return (total + before * row[0], row[1]), total

    (total, _), rows = lax.scan(step, (x[0], y[k]), (x, y), reverse=k == 1)
    return rows + total


def two_back(x, y, k):
    """A carry of the two rows before."""
    step = lambda c, u: ((u, c[0]), c[0] * c[1] + jnp.cos(u))  # noqa: E731
    (a, b), rows = lax.scan(step, (x[0], y[1]), x, reverse=k == 2)
    return rows + a * b


def nested_fill(x, y, k):
    """A matrix that is filled by two loops."""

    def row(i, a):
        return lax.fori_loop(0, 2, lambda j, b: b.at[i, j].set(x[i] * y[j + k]), a)

    return long(x, lax.fori_loop(0, 2, row, jnp.zeros((2, 2))))


def recurrence(x, y, k):
    """A true recurrence beside a carry that is kept, written into and counted."""

    def step(carry, u):
        i, s, c, kept = carry
        return (i + 1, jnp.tanh(s) * u + kept[k], c.at[i].set(s * u), kept), s

    (_, s, c, kept), rows = lax.scan(step, (0, x[0], jnp.zeros(N), y), x)
    return rows * s + c * kept


MASKED: dict[str, Callable] = {
    "diag": lambda x, y, k: jnp.diag(x) @ y,
    "toeplitz": lambda x, y, k: jax.scipy.linalg.toeplitz(jnp.pad(x[:k], (0, y.size - k)), 0 * y) @ y,
    "diag_off": lambda x, y, k: (jnp.diag(x[1:], 1) + jnp.diag(x) - jnp.diag(y[: N - k], -k)) @ y,
    "congruence": lambda x, y, k: MATRICES[k].T @ jnp.diag(x) @ MATRICES[k] @ y,
    "stamped": lambda x, y, k: stamped(x, k) @ y,
    "stamped_twice": lambda x, y, k: stamped(x, k) @ (stamped(y, 0).T @ x),
    "scaled_rows": lambda x, y, k: (MATRICES[k] * x[:, None]) @ jnp.sin(y),
    "element_matrices": element_matrices,
    "kron_eye": lambda x, y, k: long(y, jnp.kron(np.eye(2), x[:4].reshape(2, 2)) @ y[:4]),
    "rotation": lambda x, y, k: long(y, jnp.array([[x[0], 0.0], [0.0, x[k]]]) @ y[:2]),
    "block_diag": lambda x, y, k: jax.scipy.linalg.block_diag(x[:2, None] * y[:2], jnp.diag(x[2:])) @ y,
    "blocks": blocks,
    "power_flow": lambda x, y, k: jnp.sum(
        x[:, None] * x * (MATRICES[k] * jnp.cos(y[:, None] - y) + MATRICES[0] * jnp.sin(y[:, None] - y)), 1
    ),
    "guarded": guarded,
    "triangle_of": lambda x, y, k: jnp.tril(jnp.outer(x, y), k - 1) @ y,
    "padded": lambda x, y, k: jnp.pad(x[:2], (k, N - 2 - k)) * y + jnp.pad(y[:3], (0, 2))[::-1],
    "masked_root": lambda x, y, k: jnp.sqrt(1 + (MASKS[k] * x) ** 2) * (MASKS[0] * y),
    "masked_quotient": lambda x, y, k: (MASKS[k] * x) / (1 + y**2),
    "masked_power": lambda x, y, k: (1 + x**2) ** (MASKS[k] * y),
    "masked_relu": lambda x, y, k: jax.nn.relu(MASKS[k] * x - 0.0) * y,
    "masked_max": lambda x, y, k: jnp.maximum(MASKS[k] * x, 0.0) * y,
    "masked_product": lambda x, y, k: jnp.prod(jnp.stack([x, MASKS[k] * y, 1 + y**2]), 0),
    "masked_cumprod": lambda x, y, k: lax.cumprod(x + MASKS[k] - MASKS[k], reverse=k == 1) * (MASKS[k] * y),
    "zero_cumprod": lambda x, y, k: jnp.cumprod(jnp.concatenate([x[:3], np.zeros(1), y[:1]])),
    "partly_chosen": lambda x, y, k: jnp.where(jnp.pad(x[:3], (0, 2)) > 0, x, y * MASKS[k]),
    "partly_stopped": lambda x, y, k: lax.stop_gradient(MASKS[k] * x) * y,
    "rectangles": lambda x, y, k: long(y, (SMALL * x[:3]) @ (SMALL.T * y[:4])),
    "batched_products": lambda x, y, k: long(
        y, jnp.einsum("bij,bj->bi", np.stack([SMALL[:2, :2], SMALL[2:, 1:]]) * x[:2], y[:4].reshape(2, 2))
    ),
    "convolved_mask": lambda x, y, k: jnp.convolve(MASKS[k] * x, y[:3], mode="same"),
    "filled": filled,
    "written_twice": written_twice,
    "gathered_up": gathered_up,
    "slabs": slabs,
    "sums_of_products": sums_of_products,
    "two_back": two_back,
    "nested_fill": nested_fill,
    "recurrence": recurrence,
}

"""Draw random vectorised programs as small problems.

A program keeps a pool of vectors, x first. Each step takes two of them and adds a third. The constraints are
the last vectors, one after the other; the objective is a sum over all of them.
"""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from hypothesis import strategies as st
from jax.experimental import sparse

import lagrad
from lagrad import nested

N = 7
# Vectors are cut to this length, so that dense oracles stay cheap.
LONGEST = 9
PARAMS = {"scale": np.linspace(0.5, 1.5, LONGEST), "shift": np.float64(0.3)}


@dataclass(frozen=True)
class Step:
    """One equation: name of the operation, places of its operands in the pool, seed of its constants."""

    name: str
    left: int
    right: int
    seed: int


def like(b, a):
    """b repeated to the length of a."""
    return b[np.arange(a.size) % b.size]


def places(random, a, count):
    """Random places in a, some of them twice."""
    return random.integers(0, a.size, count)


def windows(a):
    """Overlapping pairs, shape (size, 2)."""
    return a[(np.arange(a.size)[:, None] + np.arange(2)) % a.size]


@jax.custom_jvp
def square_of_sine(a):
    """sin(a)^2 with a forward rule of its own."""
    return jnp.sin(a) ** 2


@square_of_sine.defjvp
def _square_of_sine_jvp(primals, tangents):
    return square_of_sine(*primals), jnp.sin(2 * primals[0]) * tangents[0]


@jax.custom_jvp
def mirrored(a):
    """2 a, with a derivative that mixes elements."""
    return 2.0 * a


@mirrored.defjvp
def _mirrored_jvp(primals, tangents):
    return mirrored(*primals), 0.5 * tangents[0][::-1]


def system(row, right):
    """Two unknowns."""
    return jnp.linalg.solve(jnp.outer(row, row) + 3 * jnp.eye(2), right)


def factor(row):
    """Lower triangle of a factor."""
    return jnp.linalg.cholesky(jnp.outer(row, row) + jnp.eye(2))[1]


ELEMENTWISE = {
    "product": lambda r, a, b, p: a * like(b, a),
    "quotient": lambda r, a, b, p: a / (2.0 + like(b, a) ** 2),
    "cube": lambda r, a, b, p: a**3,
    "inverse power": lambda r, a, b, p: (1.5 + jnp.sin(a)) ** -2,
    "sine": lambda r, a, b, p: jnp.sin(a + like(b, a)),
    "bounded exponential": lambda r, a, b, p: jnp.exp(jnp.sin(a)) * like(b, a),
    "tanh": lambda r, a, b, p: jnp.tanh(a - 2.0 * like(b, a)),
    "angle": lambda r, a, b, p: jnp.arctan2(a, 2.0 + jnp.cos(like(b, a))),
    "known mask": lambda r, a, b, p: jnp.where(r.integers(0, 2, a.size) > 0, a**2, like(b, a)),
    "mask by value": lambda r, a, b, p: jnp.where(a > 0.55, a * like(b, a), jnp.sin(a)),
    "clip": lambda r, a, b, p: jnp.clip(a, 0.31, 0.93) * like(b, a),
    "params": lambda r, a, b, p: p["scale"][: a.size] * a**2 + p["shift"] * like(b, a),
    "shared scalar": lambda r, a, b, p: a * b[0] + b[-1] ** 2,
    "phasors": lambda r, a, b, p: jnp.real(a * jnp.exp(1j * like(b, a)) * jnp.conj((a + 2j)[::-1])),
    "axes of length one": lambda r, a, b, p: (a[:3, None] * jnp.sin(b[None, :3]) * a[None, :1]).reshape(-1),
}
MOVERS = {
    "gather": lambda r, a, b, p: a[places(r, a, 5)],
    "slice": lambda r, a, b, p: a[:: r.integers(1, 3)][: r.integers(1, 6)],
    "reverse": lambda r, a, b, p: a[::-1],
    "transpose": lambda r, a, b, p: jnp.concatenate([a, a]).reshape(2, -1).T.reshape(-1),
    "stack": lambda r, a, b, p: jnp.stack([a, like(b, a) ** 2], axis=1).reshape(-1),
    "join": lambda r, a, b, p: jnp.concatenate([b[:2], jnp.full(2, 0.7), jnp.sin(a)]),
    "initial condition": lambda r, a, b, p: jnp.concatenate([jnp.full(1, 0.4), a[:-1]]) - 2.0 * a + 1.0,
    "set": lambda r, a, b, p: a.at[r.permutation(a.size)[:3]].set(like(b, a)[: min(3, a.size)] ** 2),
    "add at": lambda r, a, b, p: a.at[places(r, a, 4)].add(b[places(r, b, 4)] * 0.5),
    "add onto constants": lambda r, a, b, p: jnp.ones(a.size).at[r.permutation(a.size)].add(a**2),
    "add onto params": lambda r, a, b, p: p["scale"].at[r.permutation(LONGEST)[: a.size]].add(a * 0.5),
    "pad": lambda r, a, b, p: jnp.pad(a * like(b, a), (1, 2), constant_values=0.2),
    "add rows at": lambda r, a, b, p: (
        windows(a)
        .at[places(r, a, 3)]
        .add(windows(like(b, a))[:3][np.arange(3) % a.size], mode="clip")
        .reshape(-1)
    ),
    "roll": lambda r, a, b, p: jnp.roll(a, 2) - a,
    "dynamic slice": lambda r, a, b, p: jax.lax.dynamic_slice(a, (0 * a.size,), (min(3, a.size),)),
}
SUMS = {
    "constant matrix": lambda r, a, b, p: r.normal(size=(4, a.size)) @ a,
    "sparse matrix": lambda r, a, b, p: (
        (r.normal(size=(6, a.size)) * (r.uniform(size=(6, a.size)) < 0.3)) @ a
    ),
    "segments": lambda r, a, b, p: jax.ops.segment_sum(a * like(b, a), r.integers(0, 3, a.size), 3),
    "small contraction": lambda r, a, b, p: jnp.einsum("ij,ij->i", windows(a), windows(like(b, a))),
    "batch of products": lambda r, a, b, p: jnp.einsum(
        "ij,ijk->ik", windows(a), windows(like(b, a))[:, :, None] * jnp.ones(2)
    ).reshape(-1),
    "mapped function": lambda r, a, b, p: jax.vmap(lambda u, v: jnp.stack([u @ v, u[0] / (2 + v[1] ** 2)]))(
        windows(a), windows(like(b, a))
    ).reshape(-1),
    "short sum": lambda r, a, b, p: jnp.sum(windows(a) ** 2, axis=1),
    "mean": lambda r, a, b, p: a - jnp.mean(b),
}
LONG = {
    "sum": lambda r, a, b, p: jnp.sum(a * like(b, a))[None],
    "running sum": lambda r, a, b, p: jnp.cumsum(a),
    "running product": lambda r, a, b, p: jnp.cumprod(0.5 + a**2),
    "product of all": lambda r, a, b, p: jnp.prod(a)[None] * b,
    "norm": lambda r, a, b, p: a / (1.0 + jnp.linalg.norm(b)),
    "softplus": lambda r, a, b, p: jax.nn.softplus(a) * like(b, a),
    "silu": lambda r, a, b, p: jax.nn.silu(a - 0.2),
    "relu": lambda r, a, b, p: jax.nn.relu(a - 0.45) * like(b, a),
    "softmax": lambda r, a, b, p: jax.nn.softmax(a),
    "own rule": lambda r, a, b, p: square_of_sine(a) + like(b, a),
    "scan": lambda r, a, b, p: jax.lax.scan(lambda c, u: (0.5 * c * u + jnp.sin(u), c), b[0], a)[1],
    "scan without carry": lambda r, a, b, p: jax.lax.scan(lambda c, u: (c, u * jnp.sin(u)), 0.0, a)[1],
    "loop": lambda r, a, b, p: jax.lax.fori_loop(0, 3, lambda k, u: 0.5 * u * like(b, a) + k, a),
    "branch": lambda r, a, b, p: jax.lax.cond(b[0] > 0.6, jnp.sin, lambda u: u**2, a),
    "sort": lambda r, a, b, p: jnp.sort(a) * like(b, a),
    "largest": lambda r, a, b, p: jnp.max(a)[None] * b[:2],
    "solve": lambda r, a, b, p: jnp.linalg.solve(
        3 * jnp.eye(2) + jnp.outer(windows(a)[0], b[:1] * jnp.ones(2)), windows(b)[0]
    ),
    "remembered": lambda r, a, b, p: jax.checkpoint(lambda u: jnp.sin(u) ** 2)(a),
}
SEPARABLE = {
    "map": lambda r, a, b, p: jax.lax.map(lambda u: jnp.sin(u) * u, a),
    "map over numbers": lambda r, a, b, p: jax.lax.map(
        lambda i: a[i] * like(b, a)[(i + 1) % a.size], jnp.arange(a.size)
    ),
    "map of rows": lambda r, a, b, p: jax.lax.map(lambda row: jnp.sum(row**2) * p["shift"], windows(a)),
    "bent segments": lambda r, a, b, p: jnp.sin(jax.ops.segment_sum(a**2, r.integers(0, 4, a.size), 5)),
    "added where it is": lambda r, a, b, p: jnp.sin((a**2).at[places(r, a, 4)].add(b[places(r, b, 4)])),
    "bent matrix": lambda r, a, b, p: jnp.sin(
        (r.normal(size=(6, a.size)) * (r.uniform(size=(6, a.size)) < 0.4)) @ a**2
    ),
    "coordinate format": lambda r, a, b, p: jnp.sin(
        sparse.BCOO((np.ones(4), r.integers(0, a.size, (4, 2))), shape=(a.size, a.size)) @ a**2
    ),
    "systems": lambda r, a, b, p: jax.vmap(system)(windows(a), windows(like(b, a))).reshape(-1),
    "factors": lambda r, a, b, p: jax.vmap(factor)(windows(a)).reshape(-1),
    "largest of windows": lambda r, a, b, p: jnp.max(windows(a * like(b, a)), axis=1),
    "product of windows": lambda r, a, b, p: jnp.prod(windows(a + b[0]), axis=1),
    "running sum of windows": lambda r, a, b, p: jnp.sin(jnp.cumsum(windows(a) ** 2, axis=1)).reshape(-1),
    "gradient": lambda r, a, b, p: nested.grad(lambda v: jnp.sum(jnp.sin(v) * like(b, v) ** 2))(a),
    "two-sided rule": lambda r, a, b, p: jnp.logaddexp(a, p["scale"][: a.size] * like(b, a)),
    "mixing rule": lambda r, a, b, p: mirrored(a) * like(b, a),
    "modulus": lambda r, a, b, p: jnp.abs(a + 1j * (2 + like(b, a))),
}
BYTES = np.array([200, 3, 90], np.uint8)


def nearly_singular(row):
    """Two unknowns, of a matrix whose rows almost agree."""
    return jnp.linalg.solve(jnp.array([[1.0, 1.0], [1.0, 1.001]]) + 0.001 * jnp.outer(row, row), row)


# Numbers of all kinds and sizes, places out of bounds, points on a kink. What is rounded to few digits has
# tests of its own: forward and reverse sweeps round it differently.
NUMBERS = {
    "bytes": lambda r, a, b, p: (
        a * jnp.dot(BYTES, BYTES, preferred_element_type=jnp.int32) / 1e4 + like(b, a)
    ),
    "overflowing bytes": lambda r, a, b, p: a**2 * (BYTES + BYTES)[r.integers(0, 3, a.size)] / 100,
    "whole part": lambda r, a, b, p: like(b, a) * (5 * a).astype(jnp.int8) + a,
    "counted": lambda r, a, b, p: a * jnp.zeros(a.size, np.int16).at[places(r, a, 4)].add(np.int16(2)),
    "complex constants": lambda r, a, b, p: jnp.real(
        jnp.zeros(a.size, complex).at[places(r, a, 4)].add(1j * r.normal(size=4) + 1) * (a + 1j * like(b, a))
    ),
    "filled outside": lambda r, a, b, p: a.at[r.integers(-12, 12, 5)].get(mode="fill", fill_value=0.4) ** 2,
    "clipped outside": lambda r, a, b, p: a.at[r.integers(-12, 12, 5)].get(mode="clip") * b[0],
    "dropped outside": lambda r, a, b, p: a.at[r.integers(-12, 12, 5)].add(b[0], mode="drop") ** 2,
    "set outside": lambda r, a, b, p: a.at[np.array([1, 11])].set(b[:1] ** 2, mode="drop"),
    "nearly singular": lambda r, a, b, p: jax.vmap(nearly_singular)(windows(a)).reshape(-1) / 1e3,
    "relu at zero": lambda r, a, b, p: jax.nn.relu(a - a[r.integers(0, a.size)]) * like(b, a),
    "tie": lambda r, a, b, p: jnp.maximum(a, jnp.concatenate([a[:2], like(b, a)[2:]])),
    "modulus of zero": lambda r, a, b, p: jnp.abs(a - jnp.concatenate([a[:1], like(b, a)[1:]])) * a,
    "clip at its end": lambda r, a, b, p: jnp.clip(a, a[0], 2.0) + a,
    # Not further out: second derivatives by several steps behind one another leave the range of floats.
    "large times small": lambda r, a, b, p: (1e75 * a) * (1e-75 * like(b, a)),
    "square of small": lambda r, a, b, p: (1e-37 * a) ** 2 * 1e74,
    "root of small": lambda r, a, b, p: jnp.sqrt(1e-74 * (1 + a**2)) * 1e37,
    "logarithm of large": lambda r, a, b, p: jnp.log(1e75 * (1 + a**2)) / 300,
    # Not larger: JAX divides by the third power for the second derivative, and overflows.
    "quotient of large": lambda r, a, b, p: (1e75 * a) / (1e75 * (2 + like(b, a) ** 2)),
}
FAMILIES = {
    "elementwise": ELEMENTWISE,
    "movers": MOVERS,
    "sums": SUMS,
    "long": LONG,
    "separable": SEPARABLE,
} | {"numbers": NUMBERS}
STEPS = ELEMENTWISE | MOVERS | SUMS | LONG | SEPARABLE | NUMBERS
# Each by itself, as far out as JAX goes.
FAR = {
    "far: large times small": lambda r, a, b, p: (1e150 * a) * (1e-150 * like(b, a)),
    "far: square of small": lambda r, a, b, p: (1e-75 * a) ** 2 * 1e150,
    "far: root of small": lambda r, a, b, p: jnp.sqrt(1e-150 * (1 + a**2)) * 1e75,
    "far: logarithm of large": lambda r, a, b, p: jnp.log(1e150 * (1 + a**2)) / 300,
}
EVERY = STEPS | FAR


def pool(steps: list[Step], x, params) -> list:
    """All vectors of a program."""
    found = [x]
    for step in steps:
        left, right = found[step.left % len(found)], found[step.right % len(found)]
        found.append(EVERY[step.name](np.random.default_rng(step.seed), left, right, params)[:LONGEST])
    return found


def problem_of(steps: list[Step]) -> lagrad.Problem:
    """The problem of a program: its last vectors as constraints, and a sum over all as objective."""

    def objective(x, params):
        return sum(
            jnp.sum(vector**2 if number % 2 else vector)
            for number, vector in enumerate(pool(steps, x, params))
        )

    def constraints(x, params):
        return {f"c{number}": vector for number, vector in enumerate(pool(steps, x, params)[-3:])}

    return lagrad.Problem(objective, np.linspace(0.3, 1.1, N), lagrad.Equality(constraints), params=PARAMS)


def programs(longest: int) -> st.SearchStrategy[list[Step]]:
    """Programs of one to `longest` steps, most of them chained."""
    recent = st.sampled_from([-1, -1, -1, -2, -3, 0])
    step = st.builds(Step, st.sampled_from(sorted(STEPS)), recent, recent, st.integers(0, 99))
    return st.lists(step, min_size=1, max_size=longest)


def family(name: str) -> list[Step]:
    """Every step of a family once, each on x and on the vector of the step before."""
    return [Step(step, -(number % 2), -1, number) for number, step in enumerate(FAMILIES[name])]

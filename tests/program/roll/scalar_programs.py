"""Random programs as people write them one element at a time: loops, lists, running sums, stacks."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

UNARY = (jnp.sin, jnp.exp, jnp.square, jnp.abs, jax.nn.relu, lambda v: v**3, lambda v: 2.0 * v, jnp.negative)
BINARY = (
    jnp.multiply,
    jnp.add,
    jnp.subtract,
    jnp.maximum,
    lambda a, b: jnp.where(a > b, a, 0.5),
    lambda a, b: a / (1.5 + b * b),
)


def scalar_program(seed: int) -> tuple[Callable, int]:
    """A function of a vector and its length: random element formulas repeated over random indices.

    The formulas take entries, numbers, earlier elements and sums; results are stacked, some of them indexed
    again, and summed up.
    """
    random = np.random.default_rng(seed)
    n = int(random.integers(5, 12))
    formulas = [formula(random) for _ in range(3)]
    plan = [
        (int(random.integers(3)), random.integers(n, size=3), float(random.choice([0.0, 1.0, 0.3])))
        for _ in range(40)
    ]
    deep, wide = random.integers(2, size=2)

    def fun(x):
        if wide:
            x = x.reshape(1, -1)[0]
        elements, total, running = [], 0.0, 0.0
        for number, places, weight in plan:
            element = formulas[number]([x[i] for i in places], weight)
            elements.append(element)
            total = total + weight * element
            running = running - element if weight == 1.0 else running + element
            if deep and len(elements) % 10 == 0:
                elements.append(jnp.tanh(total))
        stacked = jnp.stack(elements)
        pairs = [jnp.array([x[i], x[j]]) * x[j] for _, (i, j, _), _ in plan]
        last = jnp.sum(stacked[3:9]) * stacked[2] + running
        return jnp.concatenate([stacked, *pairs, jnp.reshape(total, (1,)), jnp.reshape(last, (1,))])

    return fun, n


def formula(random: np.random.Generator) -> Callable:
    """A random function of three scalars and a number."""
    first, second, third = (UNARY[i] for i in random.integers(len(UNARY), size=3))
    outer, inner = (BINARY[i] for i in random.integers(len(BINARY), size=2))

    def element(entries: list, weight: float):
        a, b, c = entries
        return outer(first(a) + weight, inner(second(b), third(c) - b))

    return element

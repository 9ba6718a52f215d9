"""Laws of kernels: each element is one function of the leaves it names, whatever moves lie between."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lagrad.elements.classification import read
from lagrad.elements.kernels import MOST_LEAVES, MOST_PIECES, Kernel, Kernels
from tests.sparsity.tracing import program_of

PLACES = np.array([4, 0, 0, 3])


def of_output(constraints, n: int = 6):
    """Pieces of the constraints' value, and the classification."""
    classification = read(program_of(constraints, n))
    return Kernels(classification)[classification.program.outputs[1]], classification


def variables(classification, kernel: Kernel, element: int, keys=None) -> set[int]:
    """Entries of x that an element takes through some leaves."""
    found: set[int] = set()
    for key in kernel.leaves if keys is None else keys:
        leaf = kernel.leaves[key]
        rows = classification.form(leaf.variable).to_scipy()[[int(leaf.indices.array[element])]]
        found |= set(rows.indices.tolist())
    return found


def inputs(pieces, classification) -> list[set[int]]:
    """Entries of x that each element takes."""
    size = classification.program.size(classification.program.outputs[1])
    labels = np.zeros(size, int) if pieces.labels is None else pieces.labels
    ranks = np.arange(size) if pieces.ranks is None else pieces.ranks
    return [variables(classification, pieces.kernels[labels[e]], int(ranks[e])) for e in range(size)]


CASES = {
    "elementwise": (lambda x: jnp.sin(x[1:]) * x[:-1], [{k, k + 1} for k in range(5)]),
    "gathered after": (lambda x: jnp.sin(x)[PLACES] * x[0], [{4, 0}, {0}, {0}, {3, 0}]),
    "reversed": (lambda x: (x**2)[::-1] * x, [{5, 0}, {4, 1}, {3, 2}, {2, 3}, {1, 4}, {0, 5}]),
    "short sum": (lambda x: jnp.sum((x**2).reshape(3, 2), axis=1), [{0, 1}, {2, 3}, {4, 5}]),
    "contraction": (
        lambda x: jnp.einsum("ij,ij->i", x.reshape(3, 2), jnp.sin(x).reshape(3, 2)),
        [{0, 1}, {2, 3}, {4, 5}],
    ),
    "axes of length one": (
        lambda x: (x[:2, None] * jnp.sin(x[None, 2:4])).reshape(-1),
        [{0, 2}, {0, 3}, {1, 2}, {1, 3}],
    ),
    "joined": (
        lambda x: jnp.concatenate([x[:1] ** 2, jnp.full(1, 2.0), jnp.sin(x[4:])]),
        [{0}, set(), {4}, {5}],
    ),
    "set": (lambda x: (x**2).at[np.array([1])].set(jnp.sin(x[5:])), [{0}, {5}, {2}, {3}, {4}, {5}]),
    "rule of its own": (lambda x: jnp.logaddexp(x[:2], x[2:4]) * x[4], [{0, 2, 4}, {1, 3, 4}]),
    "sums of unequal length": (
        lambda x: jnp.sin(jax.ops.segment_sum(x**2, np.array([0, 0, 2, 3, 3, 3]), 4)),
        [{0, 1}, set(), {2}, {3, 4, 5}],
    ),
    "added to what is there": (
        lambda x: jnp.exp((x**2).at[np.array([0, 0, 3])].add(jnp.sin(x[3:]))),
        [{0, 3, 4}, {1}, {2}, {3, 5}, {4}, {5}],
    ),
    "sparse matrix of nonlinear": (
        lambda x: jnp.sin((np.eye(2, 6) - np.eye(2, 6, k=4)) @ x**2),
        [{0, 4}, {1, 5}],
    ),
    "running sum of rows": (
        lambda x: jnp.sin(jnp.cumsum((x**2).reshape(3, 2), axis=1)).ravel(),
        [{0}, {0, 1}, {2}, {2, 3}, {4}, {4, 5}],
    ),
    "largest of rows": (lambda x: jnp.max(x.reshape(2, 3), axis=1) ** 2, [{0, 1, 2}, {3, 4, 5}]),
    "added onto constants": (
        lambda x: jnp.sin(jnp.ones(3).at[np.array([2, 0, 1])].add(x[:3] ** 2)),
        [{1}, {2}, {0}],
    ),
}


@pytest.mark.parametrize("function, expected", CASES.values(), ids=CASES)
def test_elements_name_the_variables_they_take(function, expected):
    """No more and no fewer."""
    assert inputs(*of_output(function)) == expected


def test_pairs_are_those_with_a_second_derivative():
    """x y + sin(z) couples x with y, and z with itself; x alone is linear."""
    pieces, classification = of_output(lambda x: x[:2] * x[2:4] + jnp.sin(x[4:]))
    (kernel,) = pieces.kernels
    found = {
        frozenset(frozenset(variables(classification, kernel, 0, [key])) for key in pair)
        for pair in kernel.pairs
    }
    assert found == {frozenset([frozenset({0}), frozenset({2})]), frozenset([frozenset({4})])}


PAIRED = {
    "product of rows": (lambda x: jnp.prod(x.reshape(2, 3), axis=1), {(0, 1), (0, 2), (1, 2)}),
    "largest of rows": (lambda x: jnp.max(x.reshape(2, 3), axis=1), set()),
    "absolute value": (lambda x: jnp.abs(x), set()),
    "modulus": (lambda x: jnp.abs(x[:3] + 1j * x[3:]), {(0, 0), (0, 3), (3, 3)}),
    "positive part": (lambda x: jax.nn.relu(x) * x[::-1], {(0, 5)}),
}


@pytest.mark.parametrize("function, expected", PAIRED.values(), ids=PAIRED)
def test_pairs_of_the_first_element(function, expected):
    """Products pair different factors, moduli everything, kinks nothing."""
    pieces, classification = of_output(function)
    (kernel,) = pieces.kernels
    places = {key: min(variables(classification, kernel, 0, [key])) for key in kernel.leaves}
    assert {tuple(sorted((places[a], places[b]))) for a, b in kernel.pairs} == expected


def test_what_is_only_compared_has_no_derivative():
    """A mask by value takes its operand, but is not active in it."""
    pieces, classification = of_output(lambda x: jnp.where(x[:3] > 0.5, jnp.sin(x[3:]), 1.0))
    (kernel,) = pieces.kernels
    assert inputs(pieces, classification)[0] == {0, 3}
    assert variables(classification, kernel, 0, kernel.active) == {3}
    assert variables(classification, kernel, 0, {key for pair in kernel.pairs for key in pair}) == {3}


@pytest.mark.parametrize(
    "function",
    [
        lambda x: jnp.sum(x**2)[None] ** 2,
        lambda x: jax.lax.fori_loop(0, 2, lambda k, y: y * x, x),
        lambda x: jnp.sort(x),
        lambda x: jnp.cumprod(x),
        lambda x: jnp.concatenate([x[k : k + 1] ** (k + 2) for k in range(MOST_PIECES + 1)]),
        lambda x: (x**2)[0:0],
    ],
    ids=["long sum", "loop", "sort", "products", "many pieces", "nothing"],
)
def test_what_does_not_repeat_has_no_kernel(function):
    """Long reductions, loops, and patchworks are left over."""
    pieces, _ = of_output(function, n=40)
    assert pieces.kernels == (None,)


def test_wide_elements_have_no_kernel():
    """More leaves than it would be worth to seed."""

    def sum_of(count):
        return lambda x: sum(jnp.sin(jnp.roll(x, shift)) for shift in range(count))

    assert of_output(sum_of(MOST_LEAVES), n=40)[0].kernels[0] is not None
    assert of_output(sum_of(MOST_LEAVES + 1), n=40)[0].kernels == (None,)


def test_nobody_writes_kernels_that_are_not_asked_for():
    """A variable's kernel is made of those of its operands, and of no others."""
    classification = read(program_of(lambda x: jnp.concatenate([jnp.sin(x[:2]), jnp.cos(x[2:]) ** 2]), 6))
    kernels = Kernels(classification)
    sines = next(each for each in classification.program.equations if each.name == "sin")
    assert kernels[sines.outputs[0]].kernels[0] is not None
    names = {classification.producers.get(variable) for variable in kernels.found}
    cosine = next(i for i, each in enumerate(classification.program.equations) if each.name == "cos")
    assert cosine not in names

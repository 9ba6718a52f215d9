"""Laws of derivatives of whole tapes: those of JAX for any program, in no more products than one by one."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lagrad.elements.partials import Partials
from lagrad.elements.systems import solution
from lagrad.elements.tape import FLOAT, Tape
from lagrad.elements.tape_evaluation import evaluate
from lagrad.precision import float64

NAMES = ("sin", "tanh", "square", "neg", "add", "sub", "mul", "scaled", "shifted")
SIZE = 4


def drawn(tape: Tape, inputs: list[int], random: np.random.Generator, length: int) -> list[int]:
    """Some operations on inputs and on one another, late ones more often than early ones."""
    nodes = list(inputs)
    for _ in range(length):
        name = random.choice(NAMES)
        a, b = (nodes[-1 - min(int(random.geometric(0.3)) - 1, len(nodes) - 1)] for _ in range(2))
        if name in ("sin", "tanh", "square", "neg"):
            nodes.append(tape.add(name, (a,), {}, FLOAT))
        elif name in ("add", "sub", "mul"):
            nodes.append(tape.add(name, (a, b), {}, FLOAT))
        else:
            constant = tape.constant(float(random.uniform(0.5, 1.5)))
            nodes.append(tape.add("mul" if name == "scaled" else "add", (constant, a), {}, FLOAT))
    return nodes


def values(tape: Tape, nodes: list[int], x):
    """Numbers of nodes at a point."""
    return [jnp.asarray(each) for each in evaluate(tape, nodes, dict(enumerate(x)))]


def agree(tape: Tape, inputs: list[int], results: list[int], x: np.ndarray, weights: np.ndarray) -> None:
    """First derivatives of each result and second ones of their weighted sum are those of JAX."""
    partials = Partials.of(tape, inputs, results)
    rows = partials.jacobian(results)
    adjoints: dict[int, int] = {}
    for result, weight in zip(results, weights, strict=True):
        constant = tape.constant(float(weight))
        adjoints[result] = tape.plus(adjoints[result], constant) if result in adjoints else constant
    pairs = partials.hessian(adjoints)
    with float64():
        J, H = np.zeros((len(results), len(x))), np.zeros((len(x), len(x)))
        places = {node: place for place, node in enumerate(inputs)}
        for row, slopes in zip(J, rows, strict=True):
            found = values(tape, list(slopes.values()), x)
            row[[places[node] for node in slopes]] = np.array(found).reshape(-1)
        for (a, b), value in zip(pairs, values(tape, list(pairs.values()), x), strict=True):
            H[places[a], places[b]] = H[places[b], places[a]] = value
        function = lambda x: jnp.stack(values(tape, results, x))  # noqa: E731
        np.testing.assert_allclose(J, jax.jacfwd(function)(x), rtol=1e-10, atol=1e-11)
        expected = jax.hessian(lambda x: weights @ function(x))(x)
        np.testing.assert_allclose(H, expected, rtol=1e-9, atol=1e-10 * (1 + abs(expected).max()))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 40), st.integers(1, 4))
def test_any_tape_has_the_derivatives_of_jax(seed, length, count):
    """Results that share what they are made of, some of them made of others."""
    random, tape = np.random.default_rng(seed), Tape(1)
    inputs = [tape.input(place) for place in range(SIZE)]
    nodes = drawn(tape, inputs, random, length)
    results = [int(node) for node in random.choice(nodes[-12:], count)]
    agree(tape, inputs, results, random.uniform(0.3, 0.9, SIZE), random.normal(size=count))


@pytest.mark.parametrize("seed", range(5))
def test_systems_within_tapes_have_the_derivatives_of_jax(seed):
    """Entries of matrices and sides are nodes like any other, two of them the same; so are the solutions."""
    random, tape = np.random.default_rng(seed), Tape(1)
    inputs = [tape.input(place) for place in range(SIZE)]
    nodes = drawn(tape, inputs, random, 12)
    matrix = [int(node) for node in random.choice(nodes, 9)]
    matrix[0::4] = [tape.plus(tape.square(node), tape.constant(3.0)) for node in matrix[0::4]]
    matrix[3] = matrix[1]
    vector = solution(tape, matrix, [int(node) for node in random.choice(nodes, 3)])
    entries = [tape.entry(vector, place) for place in range(3)]
    results = drawn(tape, [*nodes[-2:], *entries], random, 8)[-3:]
    agree(tape, inputs, results, random.uniform(0.3, 0.9, SIZE), random.normal(size=3))


def products(tape: Tape, inputs: list[int], nodes: list[int]) -> int:
    """Number of products that some nodes take."""
    return sum(tape.operations[node].name == "mul" for node in tape.needed(nodes, inputs))


def test_what_results_share_is_passed_once():
    """A line of functions that ten results end in: its slopes are multiplied once, not for each."""
    lines, counts = (8, 40), []
    for length in lines:
        tape = Tape(1)
        (x,) = inputs = [tape.input(0)]
        node = x
        for _ in range(length):
            node = tape.add("sin", (node,), {}, FLOAT)
        results = [tape.add("mul", (node, tape.constant(2.0 + k)), {}, FLOAT) for k in range(10)]
        rows = Partials.of(tape, inputs, results).jacobian(results)
        counts.append(products(tape, inputs, [value for row in rows for value in row.values()]))
    assert counts[1] - counts[0] == lines[1] - lines[0]


def test_second_derivatives_of_a_line_of_functions_take_a_few_products_a_function():
    """Pairs meet early what they are added up with."""
    counts = []
    for length in (10, 20):
        tape = Tape(1)
        inputs = [tape.input(place) for place in range(SIZE)]
        states = list(inputs)
        for _ in range(length):
            waves = [tape.add("sin", (state,), {}, FLOAT) for state in states]
            states = [
                tape.plus(wave, other) for wave, other in zip(waves, waves[1:] + waves[:1], strict=True)
            ]
        found = Partials.of(tape, inputs, states).hessian({state: tape.constant(1.0) for state in states})
        counts.append(products(tape, inputs, list(found.values())))
    # One symmetric matrix of states is carried along: 10 entries a step, of four products each at most.
    assert counts[1] - counts[0] <= 10 * (10 * 4 + 3 * SIZE)

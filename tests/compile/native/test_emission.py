"""Laws of loops: whatever is read and wherever results go, machine code does what plain Python does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from unittest.mock import patch

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lagrad.compile.native import functions
from lagrad.compile.native.emission import function, supports
from lagrad.compile.native.functions import FEW_ELEMENTS
from lagrad.compile.native.loops import Loop, Read, Write
from lagrad.compile.native.storing import SCRATCH, sorted_writes
from lagrad.compile.native.target import host
from lagrad.elements.indices import Indices
from tests.compile.native.loops import expected, loop_of, run

SIZE = 300


@st.composite
def places(draw, count: int, size: int = SIZE, repeated: bool = True) -> Indices:
    """`count` places in an array: a slice, a stride, one place again and again, or a list."""
    kind = draw(st.sampled_from(["slice", "stride", "same", "list"] if repeated else ["slice", "stride"]))
    if kind == "list":
        seed = draw(st.integers(0, 99))
        return Indices.of(np.random.default_rng(seed).integers(0, size, count))
    stride = {"slice": 1, "same": 0}.get(kind) if kind != "stride" else draw(st.integers(1, 4))
    last = size - 1 - stride * (count - 1)
    return Indices(count, draw(st.integers(0, max(last, 0))), stride)


@st.composite
def stretches(draw, count: int) -> tuple[int, int]:
    """First of the elements that are written, and their number: all, nearly all, or some."""
    kind = draw(st.sampled_from(["all", "nearly all", "some"]))
    if kind == "all":
        return 0, count
    most = count - 1 if kind == "some" else min(3, (count - 1) // 2)
    first = draw(st.integers(0, most))
    rest = count - first
    return first, draw(st.integers(1, rest)) if kind == "some" else rest - draw(st.integers(0, most))


@st.composite
def cases(draw) -> tuple[Loop, list[np.ndarray], np.ndarray, Callable]:
    """A loop, its arguments, what stood in the output before, and the function that the loop is of."""
    count = draw(st.integers(1, 70))
    random = np.random.default_rng(draw(st.integers(0, 99)))
    reads = [Read(draw(st.integers(0, 1)), draw(places(count))) for _ in range(draw(st.integers(1, 3)))]
    constants = random.normal(size=count)
    results = draw(st.integers(1, 4))

    def fun(*inputs):
        total = sum(inputs) * constants
        return [jnp.sin(total) + k for k in range(results)]

    writes = []
    for k in range(results):
        first, size = draw(stretches(count))
        if draw(st.booleans()):
            writes.append(Write(draw(places(size, SIZE * 4)), True, first))
        else:
            # What is stored has a stretch of the output of its own.
            where = draw(places(size, SIZE, repeated=False))
            start = (4 + k) * SIZE + where.start
            writes.append(Write(Indices(size, start, where.stride), False, first))
    arguments = [random.normal(size=SIZE) for _ in range(2)]
    return loop_of(fun, reads, writes), arguments, random.normal(size=9 * SIZE), fun


@given(cases(), st.booleans())
def test_loops_do_what_python_does(case, is_quick):
    """Slices, strides, lists and single places on both sides; all elements or a stretch of them."""
    loop, arguments, output, fun = case
    with patch.object(functions, "MANY_ELEMENTS", 10**9 if is_quick else 0):
        found = run([loop], output, *arguments)
    np.testing.assert_allclose(found, expected(fun, loop, output, *arguments), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("ends", [(0, 0), (1, 0), (0, 1), (3, 2), (9, 5), (40, 40)])
def test_results_of_nearly_all_elements_are_stored_at_once(ends):
    """Also two places for one result, as a state has in two defects; what lies beside them is left alone."""
    count, (first, after) = 100, ends
    size = count - first - after
    loop = loop_of(
        lambda x: [jnp.exp(x)] * 2,
        [Read(0, Indices(count))],
        [Write(Indices(size, 7), False, first), Write(Indices(count - 1, 200), False, 1)],
    )
    x, output = np.linspace(0, 1, count), np.full(310, 0.25)
    with patch.object(functions, "MANY_ELEMENTS", 0):
        found = run([loop], output, x)
    by_hand = output.copy()
    by_hand[7 : 7 + size] = np.exp(x[first : first + size])
    by_hand[200:299] = np.exp(x[1:])
    np.testing.assert_allclose(found, by_hand, rtol=1e-14)
    waits_always = sorted_writes(loop, host().lanes, False)[2]
    assert len(waits_always) == (2 if first + after > 70 else 0)


@pytest.mark.parametrize("lanes, letter", [(2, ""), (4, ""), (8, ""), (4, "d")])
def test_other_registers_give_the_same(lanes, letter):
    """Narrow ones, and processors without vector functions."""
    if letter and letter > host().letter:
        pytest.skip("this processor has no such registers")
    whole = Indices(21)
    loop = loop_of(lambda x: [jnp.tanh(x) * 2], [Read(0, whole)], [Write(whole)])
    x = np.linspace(-2, 2, 21)
    target = replace(host(), lanes=lanes, letter=letter)
    np.testing.assert_allclose(run([loop], np.zeros(21), x, target=target), np.tanh(x) * 2, rtol=1e-14)


@pytest.mark.parametrize("count", [1, 7, 8, 9, SCRATCH, 3 * SCRATCH + 5])
def test_sums_over_tiles_are_complete(count):
    """One entry adds up all elements; neighbours share entries; more than one tile."""
    x = np.random.default_rng(0).normal(size=count + 1)
    reads = [Read(0, Indices(count)), Read(0, Indices(count, 1))]
    writes = [
        Write(Indices(count, 0, 0), True),
        Write(Indices(count, 1), True),
        Write(Indices(count, 2), True),
    ]
    loop = loop_of(lambda a, b: [a * b, a, b], reads, writes)
    found = run([loop], np.ones(count + 2), x)
    wanted = np.ones(count + 2)
    wanted[0] += x[:-1] @ x[1:]
    wanted[1 : count + 1] += x[:-1]
    wanted[2 : count + 2] += x[1:]
    np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("lanes", [2, host().lanes])
@pytest.mark.parametrize("count", [FEW_ELEMENTS - 1, FEW_ELEMENTS])
def test_numbers_are_gathered_alike_by_a_call_and_written_out(count, lanes):
    """Few elements call a function for the lanes of a register, many have it in their loop."""
    random = np.random.default_rng(0)
    listed = Indices.of(random.integers(0, 3 * count, count))
    loop = loop_of(
        lambda a, b: [a - 2 * b], [Read(0, listed), Read(0, Indices(count, 1, 3))], [Write(Indices(count))]
    )
    x = random.normal(size=3 * count)
    found = run([loop], np.zeros(count), x, target=replace(host(), lanes=lanes, letter=""))
    np.testing.assert_allclose(found, x[listed.array] - 2 * x[1::3], rtol=1e-15)


def test_loops_run_in_order():
    """The second adds to what the first stored."""
    whole = Indices(10)
    loops = [
        loop_of(lambda x: [2 * x], [Read(0, whole)], [Write(whole)]),
        loop_of(lambda x: [x], [Read(0, whole)], [Write(whole, True)]),
    ]
    assert run(loops, np.full(10, 9.0), np.arange(10.0)).tolist() == (3 * np.arange(10.0)).tolist()


def test_loops_that_differ_in_sizes_and_constants_share_their_code():
    """Counts, places, strides of one and constants are in the table; short ones of long loops are not."""

    def made(size: int, start: int, factor: float):
        loop = loop_of(
            lambda x: [jnp.sin(x) * factor], [Read(0, Indices(size, start))], [Write(Indices(size, start))]
        )
        return function(loop, host())

    few, many = FEW_ELEMENTS - 1, FEW_ELEMENTS
    assert made(20, 0, 0.1).text == made(few, 7, 0.3).text
    assert made(many, 0, 0.1).text == made(many + 400, 7, 0.3).text
    assert made(many, 0, 0.1).text != made(many, 0, 0.5).text
    x = np.linspace(0.0, 1.0, 50)
    for size, start, factor in ((20, 0, 0.1), (31, 7, 0.3)):
        where = Indices(size, start)
        loop = loop_of(lambda x, factor=factor: [jnp.sin(x) * factor], [Read(0, where)], [Write(where)])
        wanted = np.zeros(50)
        wanted[where.array] = np.sin(x[where.array]) * factor
        np.testing.assert_allclose(run([loop], np.zeros(50), x), wanted, rtol=1e-15)


@pytest.mark.parametrize("size", [5, 20, FEW_ELEMENTS])
def test_constants_are_the_same_wherever_they_stand(size):
    """In short loops in the table, in long ones inside the text; the sign of zero counts."""
    whole, x = Indices(size), np.linspace(-2.0, 2.0, size)
    x[size // 2] = 0.0

    def numbers(x):
        return [-x, jnp.sign(x) * 0.3 + 3.0, 1 / x**3, jnp.where(x > 0.5, 0.25, x + 0.1), 0.25 * x - 0.3]

    loop = loop_of(numbers, [Read(0, whole)], [Write(Indices(size, k * size)) for k in range(5)])
    with np.errstate(all="ignore"):
        wanted = [-x, np.sign(x) * 0.3 + 3.0, 1 / x**3, np.where(x > 0.5, 0.25, x + 0.1), 0.25 * x - 0.3]
    found = run([loop], np.zeros(5 * size), x).reshape(5, size)
    np.testing.assert_allclose(found, wanted, rtol=1e-15, atol=1e-16)
    assert np.signbit(found[0, size // 2])
    assert (size < 600) == ("<double" not in function(loop, host()).text)


def test_what_has_no_rule_is_not_supported():
    """A sum over the elements, and numbers in other types."""
    whole = Indices(5)

    def supported(fun) -> bool:
        loop = loop_of(fun, [Read(0, whole)], [Write(whole)])
        return supports(loop.tape, [node for node, _ in loop.writes])

    assert supported(lambda x: [jnp.sin(x)])
    assert not supported(lambda x: [x - jnp.sum(x)])
    assert not supported(lambda x: [x.astype(jnp.float32).astype(float)])
    assert not supported(lambda x: [jnp.cumsum(x)])
    assert not supported(lambda x: [x > 0])

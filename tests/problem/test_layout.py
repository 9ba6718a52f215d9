"""Layouts against JAX's own flattening, and the names of entries against the entries themselves."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from jax.flatten_util import ravel_pytree

from lagrad.errors import ProblemError
from lagrad.precision import float64
from lagrad.problem.layout import Layout, real_arrays
from tests.strategies import pytrees

TREE = {"theta": np.arange(3.0), "v": (np.arange(6.0).reshape(2, 3), np.array(7.0))}


def assert_trees_equal(found, expected):
    """Same structure, same shapes, same entries."""
    assert jax.tree.structure(found) == jax.tree.structure(expected)
    jax.tree.map(np.testing.assert_array_equal, found, expected)


@given(pytrees())
def test_flat_order_is_that_of_ravel_pytree(tree):
    """The vector is the one that jax.flatten_util.ravel_pytree gives."""
    with float64():
        expected = np.asarray(ravel_pytree(tree)[0])
        np.testing.assert_array_equal(Layout.of(tree, "x").ravel(tree), expected)
    np.testing.assert_array_equal(Layout.of(tree, "x").flatten(tree), expected)


@given(pytrees())
def test_unflatten_is_the_inverse_of_flatten(tree):
    """Down and up again changes nothing, and up and down again neither."""
    layout = Layout.of(tree, "x")
    assert_trees_equal(layout.unflatten(layout.flatten(tree)), tree)
    vector = np.arange(float(layout.size))
    np.testing.assert_array_equal(layout.flatten(layout.unflatten(vector)), vector)


@given(pytrees())
@settings(max_examples=20)
def test_unflatten_of_a_traced_vector_is_that_of_its_values(tree):
    """Tracers and NumPy arrays are read alike."""
    layout = Layout.of(tree, "x")
    vector = np.arange(float(layout.size))
    with float64():
        assert_trees_equal(jax.jit(layout.unflatten)(vector), layout.unflatten(vector))


@given(pytrees())
def test_a_name_is_the_expression_that_reads_the_entry(tree):
    """`x['theta'][3]`, evaluated, is the entry at that flat index."""
    layout = Layout.of(tree, "x")
    numbered = layout.unflatten(np.arange(float(layout.size)))
    for index in range(layout.size):
        assert eval(layout.describe(index), {"x": numbered}) == index


@pytest.mark.parametrize("index", [-1, 10])
def test_a_name_beyond_the_vector_is_an_error(index):
    """No entry, no name."""
    with pytest.raises(IndexError, match=rf"^`x`: index {index}, expected 0 to 9\.$"):
        Layout.of(TREE, "x").describe(index)


def test_many_leaves_are_read_by_one_equation():
    """One split, so that a gradient is one concatenate and not a sum of padded vectors."""
    layout = Layout.of(TREE, "x")
    names = [e.primitive.name for e in jax.make_jaxpr(layout.unflatten)(np.zeros(10)).eqns]
    assert names.count("split") == 1 and set(names) <= {"split", "reshape"}


def test_one_vector_is_read_by_no_equation():
    """A bare vector costs nothing in either direction."""
    layout = Layout.of(np.zeros(4), "x")
    assert not jax.make_jaxpr(lambda x: layout.ravel(layout.unflatten(x)))(np.zeros(4)).eqns


def test_a_float64_vector_is_passed_on_without_a_copy():
    """Solvers call with flat vectors, often."""
    vector = np.arange(10.0)
    assert Layout.of(TREE, "x").flatten(vector) is vector


@pytest.mark.parametrize(
    "tree",
    [
        [1, 2.5, True],
        (1, 2.5, 1),
        np.array([1, 2.5, 1], np.float32),
        jnp.array([1, 2.5, 1]),
        [np.float32(1), 2.5, 1],
    ],
)
def test_lists_of_plain_numbers_are_arrays(tree):
    """SciPy's users write lists; to JAX these would be three leaves."""
    assert_trees_equal(real_arrays(tree, "x"), np.array([1.0, 2.5, 1.0]))


def test_lists_of_plain_numbers_are_arrays_inside_a_pytree():
    """At any depth, and nested lists become matrices."""
    found = real_arrays({"a": [[1, 2, 3], [4, 5, 6]], "b": [np.ones(2), (3, 4)], "c": None}, "x")
    expected = {"a": np.array([[1.0, 2, 3], [4, 5, 6]]), "b": [np.ones(2), np.array([3.0, 4])], "c": None}
    assert_trees_equal(found, expected)


def test_numbers_in_the_places_of_leaves_are_leaves():
    """A list of two numbers fits a list of two scalars, and a vector alike."""
    for layout in (Layout.of([np.zeros(()), np.zeros(())], "x"), Layout.of(np.zeros(2), "x")):
        np.testing.assert_array_equal(layout.flatten([3.0, 4.0]), [3.0, 4.0])
        np.testing.assert_array_equal(layout.flatten(np.array([3, 4])), [3.0, 4.0])


LEAVES = "a pytree with leaves ['theta'], ['v'][0], ['v'][1]"
OR_FLAT = ", or a flat vector of shape (10,)."
MASKED = np.ma.array([1, 2, 3], mask=[0, 1, 0])
MESSAGES = [
    (np.zeros(4), f"`x`: an array of shape (4,), expected {LEAVES}. Give that{OR_FLAT}"),
    ({"theta": 0.0}, f"`x`: a pytree with leaves ['theta'], expected {LEAVES}. Give that{OR_FLAT}"),
    (
        TREE | {"theta": np.zeros((3, 1))},
        f"`x['theta']`: shape (3, 1), expected (3,). Give that shape{OR_FLAT}",
    ),
    (
        TREE | {"theta": np.zeros(3) * 1j},
        "`x['theta']`: dtype complex128, expected real numbers. Give real and imaginary parts apart.",
    ),
    (TREE | {"theta": [[1], [2, 3]]}, "`x['theta']`: rows of different lengths. Give rows of equal length."),
    (
        TREE | {"theta": "abc"},
        "`x['theta']`: str of dtype <U3, expected numbers. Give an array of numbers.",
    ),
    (
        TREE | {"theta": MASKED},
        "`x['theta']`: an array with masked entries, expected numbers. Fill them first.",
    ),
    (
        TREE | {"theta": jax.random.key(0)},
        "`x['theta']`: PRNGKeyArray, expected numbers. Give an array of numbers.",
    ),
]


@pytest.mark.parametrize(("tree", "message"), MESSAGES)
def test_another_pytree_is_refused_by_name(tree, message):
    """The message names the leaf, what was found and what was expected."""
    with pytest.raises(ProblemError) as caught:
        Layout.of(TREE, "x").flatten(tree)
    assert str(caught.value) == message


def test_a_traced_vector_is_refused():
    """What is called with numbers says so under jit."""
    with pytest.raises(ProblemError) as caught:
        jax.jit(Layout.of(TREE, "x").flatten)(np.zeros(10))
    assert str(caught.value) == (
        "`x`: a traced value, expected numbers. Stay outside of jax.jit, jax.grad and jax.vmap."
    )


def test_a_tree_of_many_leaves_is_outlined():
    """A message stays short however large the tree."""
    with pytest.raises(
        ProblemError, match=r"leaves \[0\], \[1\], \[2\], \[3\], \[4\], \[5\], \.\.\., expected"
    ):
        Layout.of(np.zeros(2), "x").flatten([np.zeros(1)] * 100)

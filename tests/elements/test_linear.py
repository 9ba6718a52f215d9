"""Laws of linear equations: the maps of an equation are its Jacobian."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from jax.experimental import sparse

from lagrad.elements.linear import LINEAR, contraction, maps
from lagrad.precision import float64
from lagrad.primitives.equations import bind
from lagrad.primitives.movers import scatter_positions

K = np.arange(1.0, 7.0)
X, Y = np.linspace(0.1, 0.6, 6), np.linspace(1.0, 2.0, 3)
PLACES = np.array([[2], [0], [2]])

DENSE = np.arange(30.0).reshape(5, 6) * (np.arange(30).reshape(5, 6) % 4 == 1)
ENTRIES = sparse.BCOO.fromdense(DENSE)
CORNERS = np.array([[1, 3], [0, 0], [1, 0]])


def scatter_add(mode):
    """Updates y added into x at places 2, 7 and 2, of which 7 is outside."""
    numbers = jax.lax.ScatterDimensionNumbers((), (0,), (0,))
    places = np.array([[2], [7], [2]])
    return lambda x, y: jax.lax.scatter_add(x, places, y, numbers, mode=mode)


# name -> function of x (6,) and y (3,) whose last equation is the one looked at.
CASES = {
    "add": lambda x, y: x[:3] + y,
    "add of size one": lambda x, y: jax.lax.add(x.reshape(2, 3), y.reshape(1, 3)),
    "add known": lambda x, y: x + K,
    "sub": lambda x, y: y - x[3:],
    "neg": lambda x, y: -x,
    "mul known": lambda x, y: x * K,
    "mul number": lambda x, y: 2.0 * y,
    "div known": lambda x, y: x / K,
    "reduce_sum": lambda x, y: jnp.sum(x.reshape(3, 2), axis=0),
    "cumsum": lambda x, y: jax.lax.cumsum(x.reshape(2, 3), 1),
    "cumsum reversed": lambda x, y: jax.lax.cumsum(x.reshape(2, 3), 0, reverse=True),
    "scatter-add": lambda x, y: x.at[PLACES[:, 0]].add(y),
    "scatter-add rows": lambda x, y: x.reshape(3, 2).at[:2].add(jnp.stack([y[:2], y[1:]])),
    "scatter-add clipped": scatter_add(jax.lax.GatherScatterMode.CLIP),
    "scatter-add dropping": scatter_add(jax.lax.GatherScatterMode.FILL_OR_DROP),
    "dot_general left": lambda x, y: jnp.dot(np.arange(18.0).reshape(3, 6) - 4, x),
    "dot_general right": lambda x, y: jnp.dot(x.reshape(2, 3), np.arange(12.0).reshape(3, 4) - 4),
    "dot_general batched": lambda x, y: jnp.einsum(
        "bi,bij->bj", x.reshape(2, 3), np.arange(24.0).reshape(2, 3, 4)
    ),
    "convolution": lambda x, y: jax.lax.conv_general_dilated(
        x.reshape(1, 2, 3), np.arange(-2.0, 6).reshape(2, 2, 2), (1,), [(1, 0)]
    ),
    "convolution of known": lambda x, y: jax.lax.conv_general_dilated(
        np.arange(8.0).reshape(2, 1, 4), x.reshape(2, 1, 3), (2,), "SAME"
    ),
    "window": lambda x, y: jax.lax.reduce_window(x, 0.0, jax.lax.add, (3,), (2,), [(1, 0)]),
    "coordinates": lambda x, y: ENTRIES @ x,
    "coordinates, known right": lambda x, y: sparse.BCOO((y, CORNERS), shape=(2, 4)) @ np.arange(1.0, 5),
    "coordinates, from the left": lambda x, y: x[:5] @ ENTRIES,
    "compressed rows": lambda x, y: sparse.BCSR.from_bcoo(ENTRIES) @ x,
    "old compressed rows": lambda x, y: sparse.CSR.fromdense(DENSE) @ x,
    "old compressed rows, matrix": lambda x, y: sparse.CSR.fromdense(DENSE[:, :3]) @ x.reshape(3, 2),
    "old coordinates": lambda x, y: sparse.COO.fromdense(DENSE) @ x,
    "old coordinates, matrix": lambda x, y: sparse.COO.fromdense(DENSE[:, :3]) @ x.reshape(3, 2),
    "convert": lambda x, y: lax.convert_element_type_p.bind(
        x, new_dtype=np.dtype(float), weak_type=True, sharding=None
    ),
    "gather": lambda x, y: x[np.array([[0, 5], [5, 2]])],
    "slice": lambda x, y: x[1:6:2],
    "rev": lambda x, y: x[::-1],
    "transpose": lambda x, y: x.reshape(2, 3).T,
    "concatenate": lambda x, y: jnp.concatenate([y, K, x]),
    "pad": lambda x, y: jax.lax.pad(x, 3.0, [(1, -1, 1)]),
    "broadcast": lambda x, y: jnp.broadcast_to(y[:, None], (3, 2)),
    "dynamic_update_slice": lambda x, y: jax.lax.dynamic_update_slice(x, y, (2,)),
    "scatter": lambda x, y: x.at[np.array([4, 1, 0])].set(y),
}
NONLINEAR = {
    "mul": lambda x, y: x[:3] * y,
    "div": lambda x, y: y / x[:3],
    "sin": lambda x, y: jnp.sin(x),
    "div by zero": lambda x, y: y / np.array([1.0, 0.0, 2.0]),
    "dot": lambda x, y: jnp.dot(x[:3], y),
    "to integer": lambda x, y: x.astype(int),
}


def last(function):
    """The last equation of a function of x and y, values of its operands, and which of these are known."""
    with float64():
        closed = jax.make_jaxpr(function)(X, Y)
        values = dict(zip(closed.jaxpr.invars, (X, Y), strict=True))
        known = dict(zip(closed.jaxpr.constvars, closed.consts, strict=True))

        def value(atom, table):
            return atom.val if hasattr(atom, "val") else table.get(atom)

        for equation in closed.eqns:
            operands = [value(atom, values | known) for atom in equation.invars]
            fixed = [value(atom, known) for atom in equation.invars]
            results = bind(equation, *operands)
            table = known if all(operand is not None for operand in fixed) else values
            table |= dict(zip(equation.outvars, map(np.asarray, results), strict=True))
    numbers = [None if each is None else np.asarray(each) for each in fixed]
    return equation, [np.asarray(operand) for operand in operands], numbers


def unwrapped(function):
    """The same function without nested jits, so that the last equation is a plain one."""

    def inlined(x, y):
        with jax.disable_jit():
            return function(x, y)

    return inlined


@pytest.mark.parametrize("dtype", [np.float32, np.float16, jnp.bfloat16])
def test_what_is_rounded_is_not_linear(dtype):
    """A conversion to few digits, and sums of them, are left to XLA."""
    for function in (lambda x: x.astype(dtype), lambda x: (x.astype(dtype) + 1).astype(float)):
        with float64():
            equations = jax.make_jaxpr(function)(np.ones(3)).eqns
        for equation in equations[:2]:
            assert maps(equation, [None, np.ones((), dtype)][: len(equation.invars)]) == [None]


@pytest.mark.parametrize("function", CASES.values(), ids=CASES)
def test_maps_are_the_jacobian_of_the_equation(function):
    """For every operand that is not known, entry by entry; a linear equation's difference is exact."""
    equation, operands, known = last(unwrapped(function))
    (found,) = maps(equation, known)
    assert set(found) == {i for i, value in enumerate(known) if value is None}
    for operand, linear in found.items():

        def along(value, operand=operand):
            return bind(equation, *operands[:operand], value, *operands[operand + 1 :])[0]

        with float64():
            # Column by column: some sparse formats have no batches.
            _, push = jax.linearize(along, operands[operand])
            units = np.eye(linear.shape[1]).reshape(-1, *operands[operand].shape)
            expected = np.stack([np.ravel(push(unit)) for unit in units], axis=1)
        np.testing.assert_allclose(linear.to_scipy().toarray(), expected, rtol=1e-15)


@pytest.mark.parametrize("function", NONLINEAR.values(), ids=NONLINEAR)
def test_what_is_not_linear_has_no_map(function):
    """Products of unknowns, quotients by them, functions, and constants that are not finite."""
    equation, _, known = last(unwrapped(function))
    assert maps(equation, known) == [None]


def test_every_row_of_the_table_is_tried():
    """Complete: a new rule needs a case."""
    tried = {last(unwrapped(function))[0].primitive.name for function in CASES.values()}
    untested = set(LINEAR) - tried
    assert untested <= {"add_any", "copy", "copy_p"}


def test_contraction_lists_every_product():
    """out[k] is the sum of left * right over its products, batch axes and all."""

    def function(x, y):
        return jnp.einsum("bik,bkj->bij", x.reshape(1, 2, 3), jnp.stack([y, y * 2], 1)[None])

    equation, (left, right), _ = last(unwrapped(function))
    out, i, j = contraction(equation)
    expected = bind(equation, left, right)[0].reshape(-1)
    found = np.bincount(out, weights=left.reshape(-1)[i] * right.reshape(-1)[j])
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_scatter_targets_of_whole_rows():
    """Windows of more than one element are followed element by element."""
    equation, operands, _ = last(
        unwrapped(lambda x, y: x.reshape(3, 2).at[np.array([2, 0])].add(jnp.stack([y[:2], y[1:]])))
    )
    shapes = [atom.aval.shape for atom in equation.invars]
    targets = scatter_positions(shapes, operands[1], **equation.params)
    assert targets.reshape(-1).tolist() == [4, 5, 0, 1]

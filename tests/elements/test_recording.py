"""Laws of element kernels: bound again on vectors, they give the values of the program's variables."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lagrad.elements.recording import ParamsInput, fixed_values, record_groups, value_of_params
from lagrad.elements.split import partially_separable
from lagrad.elements.tape import Tape
from lagrad.elements.tape_evaluation import evaluate
from lagrad.precision import float64
from tests.sparsity.tracing import program_of

X = np.linspace(0.3, 1.1, 6)
P = np.array([2.0, -1.0, 0.5, 3.0, 1.0, -2.0])
CASES = {
    "moved": lambda x, p: jnp.sin(x)[::-2] * x[:3],
    "leading part": lambda x, p: (x**2 * x[0])[:2],
    "pieces": lambda x, p: jnp.sin(jnp.concatenate([x[:2] ** 2, jnp.full(1, 0.4), p[:2] * x[3:5]])),
    "params": lambda x, p: p * jnp.exp(x) + jnp.cos(p),
    "short sum": lambda x, p: jnp.sum((x**2).reshape(3, 2), axis=1) ** 2,
    "contraction": lambda x, p: jnp.einsum("ij,ij->i", x.reshape(3, 2), jnp.sin(x).reshape(3, 2)),
    "contraction with constants": lambda x, p: (
        jnp.einsum("ij,j->i", (x**2).reshape(3, 2), np.array([2.0, -1.0])) ** 2
    ),
    "added onto constants": lambda x, p: jnp.sin(jnp.ones(6).at[np.array([1, 0, 4, 2, 5, 3])].add(x**2)),
    "constants added": lambda x, p: jnp.sin((x**2).at[np.array([1, 1])].add(np.array([5.0, 6.0]))),
    "offsets": lambda x, p: jnp.sin(jnp.concatenate([jnp.full(1, 0.2), x[:-1]]) - 3.0 * x + 1.0) * x,
    "mask": lambda x, p: jnp.where((x > 0.6) & (np.arange(6) != 4), x**2, jnp.sin(x)),
    "unequal rows": lambda x, p: jnp.exp(np.triu(np.ones((6, 6))) @ x) * x,
}


def values_of(classification, group, slots, fixed) -> np.ndarray:
    """Values of the elements of a group."""
    tape = Tape(group.outputs.shape[1])
    inputs = [tape.input(number) for number in range(len(slots))]
    (node,) = record_groups(tape, classification, [group], [inputs])
    names = [each.params["name"] for each in tape.operations if each.name == "input"]
    params = {name: value_of_params(name, fixed) for name in names if isinstance(name, ParamsInput)}
    return np.broadcast_to(evaluate(tape, [node], params | dict(enumerate(slots)))[0], (tape.count,))


@pytest.mark.parametrize("function", CASES.values(), ids=CASES)
def test_groups_and_the_linear_part_are_the_program(function):
    """c(x) - c(0) = C x + sum of B (k(u(x)) - k(u(0))), with u = A x + b and values of params."""
    found = partially_separable(program_of(function, 6, params=(P,)))
    assert not found.rest

    def rows(x):
        fixed = fixed_values(found.classification, [jnp.asarray(P)])
        total = found.linear.toarray() @ x
        for group in found.groups:
            slots = [
                slot.form.to_scipy().toarray() @ x + (0.0 if slot.offset is None else slot.offset)
                for slot in group.slots
            ]
            total += group.outputs.toarray() @ values_of(found.classification, group, slots, fixed)
        return total[1:]

    with float64():
        expected = np.asarray(function(jnp.asarray(X), P) - function(jnp.zeros(6), P))
        np.testing.assert_allclose(rows(X) - rows(np.zeros(6)), expected, rtol=1e-12, atol=1e-14)


def test_fixed_values_are_those_of_params():
    """Everything that depends on params only, once for all groups."""
    found = partially_separable(program_of(lambda x, p: x * jnp.sin(p)[::-1], 6, params=(P,)))
    values = fixed_values(found.classification, [jnp.asarray(P)])
    assert any(
        np.allclose(value, np.sin(P)[::-1], rtol=1e-6) for value in values.values() if np.shape(value) == (6,)
    )
    assert jax.tree.leaves(values)

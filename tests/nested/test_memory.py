"""checkpointed_scan: the values of lax.scan in every mode, and less memory in reverse."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lagrad import nested


def step(carry, x):
    carry = {"q": jnp.sin(carry["q"] + x), "k": carry["k"] + 1}
    return carry, (carry["q"] ** 2, carry["k"])


@pytest.mark.parametrize("segment", [None, 1, 3, 7, 100])
@pytest.mark.parametrize("steps", [0, 1, 7, 12])
def test_values_are_those_of_scan(steps, segment):
    """Last carry and outputs, whether the segments divide the steps or not."""
    start, xs = {"q": jnp.array([0.1, 0.2]), "k": 0}, np.linspace(0, 1, steps)
    found, expected = (
        nested.checkpointed_scan(step, start, xs, segment=segment),
        jax.lax.scan(step, start, xs),
    )
    for left, right in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        assert left.shape == right.shape
        np.testing.assert_allclose(left, right, rtol=1e-14)


def energy(scan, length):
    def f(x):
        last, ys = scan(lambda c, _: (jnp.sin(c * x), jnp.sum(c)), x, None, length)
        return jnp.sum(last) + jnp.sum(ys**2)

    return f


@pytest.mark.parametrize("mode", nested.MODES)
def test_hessians_are_those_of_scan(mode):
    """All four nestings over segments."""
    x = np.array([0.9, 1.4])
    found = jax.jit(lambda x: nested.hessian(energy(nested.checkpointed_scan, 11), x, mode))(x)
    np.testing.assert_allclose(found, jax.jit(jax.hessian(energy(jax.lax.scan, 11)))(x), rtol=1e-11)


def test_memory_grows_with_the_root_of_the_length():
    """Compiled gradients of 400 and 6400 steps: 16 times for the plain scan, about 4 times in segments."""

    def temporaries(scan, length):
        program = jax.jit(jax.grad(energy(scan, length))).lower(np.ones(1000)).compile()
        analysis = program.memory_analysis()
        assert analysis is not None
        return analysis.temp_size_in_bytes

    plain = temporaries(jax.lax.scan, 6400) / temporaries(jax.lax.scan, 400)
    segments = temporaries(nested.checkpointed_scan, 6400) / temporaries(nested.checkpointed_scan, 400)
    assert plain > 14
    assert segments < 5


def test_wrong_use_is_named():
    """The number of steps must be known, a segment positive."""
    with pytest.raises(ValueError, match="Give `length`, the number of steps"):
        nested.checkpointed_scan(lambda c, _: (c, None), 0.0)
    with pytest.raises(ValueError, match="`segment` is 0, expected a positive number"):
        nested.checkpointed_scan(lambda c, _: (c, None), 0.0, length=3, segment=0)

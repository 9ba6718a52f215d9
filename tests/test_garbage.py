"""Laws of putting off garbage collection: it goes on afterwards as it did before."""

from __future__ import annotations

import gc

import jax.numpy as jnp
import numpy as np
import pytest

import lagrad
from lagrad.garbage import collected_later


@pytest.fixture(params=[True, False])
def enabled(request):
    """Whether garbage is searched for before; what was set is set again afterwards."""
    before = gc.isenabled()
    (gc.enable if request.param else gc.disable)()
    yield request.param
    (gc.enable if before else gc.disable)()


def test_garbage_is_searched_for_again_afterwards(enabled):
    """As before, once the outermost context is left, by an exception too."""
    with pytest.raises(KeyError), collected_later():
        with collected_later():
            assert not gc.isenabled()
        assert not gc.isenabled()
        raise KeyError
    assert gc.isenabled() is enabled


def test_set_up_puts_it_off(enabled):
    """While functions are traced; not after an error in one of them."""
    seen = []

    def objective(x):
        seen.append(gc.isenabled())
        return jnp.sum(x**2)

    lagrad.differentiate(lagrad.Problem(objective, np.ones(3)))
    assert seen and not any(seen)
    assert gc.isenabled() is enabled
    with pytest.raises(ZeroDivisionError):
        lagrad.Problem(lambda x: 1 / 0, np.ones(3))
    assert gc.isenabled() is enabled

"""float64 without the global switch."""

from __future__ import annotations

import threading

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lagrad.precision import float64


@pytest.mark.parametrize("users", [False, True])
def test_the_users_setting_is_left_as_it_was(users):
    """Inside float64, outside whatever the user chose, an exception or not."""
    with jax.enable_x64(users):
        outside = jnp.zeros(1).dtype
        with float64():
            assert jnp.zeros(1).dtype == np.float64
        with pytest.raises(ZeroDivisionError), float64():
            _ = 1 / 0
        assert jnp.zeros(1).dtype == outside == (np.float64 if users else np.float32)


def test_other_threads_are_left_alone():
    """The context holds in the thread that entered it."""
    found = []
    with jax.enable_x64(False):
        outside = jnp.zeros(1).dtype
    with float64():
        thread = threading.Thread(target=lambda: found.append(jnp.zeros(1).dtype))
        thread.start()
        thread.join()
    if not jax.config.jax_enable_x64:
        assert found == [outside]

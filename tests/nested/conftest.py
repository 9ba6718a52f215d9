"""Every test of nested differentiation runs in float64, without changing the setting of other tests."""

import jax
import pytest


@pytest.fixture(autouse=True)
def double_precision():
    with jax.enable_x64(True):
        yield

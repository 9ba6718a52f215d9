"""What the tests of tracing share."""

from __future__ import annotations

import jax
import pytest


@pytest.fixture
def x64():
    """Double precision, as lagrad traces."""
    with jax.enable_x64(True):
        yield

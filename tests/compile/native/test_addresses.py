"""Addresses of arrays, held against NumPy's own."""

from __future__ import annotations

import numpy as np
import pytest

from lagrad.compile.native.addresses import address

SHAPES = {"empty": 0, "one": 1, "many": (3, 4)}


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("writable", [True, False])
@pytest.mark.parametrize("dtype", [np.float64, np.int32])
def test_address_is_where_numpy_says(shape, writable, dtype):
    """Arrays may be empty or read-only, or begin within another."""
    array = np.ones(shape, dtype)
    array.flags.writeable = writable
    for each in (array, array.reshape(-1)[1:]):
        assert address(each) == each.ctypes.data

"""What IPOPT's callbacks ask of arrays is what NumPy says, whatever is left over of eight numbers."""

from __future__ import annotations

import ctypes

import numpy as np
import pytest

from lagrad.compile.native.addresses import address
from lagrad.compile.native.machine import engine_of
from lagrad.compile.native.target import host
from lagrad.solvers.ipopt.reductions import REDUCTIONS

SIZES = [0, 1, 7, 8, 9, 16, 21]


@pytest.fixture(scope="module")
def engine():
    return engine_of(REDUCTIONS.replace("internal ", ""), host(), True)


@pytest.mark.parametrize("count", SIZES)
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_one_number_that_is_not_finite_is_found_anywhere(engine, count, bad):
    signature = ctypes.CFUNCTYPE(ctypes.c_bool, ctypes.c_void_p, ctypes.c_int64)
    finite = signature(engine.get_function_address("finite"))
    numbers = np.random.default_rng(count).normal(size=count + 1) * 1e300
    numbers[count] = bad
    assert finite(address(numbers), count)
    for place in range(count):
        spoilt = numbers.copy()
        spoilt[place] = bad
        assert not finite(address(spoilt), count)


@pytest.mark.parametrize("count", SIZES)
@pytest.mark.parametrize("first", [0.0, 0.5, 10.0])
@pytest.mark.parametrize("side", ["lower", "upper", "both", "none"])
def test_the_largest_distance_beyond_a_side(engine, count, first, side):
    signature = ctypes.CFUNCTYPE(ctypes.c_double, *[ctypes.c_void_p] * 3, ctypes.c_int64, ctypes.c_double)
    outside = signature(engine.get_function_address("outside"))
    random = np.random.default_rng(count)
    numbers, lower, upper = random.normal(size=(3, count))
    lower = lower if side in ("lower", "both") else np.full(count, -np.inf)
    upper = upper if side in ("upper", "both") else np.full(count, np.inf)
    numbers[3:4] = np.nan
    beyond = np.fmax(lower - numbers, numbers - upper)
    expected = max(first, *np.nan_to_num(beyond, nan=-np.inf, neginf=-np.inf, posinf=np.inf), first)
    assert outside(*map(address, (numbers, lower, upper)), count, first) == expected

"""Laws of products: machine code multiplies as SciPy does."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

from lagrad.compile.native.products import Product, triplets_times


@pytest.mark.parametrize("shape", [(1, 1), (7, 3), (3, 7), (0, 4), (200, 100)])
@pytest.mark.parametrize("density", [0.0, 0.1, 1.0])
def test_products_agree_with_scipy(shape, density):
    """Empty rows, empty matrices and full ones; 64-bit indices too."""
    matrix = sp.csr_array(sp.random_array(shape, density=density, rng=np.random.default_rng(0)))
    matrix.indices, matrix.indptr = matrix.indices.astype(np.int64), matrix.indptr.astype(np.int64)
    vector = np.random.default_rng(1).normal(size=shape[1])
    np.testing.assert_allclose(Product(matrix)(vector), matrix @ vector, rtol=1e-13, atol=1e-15)


def test_what_stood_there_is_added_to():
    """Only as many entries as the matrix has rows."""
    output = np.array([1.0, 2.0, 3.0])
    Product(sp.csr_array([[1.0, 1.0], [0.0, 2.0]])).add(np.array([10.0, 20.0]), output)
    assert output.tolist() == [31.0, 42.0, 3.0]


@pytest.mark.parametrize("shape", [(1, 1), (7, 3), (3, 7), (0, 4), (200, 100)])
@pytest.mark.parametrize("density", [0.0, 0.1, 1.0])
@pytest.mark.parametrize("dtype", [np.int32, np.int64])
def test_triplets_agree_with_scipy(shape, density, dtype):
    """In any order, repeated ones summed, of strided arrays too."""
    random = np.random.default_rng(0)
    matrix = sp.random_array(shape, density=density, rng=random, format="coo")
    order = np.repeat(random.permutation(matrix.nnz), 2)
    rows, columns = matrix.row.astype(dtype)[order], matrix.col.astype(dtype)[order]
    values = np.stack([matrix.data[order]] * 2, axis=1)[:, 0]
    vector = random.normal(size=shape[1])
    found = triplets_times((rows, columns), values, vector, shape[0])
    np.testing.assert_allclose(found, 2 * (matrix.tocsr() @ vector), rtol=1e-12, atol=1e-14)


def test_zeros_leave_out_whatever_they_meet():
    """Infinite entries and nan count where they are multiplied with anything else."""
    rows, columns = np.array([0, 0, 1, 2]), np.array([0, 1, 1, 0])
    values = np.array([np.nan, 2.0, np.inf, np.nan])
    np.testing.assert_array_equal(
        triplets_times((rows, columns), values, np.array([0.0, 3.0]), 3), [6, np.inf, 0]
    )
    np.testing.assert_array_equal(
        triplets_times((rows, columns), values, np.array([1.0, -0.0]), 3), [np.nan, 0, np.nan]
    )

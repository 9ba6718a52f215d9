"""Laws of products: machine code multiplies as SciPy does."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

from lagrad.compile.native.products import Product


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

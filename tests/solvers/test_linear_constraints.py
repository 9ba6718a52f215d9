"""Refuse matrices of SciPy's linear constraints that do not fit the variables."""

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.optimize import LinearConstraint, minimize

import lagrad


@pytest.mark.parametrize(
    "matrix", [np.ones((1, 4)), np.ones((2, 2)), np.ones(4), sp.csr_array(np.ones((1, 2)))]
)
def test_a_matrix_of_another_width_is_refused(matrix):
    """A gather out of bounds takes the last variable: without a check the answer is silently another one."""
    with pytest.raises(lagrad.ProblemError, match="columns but x0 has 3 entries"):
        minimize(
            lambda x: (x**2).sum(),
            np.ones(3),
            method=lagrad.ipopt,
            constraints=LinearConstraint(matrix, 0, 1),
        )

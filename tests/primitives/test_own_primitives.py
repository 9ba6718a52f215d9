"""Primitives of users, and new ones in the table: a rule or a row is all that they need."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest

import lagrad
from lagrad.errors import LagradWarning, ProblemError
from tests.primitives.own import softsine

ROOT = Path(__file__).parent.parent.parent
RULES = {"softsine": lagrad.sparsity.elementwise("x | xx")}
X = np.array([0.3, 0.5, 0.7, 1.1])


def rows(x):
    """Neighbors under the primitive."""
    return softsine(x[1:] * x[:-1])


def problem():
    """The rows as a constraint, the primitive in the objective too."""
    return lagrad.Problem(lambda x: jnp.sum((softsine(x) - 0.5) ** 2), X, lagrad.Equality(rows, 0.2))


def warnings_of(call) -> list[str]:
    """Texts of the warnings of a call."""
    with pytest.warns(LagradWarning) as found:
        call()
    return [str(each.message) for each in found]


def test_warning_names_the_line_and_what_to_pass():
    """What the warning says can be pasted, and settles it."""
    (text, *_) = warnings_of(lambda: lagrad.jacobian_sparsity(rows, X))
    assert "no rule for the primitive `softsine`" in text
    assert "own.py, line" in text and "`return softsine_p.bind(x)`" in text
    pasted = re.search(r"rules=(\{.*?\})", text)
    assert pasted
    rules = eval(pasted.group(1))  # noqa: S307
    assert lagrad.jacobian_sparsity(rows, X, rules=rules).nnz == 6


def test_rules_reach_patterns(recwarn):
    """Jacobian and Hessian of plain functions."""
    assert lagrad.jacobian_sparsity(rows, X, rules=RULES).nnz == 6
    assert lagrad.hessian_sparsity(lambda x: jnp.sum(rows(x)), X, rules=RULES).nnz == 3 * 4 - 2
    assert not recwarn.list


def test_rules_reach_matrices(recwarn):
    """`sparse_jacobian`, `sparse_hessian` and `differentiate` give the same entries and the right values."""
    expected = np.zeros((3, 4))
    for i in range(3):
        expected[i, i : i + 2] = np.cos(X[i] * X[i + 1]) * X[[i + 1, i]]
    for jacobian in (
        lagrad.sparse_jacobian(rows, X, rules=RULES),
        lagrad.differentiate(problem(), rules=RULES).jacobian,
    ):
        found = jacobian(X)
        assert found.nnz == 6
        np.testing.assert_allclose(found.toarray(), expected, rtol=1e-14)
    hessian = lagrad.sparse_hessian(lambda x: jnp.sum(softsine(x)), X, rules=RULES)(X)
    assert hessian.nnz == 4
    np.testing.assert_allclose(hessian.diagonal(), -np.sin(X), rtol=1e-14)
    assert not recwarn.list


def test_rules_reach_solve(recwarn):
    """Through `differentiate`; for what is differentiated already they come too late."""
    assert lagrad.solve(problem(), "trust-constr", rules=RULES, max_iterations=2).iterations
    assert not recwarn.list
    with pytest.raises(ProblemError, match="Give rules to `differentiate`"):
        lagrad.solve(lagrad.differentiate(problem(), rules=RULES), "trust-constr", rules=RULES)


@pytest.mark.parametrize("rules", [["softsine"], {"softsine": "x | xx"}])
def test_what_is_no_rule_is_refused(rules):
    """With the form that is expected."""
    with pytest.raises(ProblemError, match=r"`rules`: .* expected a dict"):
        lagrad.jacobian_sparsity(rows, X, rules=rules)


SCRIPT = """
import warnings
import jax, jax.numpy as jnp, numpy as np, lagrad
from lagrad.compile.native.rules import RULES
from tests.primitives.own import softsine

warnings.simplefilter("error")
x = np.array([0.3, 0.5, 0.7, 1.1])
assert lagrad.__file__.startswith({root!r})
assert "softsine" in RULES
assert lagrad.jacobian_sparsity(softsine, x).nnz == 4
problem = lagrad.Problem(lambda x: jnp.sum(softsine(x[1:] * x[:-1])), x, lagrad.Equality(softsine))
derivatives = lagrad.differentiate(problem)
assert derivatives.jacobian(x).nnz == 4
np.testing.assert_allclose(derivatives.jacobian(x).diagonal(), np.cos(x), rtol=1e-14)
print(derivatives.report())
"""


def test_a_new_elementwise_primitive_is_one_row(tmp_path):
    """A line in the table, with its instruction, and all know it: patterns, elements, machine code."""
    for folder in ("lagrad", "tests"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    table = tmp_path / "lagrad/primitives/elementwise.py"
    text, above = table.read_text(), '    "cos": function('
    row = '    "softsine": function("x | xx", np.sin, "sin"),\n'
    assert text.count(above) == 1
    table.write_text(text.replace(above, row + above))
    script = tmp_path / "script.py"
    script.write_text(SCRIPT.format(root=str(tmp_path)))
    ran = subprocess.run(
        [sys.executable, str(script)], cwd=tmp_path, env={"PYTHONPATH": str(tmp_path), "PATH": ""},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.count("machine code") == 2

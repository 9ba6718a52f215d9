"""The names that users type: there, documented, called as promised, and nothing beside them."""

from __future__ import annotations

import inspect
import pkgutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import lagrad

# Name -> its parameters in order; those after "*" are given by keyword.
SIGNATURES = {
    "Problem": "objective x0 constraints bounds params name",
    "Equality": "fun value",
    "Inequality": "fun lower upper",
    "differentiate": "problem",
    "solve": "problem method * x0 params warm_start tol max_iterations time_limit callback progress options",
    "jacobian_sparsity": "fun x",
    "hessian_sparsity": "fun x",
    "sparse_jacobian": "fun x",
    "sparse_hessian": "fun x",
    "color_columns": "pattern",
    "color_rows": "pattern",
    "color_symmetric": "pattern method",
    "color_bidirectional": "pattern",
    "check_derivatives": "problem x",
    "certify": "problem solution",
    "diagnose": "problem x",
    "solution_map": "problem method",
    "solve_many": "problem params x0 executor progress",
    "batched": "problem",
    "to_scipy": "problem",
    "to_cyipopt": "problem",
}
NESTED = {
    "grad": "f argnums",
    "cross_hessian": "f argnums",
    "forward_mode": "fun",
    "implicit": "residual solver",
    "hvp": "f x v mode",
}
ROOT = Path(__file__).parent.parent
SUBMODULES = {module.name for module in pkgutil.iter_modules(lagrad.__path__)}


def takes(function, promised: str) -> None:
    """Fail unless the promised parameters are there, in order; further ones must have defaults."""
    parameters = inspect.signature(function).parameters
    positional, _, keyword = promised.partition("*")
    found = [name for name, parameter in parameters.items() if parameter.kind is not parameter.KEYWORD_ONLY]
    assert found[: len(positional.split())] == positional.split()
    assert set(keyword.split()) <= set(parameters)
    optional = {name for name, parameter in parameters.items() if parameter.kind is parameter.VAR_KEYWORD}
    further = set(parameters) - set(promised.split()) - optional
    assert all(parameters[name].default is not inspect.Parameter.empty for name in further), further


@pytest.mark.parametrize("name", SIGNATURES)
def test_functions_take_what_the_documents_promise(name):
    """A call written from the documents works."""
    takes(getattr(lagrad, name), SIGNATURES[name])


@pytest.mark.parametrize("name", NESTED)
def test_nested_functions_take_what_the_documents_promise(name):
    """A call written from the documents works."""
    takes(getattr(lagrad.nested, name), NESTED[name])


@pytest.mark.parametrize("name", lagrad.__all__)
def test_public_names_are_documented(name):
    """Every public name has a docstring of its own."""
    assert inspect.getdoc(getattr(lagrad, name))


TAKE_A_PROBLEM = [
    lagrad.differentiate,
    lagrad.solve,
    lagrad.check_derivatives,
    lagrad.diagnose,
    lambda problem: lagrad.certify(problem, None),
    lagrad.checks.explain_infeasibility,
    lagrad.solution_map,
    lagrad.batched,
    lagrad.multistart,
    lambda problem: lagrad.solve_many(problem, params=[1.0]),
    lagrad.to_scipy,
    lagrad.to_cyipopt,
]


@pytest.mark.parametrize("call", TAKE_A_PROBLEM)
@pytest.mark.parametrize("given", [abs, 5, None], ids=str)
def test_what_is_no_problem_is_called_so(call, given):
    """A function given in place of a Problem is the mistake of the first minute."""
    with pytest.raises(lagrad.ProblemError, match="`problem`: a .*, expected a Problem, or what lagrad.diff"):
        call(given)


def test_nothing_is_public_by_accident():
    """`lagrad.<tab>` shows the public names, no folder of the house and no stray import."""
    visible = {name for name in dir(lagrad) if not name.startswith("_")}
    assert visible == set(lagrad.__all__)
    imported_for_itself = {"import_module", "TYPE_CHECKING"}
    found = {name for name in vars(lagrad) if not name.startswith("_")}
    assert found - SUBMODULES - imported_for_itself <= visible
    assert len(lagrad.__all__) == len(set(lagrad.__all__))


def test_modules_among_the_public_names_are_folders_meant_for_users():
    """Only `nested` and `plot` are modules that users reach by attribute."""
    modules = [name for name in lagrad.__all__ if isinstance(getattr(lagrad, name), ModuleType)]
    assert modules == ["nested", "plot"]


def test_import_changes_no_setting_and_loads_no_optional_package():
    """`import lagrad` leaves JAX's settings alone, and needs neither a solver nor a plotting library."""
    script = (
        "import sys, jax; before = dict(jax.config.values); import lagrad; "
        "assert dict(jax.config.values) == before; "
        "found = {'cyipopt', 'matplotlib', 'casadi', 'lagrad_problems'} & set(sys.modules); "
        "assert not found, found"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_import_leaves_what_a_first_solve_does_without():
    """Checks, sweeps, plots and SciPy's solvers are imported when they are first asked for."""
    script = (
        "import sys, lagrad; "
        "later = {'lagrad.checks', 'lagrad.sweep', 'lagrad.plot', 'lagrad.sensitivity', "
        "'lagrad.batched.batched', 'scipy.optimize', 'scipy.linalg', 'scipy.special'}; "
        "assert not later & set(sys.modules), later & set(sys.modules); "
        "assert callable(lagrad.certify) and callable(lagrad.solve_many) and lagrad.plot.sparsity; "
        "assert not hasattr(lagrad, 'nonesuch')"
    )
    subprocess.run([sys.executable, "-c", script], check=True, cwd=ROOT)


@pytest.mark.parametrize("first", ["lagrad.batched.batched", "lagrad.sweep", "lagrad.sensitivity"])
def test_batched_is_the_function_whatever_was_imported_before(first):
    """The folder of that name never takes the place of `lagrad.batched`."""
    script = f"import {first}, lagrad; from lagrad import batched; assert callable(batched)"
    subprocess.run([sys.executable, "-c", script], check=True, cwd=ROOT)

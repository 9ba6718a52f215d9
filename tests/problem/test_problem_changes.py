"""Params, replaced parts, copies and pickles: what changes between solves, and what never does."""

from __future__ import annotations

import copy
import dataclasses
import os
import pickle
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

import lagrad
from lagrad.errors import LagradWarning, ProblemError
from lagrad.precision import float64
from lagrad.problem.problem import Problem


def cost(x):
    """An objective at the top of a module: it can be pickled."""
    return jnp.sum(ravel_pytree(x)[0] ** 2)


def weighted(x, params):
    """An objective with params."""
    return params["weight"] * jnp.sum(x**2) + x[params["index"]]


def total(x, params):
    """A constraint with params."""
    return jnp.sum(x) * params["weight"]


def product(x):
    """A constraint at the top of a module."""
    return x[0] * x[1]


PARAMS = {"weight": 2, "index": 1, "scale": np.float32(0.5), "on": [True, False]}


def parametric() -> Problem:
    """Three variables, one row, params of every dtype."""
    params = PARAMS | {"weight": 2.0}
    return Problem(weighted, [1, 2, 3], lagrad.Equality(total, 4.0), (0, 9), params, name="toy")


def message(call, *arguments, **keywords) -> str:
    """Text of the ProblemError that a call raises."""
    with pytest.raises(ProblemError) as caught:
        call(*arguments, **keywords)
    return str(caught.value)


FINITE = "expected a finite number. Give a start inside the functions' domain."
NUMBERS = "expected numbers. Give an array of numbers."

# Params

NO_PARAMS = "the function takes no params, but params are given. Declare it as f(x, params)."
THREE = "expected (3,). Give that shape, or a flat vector of shape (3,)."
FOUR = "expected a pytree with leaves ['index'], ['on'], ['scale'], ['weight']. Give that."
CROSSED = "has lower 5 above upper 4 (and 2 more). Exchange or widen them."


def test_params_become_numpy_arrays():
    """Real numbers float64, integers and Booleans as they are, so that they can index and choose."""
    params = Problem(weighted, [1.0, 2.0], params=PARAMS).params
    found = {name: value.dtype.name for name, value in params.items()}
    assert found == {"weight": "int64", "index": "int64", "scale": "float64", "on": "bool"}


def test_flat_functions_take_params():
    """Traced, so that other values need no second trace."""
    problem = parametric()
    with float64():
        run = jax.jit(lambda x, p: (problem.flat_objective(x, p), problem.flat_constraints(x, p)))
        f, c = run(problem.start, problem.params | {"weight": np.array(10.0), "index": np.array(2)})
    assert float(f) == 10 * 14 + 3 and c.tolist() == [60]


def test_a_random_key_is_a_param():
    """It is no number, but it is an array of JAX's."""
    key = jax.random.key(3)
    problem = Problem(lambda x, key: jnp.sum(x * jax.random.normal(key, (2,))), [1.0, 2.0], params=key)
    assert problem.replace(params=jax.random.key(4)).params is not key


@pytest.mark.parametrize(
    ("objective", "params", "text"),
    [
        (
            cost,
            {"a": 1},
            f"`objective`: {NO_PARAMS}",
        ),
        (
            weighted,
            None,
            "`objective`: the function takes params, but none are given. "
            "Pass params=..., or declare it as f(x).",
        ),
        (
            weighted,
            {"weight": "heavy"},
            f"`params['weight']`: str of dtype <U5, {NUMBERS}",
        ),
        (
            weighted,
            {"weight": cost},
            f"`params['weight']`: function of dtype object, {NUMBERS}",
        ),
    ],
)
def test_params_and_functions_fit(objective, params, text):
    """Functions take params if and only if there are some, and these are numbers."""
    assert message(Problem, objective, [1.0, 2.0], params=params) == text


def test_constraints_take_params_too():
    """All functions of a problem have the same arguments."""
    text = message(Problem, weighted, [1.0, 2.0], {"flow": lagrad.Equality(product)}, params=PARAMS)
    assert text == (f"`constraints['flow']`: {NO_PARAMS}")


# Replace


def test_replace_keeps_what_is_not_given():
    """Each of x0, bounds and params alone; nothing is traced again, the old problem stays."""
    seen = []

    def counted(x, params):
        seen.append(1)
        return weighted(x, params)

    old = Problem(counted, [1.0, 2.0, 3.0], bounds=(0, 9), params=PARAMS)
    new = old.replace(x0=np.array([4, 5, 6]))
    np.testing.assert_array_equal(new.start, [4, 5, 6])
    np.testing.assert_array_equal(new.upper, [9, 9, 9])
    np.testing.assert_array_equal(new.replace(bounds=(None, 8)).start, [4, 5, 6])
    assert new.replace(params=PARAMS | {"weight": 3}).params["weight"] == 3
    assert old.params["weight"] == 2 and old.start[0] == 1 and len(seen) == 1


def test_replaced_bounds_move_x0_afresh():
    """Wider bounds give back a start that narrower ones had moved."""
    problem = Problem(cost, [5.0], bounds=(0, 9))
    with pytest.warns(LagradWarning, match=r"first x\[0\] = 5, not in \[0, 1\]"):
        narrow = problem.replace(bounds=(0, 1))
    assert narrow.start == 1 and narrow.replace(bounds=None).start == 5


def test_replaced_x0_is_a_copy():
    """What the user does to the array afterwards changes nothing."""
    mine = np.array([1.0, 2.0])
    problem = Problem(cost, [0.0, 0.0]).replace(x0=mine)
    mine[:] = 7
    np.testing.assert_array_equal(problem.start, [1, 2])


def test_replaced_params_keep_the_declared_dtypes():
    """An integer for a real number is converted, so that nothing is compiled again."""
    new = parametric().replace(params=PARAMS | {"weight": 3, "scale": 1})
    assert new.params["weight"].dtype == new.params["scale"].dtype == np.float64


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        (
            {"objective": cost},
            "`replace`: ['objective'], expected x0, bounds or params. Declare a new Problem.",
        ),
        ({"x0": [1.0, 2.0]}, f"`x`: shape (2,), {THREE}"),
        ({"x0": [1.0, 2.0, np.nan]}, f"`x0`: x[2] is nan, {FINITE}"),
        ({"bounds": (5, 4)}, f"`bounds`: x[0] {CROSSED}"),
        ({"params": {"weight": 1.0}}, f"`params`: a pytree with leaves ['weight'], {FOUR}"),
        (
            {"params": PARAMS | {"weight": [1.0, 2.0]}},
            "`params['weight']`: shape (2,), expected (). Give that shape.",
        ),
        (
            {"params": PARAMS | {"index": 1.5}},
            "`params['index']`: dtype float64, expected int64 as declared. Convert it first.",
        ),
    ],
)
def test_other_changes_are_refused(changes, text):
    """Another shape, structure or dtype is another problem."""
    assert message(parametric().replace, **changes) == text


def test_params_of_a_problem_without_are_refused():
    """The functions would not take them."""
    text = message(Problem(cost, [1.0]).replace, params=3)
    assert text == "`params`: given, but the problem was declared without. Declare it with params."


# A value: frozen, printed, copied, pickled


def test_a_problem_cannot_be_changed():
    """Attributes, arrays and params are read-only, and the user's own arrays are not touched."""
    mine = np.array([1.0, 2.0, 3.0])
    problem = Problem(weighted, mine, bounds=(mine - 1, None), params=PARAMS)
    mine[:] = 7
    np.testing.assert_array_equal(problem.start, [1, 2, 3])
    np.testing.assert_array_equal(problem.lower, [0, 1, 2])
    with pytest.raises(dataclasses.FrozenInstanceError):
        problem.name = "other"
    for array in (problem.x0, problem.start, problem.lower, problem.upper, problem.params["on"]):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 5


def test_a_problem_prints_its_size_and_names():
    """Not its arrays."""
    assert repr(parametric()) == "Problem('toy', n=3, m=1, constraints: constraint)"
    assert repr(Problem(cost, np.zeros(1000))) == "Problem(n=1000, m=0)"
    many = {f"c{i}": lagrad.Equality(product) for i in range(10)}
    assert repr(Problem(cost, [1.0, 2.0], many)).endswith("c6, c7, ...)")


def test_a_copy_is_the_problem_itself():
    """It never changes."""
    problem = parametric()
    assert copy.copy(problem) is problem and copy.deepcopy(problem) is problem


def test_pickling_keeps_everything():
    """Functions by name, all else by value."""
    problem = parametric()
    again = pickle.loads(pickle.dumps(problem))
    assert repr(again) == repr(problem) and again.objective is weighted
    for name in ("start", "lower", "upper", "constraint_lower", "constraint_upper"):
        np.testing.assert_array_equal(getattr(again, name), getattr(problem, name))
    assert [*again.constraints] == [*problem.constraints] and again.describe_row(0) == "constraint"


def test_a_lambda_is_not_pickled():
    """The message names the argument and the way out."""
    for problem, where in (
        (Problem(lambda x: jnp.sum(x), [1.0]), "objective"),
        (Problem(cost, [1.0], [lagrad.Equality(lambda x: x)]), "constraints[0]"),
        (Problem(cost, [1.0], {"flow": lagrad.Equality(lambda x: x)}), "constraints['flow']"),
    ):
        text = message(pickle.dumps, problem)
        assert text.startswith(f"`{where}`: <function ") and "<lambda>" in text
        assert text.endswith("Define it with `def` at the top of a module, or use cloudpickle.")


def test_picklers_that_carry_code_may_carry_lambdas(monkeypatch):
    """cloudpickle and dill are known by their place in the call stack; here is one of that name."""
    problem = Problem(lambda x: jnp.sum(x), [1.0])
    names = {"__name__": "cloudpickle.cloudpickle"}
    exec("def reduce(problem):\n    return problem.__reduce__()", names)
    build, arguments = names["reduce"](problem)
    assert build is Problem and arguments[0] is problem.objective


def test_checks_hold_under_unusual_settings():
    """No check is an assert, no trace depends on jit, and nothing is NaN on the way."""
    unusual = {"JAX_DISABLE_JIT": "1", "PYTHONOPTIMIZE": "1", "JAX_DEBUG_NANS": "1"}
    code = (
        "import lagrad, jax.numpy as jnp, numpy as np\n"
        "p = lagrad.Problem(lambda x: jnp.sum(x), [1, 2], lagrad.Equality(lambda x: x[0]), (0, 5))\n"
        "print(repr(p), p.flat_objective(p.start))\n"
        "try:\n    lagrad.Problem(lambda x: np.sin(x[0]), [1, 2], bounds=(3, 2))\n"
        "except lagrad.ProblemError as error:\n    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], env=os.environ | unusual, capture_output=True, text=True
    )
    assert done.stdout.splitlines() == [
        "Problem(n=2, m=1, constraints: constraint) 3.0",
        "`bounds`: x[0] has lower 3 above upper 2 (and 1 more). Exchange or widen them.",
    ], done.stderr

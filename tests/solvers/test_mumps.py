"""What MUMPS is told, and an Ipopt without MUMPS is not."""

from __future__ import annotations

from ctypes import CDLL
from types import SimpleNamespace
from typing import cast

import jax.numpy as jnp
import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse.csgraph import connected_components

from lagrad.problem.constraints import Equality, Inequality
from lagrad.problem.problem import Problem
from lagrad.solution.status import Status
from lagrad.solvers import solve
from lagrad.solvers.ipopt import adapter, direct, settings, through_cyipopt
from lagrad.solvers.ipopt.library import Library
from lagrad.solvers.ipopt.mumps import LOOSE, UNSCALED, has_pieces, is_loose, suited
from tests.solvers import cases
from tests.solvers.cases import derivatives, task_of


def apart(x):
    """Each variable by itself: smallest at ones, where it is 0."""
    return jnp.sum((x - 1.0) ** 4 + (x - 1.0) ** 2)


def in_blocks(size: int) -> Problem:
    """3000 variables in chains of so many, each chain by itself."""
    return Problem(
        lambda x: jnp.sum(jnp.diff(x.reshape(-1, size)) ** 2) + jnp.sum(x**4), np.ones(3000 // size * size)
    )


START = np.full(1500, 3.0)
PROBLEMS = {
    "diagonal": (Problem(apart, START), True),
    "small": (Problem(apart, START[:10]), False),
    "chain": (Problem(cases.rosenbrock, START), False),
    "one row of one": (Problem(apart, START, Inequality(lambda x: x[0], 0.0)), True),
    "one row of all": (Problem(apart, START, Equality(jnp.sum, 700.0)), True),
    "rows of one": (Problem(apart, START, Inequality(lambda x: x**2, 0.5)), True),
    "all with one": (Problem(lambda x: jnp.sum(jnp.sin(x - x[7])), START), True),
    "two rows of half": (Problem(apart, START, Equality(lambda x: x.reshape(2, -1).sum(1), 300.0)), True),
    "few pieces": (Problem(apart, START, Equality(lambda x: x[::3] + x[1::3] * x[2::3])), False),
    "pairs": (in_blocks(2), True),
    "pieces of twenty": (in_blocks(20), False),
}


@pytest.mark.parametrize(("problem", "expected"), PROBLEMS.values(), ids=PROBLEMS)
def test_what_falls_apart_is_not_dissected(problem, expected):
    """MUMPS's own ordering takes quadratic time in the number of pieces; rows of very many join nothing."""
    assert is_loose(task_of(problem, {})) is expected


@given(st.integers(1, 30), st.lists(st.tuples(st.integers(0, 29), st.integers(0, 29))))
def test_pieces_are_counted_as_scipy_does(size, edges):
    """Also where edges repeat, or join a node with itself."""
    starts, ends = (np.array(edges, np.intp).reshape(-1, 2) % size).T
    graph = sp.coo_array((np.ones(starts.size), (starts, ends)), shape=(size, size))
    pieces = connected_components(graph, directed=False)[0]
    assert has_pieces(pieces, size, starts, ends) and not has_pieces(pieces + 1, size, starts, ends)


@pytest.mark.parametrize("options", [{"mumps_pivot_order": 5}, {"linear_solver": "mumps"}])
def test_the_ordering_is_the_users_who_names_a_linear_solver(options):
    """Never against what the user says."""
    problem = Problem(apart, START)
    assert suited(task_of(problem, {})) == UNSCALED | LOOSE and suited(task_of(problem, options)) == UNSCALED


@pytest.mark.parametrize(
    ("given", "has_mumps", "expected"),
    [
        ({}, True, {"mumps_scaling": 0}),
        ({"mumps_scaling": 77}, True, {"mumps_scaling": 77}),
        ({"linear_solver": "mumps", "mumps_pivtol": 1e-3}, True, {"mumps_scaling": 0, "mumps_pivtol": 1e-3}),
        ({}, False, {}),
        ({"mumps_scaling": 7}, False, {"mumps_scaling": 7}),
    ],
)
def test_mumps_is_told_not_to_scale_where_it_is_there(given, has_mumps, expected):
    """Unless the user says how; what the user says reaches an Ipopt without MUMPS, which refuses it."""
    found = settings.all_options(task_of(Problem(cases.rosenbrock, np.zeros(3)), given), has_mumps)
    assert {name: value for name, value in found.items() if name.startswith("mumps")} == expected


@pytest.mark.parametrize("has_mumps", [True, False])
def test_an_ipopt_without_mumps_is_known_by_what_it_refuses(monkeypatch, has_mumps):
    """By the C interface and by cyipopt."""

    class Nlp(SimpleNamespace):
        def add_option(self, name, value):
            if not has_mumps:
                raise TypeError(name)

        def close(self):
            """Nothing to free."""

    freed = []
    functions = SimpleNamespace(
        CreateIpoptProblem=lambda *_: 7,
        AddIpoptIntOption=lambda *_: has_mumps,
        SetIntermediateCallback=lambda *_: True,
        FreeIpoptProblem=freed.append,
    )
    found = Library(cast(CDLL, functions), "libipopt.so", "nowhere", (3, 14, 19))
    monkeypatch.setattr(direct, "find", lambda: found)
    monkeypatch.setattr(through_cyipopt, "load", lambda: SimpleNamespace(Problem=Nlp))
    assert direct.has_mumps() is has_mumps and freed == [7]
    assert through_cyipopt.has_mumps.__wrapped__() is has_mumps


def test_an_ipopt_without_mumps_is_asked_for_nothing_of_it(monkeypatch):
    """As any other, by whichever linear solver it has."""
    way, asked = adapter.backend(), {}
    without = SimpleNamespace(
        has_mumps=lambda: False,
        solve=lambda task, options: (asked.update(options), way.solve(task, options))[1],
        versions=way.versions,
    )
    monkeypatch.setattr(adapter, "backend", lambda: without)
    assert solve(derivatives(cases.hs71), "ipopt").status is Status.OPTIMAL
    assert "tol" in asked and not [name for name in asked if name.startswith("mumps")]

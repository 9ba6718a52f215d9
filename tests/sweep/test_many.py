"""Many solves: in order, each for itself, the same on every executor."""

from __future__ import annotations

import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import jax.numpy as jnp
import numpy as np
import pytest

import lagrad
from lagrad import Problem, Status, differentiate, solve, solve_many
from tests.sweep.programs import FATAL, distance, follower

POINTS = [3.0, -1.0, 2.0]


@pytest.fixture(scope="module")
def derivatives():
    """The follower, compiled once."""
    return differentiate(follower())


def places(solutions):
    """The single variable of each solution."""
    return [float(solution.x[0]) for solution in solutions]


@pytest.mark.parametrize("series", [POINTS, np.array(POINTS), (np.float64(p) for p in POINTS)], ids=type)
def test_solutions_come_in_the_order_of_params(derivatives, series):
    """Stacked, listed and lazy series mean the same."""
    np.testing.assert_allclose(places(solve_many(derivatives, params=series)), POINTS, atol=1e-7)


def test_threads_change_nothing(derivatives):
    """Concurrent solves give what solves in a row give, bit for bit."""
    alone = [solve(derivatives, params=p).x for p in POINTS * 3]
    with ThreadPoolExecutor(4) as threads:
        together = solve_many(derivatives, params=POINTS * 3, executor=threads)
    np.testing.assert_array_equal([solution.x for solution in together], alone)


def test_starts_may_be_listed_stacked_or_flat():
    """x0 of shapes (2, 3) as pytrees with a leading axis, as a list of pytrees, and as flat vectors."""
    problem = Problem(lambda z: jnp.sum(z["a"] ** 2) + (z["b"] - 1.0) ** 2, {"a": np.zeros((2, 3)), "b": 0.0})
    stacked = {"a": np.arange(12.0).reshape(2, 2, 3), "b": np.array([5.0, 6.0])}
    listed = [{"a": stacked["a"][k], "b": stacked["b"][k]} for k in range(2)]
    flat = np.array([problem.variables.flatten(entry) for entry in listed])
    derivatives = differentiate(problem)
    found = [solve_many(derivatives, x0=series, max_iterations=0) for series in (stacked, listed, flat)]
    for solutions in found:
        np.testing.assert_array_equal([s.x["a"] for s in solutions], stacked["a"])
        np.testing.assert_array_equal([s.x["b"] for s in solutions], stacked["b"])


def test_a_solve_that_raises_does_not_end_the_others():
    """log(x) at -1 is not finite at the start: that solve says so, in its place."""
    problem = Problem(lambda x: x[0] - jnp.log(x[0]), [2.0])
    good, bad, again = solve_many(problem, x0=[[2.0], [-1.0], [0.5]])
    assert good.success and again.success
    assert bad.status is Status.ERROR and not bad.success and "DerivativeError" in bad.message
    assert bad.x == [-1.0]


@pytest.mark.parametrize(
    "given, message",
    [
        ({}, "neither"),
        ({"params": [1.0, 2.0], "x0": [[0.0]]}, "2 params but 1 starts"),
        ({"params": [1.0, np.ones(2)]}, "params number 1"),
        ({"params": POINTS, "callback": print}, "'callback'"),
        ({"params": POINTS, "tolerance": 1.0}, "'tolerance'"),
        ({"params": POINTS, "executor": 0}, "`executor`"),
        ({"params": 3.0}, "expected many"),
    ],
)
def test_what_does_not_fit_is_refused_before_anything_is_solved(derivatives, given, message):
    """The message names the argument or the entry."""
    with pytest.raises(lagrad.ProblemError, match=message):
        solve_many(derivatives, **given)


def test_an_empty_series_gives_an_empty_list(derivatives):
    """Nothing to solve is no error."""
    assert solve_many(derivatives, params=[]) == []


def test_progress_ends_with_all_done(derivatives, capsys):
    """Without a terminal, lines on stderr."""
    solve_many(derivatives, params=POINTS, progress=True)
    assert "follower   3 of 3 done" in capsys.readouterr().err
    solve_many(follower(), params=POINTS, progress=True)
    told = capsys.readouterr().err.splitlines()
    assert told[0] == "follower   n = 1, m = 0: compiling" and "ready in" in told[1]


def test_solutions_can_be_pickled(derivatives):
    """They cross process borders."""
    solution = solve(derivatives)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(solution)).x, solution.x)


def test_lambdas_are_refused_before_they_travel(monkeypatch):
    """Without cloudpickle, the message comes from the problem, not from a worker."""
    monkeypatch.delitem(sys.modules, "cloudpickle", raising=False)
    problem = Problem(lambda x, p: (x[0] - p) ** 2, [0.0], params=1.0)
    with pytest.raises(lagrad.ProblemError, match="module"):
        solve_many(problem, params=POINTS, executor=1)


@pytest.mark.slow
def test_processes_agree_and_a_killed_one_loses_one_result():
    """Params that kill their worker, while its functions run, give one error among solutions."""
    solutions = solve_many(follower(distance), params=[3.0, FATAL, -1.0], executor=1)
    assert [solution.success for solution in solutions] == [True, False, True]
    assert "Lost" in solutions[1].message
    np.testing.assert_allclose(places([solutions[0], solutions[2]]), [3.0, -1.0], atol=1e-7)


@pytest.mark.slow
def test_processes_share_compiled_code_where_jax_is_told_to(monkeypatch, tmp_path):
    """With JAX's cache in the environment, the workers of a second sweep find all that they need."""
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", str(tmp_path))
    monkeypatch.setenv("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
    kept = []
    for _ in range(2):
        assert all(solution.success for solution in solve_many(follower(), params=POINTS, executor=1))
        kept.append({path.name for path in tmp_path.iterdir() if path.name.endswith("-cache")})
    assert kept[0] and kept[0] == kept[1]


@pytest.mark.slow
def test_dask_is_an_executor():
    """A local cluster of one worker process: in order, and one that raises is one among them."""
    import distributed

    with (
        distributed.LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=None) as cluster,
        distributed.Client(cluster) as client,
    ):
        solutions = solve_many(follower(), params=[*POINTS, np.nan], executor=client.get_executor())
    np.testing.assert_allclose(places(solutions[:3]), POINTS, atol=1e-7)
    assert solutions[3].status is Status.ERROR and "nan" in solutions[3].message


MATRICES = """
import jax, jax.numpy as jnp, numpy as np, lagrad

def rows(x, p):
    def row(v):
        a = jnp.outer(v, v) + jnp.diag(2 + v * v)
        return jnp.sum(jnp.linalg.inv(a) @ v) + jnp.linalg.slogdet(a)[1] + jnp.sum(jnp.linalg.cholesky(a))
    return jax.vmap(row)(x.reshape(-1, 5)) - p

random = np.random.default_rng(0)
row = lagrad.Inequality(rows, lower=1.0)
problem = lagrad.Problem(lambda x, p: jnp.sum(x**2), random.normal(size=20), row, params=np.zeros(4))
solutions = lagrad.solve_many(problem, list(0.2 * random.normal(size=(600, 4))), method="batched")
print(sum(solution.success for solution in solutions))
"""


@pytest.mark.slow
def test_batches_of_matrices_do_not_hang():
    """Two queues of problems that factor small matrices, which waited for each other for ever."""
    ran = subprocess.run([sys.executable, "-c", MATRICES], capture_output=True, text=True, timeout=400)
    assert ran.stdout == "600\n", ran.stderr

"""Batched solves: closed forms, one's trouble is nobody else's, derivatives, devices."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lagrad
from lagrad import ProblemError, Status, batched, solve_many
from lagrad.batched.staged import Staged
from lagrad.batched.statuses import status_of
from tests.batched.programs import GOOD, INFEASIBLE, NOT_A_NUMBER, UNBOUNDED, corner, moody, regulator

EIGHT = """
import jax, numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec as P
jax.config.update("jax_enable_x64", True)
import lagrad
from tests.batched.programs import corner
assert len(jax.devices()) == 8
solver = jax.vmap(lagrad.batched(corner()))
points = np.linspace(-1.0, 2.0, 16)
rows = NamedSharding(Mesh(np.array(jax.devices()), ("batch",)), P("batch"))
program = jax.jit(solver, in_shardings=rows, out_shardings=rows).lower(points).compile()
assert not any(word in program.as_text() for word in ("all-reduce", "all-gather", "collective", "all-to-all"))
spread = program(jax.device_put(points, rows))
assert len(spread.x.sharding.device_set) == 8
alone = jax.jit(solver)(points)
np.testing.assert_allclose(spread.x, alone.x, atol=1e-12)
np.testing.assert_array_equal(spread.status, alone.status)
"""


@pytest.mark.slow
def test_a_sweep_by_batches_is_closed_form_and_certified():
    """Solutions are successes with the multipliers of the closed form, in the order of the params."""
    points = np.array([-1.0, 0.25, 2.0])
    solutions = solve_many(corner(), params=points, method="batched")
    assert all(solution.success and solution.method == "batched" for solution in solutions)
    found = np.array([solution.x for solution in solutions])
    np.testing.assert_allclose(found, [[0.0, 0.5], [0.25, 0.5], [0.5, 0.5]], atol=1e-6)
    np.testing.assert_allclose([s.multipliers["sum"] for s in solutions], [0, 0, 3], atol=1e-6)
    np.testing.assert_allclose(solutions[0].bound_multipliers.lower, [2, 0], atol=1e-6)


@pytest.mark.slow
def test_trouble_stays_where_it_is():
    """Bad problems end with their own status, and the good ones among them as if they were alone."""
    kinds = [GOOD, INFEASIBLE, UNBOUNDED, NOT_A_NUMBER]
    words = [Status.OPTIMAL, Status.INFEASIBLE, Status.UNBOUNDED, Status.INVALID_NUMBER]
    params = np.array([GOOD] * 5 + kinds + [GOOD] * 3)
    with jax.enable_x64(True):
        found = jax.jit(batched(moody()).many)(params)
        assert [status_of(code) for code in found.status[5:9]] == words
        good = np.r_[0:6, 9:12]
        assert all(status_of(code) is Status.OPTIMAL for code in found.status[good])
        np.testing.assert_allclose(np.abs(found.x[good]), np.tile([2.0, 1.0], (good.size, 1)), atol=1e-7)
        assert np.ptp(np.asarray(found.x[good]), axis=0).max() == 0.0


@pytest.mark.slow
def test_gradients_are_those_of_the_closed_form():
    """dx/dp is 0, 1 and 0 by the three pieces of a clip, under jit, vmap and grad."""
    with jax.enable_x64(True):
        place = lagrad.solution_map(corner(), "batched")
        slopes = jax.jit(jax.vmap(jax.grad(lambda p: place(p)[0])))(jnp.array([-1.0, 0.25, 2.0]))
        np.testing.assert_allclose(slopes, [0.0, 1.0, 0.0], atol=1e-6)


@pytest.mark.slow
def test_staged_and_dense_algebra_end_alike():
    """An optimal control problem is found to be staged, and both factorisations reach one solution."""
    problem = regulator()
    with jax.enable_x64(True):
        staged, dense = batched(problem), batched(problem, algebra="dense")
        assert isinstance(batched(problem, algebra="staged").model.algebra, Staged)
        one, other = (jax.jit(solver)(problem.params) for solver in (staged, dense))
        assert int(one.status) == int(other.status) == 1
        np.testing.assert_allclose(one.x["torque"], other.x["torque"], atol=1e-7)


@pytest.mark.slow
def test_eight_devices_give_what_one_gives():
    """A batch that is spread over a mesh ends as on one device, to 1e-12, and no device sends anything."""
    flags = {"XLA_FLAGS": "--xla_force_host_platform_device_count=8", "JAX_PLATFORMS": "cpu"}
    root = Path(__file__).parents[2]
    subprocess.run([sys.executable, "-c", EIGHT], check=True, cwd=root, env={**os.environ, **flags})


@pytest.mark.slow
def test_a_batch_exports_for_gpus():
    """A staged solver lowers for cpu and cuda, in double precision, without a call back to the host."""
    with jax.enable_x64(True):
        solver = jax.jit(batched(regulator(), algebra="staged").many)
        exported = jax.export.export(solver, platforms=("cpu", "cuda"))(
            jax.ShapeDtypeStruct((32, 2), jnp.float64)
        )
    text = exported.mlir_module()
    assert "callback" not in text
    assert "f32" not in text


@pytest.mark.slow
def test_a_mapped_solver_waits_for_nobody():
    """`vmap` gives what the queue gives: as many sweeps, the same points."""
    points = np.r_[np.tile(GOOD, (150, 1)), [UNBOUNDED]]
    with jax.enable_x64(True):
        solver = batched(moody())
        mapped, queued = jax.jit(jax.vmap(solver))(points), jax.jit(solver.many)(points)
    np.testing.assert_array_equal(mapped.status, queued.status)
    np.testing.assert_array_equal(mapped.iterations, queued.iterations)
    np.testing.assert_allclose(mapped.x[:150], queued.x[:150], atol=1e-12)


@pytest.mark.slow
def test_nested_maps_are_one_batch():
    """Two `vmap`s give what one gives, and a Jacobian by directions is that of the closed form."""
    with jax.enable_x64(True):
        solver, points = batched(corner()), jnp.array([[-1.0, 0.25], [0.3, 2.0]])
        twice = jax.jit(jax.vmap(jax.vmap(solver)))(points)
        np.testing.assert_allclose(twice.x[..., 0], np.clip(points, 0, 0.5), atol=1e-6)
        slopes = jax.jit(jax.vmap(jax.jacfwd(lambda p: solver(p).x)))(points[0])
        np.testing.assert_allclose(slopes, [[0.0, 0.0], [1.0, 0.0]], atol=1e-6)


def test_unknown_algebra_is_refused():
    """The message lists what there is; a dense problem has no stages."""
    with pytest.raises(ProblemError, match="expected one of 'auto', 'dense', 'staged'"):
        batched(corner(), algebra="sparse")
    with pytest.raises(ProblemError, match="no stages"):
        batched(corner(), algebra="staged")


def test_unknown_options_of_a_batched_sweep_are_refused():
    """A batched sweep takes no time limit."""
    with pytest.raises(ProblemError, match="'time_limit', expected tol or max_iterations"):
        solve_many(corner(), params=[1.0], method="batched", time_limit=1.0)

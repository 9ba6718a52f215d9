"""A batch of solves over two processes, as over two hosts: each holds half of params and solutions.

python examples/two_hosts.py

On a cluster, start the script once a host with `--process K --count HOSTS --coordinator FIRST_HOST:PORT`.
"""

from __future__ import annotations

import argparse
import subprocess
import sys

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

import lagrad

PER_PROCESS = 8


def problem() -> lagrad.Problem:
    """The nearest point to (p, 2) on the unit circle."""
    circle = lagrad.Equality(lambda x, p: x[0] ** 2 + x[1] ** 2, value=1.0)
    return lagrad.Problem(
        lambda x, p: (x[0] - p) ** 2 + (x[1] - 2.0) ** 2, np.array([0.5, 0.5]), circle, params=0.0
    )


def work(process: int, count: int, coordinator: str) -> None:
    """One process: solve the own part of a batch that is spread over all of them."""
    jax.config.update("jax_enable_x64", True)
    jax.distributed.initialize(coordinator, count, process)
    rows = NamedSharding(Mesh(np.array(jax.devices()), ("batch",)), PartitionSpec("batch"))
    points = np.linspace(-1.0, 1.0, PER_PROCESS * count)
    own = points[process * PER_PROCESS : (process + 1) * PER_PROCESS]
    params = jax.make_array_from_process_local_data(rows, own)
    solved = jax.jit(jax.vmap(lagrad.batched(problem())), in_shardings=rows, out_shardings=rows)(params)
    found = np.concatenate([np.asarray(part.data) for part in solved.x.addressable_shards])
    expected = np.stack([own, np.full(own.size, 2.0)], axis=1)
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    error = np.abs(found - expected).max()
    print(f"process {process} of {count}: {own.size} of {points.size} solved, error {error:.1e}", flush=True)


def main() -> None:
    """Without arguments, start two processes on this machine."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--process", type=int)
    parser.add_argument("--count", type=int, default=2)
    parser.add_argument("--coordinator", default="localhost:12421")
    given = parser.parse_args()
    if given.process is not None:
        work(given.process, given.count, given.coordinator)
        return
    commands = [[sys.executable, __file__, "--process", str(k)] for k in range(given.count)]
    running = [subprocess.Popen(command) for command in commands]
    codes = [process.wait() for process in running]
    if any(codes):
        raise SystemExit("A process failed.")


if __name__ == "__main__":
    main()

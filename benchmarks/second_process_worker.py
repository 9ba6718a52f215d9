"""Set up one case in this fresh process, and print the seconds as JSON.

`python -m benchmarks.second_process_worker chained_rosenbrock:10000 [FOLDER]`; with a folder, JAX keeps
compiled programs there. JAX's own start is paid before the clock starts.
"""

import json
import sys
import time

import jax
import numpy as np

import lagrad
from benchmarks.cases import catalog


def main() -> None:
    """Declare, start the clock, differentiate, stop."""
    name, *folder = sys.argv[1:]
    if folder:
        jax.config.update("jax_compilation_cache_dir", folder[0])
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
        jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
    problem = catalog.declare(name)()
    jax.jit(lambda x: x + 1)(np.zeros(3)).block_until_ready()
    begin = time.perf_counter()
    derivatives = lagrad.differentiate(problem)
    seconds = {"ready": time.perf_counter() - begin, **derivatives.timings}
    strategies = sorted(
        {block.strategy for block in (*derivatives.jacobian_blocks, *derivatives.hessian_blocks)}
    )
    print(json.dumps({"n": problem.n, "strategies": ", ".join(strategies)} | seconds))


if __name__ == "__main__":
    main()

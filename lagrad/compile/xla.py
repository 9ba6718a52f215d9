"""Lower and compile functions by XLA for fixed shapes.

Everything that lagrad evaluates goes this way: equal equations merged, constant arrays turned into arguments,
compiled ahead of time by XLA outside the interpreter lock, so that several functions compile side by side.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from lagrad.compile.deferred import Deferred
from lagrad.compile.materialize import with_barriers
from lagrad.fork_safety import refuse_forks
from lagrad.precision import float64
from lagrad.program.callbacks import calling_in_words
from lagrad.program.turns import ALONE, calls_back, has_batches, taking_turns

CPU_OPTIONS: dict[str, str | bool] = {"xla_cpu_use_fusion_emitters": False}


@dataclass(frozen=True, eq=False)
class Compiled:
    """A compiled function of float64 arrays.

    Args:
        executable: what XLA made.
        go: True, which keeps barriers.
        captured: arrays that the function captured.
        alone: whether no other such function may run meanwhile, see `turns`.
    """

    executable: jax.stages.Compiled
    go: jax.Array
    captured: list[jax.Array]
    alone: bool

    def __call__(self, *arguments) -> list[jax.Array]:
        """Results for arguments of exactly the shapes that were lowered."""
        refuse_forks()
        with float64():
            if not self.alone:
                return self.executable(self.go, self.captured, *arguments)
            with ALONE:
                return jax.block_until_ready(self.executable(self.go, self.captured, *arguments))


def compiled_for_backend(lowered: jax.stages.Lowered, quick: bool) -> jax.stages.Compiled:
    """Compile with what suits the backend.

    On a CPU, XLA's older loop emitters take a third to a half of the time of its fusion emitters; the loops
    run as fast, but for concatenations of long arrays, which are slower by a quarter.
    """
    if not quick or jax.default_backend() != "cpu":
        return lowered.compile()
    try:
        return lowered.compile(compiler_options=CPU_OPTIONS)
    except jax.errors.JaxRuntimeError as error:
        if "No such compile option" not in str(error):
            raise
        return lowered.compile()


def lower(
    fun: Callable, arguments: Sequence, *, barrier: bool = False, effects: bool = False, quick: bool = True
) -> Deferred[Compiled]:
    """Trace and lower a function.

    Args:
        fun: (*arguments) -> pytree of arrays.
        arguments: arrays or `jax.ShapeDtypeStruct`.
        barrier: whether transcendentals are to be written to memory once, see `materialize`.
        effects: whether `jax.debug.print` and the like are to happen.
        quick: whether compile time counts more than the last tenths of speed.

    Returns:
        What compiles to a function of the arguments; results come back as a flat list.
    """
    with float64():
        program = calling_in_words(jax.make_jaxpr(fun)(*arguments))
        function, captured = with_barriers(program, barrier, effects)
        batches = has_batches(program)
        # Behind the merging of equal equations, for a batch that waits equals none.
        function = taking_turns(function) if batches else function
        lowered = jax.jit(function).lower(True, captured, *arguments)
    task = partial(compiled, lowered, captured, quick, batches and not calls_back(program))
    return Deferred((task,), (), lambda done, machines: done[0])


def compiled(lowered: jax.stages.Lowered, captured: list[np.ndarray], quick: bool, alone: bool) -> Compiled:
    """Compile what was lowered; may run in any thread, not in a fork."""
    refuse_forks()
    with float64():
        constants = [jnp.asarray(array) for array in captured]
        return Compiled(compiled_for_backend(lowered, quick), jnp.asarray(True), constants, alone)

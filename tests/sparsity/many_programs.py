"""Look for missing entries in many random programs: seeds in, counts of programs, entries and misses out.

    python -m tests.sparsity.many_programs --first 0 --count 10000

Each operation is compiled once, with its derivatives; those of a program follow by the chain rule in NumPy,

    z = f(x, y):   J_z = f' [J_x; J_y],   H_z = [J_x; J_y]' f'' [J_x; J_y] + f' [H_x; H_y]

so that a program costs little beside its detection. Both ways to a pattern are looked at: detection of the
whole, and elements with detection of what they leave over. Operations whose rule takes cotangents elsewhere
than the function goes are left to `test_soundness`: for them the chain rule does not hold.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from lagrad.elements import element_derivatives
from lagrad.elements.remainder import remainder
from lagrad.elements.split import partially_separable
from lagrad.precision import float64
from lagrad.program.program import numbered
from lagrad.sparsity import detect
from tests.sparsity.library import FORWARD_ONLY, LOOPS, MASKS, N
from tests.sparsity.masked import MASKED
from tests.sparsity.oracles import QUICKLY, nonzero
from tests.sparsity.programs import BACKWARD, OPS, RandomProgram

POINTS, LONGEST = 3, 5
NAMES = sorted(OPS.keys() - BACKWARD)
# Half of the operations come from these: matrices with zeros, masks and loops.
FAVOURED = sorted(MASKED.keys() | LOOPS.keys())


@dataclass(frozen=True)
class Counts:
    """What was seen of some programs.

    Args:
        programs: how many were read.
        entries: nonzero derivatives of the oracle, of both matrices.
        missing: how many of them a pattern lacked.
        seconds: that detection and the oracle took.
        seeds: of the programs that lacked one, or that failed.
    """

    programs: int = 0
    entries: int = 0
    missing: int = 0
    seconds: float = 0.0
    seeds: tuple[int, ...] = ()

    def plus(self, other: Counts) -> Counts:
        """Of both."""
        return Counts(*(getattr(self, name) + getattr(other, name) for name in self.__dataclass_fields__))


def drawn(seed: int) -> RandomProgram:
    """The program of a seed."""
    rng = np.random.default_rng(seed)
    steps = []
    for _ in range(rng.integers(1, LONGEST + 1)):
        names = FAVOURED if rng.random() < 0.5 else NAMES
        operands = rng.integers(0, LONGEST, 2).tolist()
        steps.append((names[rng.integers(len(names))], *operands, int(rng.integers(3))))
    return RandomProgram(tuple(steps))


@cache
def called(name: str, k: int) -> Callable:
    """An operation that JAX traces once."""
    return jax.jit(lambda x, y: OPS[name](x, y, k))


@cache
def derivatives_of(name: str, k: int) -> Callable:
    """(points, 2 N) -> values, first and second derivatives of an operation, compiled."""
    function = lambda z: OPS[name](z[:N], z[N:], k)  # noqa: E731
    first = jax.jacfwd(function) if name in FORWARD_ONLY else jax.jacrev(function)
    both = jax.vmap(lambda z: (function(z), first(z), jax.jacfwd(first)(z)))
    return jax.jit(both).lower(np.zeros((POINTS, 2 * N))).compile(compiler_options=QUICKLY)


def composed(program: RandomProgram) -> Callable:
    """The program as a function of x, its operations traced before."""

    def function(x):
        pool = [x]
        for name, i, j, k in program.steps:
            pool.append(called(name, k)(pool[i % len(pool)], pool[j % len(pool)]))
        return jnp.concatenate([pool[-1], pool[-2 % len(pool)] * MASKS[0]])

    return function


def chained(program: RandomProgram, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Jacobian (points, 2 N, N) and second derivatives of each output (points, 2 N, N, N) at points x."""
    start = np.broadcast_to(np.eye(N), (POINTS, N, N)), np.zeros((POINTS, N, N, N))
    pool = [(x, *start)]
    for name, i, j, k in program.steps:
        (u, *before), (v, *others) = pool[i % len(pool)], pool[j % len(pool)]
        J, H = (np.concatenate(pair, 1) for pair in zip(before, others, strict=True))
        value, first, second = map(np.asarray, derivatives_of(name, k)(np.concatenate([u, v], 1)))
        bent = np.einsum("poab,pai,pbj->poij", second, J, J, optimize=True)
        pool.append((value, first @ J, bent + np.einsum("poa,paij->poij", first, H)))
    last, weighted = pool[-1], pool[-2 % len(pool)]
    mask = MASKS[0][:, None]
    return (
        np.concatenate([last[1], weighted[1] * mask], 1),
        np.concatenate([last[2], weighted[2] * mask[..., None]], 1),
    )


def patterns(function: Callable) -> list[tuple[np.ndarray, np.ndarray]]:
    """Jacobian and Hessian of a vector function of N numbers, dense Boolean, by either way."""
    detected = detect(jax.make_jaxpr(function)(np.zeros(N)))
    assert detected.hessian is not None
    split = partially_separable(numbered(jax.make_jaxpr(lambda x: (0.0 * x[0], function(x)))(np.zeros(N))))
    first, second = element_derivatives.jacobian(split), element_derivatives.hessian(split)
    J, H = np.zeros((2 * N, N), bool), np.zeros((N, N), bool)
    J[first.rows, first.columns] = True
    H[second.rows, second.columns] = True
    if split.rest:
        rest = detect(jax.make_jaxpr(remainder(split))(np.zeros(N)))
        assert rest.hessian is not None
        J |= rest.jacobian.toarray()[1:]
        H |= rest.hessian.toarray()
    return [(detected.jacobian.toarray(), detected.hessian.toarray()), (J, H | H.T)]


def looked_at(seed: int) -> Counts:
    """Counts of one program."""
    program = drawn(seed)
    start = time.perf_counter()
    J, H = chained(program, np.random.default_rng(seed + 1).normal(size=(POINTS, N)))
    true = nonzero(rounded(J)), nonzero(rounded(H)).any(axis=0)
    missing = sum(
        int((known & ~found).sum())
        for pair in patterns(composed(program))
        for known, found in zip(true, pair, strict=True)
    )
    seeds = (seed,) if missing else ()
    return Counts(1, int(true[0].sum() + true[1].sum()), missing, time.perf_counter() - start, seeds)


def rounded(values: np.ndarray) -> np.ndarray:
    """Derivatives of the points with what cancels up to rounding as the zero that it is.

    Products of factors and inverses, as JAX takes them for second derivatives of a Cholesky factor, leave
    1e-18 beside 1 where the written-out formula has nothing at all.
    """
    largest = np.abs(values).max(axis=tuple(range(1, values.ndim)), keepdims=True, initial=0.0)
    return np.where(np.abs(values) <= 0.5 * np.finfo(float).eps * largest, 0.0, values)


def main(arguments: Sequence[str] | None = None) -> Counts:
    """Command line; prints counts on the way, and writes them to a file if asked."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--first", type=int, default=0, help="first seed")
    parser.add_argument("--count", type=int, default=100, help="number of seeds")
    parser.add_argument("--every", type=int, default=100, help="programs between two lines")
    parser.add_argument("--output", type=Path, help="file for the last line")
    options = parser.parse_args(arguments)
    total = Counts()
    with float64():
        for number, seed in enumerate(range(options.first, options.first + options.count), 1):
            total = total.plus(looked_at(seed))
            if number % options.every == 0 or number == options.count:
                line = (
                    f"seeds {options.first} to {seed}: {total.programs} programs, {total.entries} entries, "
                    f"{total.missing} missing, seeds {list(total.seeds)}, {total.seconds:.0f} s"
                )
                print(line, flush=True)
                if options.output:
                    options.output.write_text(line + "\n")
            if number % 500 == 0:
                jax.clear_caches()
    return total


if __name__ == "__main__":
    main()

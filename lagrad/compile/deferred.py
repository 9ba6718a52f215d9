"""Compile several things side by side, once all that waits is known.

One kind of waiting for all: parts for XLA, each compiled in a thread of its own, loops for LLVM, all of a
problem in one module, and a function that makes of these what was wanted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from lagrad.compile.native.loops import Loop
from lagrad.compile.native.machine import begin, machines

# Operations that take LLVM longer than the hand-over to a thread, which waits for Python's lock, may cost.
LONG = 1000

T = TypeVar("T")
S = TypeVar("S")


@dataclass(frozen=True, eq=False)
class Deferred(Generic[T]):
    """What waits to be compiled.

    Args:
        tasks: run in any thread, not in a fork; each gives something compiled.
        loops: groups of loops, with the number of vectors that each group reads.
        finish: results of the tasks, then machines of the loops, to what is wanted.
    """

    tasks: tuple[Callable[[], Any], ...]
    loops: tuple[tuple[Sequence[Loop], int], ...]
    finish: Callable[[Sequence[Any], Sequence[Any]], T]

    def then(self, function: Callable[[T], S]) -> Deferred[S]:
        """The same, with a function applied to what it becomes."""
        return Deferred(self.tasks, self.loops, lambda *results: function(self.finish(*results)))

    def begun(self) -> Deferred[T]:
        """The same; long loops are compiled from now on, by a thread while something else is done."""
        if sum(loop.length for group, _ in self.loops for loop in group) < LONG:
            return self
        wait = begin(self.loops)
        return Deferred(self.tasks, (), lambda done, machines: self.finish(done, wait()))

    def compile(self) -> T:
        """Compile this alone."""
        return compile_all({"": self})[""]


def ready(value: T) -> Deferred[T]:
    """What needs no compiling."""
    return Deferred((), (), lambda done, machines: value)


def together(parts: Mapping[str, Deferred]) -> Deferred[dict[str, Any]]:
    """Several as one: name -> what it becomes."""
    tasks = tuple(task for part in parts.values() for task in part.tasks)
    loops = tuple(group for part in parts.values() for group in part.loops)

    def finish(done: Sequence, compiled: Sequence) -> dict[str, Any]:
        results, at, behind = {}, 0, 0
        for name, part in parts.items():
            stop, end = at + len(part.tasks), behind + len(part.loops)
            results[name] = part.finish(done[at:stop], compiled[behind:end])
            at, behind = stop, end
        return results

    return Deferred(tasks, loops, finish)


def compile_all(parts: Mapping[str, Deferred]) -> dict[str, Any]:
    """Compile several side by side.

    Args:
        parts: what waits, by name.

    Returns:
        name -> what it became.
    """
    whole = together(parts)
    tasks = [*whole.tasks, *([lambda: machines(whole.loops)] if whole.loops else [])]
    if len(tasks) < 2:
        done = [task() for task in tasks]
    else:
        with ThreadPoolExecutor(len(tasks)) as pool:
            done = [*pool.map(lambda task: task(), tasks)]
    return whole.finish(done[: len(whole.tasks)], done[-1] if whole.loops else [])

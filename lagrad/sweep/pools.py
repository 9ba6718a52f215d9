"""Call functions one after the other, or on an executor whose workers may die.

Executors differ in what a dead worker means. Dask gives up one task and goes on; a process pool of the
standard library breaks, and takes with it all that was not finished. Those calls are made again in pools of
our own: the ones that may have killed the worker one at a time, each in a pool that only it can break.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import (
    FIRST_COMPLETED,
    BrokenExecutor,
    Executor,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
    wait,
)
from typing import Any

Call = tuple[Callable[..., Any], tuple[Any, ...]]
Result = tuple[int, Any]


class Lost(Exception):
    """A call took its worker process with it."""


def spawn_pool(workers: int) -> ProcessPoolExecutor:
    """Worker processes that begin from scratch: JAX does not survive a fork."""
    return ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn"))


def shares_memory(executor: Executor | int | None) -> bool:
    """Whether calls run in this process for certain."""
    return executor is None or isinstance(executor, ThreadPoolExecutor)


def run_calls(calls: Sequence[Call], executor: Executor | int | None) -> Iterator[Result]:
    """Number and result of each call, in the order in which they end; an exception is a result, too."""
    if executor is None:
        yield from enumerate(fun(*args) for fun, args in calls)
    elif isinstance(executor, int):
        yield from in_own_pool(dict(enumerate(calls)), executor)
    else:
        yield from in_given_pool(calls, executor)


def in_given_pool(calls: Sequence[Call], executor: Executor) -> Iterator[Result]:
    """Calls on a user's executor; if it is a process pool and breaks, the rest in our own."""
    numbered, broken = dict(enumerate(calls)), False
    futures: dict[Future[Any], int] = {}
    try:
        for number, (fun, args) in numbered.items():
            futures[executor.submit(fun, *args)] = number
    except BrokenExecutor:
        broken = True
    left = dict(numbered)
    for number, result in finished(futures):
        if isinstance(result, BrokenExecutor):
            broken = True
            continue
        del left[number]
        yield number, result
    if broken and isinstance(executor, ProcessPoolExecutor):
        yield from in_own_pool(left, getattr(executor, "_max_workers", 1))
    else:
        yield from ((number, Lost("the executor broke before this was solved")) for number in left)


def finished(futures: dict[Future[Any], int]) -> Iterator[Result]:
    """Results as they come; what is not finished is cancelled if nobody wants more."""
    waiting = set(futures)
    try:
        while waiting:
            done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
            for future in sorted(done, key=futures.__getitem__):
                yield futures[future], result_of(future)
    finally:
        for future in waiting:
            future.cancel()


def result_of(future: Future[Any]) -> Any:
    """What a future gave or raised."""
    try:
        return future.result()
    except Exception as error:
        return error


def in_own_pool(calls: dict[int, Call], workers: int) -> Iterator[Result]:
    """Calls in spawned processes, never more under way than there are workers."""
    left = dict(calls)
    while left:
        suspects: list[int] = []
        with spawn_pool(min(workers, len(left))) as pool:
            for number, result in abreast(left, pool, workers):
                if isinstance(result, BrokenExecutor):
                    suspects.append(number)
                else:
                    del left[number]
                    yield number, result
        for number in suspects:
            yield number, alone(left.pop(number))


def abreast(calls: dict[int, Call], pool: Executor, workers: int) -> Iterator[Result]:
    """Results, at most `workers` calls under way; once the pool breaks, BrokenExecutor for these, no more."""
    waiting = list(calls.items())
    under_way: dict[Future[Any], int] = {}
    while waiting or under_way:
        while waiting and len(under_way) < workers:
            number, (fun, args) = waiting.pop(0)
            try:
                under_way[pool.submit(fun, *args)] = number
            except BrokenExecutor:
                waiting.clear()
        done = wait(under_way, return_when=FIRST_COMPLETED).done
        for future in done:
            result = result_of(future)
            if isinstance(result, BrokenExecutor):
                waiting.clear()
            yield under_way.pop(future), result


def alone(call: Call) -> Any:
    """A call in a process of its own: its result, or Lost if it kills that, too."""
    fun, args = call
    with spawn_pool(1) as pool:
        result = result_of(pool.submit(fun, *args))
    if isinstance(result, BrokenExecutor):
        return Lost(
            "its worker process died, twice: killed, out of memory, or crashed in native code. If all did, "
            'guard the script with `if __name__ == "__main__":`.'
        )
    return result

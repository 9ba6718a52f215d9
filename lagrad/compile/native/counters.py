"""Write counted loops as LLVM assembly."""

from __future__ import annotations

from dataclasses import dataclass

from lagrad.compile.native.code import Code


@dataclass(frozen=True)
class Counter:
    """A loop that was begun: label of its head, its index and step, where the index is if in memory."""

    head: str
    index: str
    step: str
    memory: str


def begin(code: Code, start: str, stop: str, step: str, memory: str = "") -> Counter:
    """Open `for index in range(start, stop, step)`.

    LLVM tries to make a pointer of its own from the index for every address in a loop, which takes longer
    than all else for long bodies and gains nothing there. An index in memory is left alone.
    """
    head = code.name("b")[1:]
    index = f"%{head}.index"
    code.line(f"br label %{head}.enter")
    code.label(f"{head}.enter")
    if memory:
        code.line(f"store i64 {start}, ptr {memory}")
    code.line(f"br label %{head}")
    code.label(head)
    if memory:
        code.line(f"{index} = load i64, ptr {memory}")
    else:
        code.line(f"{index} = phi i64 [ {start}, %{head}.enter ], [ %{head}.next, %{head}.back ]")
    more = code.set(f"icmp ult i64 {index}, {stop}", "c")
    code.line(f"br i1 {more}, label %{head}.body, label %{head}.done")
    code.label(f"{head}.body")
    return Counter(head, index, step, memory)


def end(code: Code, counter: Counter) -> None:
    """Close the innermost open loop."""
    head = counter.head
    code.line(f"br label %{head}.back")
    code.label(f"{head}.back")
    code.line(f"%{head}.next = add i64 {counter.index}, {counter.step}")
    if counter.memory:
        code.line(f"store i64 %{head}.next, ptr {counter.memory}")
    code.line(f"br label %{head}")
    code.label(f"{head}.done")


def clamped(code: Code, bound: str, count: str, limit: str) -> str:
    """The smaller ("umin") or greater ("umax") of a count and a limit."""
    # Not LLVM's own function of that name, which its quick choice of instructions leaves to the slow one.
    is_first = code.set(f"icmp {'ult' if bound == 'umin' else 'ugt'} i64 {count}, {limit}", "c")
    return code.set(f"select i1 {is_first}, i64 {count}, i64 {limit}")

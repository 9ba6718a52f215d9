"""Compile, once in a process, the functions that all loops share."""

from __future__ import annotations

from collections.abc import Callable

import llvmlite.binding as llvm

from lagrad.compile.native import gathering, settling, systems, tables
from lagrad.compile.native.once import once
from lagrad.compile.native.target import Target


@once
def shared(target: Target, name: str) -> int:
    """Address of a function of `settling`, `gathering`, `tables` or `systems`."""
    texts: tuple[Callable[[Target], str], ...] = (settling.text, gathering.text)
    # Most problems have neither.
    for each in (tables, systems):
        if name in each.names(target):
            texts = (each.text,)
    return engine(target, texts).get_function_address(name)


@once
def engine(target: Target, texts: tuple[Callable[[Target], str], ...]) -> llvm.ExecutionEngine:
    """What owns their code, as long as the process lives."""
    whole = "\n".join(text(target) for text in texts)
    made = llvm.create_mcjit_compiler(llvm.parse_assembly(whole), target.machine())
    made.finalize_object()
    return made

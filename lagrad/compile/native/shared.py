"""Compile, once in a process, the functions that all loops share."""

from __future__ import annotations

import llvmlite.binding as llvm

from lagrad.compile.native import gathering, settling, tables
from lagrad.compile.native.once import once
from lagrad.compile.native.target import Target


@once
def shared(target: Target, name: str) -> int:
    """Address of a function of `settling`, `gathering` or `tables`."""
    return engine(target).get_function_address(name)


@once
def engine(target: Target) -> llvm.ExecutionEngine:
    """What owns their code, as long as the process lives."""
    whole = "\n".join([settling.text(target), gathering.text(target), tables.text(target)])
    made = llvm.create_mcjit_compiler(llvm.parse_assembly(whole), target.machine())
    made.finalize_object()
    return made

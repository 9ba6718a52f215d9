"""Find the processor at hand: its vector width, and the vector functions of its libm.

glibc's libmvec evaluates four or eight sines at once; its functions are named by the platform's vector
function convention, `_ZGV` + instruction set + `N` + lanes + one `v` an argument. Where a function is
missing, lanes are evaluated one after the other by libm.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import llvmlite.binding as llvm

from lagrad.compile.native.once import once

# What the processor must have, lanes of float64, letter of the vector function convention.
INSTRUCTION_SETS = (("avx512f", 8, "e"), ("avx2", 4, "d"))
# SSE2 and NEON are everywhere; their two lanes gain little over libm's scalar functions.
NARROWEST = 2


@dataclass(frozen=True)
class Target:
    """What code is made for.

    Args:
        cpu: LLVM's name of the processor.
        features: LLVM's list of its features.
        lanes: float64 numbers in one register.
        letter: of the vector function convention; empty where there are no vector functions.
    """

    cpu: str
    features: str
    lanes: int
    letter: str

    def machine(self, quick: bool = False) -> llvm.TargetMachine:
        """A code generator; a quick one takes half the time for code that is slower by a quarter."""
        found = llvm.Target.from_default_triple()
        return found.create_target_machine(cpu=self.cpu, features=self.features, opt=0 if quick else 2)

    def vector_function(self, name: str, arity: int) -> str | None:
        """Symbol of the function of `lanes` numbers at once; None if there is none."""
        return symbol_of(f"_ZGV{self.letter}N{self.lanes}{'v' * arity}_{name}") if self.letter else None


@cache
def symbol_of(name: str) -> str | None:
    """The name of a function if it is loaded; asked once, since LLVM does not answer while it compiles."""
    return name if llvm.address_of_symbol(name) else None


@once
def host() -> Target:
    """The processor this process runs on."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    features = llvm.get_host_cpu_features()
    vectors = has_vector_functions()
    for name, lanes, letter in INSTRUCTION_SETS:
        if features.get(name):
            return Target(llvm.get_host_cpu_name(), features.flatten(), lanes, letter if vectors else "")
    return Target(llvm.get_host_cpu_name(), features.flatten(), NARROWEST, "")


def has_vector_functions() -> bool:
    """Whether libmvec could be loaded."""
    try:
        llvm.load_library_permanently("libmvec.so.1")
    except RuntimeError:
        return False
    return True

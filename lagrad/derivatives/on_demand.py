"""Look up compiled functions by name; products with vectors are compiled when they are first asked for."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from lagrad.compile.outputs import PRODUCTS
from lagrad.program.program import Program


@dataclass(frozen=True, eq=False)
class OnDemand:
    """Compiled functions of a program.

    Args:
        program: what they are functions of.
        compiled: "values", "gradient", and what was asked for so far of `PRODUCTS`.
    """

    program: Program
    compiled: dict[str, Callable[..., Any]]
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __getitem__(self, name: str) -> Callable[..., Any]:
        """A function by its name; may be called from several threads."""
        if name not in self.compiled:
            with self.lock:
                if name not in self.compiled:
                    self.compiled[name] = PRODUCTS[name](self.program).compile()
        return self.compiled[name]

    def replaced(self, functions: Mapping[str, Callable[..., Any]]) -> OnDemand:
        """The same with some functions in place of its own."""
        return OnDemand(self.program, self.compiled | dict(functions))

"""Roll up: equations that are written once an element become one equation on arrays."""

from lagrad.program.roll.roll import rolled

__all__ = ["rolled"]

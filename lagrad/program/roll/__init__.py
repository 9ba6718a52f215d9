"""Roll up: equations that are written once an element become one equation on arrays."""

from lagrad.program.roll.roll import rolled, rolled_list

__all__ = ["rolled", "rolled_list"]

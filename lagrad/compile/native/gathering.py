"""Gather numbers from places of their own into a register: two functions that quickly compiled loops share.

Written out, eight lanes are forty lines of assembly, and loops over networks would consist of little else.
"""

from __future__ import annotations

from collections.abc import Callable

from lagrad.compile.native.code import Code
from lagrad.compile.native.target import Target


def text(target: Target) -> str:
    """Assembly of both: `listed` takes a vector and places in it, `strided` a first number and a distance."""
    return "\n".join(
        [
            written(
                target, "listed", "ptr %base, ptr %places", lambda code: listed(code, "%base", "%places")
            ),
            written(
                target, "strided", "ptr %base, i64 %stride", lambda code: strided(code, "%base", "%stride")
            ),
        ]
    )


def written(target: Target, name: str, parameters: str, lanes: Callable[[Code], list[str]]) -> str:
    """Assembly of a function that gives a register, from what writes a number for each lane."""
    code = Code(target, target.lanes)
    value, wide = code.gathered(lanes(code)), code.wide("double")
    body = "\n".join(code.lines)
    return f"define {wide} @{name}({parameters}) {{\n{body}\n  ret {wide} {value.text}\n}}"


def listed(code: Code, base: str, places: str) -> list[str]:
    """A number for each lane, from a list of places."""
    found = []
    for lane in range(code.lanes):
        place = code.set(f"load i64, ptr {code.address(places, str(lane), 'i64')}")
        found.append(code.set(f"load double, ptr {code.address(base, place)}"))
    return found


def strided(code: Code, first: str, stride: int | str) -> list[str]:
    """A number for each lane, some places apart."""
    found = []
    for lane in range(code.lanes):
        # Of a known stride, places are constants that addresses of loads take in.
        offset = str(lane * stride) if isinstance(stride, int) else code.set(f"mul i64 {stride}, {lane}")
        found.append(code.set(f"load double, ptr {code.address(first, offset)}"))
    return found

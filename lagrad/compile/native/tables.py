"""Write reads of known tables, and searches in them, which are functions that all loops share."""

from __future__ import annotations

from lagrad.compile.native.code import Code, Value, wide_type
from lagrad.compile.native.gathering import written
from lagrad.compile.native.target import Target

# Whether a number lies behind one of the table; not a number lies behind all.
CONDITIONS = {"left": "ugt", "right": "uge"}
SEARCH = """define double @{side}1(ptr %table, i64 %size, double %value) {{
  br label %head
head:
  %low = phi i64 [ 0, %0 ], [ %above, %body ]
  %high = phi i64 [ %size, %0 ], [ %below, %body ]
  %more = icmp ult i64 %low, %high
  br i1 %more, label %body, label %done
body:
  %sum = add i64 %low, %high
  %middle = lshr i64 %sum, 1
  %place = getelementptr double, ptr %table, i64 %middle
  %number = load double, ptr %place
  %behind = fcmp {condition} double %value, %number
  %next = add i64 %middle, 1
  %above = select i1 %behind, i64 %next, i64 %low
  %below = select i1 %behind, i64 %high, i64 %middle
  br label %head
done:
  %found = sitofp i64 %low to double
  ret double %found
}}
"""


def names(target: Target) -> set[str]:
    """Names of the searches: a side, and behind it the number of lanes."""
    return {f"{side}{lanes}" for side in CONDITIONS for lanes in (1, target.lanes)}


def text(target: Target) -> str:
    """Assembly of the searches."""
    return "\n".join(
        SEARCH.format(side=side, condition=condition)
        + (lane_by_lane(target, side) if target.lanes > 1 else "")
        for side, condition in CONDITIONS.items()
    )


def lane_by_lane(target: Target, side: str) -> str:
    """The same of a register."""
    wide = wide_type("double", target.lanes)

    def found(code: Code) -> list[str]:
        lanes = [code.lane(Value("%value", "double"), lane) for lane in range(code.lanes)]
        return [code.set(f"call double @{side}1(ptr %table, i64 %size, double {lane})") for lane in lanes]

    return written(target, f"{side}{target.lanes}", f"ptr %table, i64 %size, {wide} %value", found)


def searched(code: Code, function: str, table: str, size: str, shift: int, value: Value) -> Value:
    """How many numbers of a table lie below others, and a constant more.

    Args:
        code: where to write.
        function: pointer to the search.
        table: pointer to the first number.
        size: how many there are.
        shift: the constant.
        value: what is searched.
    """
    wide = code.wide("double")
    found = code.value("double", f"call {wide} {function}(ptr {table}, i64 {size}, {wide} {value.text})")
    return code.binary("fadd", found, code.number(float(shift))) if shift else found


def looked_up(code: Code, table: str, size: int, place: Value) -> Value:
    """Numbers of a table.

    Args:
        code: where to write.
        table: pointer to its first number.
        size: how many it has; places are moved within.
        place: where to read.
    """
    within = code.intrinsic("maximum", place, code.number(0.0))
    within = code.intrinsic("minimum", within, code.number(float(size - 1)))
    found = []
    for lane in range(code.lanes):
        scalar = within.text if code.lanes == 1 else code.lane(within, lane)
        offset = code.set(f"fptosi double {scalar} to i64")
        found.append(code.set(f"load double, ptr {code.address(table, offset)}"))
    return code.gathered(found)

"""Go through arrays in machine code, eight numbers at a time: are all finite, how far are some outside?

IPOPT's callbacks ask so of each evaluation and of each iterate.
"""

from __future__ import annotations

from collections.abc import Sequence

FUNCTION = """
define internal double @NAME(PARAMETERS, i64 %count, double %first) {
  %most = and i64 %count, -8
  %alone = insertelement <8 x double> poison, double %first, i32 0
  %firsts = shufflevector <8 x double> %alone, <8 x double> poison, <8 x i32> zeroinitializer
  br label %many.head
many.head:
  %many.i = phi i64 [ 0, %0 ], [ %many.next, %many.body ]
  %many.before = phi <8 x double> [ %firsts, %0 ], [ %many.after, %many.body ]
  %many.more = icmp ult i64 %many.i, %most
  br i1 %many.more, label %many.body, label %join
many.body:
  %many.next = add i64 %many.i, 8
EIGHT
  br label %many.head
join:
  %joined = JOINED
  br label %one.head
one.head:
  %one.i = phi i64 [ %most, %join ], [ %one.next, %one.body ]
  %one.before = phi double [ %joined, %join ], [ %one.after, %one.body ]
  %one.more = icmp ult i64 %one.i, %count
  br i1 %one.more, label %one.body, label %done
one.body:
  %one.next = add i64 %one.i, 1
SINGLE
  br label %one.head
done:
  ret double %one.before
}
"""
LOAD = """
  %at.{array}.p = getelementptr double, ptr %{array}, i64 %at.i
  %at.{array} = load REAL, ptr %at.{array}.p, align 8
"""


def reduced(name: str, arrays: Sequence[str], step: str, joined: str) -> str:
    """A function (arrays, their length, first) -> number.

    Args:
        name: of the function.
        arrays: its pointers.
        step: instructions from %at.before, which is `first` in the beginning, to %at.after; the register of
            an array is %at.array. Their types are REAL and TRUTH.
        joined: what makes one number of the lanes of %many.before; each began with `first`.

    Returns:
        LLVM assembly.
    """
    body = "".join(LOAD.format(array=array) for array in arrays) + step
    texts = {
        "NAME": name,
        "PARAMETERS": ", ".join(f"ptr %{array}" for array in arrays),
        "JOINED": joined,
        "EIGHT": typed(body, "many", "<8 x double>", "<8 x i1>"),
        "SINGLE": typed(body, "one", "double", "i1"),
    }
    text = FUNCTION
    for word, meaning in texts.items():
        text = text.replace(word, meaning)
    return text


def typed(body: str, prefix: str, real: str, truth: str) -> str:
    """Instructions on registers of a type, with names of their own."""
    return body.replace("%at.", f"%{prefix}.").replace("REAL", real).replace("TRUTH", truth).strip("\n")


# 0 if all numbers are finite, else nan: what is not finite, less itself, is nan.
FINITENESS = reduced(
    "finiteness",
    ["numbers"],
    """
  %at.zero = fsub REAL %at.numbers, %at.numbers
  %at.after = fadd REAL %at.before, %at.zero
""",
    "call double @llvm.vector.reduce.fadd.v8f64(double 0.0, <8 x double> %many.before)",
)
# The largest of `first` and of how far each number is beyond its sides; nan is nowhere.
OUTSIDE = reduced(
    "outside",
    ["numbers", "lower", "upper"],
    """
  %at.below = fsub REAL %at.lower, %at.numbers
  %at.above = fsub REAL %at.numbers, %at.upper
  %at.is.below = fcmp ogt REAL %at.below, %at.before
  %at.worst = select TRUTH %at.is.below, REAL %at.below, REAL %at.before
  %at.is.above = fcmp ogt REAL %at.above, %at.worst
  %at.after = select TRUTH %at.is.above, REAL %at.above, REAL %at.worst
""",
    "call nnan double @llvm.vector.reduce.fmax.v8f64(<8 x double> %many.before)",
)
REDUCTIONS = f"""
declare double @llvm.vector.reduce.fadd.v8f64(double, <8 x double>)
declare double @llvm.vector.reduce.fmax.v8f64(<8 x double>)
{FINITENESS}{OUTSIDE}
; whether `count` numbers are all finite
define internal i1 @finite(ptr %numbers, i64 %count) {{
  %sum = call double @finiteness(ptr %numbers, i64 %count, double 0.0)
  %is.finite = fcmp oeq double %sum, 0.0
  ret i1 %is.finite
}}
"""

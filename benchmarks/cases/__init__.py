"""Cases by name: "family:size" in, the numbers of a problem out."""

from __future__ import annotations

from benchmarks.cases.case import Case, test_points
from benchmarks.cases.families import (
    cart_pole,
    chained_rosenbrock,
    clnlbeam,
    elliptic_control,
    tanh_network,
)

__all__ = ["FAMILIES", "QUICK", "SMALLEST", "TABLE", "Case", "build", "table", "test_points"]

FAMILIES = {
    "chained_rosenbrock": lambda size: chained_rosenbrock(int(size)),
    "clnlbeam": lambda size: clnlbeam(int(size)),
    "cart_pole": lambda size: cart_pole(int(size)),
    "elliptic_control": lambda size: elliptic_control(int(size)),
    "tanh_network": lambda size: tanh_network(int(size)),
}

# The rows of the published comparison, by family and growing size.
TABLE = (
    *(f"chained_rosenbrock:{n}" for n in (1000, 10_000, 100_000, 1_000_000)),
    *(f"clnlbeam:{n}" for n in (3003, 30_003, 300_003)),
    *(f"cart_pole:{n}" for n in (505, 5005, 50_005)),
    *(f"elliptic_control:{n}" for n in (5000, 20_000, 180_000)),
    "tanh_network:224",
)
QUICK = ("chained_rosenbrock:1000", "clnlbeam:303", "cart_pole:505", "elliptic_control:800", "tanh_network:80")
SMALLEST = "chained_rosenbrock:10"


def build(name: str) -> Case:
    """The case of that name.

    Args:
        name: "family:size", such as "chained_rosenbrock:1000".

    Returns:
        Case.

    Raises:
        ValueError: there is no such family.

    >>> build("chained_rosenbrock:10").m
    8
    """
    family, _, size = name.partition(":")
    if family not in FAMILIES:
        raise ValueError(f"cases: found the family {family!r}, expected one of {', '.join(FAMILIES)}.")
    return FAMILIES[family](size)


def table() -> tuple[str, ...]:
    """Names of the rows of the whole comparison."""
    return TABLE

"""Make twenty kinds of wrong derivatives of right ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

import lagrad
from lagrad.compile.blocks import Block

TINY = 1e-6
Change = Callable[[np.ndarray, np.random.Generator], np.ndarray]


def nudged(which: Callable[[np.ndarray], int]) -> Change:
    """One entry off by `TINY` of itself."""

    def change(values, random):
        index = which(values)
        found = values.copy()
        found[index] *= 1 + TINY
        return found

    return change


def dropped(which: Callable[[np.ndarray], int]) -> Change:
    """One entry missing."""

    def change(values, random):
        found = values.copy()
        found[which(values)] = 0.0
        return found

    return change


def largest(values: np.ndarray) -> int:
    """Index of the largest entry, of a vector with one."""
    return int(np.nanargmax(np.abs(values)))


def smallest(values: np.ndarray) -> int:
    """Index of the smallest entry that is not zero."""
    sizes = np.where(np.abs(values) > 0, np.abs(values), np.inf)
    return int(np.nanargmin(sizes))


def middle(values: np.ndarray) -> int:
    """Index of an entry of median size among those that are not zero."""
    zeros = int(np.count_nonzero(values == 0))
    return int(np.argsort(np.abs(values))[min(zeros + (values.size - zeros) // 2, values.size - 1)])


def turned(values, random) -> np.ndarray:
    """One entry of the wrong sign."""
    found, index = values.copy(), middle(values)
    found[index] *= -1
    return found


def swapped(values, random) -> np.ndarray:
    """The largest and the smallest entry changed places."""
    found, one, other = values.copy(), largest(values), smallest(values)
    found[[one, other]] = values[[other, one]]
    return found


def stretched(values, random) -> np.ndarray:
    """All off by `TINY` of themselves."""
    return values * (1 + TINY)


def not_finite(values, random) -> np.ndarray:
    """One entry nan."""
    found = values.copy()
    found[middle(values)] = np.nan
    return found


# Kind -> (what is wrong, how its numbers change; None for numbers of another point: a stale constant).
KINDS: dict[str, tuple[str, Change | None]] = {
    "f off by 1e-6": ("objective", stretched),
    "a row of c off by 1e-6, the largest": ("constraints", nudged(largest)),
    "a row of c off by 1e-6, the smallest": ("constraints", nudged(smallest)),
    "f and c stale": ("values", None),
    "a gradient entry off by 1e-6, the largest": ("gradient", nudged(largest)),
    "a gradient entry off by 1e-6, the smallest": ("gradient", nudged(smallest)),
    "a gradient entry missing": ("gradient", dropped(smallest)),
    "gradient stale": ("gradient", None),
    "gradient entry nan": ("gradient", not_finite),
    "a J entry off by 1e-6, the largest": ("jacobian", nudged(largest)),
    "a J entry off by 1e-6, the smallest": ("jacobian", nudged(smallest)),
    "a J entry missing, the middle one": ("jacobian", dropped(middle)),
    "a J entry missing, the smallest": ("jacobian", dropped(smallest)),
    "a J entry of the wrong sign": ("jacobian", turned),
    "two J entries swapped": ("jacobian", swapped),
    "J stale": ("jacobian", None),
    "an H entry off by 1e-6, the largest": ("hessian", nudged(largest)),
    "an H entry off by 1e-6, the smallest": ("hessian", nudged(smallest)),
    "an H entry missing, the smallest": ("hessian", dropped(smallest)),
    "H stale": ("hessian", None),
}


def seeded(derivatives: lagrad.Derivatives, kind: str, x: np.ndarray) -> lagrad.Derivatives:
    """The same derivatives with an error of a kind, the same entry at every point."""
    what, change = KINDS[kind]
    random = np.random.default_rng(4)
    elsewhere = x + 0.01 * np.maximum(1.0, np.abs(x)) * random.normal(size=x.size)

    def spoil(right: Callable) -> Callable:
        def values(y, *rest):
            if change is None:
                return right(elsewhere, *rest)
            found = right(y, *rest)
            if not found.size:
                return found
            reference = right(x, *rest)
            # The factor at x is applied everywhere, so that the error is one and the same function of x.
            with np.errstate(all="ignore"):
                factor = np.where(reference == 0, 1.0, change(reference, random) / reference)
            return found * factor

        return values

    if what in ("objective", "constraints", "values"):
        values = pair(derivatives, what, spoil)
        return replace(derivatives, functions=derivatives.functions.replaced({"values": values}))
    if what == "gradient":
        right = lambda y, *leaves: np.asarray(derivatives.functions["gradient"](y, *leaves)[0])  # noqa: E731
        wrong = spoil(right)
        function = lambda y, *leaves: [wrong(y, *leaves)]  # noqa: E731
        return replace(derivatives, functions=derivatives.functions.replaced({"gradient": function}))
    blocks: list[Block] = getattr(derivatives, f"{what}_blocks")
    joined = lambda y, *rest: np.concatenate([block.values(y, *rest) for block in blocks])  # noqa: E731
    ends = np.cumsum([0, *(block.rows.size for block in blocks)])
    wrong = spoil(joined)
    changed = [
        replace(block, values=lambda y, *rest, i=i: wrong(y, *rest)[ends[i] : ends[i + 1]])
        for i, block in enumerate(blocks)
    ]
    return replace(derivatives, **{f"{what}_blocks": changed})


def pair(derivatives: lagrad.Derivatives, what: str, spoil: Callable) -> Callable:
    """(x, *leaves) -> f, c with an error in one of them, or in both."""

    def objective(y, *leaves):
        return np.reshape(derivatives.functions["values"](y, *leaves)[0], 1)

    def constraints(y, *leaves):
        return np.asarray(derivatives.functions["values"](y, *leaves)[1])

    f = spoil(objective) if what != "constraints" else objective
    c = spoil(constraints) if what != "objective" else constraints
    return lambda y, *leaves: [float(f(y, *leaves)[0]), c(y, *leaves)]

"""Evaluate what was condensed, at a point."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lagrad.condensing.first import Condensation
from lagrad.condensing.march import March
from lagrad.condensing.second import Adjoints
from lagrad.condensing.states import States

# (x and states, weights, leaves) -> numbers of elements.
Numbers = Callable[[np.ndarray, np.ndarray, Sequence[Any]], np.ndarray]


@dataclass(frozen=True, eq=False)
class Walk:
    """The states behind x.

    Args:
        states: what they are.
        feeds: what each loop starts from and takes, from x and the states of loops before.
        marches: the steps of each.
    """

    states: States
    feeds: list[Numbers]
    marches: list[March]

    def __call__(self, x: np.ndarray, leaves: Sequence[Any]) -> np.ndarray:
        """x and all states, a new array."""
        n = self.states.n
        point = np.zeros(n + self.states.count)
        point[:n] = x
        for feed, march in zip(self.feeds, self.marches, strict=True):
            march(point[n:], feed(point, self.no_weights, leaves)[1:])
        return point

    @property
    def no_weights(self) -> np.ndarray:
        """Weights that are not looked at."""
        return np.zeros(0)


@dataclass(frozen=True, eq=False)
class Workspaces:
    """Vectors to compute in, one for each call that goes on at the same time.

    Args:
        size: of a vector.
        idle: those that nobody uses.
    """

    size: int
    idle: list[np.ndarray] = field(default_factory=list)

    def take(self) -> np.ndarray:
        """A vector of zeros."""
        try:
            found = self.idle.pop()
        except IndexError:
            return np.zeros(self.size)
        found.fill(0.0)
        return found

    def give_back(self, vector: np.ndarray) -> None:
        """Let somebody else use a vector."""
        self.idle.append(vector)


@dataclass(frozen=True, eq=False)
class Values:
    """f and c.

    Args:
        walk: to the states.
        numbers: f and c from x and states.
    """

    walk: Walk
    numbers: Numbers

    def __call__(self, x: np.ndarray, *leaves: Any) -> list[Any]:
        """[f, c]."""
        found = self.numbers(self.walk(x, leaves), self.walk.no_weights, leaves)
        return [found[0], found[1:]]


@dataclass(frozen=True, eq=False)
class Gradient:
    """The gradient of f.

    Args:
        walk: to the states.
        slopes: of f, by x and states.
        jacobian: of the constraint rows and states, by x and states.
        adjoints: how states are replaced.
    """

    walk: Walk
    slopes: Numbers
    jacobian: Numbers
    adjoints: Adjoints

    def __call__(self, x: np.ndarray, *leaves: Any) -> list[np.ndarray]:
        """[gradient]."""
        point, nothing = self.walk(x, leaves), self.walk.no_weights
        first, start = self.jacobian(point, nothing, leaves), self.adjoints.gradient
        vector = np.concatenate([first, self.slopes(point, nothing, leaves)])
        self.adjoints.axpys(vector)
        return [vector[start : start + x.size].copy()]


@dataclass(frozen=True, eq=False)
class Jacobian:
    """Entries of the Jacobian.

    Args:
        walk: to the states.
        numbers: derivatives of the constraint rows and states, by x and states.
        condensation: how states are replaced.
        spaces: where.
    """

    walk: Walk
    numbers: Numbers
    condensation: Condensation
    spaces: Workspaces

    def __call__(self, x: np.ndarray, weights: np.ndarray, leaves: Sequence[Any]) -> np.ndarray:
        """The entries, in the order of the condensation."""
        first = self.numbers(self.walk(x, leaves), weights, leaves)
        vector = self.spaces.take()
        vector[: first.size], vector[first.size] = first, 1.0
        self.condensation.axpys(vector)
        found = vector.take(self.condensation.taken)
        self.spaces.give_back(vector)
        return found


@dataclass(frozen=True, eq=False)
class Hessian:
    """Entries of the lower triangle of the Hessian.

    Args:
        walk: to the states.
        slopes: of f, by x and states.
        jacobian: of the constraint rows and states, by x and states.
        numbers: second derivatives by x and states.
        adjoints: weights of the states.
        condensation: how states are replaced.
        spaces: where.
    """

    walk: Walk
    slopes: Numbers
    jacobian: Numbers
    numbers: Numbers
    adjoints: Adjoints
    condensation: Condensation
    spaces: Workspaces

    def __call__(self, x: np.ndarray, weights: np.ndarray, leaves: Sequence[Any]) -> np.ndarray:
        """The entries, in the order of the condensation."""
        point, states = self.walk(x, leaves), self.walk.states
        first, slopes = self.jacobian(point, weights, leaves), self.slopes(point, weights, leaves)
        adjoint = np.concatenate([first, slopes, weights, np.zeros(states.count)])
        self.adjoints.axpys(adjoint)
        second = self.numbers(point, adjoint[self.adjoints.weights :], leaves)
        vector, behind = self.spaces.take(), first.size + second.size
        vector[: first.size], vector[first.size : behind] = first, second
        # One and one half; the zero that follows is there.
        vector[behind : behind + 2] = 1.0, 0.5
        self.condensation.axpys(vector)
        found = vector.take(self.condensation.taken)
        if self.condensation.added is not None:
            found += vector.take(self.condensation.added)
        self.spaces.give_back(vector)
        return found

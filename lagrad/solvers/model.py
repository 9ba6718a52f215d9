"""What a solver may ask of a model: sizes, structures, and values at a point."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, cast

import numpy as np

from lagrad.annotations import Pytree, Structure
from lagrad.derivatives import Derivatives
from lagrad.problem.problem import Problem


class Model(Protocol):
    """Functions with exact sparse derivatives; `lagrad.Derivatives` is one.

    x is a flat float64 array of shape (n,) throughout. Methods may be called from several threads at once. A
    model without second derivatives has an attribute `has_hessian` that is False.
    """

    @property
    def problem(self) -> Problem:
        """What was differentiated: start, bounds, sides, names."""
        ...

    @property
    def timings(self) -> Mapping[str, float]:
        """Seconds of set-up by stage."""
        ...

    @property
    def jacobian_structure(self) -> Structure:
        """Row and column of each entry of `first_order`; repeated ones are summed."""
        ...

    @property
    def hessian_structure(self) -> Structure:
        """Row and column of each entry of `hessian_values`, row >= column; repeated ones are summed."""
        ...

    def bind(self, params: Pytree) -> Model:
        """The same model with other params as its own, read once."""
        ...

    def values(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        """f(x) and c(x), the latter of shape (m,)."""
        ...

    def first_order(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Gradient of f, shape (n,), and the Jacobian's entries."""
        ...

    def hessian_values(self, x: np.ndarray, multipliers: np.ndarray, objective_weight: float) -> np.ndarray:
        """Entries of the Hessian of objective_weight f + multipliers' c."""
        ...

    def hvp(
        self, x: np.ndarray, multipliers: np.ndarray, vector: np.ndarray, objective_weight: float = 1.0
    ) -> np.ndarray:
        """Product of that Hessian with a vector, shape (n,)."""
        ...


def as_model(derivatives: Derivatives) -> Model:
    """The same object: type checkers take its cached properties for other than properties."""
    return cast("Model", derivatives)


def has_hessian(model: Model) -> bool:
    """Whether a model gives second derivatives; only those whose owner gave none do not."""
    return bool(getattr(model, "has_hessian", True))


def hessian_structure(model: Model) -> Structure:
    """Structure of the Hessian, empty where there is none."""
    return model.hessian_structure if has_hessian(model) else (np.zeros(0, int), np.zeros(0, int))

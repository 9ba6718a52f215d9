"""Declare optimal control problems: models, one a file, by three transcriptions."""

from __future__ import annotations

from lagrad_problems.control.moving_horizon import moving_horizon
from lagrad_problems.control.optima import OPTIMA
from lagrad_problems.control.plane import (
    BICYCLE,
    BRACHISTOCHRONE,
    BRYSON_DENHAM,
    DOUBLE_INTEGRATOR,
    VAN_DER_POL,
)
from lagrad_problems.control.space import CART_POLE, LOW_THRUST, QUADROTOR
from lagrad_problems.control.transcription import TRANSCRIPTIONS, transcribe
from lagrad_problems.entry import Entry

MODELS = {
    model.name: model
    for model in (
        BICYCLE,
        BRACHISTOCHRONE,
        BRYSON_DENHAM,
        CART_POLE,
        DOUBLE_INTEGRATOR,
        LOW_THRUST,
        QUADROTOR,
        VAN_DER_POL,
    )
}
__all__ = ["MODELS", "TRANSCRIPTIONS", "control", "moving_horizon"]


def control(model: str, method: str, intervals: int = 20) -> Entry:
    """One model by one transcription.

    Args:
        model: see `MODELS`.
        method: see `TRANSCRIPTIONS`.
        intervals: number of equal intervals, at least 2.

    Returns:
        Entry named by both, such as "quadrotor_trapezoid"; x is a dict of "state", "control" and what else
        the method needs.

    Raises:
        KeyError: there is no such model or method.
        ValueError: fewer than two intervals.

    >>> control("van_der_pol", "trapezoid", 20).m
    40
    """
    return transcribe(MODELS[model], method, intervals, OPTIMA.get((model, method), {}))

"""The constants of the method, with the names they have in Waechter and Biegler (2006)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Settings:
    """What a batched solve may be told; the defaults are those of the paper or of IPOPT.

    Args:
        tol: tolerance on the scaled optimality error (equation 5 of the paper).
        max_iterations: sweeps a problem may take; one sweep factors one matrix.
        mu: first barrier parameter.
        acceptable: error at which a solve that cannot go on counts as acceptable.
        accuracy: relative residual that is left of a Newton step.
        filter_size: points that a filter holds; the oldest one makes room.
    """

    tol: float = 1e-8
    max_iterations: int = 300
    mu: float = 0.1
    acceptable: float = 1e-6
    accuracy: float = 1e-8
    filter_size: int = 16


KAPPA_EPSILON, KAPPA_MU, THETA_MU = 10.0, 0.2, 1.5
TAU_MIN, KAPPA_SIGMA, S_MAX = 0.99, 1e10, 100.0
# Distance of the start from its bounds, absolute and as a share of the room between them.
KAPPA_1 = KAPPA_2 = 1e-2
# Pull towards the bound of a variable that has only one, so that it does not run away.
KAPPA_D = 1e-5
GAMMA_THETA, GAMMA_PHI, GAMMA_ALPHA = 1e-5, 1e-8, 0.05
DELTA, S_THETA, S_PHI, ETA_PHI = 1.0, 1.1, 2.3, 1e-8
THETA_MIN, THETA_MAX = 1e-4, 1e4
FIRST_SHIFT, LEAST_SHIFT, LARGEST_SHIFT = 1e-4, 1e-20, 1e20
GROWTH_AT_FIRST, GROWTH, DECAY = 100.0, 8.0, 1.0 / 3.0
LARGEST_GRADIENT = 100.0
LARGEST_MULTIPLIER = 1e3
# Bounds and sides are loosened by this much, relatively, so that they have an inside.
RELAXATION = 1e-10
DIVERGED = 1e20
EPSILON = 2.0**-52

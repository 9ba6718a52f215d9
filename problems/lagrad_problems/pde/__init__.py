"""Declare control of partial differential equations."""

from __future__ import annotations

from lagrad_problems.pde.elliptic import (
    boundary_control,
    elliptic_control_1d,
    elliptic_control_3d,
    source_inversion,
    state_constrained_control,
)
from lagrad_problems.pde.parabolic import burgers_control, heat_control_1d, heat_control_2d

PROBLEMS = (
    boundary_control,
    burgers_control,
    elliptic_control_1d,
    elliptic_control_3d,
    heat_control_1d,
    heat_control_2d,
    source_inversion,
    state_constrained_control,
)

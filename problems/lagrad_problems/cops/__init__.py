"""Declare COPS 3.0, the collection of E. D. Dolan, J. J. More and T. S. Munson (2004).

Optima are checked against the ones of its report. Left out: the problems that smooth a given mesh, and those
whose mesh comes from a generator.
"""

from __future__ import annotations

from lagrad_problems.cops.estimation import gasoil, marine, methanol, pinene
from lagrad_problems.cops.flight import glider, robot_arm, steering
from lagrad_problems.cops.hanging_chain import hanging_chain
from lagrad_problems.cops.mixing import catalyst_mixing, channel_flow
from lagrad_problems.cops.rocket import rocket
from lagrad_problems.cops.shapes import cam_shape, electrons, polygon
from lagrad_problems.cops.surfaces import journal_bearing, minimal_surface, torsion

PROBLEMS = (
    cam_shape,
    catalyst_mixing,
    channel_flow,
    electrons,
    gasoil,
    glider,
    hanging_chain,
    journal_bearing,
    marine,
    methanol,
    minimal_surface,
    pinene,
    polygon,
    robot_arm,
    rocket,
    steering,
    torsion,
)

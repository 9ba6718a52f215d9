"""A problem and calls that other processes can find by name."""

from __future__ import annotations

import os
import signal

import jax
import numpy as np

from lagrad import Problem

FATAL = 13.0


def square(number):
    """number^2."""
    return number**2


def die():
    """End this process as the kernel does when memory runs out."""
    os.kill(os.getpid(), signal.SIGKILL)


def die_if_fatal(p):
    """End this process if p is FATAL; for use while a compiled function runs."""
    if p == FATAL:
        die()


def distance(x, p):
    """(x - p)^2, fatal at one p."""
    jax.debug.callback(die_if_fatal, p)
    return (x[0] - p) ** 2


def harmless(x, p):
    """(x - p)^2."""
    return (x[0] - p) ** 2


def follower(objective=harmless):
    """x = p."""
    return Problem(objective, [0.0], params=np.float64(1.0), name="follower")

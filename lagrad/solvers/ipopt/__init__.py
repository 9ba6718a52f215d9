"""IPOPT: by its C interface where a library is found, else through cyipopt.

Source: Waechter and Biegler (2006), "On the implementation of an interior-point filter line-search
algorithm for large-scale nonlinear programming".
"""

from lagrad.solvers.ipopt.adapter import about, check, load, run

__all__ = ["about", "check", "load", "run"]

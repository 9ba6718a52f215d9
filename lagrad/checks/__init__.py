"""Checks: a problem, a point or a solution in, what is wrong with it and where out."""

from lagrad.checks.certificate import certify
from lagrad.checks.derivatives import DerivativeCheck, check_derivatives

__all__ = ["check_derivatives", "DerivativeCheck", "certify"]

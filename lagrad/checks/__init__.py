"""Check problems, derivatives and solutions: what is wrong, and where."""

from lagrad.checks.certificate import certify
from lagrad.checks.derivatives import DerivativeCheck, check_derivatives
from lagrad.checks.diagnosis import Diagnosis, diagnose
from lagrad.checks.elastic import Infeasibility, explain_infeasibility

__all__ = [
    "check_derivatives",
    "DerivativeCheck",
    "certify",
    "diagnose",
    "Diagnosis",
    "explain_infeasibility",
    "Infeasibility",
]

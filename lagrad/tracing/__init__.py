"""JAX's trace of a function, with less work for each operation."""

from lagrad.tracing.lister import emit, listed
from lagrad.tracing.listing import Listing, Operation
from lagrad.tracing.places import run_of
from lagrad.tracing.quick import quick

__all__ = ["Listing", "Operation", "emit", "listed", "quick", "run_of"]

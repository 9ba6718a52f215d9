"""Each solver in turn, IPOPT by both ways, and with callbacks of Python and of machine code."""

from __future__ import annotations

import pytest

from lagrad.derivatives import differentiate
from lagrad.solvers.ipopt.library import VARIABLE
from tests.solvers import cases
from tests.solvers.cases import METHODS, PACKAGES

IN_MACHINE_CODE = "ipopt in machine code"
THROUGH_CYIPOPT = "ipopt through cyipopt"


@pytest.fixture(params=[*METHODS, *PACKAGES, THROUGH_CYIPOPT, IN_MACHINE_CODE])
def method(request, monkeypatch):
    """Name of a solver, skipped where it is not installed."""
    monkeypatch.delenv(VARIABLE, raising=False)
    if request.param == THROUGH_CYIPOPT:
        pytest.importorskip("cyipopt")
        monkeypatch.setenv(VARIABLE, "cyipopt")
        return "ipopt"
    if request.param == IN_MACHINE_CODE:
        monkeypatch.setattr(cases, "ENGINES", [differentiate])
        return "ipopt"
    if request.param in PACKAGES:
        pytest.importorskip(PACKAGES[request.param])
    return request.param

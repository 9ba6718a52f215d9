"""Each solver in turn, IPOPT by both ways."""

from __future__ import annotations

import pytest

from lagrad.solvers.ipopt.library import VARIABLE
from tests.solvers.cases import METHODS, PACKAGES

THROUGH_CYIPOPT = "ipopt through cyipopt"


@pytest.fixture(params=[*METHODS, *PACKAGES, THROUGH_CYIPOPT])
def method(request, monkeypatch):
    """Name of a solver, skipped where it is not installed."""
    monkeypatch.delenv(VARIABLE, raising=False)
    if request.param == THROUGH_CYIPOPT:
        pytest.importorskip("cyipopt")
        monkeypatch.setenv(VARIABLE, "cyipopt")
        return "ipopt"
    if request.param in PACKAGES:
        pytest.importorskip(PACKAGES[request.param])
    return request.param

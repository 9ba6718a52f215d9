"""The fixture with which the tests of faults note what came of them, and the option that writes it down."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from tests.faults.record import Row, described, number_of, table

ROWS = pytest.StashKey[list[Row]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """The option that names the table's file."""
    parser.addoption("--faults-table", type=Path, help="write what each fault gives to this file")


def pytest_configure(config: pytest.Config) -> None:
    """Start without rows."""
    config.stash[ROWS] = []


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write the table if it was asked for."""
    path = session.config.getoption("--faults-table", default=None)
    if path is not None:
        path.write_text(table(session.config.stash[ROWS]))


@pytest.fixture
def record(request: pytest.FixtureRequest) -> Callable[..., None]:
    """Note what was given and what came of it: record("nan in x0[1]", error)."""
    number, parameters = number_of(request.node.name), getattr(request.node, "callspec", None)
    method = parameters.params.get("method", "") if parameters else ""

    def note(given: str, outcome) -> None:
        request.config.stash[ROWS].append(Row(number, given, described(outcome), method))

    return note


@pytest.fixture
def refused(record: Callable[..., None]) -> Callable[..., AbstractContextManager[None]]:
    """Expect an error, note it and look for parts of its text: refused("nan in x0", ProblemError, "x[1]")."""

    @contextmanager
    def expecting(given: str, kind: type[BaseException], *parts: str) -> Iterator[None]:
        with pytest.raises(kind) as caught:
            yield
        record(given, caught.value)
        missing = [part for part in parts if part not in str(caught.value)]
        assert not missing, f"{missing} not in {caught.value}"

    return expecting

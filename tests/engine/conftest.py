"""Fixtures of the engine's tests."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.databases import SQLITE, postgres_url
from tests.engine.desk import Desk
from tests.engine.office import Office


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.pg)])
def server(request: pytest.FixtureRequest) -> str:
    """Where ``tests.engine.small.Small`` makes its database; every test that uses it runs on both."""
    return SQLITE if request.param == "sqlite" else postgres_url()


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    office = Office(tmp_path)
    yield office
    office.session.close()
    office.session.get_bind().dispose()


@pytest.fixture
def desk(application: Any, clock: Any) -> Desk:
    return Desk(application, clock)

"""Fixtures of the engine's tests."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.engine.desk import Desk
from tests.engine.office import Office


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    office = Office(tmp_path)
    yield office
    office.session.close()
    office.session.get_bind().dispose()


@pytest.fixture
def desk(application: Any, clock: Any) -> Desk:
    return Desk(application, clock)

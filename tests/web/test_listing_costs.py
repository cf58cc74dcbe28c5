"""What a page of a list reads: as much as it shows, however long the list is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.orm import Session

from models.gas import GasProject
from tests.play import Play
from tests.scenarios import gas_office as office
from tests.scenarios.projects import assigned
from webapp.lists.reading import PAGE

pytestmark = pytest.mark.both_databases("search")


@contextmanager
def counted(database: Any) -> Iterator[Counter[str]]:
    """How many projects are loaded and how many statements are sent inside the block."""
    counts: Counter[str] = Counter()

    def loaded(_session: Session, instance: object) -> None:
        counts["projects"] += isinstance(instance, GasProject)

    def sent(*_arguments: Any) -> None:
        counts["statements"] += 1

    event.listen(Session, "loaded_as_persistent", loaded)
    event.listen(database, "before_cursor_execute", sent)
    try:
        yield counts
    finally:
        event.remove(Session, "loaded_as_persistent", loaded)
        event.remove(database, "before_cursor_execute", sent)


@pytest.mark.rule("INS-1")
def test_pages_and_the_worklist_read_no_more_rows_than_they_show(play: Play, signed_in: Any) -> None:
    office.add_inspector(play, "inspector-1", quota=1000)
    browser = signed_in("inspector-1", "inspector")
    costs: dict[str, list[Counter[str]]] = {"/lists/pre_inspections": [], "/worklist": []}
    for more in (PAGE + 2, 15):
        for _ in range(more):
            assigned(play, stage="pre_inspection")
        for path in costs:
            browser.get(path)  # what every process reads once only: the calendar, definitions
        for path, counts in costs.items():
            with counted(play.application.database) as counter:
                page = browser.get(path)
            assert page.status_code == 200
            counts.append(counter)
    for path, most in {"/lists/pre_inspections": PAGE + 1, "/worklist": 2 * 6}.items():
        before, after = costs[path]
        assert 0 < after["projects"] <= most, path
        assert after == before, f"{path} costs more with more projects"

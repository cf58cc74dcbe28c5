"""What pages ask of the database: as much after thousands of ended tasks and cases as before."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event, func, select, text
from sqlalchemy.orm import Session

from engine.queries import monitor
from models.case import HistoryEntry
from tests.conftest import prepare
from tests.databases import SQLITE, fresh_database
from tests.play import Play
from tests.scenarios import gas_office as office

FEW, MANY = 60, 2_000  # ended tasks: the few fill the pages that show history
MOST = 1.05  # times the work

# Copies of one row, with other values for some columns.
COPIES = """
    WITH RECURSIVE many(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM many WHERE n < :copies)
    INSERT INTO {table} ({columns}) SELECT {values} FROM many, {table} t WHERE t.id = :row
"""


@pytest.fixture
def database_url() -> str:
    """SQLite, which counts the steps of its statements."""
    return fresh_database(SQLITE, prepare=prepare)


@contextmanager
def counted(database: Any) -> Iterator[list[int]]:
    """How many steps of its machine SQLite needs inside the block: the list's only item."""
    steps = [0]

    def count() -> int:
        steps[0] += 1
        return 0

    def watch(connection: Any, *_more: Any) -> None:
        connection.set_progress_handler(count, 1)

    def leave(connection: Any, *_more: Any) -> None:
        connection.set_progress_handler(None, 0)

    event.listen(database, "checkout", watch)
    event.listen(database, "checkin", leave)
    try:
        yield steps
    finally:
        event.remove(database, "checkout", watch)
        event.remove(database, "checkin", leave)


def copy(session: Session, table: str, row: int, copies: int, **changed: str) -> None:
    """Copies of a row; ``changed``: column → SQL over ``n`` and the copied row ``t``."""
    columns = [found.name for found in session.execute(text(f"PRAGMA table_info({table})"))]
    changed["id"] = f"n + {1_000 * copies}"
    values = ", ".join(changed.get(name, f"t.{name}") for name in columns)
    statement = COPIES.format(table=table, columns=", ".join(columns), values=values)
    session.execute(text(statement), {"copies": copies, "row": row})


def compare(play: Play, browser: Any, paths: list[str], grow: Callable[[Session, int], None]) -> None:
    """Look at each page after a little history, and after much."""
    costs: dict[str, list[int]] = {path: [] for path in paths}
    for ended in (FEW, MANY):
        with play.session() as session:
            grow(session, ended)
        for path in paths:
            browser.get(path)  # what every process reads once only
            with counted(play.application.database) as steps:
                assert browser.get(path).status_code in (200, 303), path
            costs[path].append(steps[0])
    for path, (before, after) in costs.items():
        assert 0 < after <= MOST * before, f"{path}: {before} → {after}"


def test_the_pages_of_a_case_cost_no_more_after_thousands_of_ended_tasks(play: Play, signed_in: Any) -> None:
    browser = signed_in("contractor")
    office.start(play, by="contractor")
    task, case = play.task("choose_property").id, play.case

    def grow(session: Session, ended: int) -> None:
        line = session.scalars(select(func.min(HistoryEntry.id)).where(HistoryEntry.case_id == case.id)).one()
        copy(session, "tasks", task, ended, token=f"'t' || (n + {ended})", status="'completed'", ended_at="t.since")
        copy(session, "history", line, ended)

    paths = [f"/cases/{case.number}{page}" for page in ("", "/next", "/history", "/diagram.xml")]
    compare(play, browser, [*paths, f"/tasks/{task}", "/worklist", "/cases"], grow)


def test_what_a_supervisor_watches_costs_no_more_after_thousands_of_ended_cases(
    play: Play, signed_in: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(monitor, "MAX_COUNT", FEW)
    browser = signed_in("supervisor")
    office.start(play, by="contractor")
    task, case = play.task("choose_property").id, play.case

    def grow(session: Session, ended: int) -> None:
        copy(session, "cases", case.id, ended, number=f"'N' || (n + {ended})", status="'completed'")
        copy(
            session,
            "tasks",
            task,
            ended,
            case_id=f"n + {1_000 * ended}",
            token=f"'t' || (n + {ended})",
            status="'completed'",
            ended_at="t.since",
            due_at="t.since",
        )

    compare(play, browser, ["/monitor", "/incidents", "/cases", "/worklist", "/actions", f"/cases/{case.number}"], grow)
    assert "۵۹+" in browser.get("/monitor").text

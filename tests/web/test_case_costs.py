"""What the pages of a case ask of the database: as much after thousands of ended tasks as before."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event, text

from models.case import Case
from tests.conftest import prepare
from tests.databases import SQLITE, fresh_database
from tests.play import Play
from tests.scenarios import gas_office as office

FEW, MANY = 60, 2_000  # ended tasks: the few fill the pages that show history
MOST = 1.05  # times the work

# A copy of the case's first task, ended, and of the lines of its history.
TASKS = """
    WITH RECURSIVE many(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM many WHERE n < :ended)
    INSERT INTO tasks ({columns}) SELECT {values} FROM many, tasks t WHERE t.id = :task
"""
HISTORY = """
    WITH RECURSIVE many(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM many WHERE n < :ended)
    INSERT INTO history ({columns}) SELECT {values} FROM many, history h
    WHERE h.id = (SELECT min(id) FROM history WHERE case_id = :case)
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


def grow(play: Play, ended: int, *, first: int) -> None:
    """The case has been sent back so often; ``first``: the first id of the new rows."""
    with play.session() as session:
        task = play.task("choose_property").id
        ids = {"task": task, "case": play.case_id, "ended": ended}
        for statement, table, changed in (
            (
                TASKS,
                "tasks",
                {
                    "id": f"n + {first}",
                    "token": f"'t' || (n + {first})",
                    "status": "'completed'",
                    "ended_at": "t.since",
                },
            ),
            (HISTORY, "history", {"id": f"n + {first}"}),
        ):
            columns = [row.name for row in session.execute(text(f"PRAGMA table_info({table})"))]
            values = [changed.get(name, f"{table[0]}.{name}") for name in columns]
            wanted = {name: value for name, value in ids.items() if f":{name}" in statement}
            session.execute(text(statement.format(columns=", ".join(columns), values=", ".join(values))), wanted)


def test_the_pages_of_a_case_cost_no_more_after_thousands_of_ended_tasks(play: Play, signed_in: Any) -> None:
    browser = signed_in("contractor")
    office.start(play, by="contractor")
    with play.session() as session:
        number = session.get_one(Case, play.case_id).number
    paths = [f"/cases/{number}{page}" for page in ("", "/next", "/history", "/diagram.xml")]
    paths += [f"/tasks/{play.task('choose_property').id}", "/worklist", "/cases"]
    costs: dict[str, list[int]] = {path: [] for path in paths}
    for ended in (FEW, MANY):
        grow(play, ended, first=1_000 * ended)
        for path in paths:
            browser.get(path)  # what every process reads once only
            with counted(play.application.database) as steps:
                assert browser.get(path).status_code in (200, 303), path
            costs[path].append(steps[0])

    for path, (before, after) in costs.items():
        assert 0 < after <= MOST * before, f"{path}: {before} → {after}"

"""However many inspections there are, a page of a list is read in the order of an index, on PostgreSQL."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event, text

from tests.conftest import prepare
from tests.databases import fresh_database, postgres_or_skip
from tests.play import Play
from tests.scenarios import gas_office as office
from tests.scenarios.lists import read

MANY = 20_000
SUMS = "SELECT coalesce(sum("  # of the whole range, whatever page is shown
TOUCHED = 500  # rows that one step of a plan may give for a page of 30
PLACES = {
    "pre_inspections": "inspector-1",
    "final_inspections": "inspector-1",
    "approved_inspections": "inspector-1",
    "withdrawn_inspections": "inspector-1",
    "dismissed_inspections": "inspector-1",
    "financial_report": "inspector-1",
    "running_inspections": "gas_office",
}
REPORTS = text(
    "INSERT INTO inspection_reports (project_id, case_id, number, inspector_id, stage, outcome, text, at, meters,"
    " mismatches, photos) SELECT n + 100000, n + 200000, 1, :person, 'pre_inspection', CASE WHEN n % 2 = 0"
    " THEN 'approved' ELSE 'defects' END, '', now() + n * interval '1 minute', '[]', '[]', '[]'"
    " FROM generate_series(1, :many) n"
)


@pytest.fixture
def database_url() -> str:
    return fresh_database(postgres_or_skip(), prepare=prepare)


def copy(session: Any, table: str, id_from: str, **changed: str) -> None:
    """``MANY`` copies of the first row of a table; ``changed``: column → SQL over ``n`` and the copied row ``t``."""
    columns = session.scalars(
        text("SELECT column_name FROM information_schema.columns WHERE table_name = :table"), {"table": table}
    ).all()
    values = [changed.get(name, f"t.{name}") for name in columns]
    session.execute(
        text(
            f"INSERT INTO {table} ({', '.join(columns)}) SELECT {', '.join(values)} FROM generate_series(1, {MANY}) n"  # noqa: S608
            f" CROSS JOIN (SELECT * FROM {table} WHERE {id_from} ORDER BY id LIMIT 1) t"
        )
    )


def fill(play: Play) -> None:
    """Many projects of one inspector, all running, half in each stage; as many reports and ended assignments."""
    person = office.add_inspector(play, "inspector-1")
    office.paid(play)
    inspection = play.follow("gas_inspection").case
    with play.session() as session:
        of = {"registration": inspection.refers_to_id, "inspection": inspection.id}
        copy(session, "cases", f"id = {of['registration']}", id="n + 100000", number="'P' || n")
        copy(
            session, "cases", f"id = {of['inspection']}", id="n + 200000", number="'I' || n", refers_to_id="n + 100000"
        )
        stage = "CASE WHEN n % 2 = 0 THEN 'pre_inspection' ELSE 'final_inspection' END"
        copy(
            session,
            "gas_projects",
            "true",
            id="n + 100000",
            case_id="n + 100000",
            stage=stage,
            referred_at="t.referred_at + n * interval '1 minute'",
        )
        copy(
            session,
            "assignments",
            "true",
            id="n + 100000",
            project_id="n + 100000",
            ended="CASE WHEN n % 3 = 0 THEN '' WHEN n % 3 = 1 THEN 'withdrawn' ELSE 'dismissed' END",
            ended_at="t.at + n * interval '1 minute'",
        )
        session.execute(REPORTS, {"person": person, "many": MANY})
    with play.session() as session:
        for table in ("cases", "gas_projects", "assignments", "inspection_reports"):
            session.execute(text(f"ANALYZE {table}"))


@contextmanager
def statements(play: Play) -> Iterator[list[tuple[str, Any]]]:
    """Every statement that is sent inside the block, with its parameters."""
    seen: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_rest: Any) -> None:
        seen.append((statement, parameters))

    event.listen(play.application.database, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(play.application.database, "before_cursor_execute", note)


def most_rows(play: Play, statement: str, parameters: Any) -> float:
    """The most rows that a step of the statement's plan gave or threw away, when it really ran."""
    with play.engine.transaction() as session:
        cursor = session.connection().connection.cursor()
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", parameters)
        (plan,) = cursor.fetchone() or ("[]",)
    return max(_rows(one) for one in _steps((plan if isinstance(plan, list) else json.loads(plan))[0]["Plan"]))


def _steps(step: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield step
    for below in step.get("Plans", []):
        yield from _steps(below)


def _rows(step: dict[str, Any]) -> float:
    loops = step["Actual Loops"]
    return float(loops * (step["Actual Rows"] + step.get("Rows Removed by Filter", 0)))


@pytest.mark.pg
@pytest.mark.rule("INS-1", "INR-1", "INR-2", "INR-3")
def test_a_page_reads_no_more_than_it_shows(play: Play) -> None:
    fill(play)
    for key, who in PLACES.items():
        first = read(play, who, key)
        assert len(first.rows) == 30 and first.next
        for asked in ({}, {"cursor": first.next}):
            with statements(play) as seen:
                read(play, who, key, **asked)
            for statement, parameters in seen:
                if statement.startswith("SELECT") and not statement.startswith(SUMS):
                    rows = most_rows(play, statement, parameters)
                    assert rows <= TOUCHED, f"{key} {asked}: {rows} rows in {statement}"

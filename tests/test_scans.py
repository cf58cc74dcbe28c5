"""The watch over statements that read a growing table from end to end sees them, and only those of ours."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

import tests.conftest
from tests.conftest import prepare
from tests.databases import SQLITE, fresh_database

ENGINE = Path(__file__).parents[1] / "engine" / "made_up.py"
FROM_END_TO_END = "SELECT id AS made_up FROM tasks WHERE token = 'x'"


@pytest.fixture
def database_url() -> str:
    return fresh_database(SQLITE, prepare=prepare)


def sent_by_ours(session: Session, statement: str) -> None:
    ours = compile("session.execute(statement).all()", str(ENGINE), "exec")
    exec(ours, {"session": session, "statement": text(statement)})  # noqa: S102 - code that stands in a file of ours


def test_what_reads_a_whole_table_is_found_once(session: Session) -> None:
    sent_by_ours(session, FROM_END_TO_END)
    sent_by_ours(session, FROM_END_TO_END)
    assert tests.conftest.scans.take() == [f"tasks in: {FROM_END_TO_END}"]


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT id FROM tasks WHERE case_id = 1 AND status = 'made up'",
        "SELECT id AS made_up FROM cases ORDER BY cases.id DESC LIMIT 30",
        "SELECT i.id AS made_up FROM payments JOIN invoices i ON i.id = payments.invoice_id"
        " ORDER BY payments.id DESC LIMIT 30",
        "SELECT id AS made_up FROM process_definitions",
        "SELECT id AS made_up FROM tasks WHERE 0 = 1",
    ],
)
def test_what_follows_an_index_or_reads_a_page_or_a_small_table_is_not(session: Session, statement: str) -> None:
    sent_by_ours(session, statement)
    assert tests.conftest.scans.take() == []


def test_what_a_test_asks_is_its_own_affair(session: Session) -> None:
    session.execute(text("SELECT id AS made_up FROM history WHERE what = 'x'")).all()
    assert tests.conftest.scans.take() == []

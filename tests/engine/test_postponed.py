"""Rows that a step only adds are written together, and nobody can tell from the data that they were not there yet."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

import kartabl
from engine.persistence import outbox
from models.outbox import Sms

pytestmark = pytest.mark.both_databases("saving")

NOW = datetime(2026, 11, 21, 9, tzinfo=UTC)


def sms(session: Session, text: str) -> None:
    outbox.put_sms(session, None, "09130000001", text, at=NOW)


def texts(session: Session) -> list[str]:
    return list(session.scalars(select(Sms.text).order_by(Sms.id)))


def kept(application: kartabl.Application) -> list[str]:
    with application.sessions() as session:
        return texts(session)


def test_they_are_there_after_the_commit_in_their_order(application: kartabl.Application) -> None:
    with application.engine.transaction() as session:
        for text in ("one", "two", "three"):
            sms(session, text)
    assert kept(application) == ["one", "two", "three"]


def test_whoever_looks_in_the_same_transaction_finds_them(application: kartabl.Application) -> None:
    with application.engine.transaction() as session:
        sms(session, "one")
        assert texts(session) == ["one"]
        sms(session, "two")
        assert session.scalar(select(func.count()).select_from(Sms)) == 2
    assert kept(application) == ["one", "two"]


def test_what_is_rolled_back_is_not_written_by_the_sessions_next_transaction(application: kartabl.Application) -> None:
    with application.sessions() as session:
        sms(session, "rolled back")
        session.rollback()
        sms(session, "kept")
        session.commit()
    assert kept(application) == ["kept"]


def test_a_closed_session_forgets_them(application: kartabl.Application) -> None:
    session = application.sessions()
    session.connection()
    sms(session, "never committed")
    session.close()
    session.commit()
    assert kept(application) == []


def test_an_undone_savepoint_takes_its_rows_with_it(application: kartabl.Application) -> None:
    with application.engine.transaction() as session:
        sms(session, "before")
        inside = session.begin_nested()
        sms(session, "inside")
        inside.rollback()
        sms(session, "after")
    assert sorted(kept(application)) == ["after", "before"]


def test_until_then_sqlite_is_not_locked(application: kartabl.Application) -> None:
    with application.engine.transaction() as session:
        driver = session.connection().connection.driver_connection
        if not isinstance(driver, sqlite3.Connection):
            pytest.skip("only SQLite has one lock for everybody")
        sms(session, "one")
        assert not driver.in_transaction
        assert texts(session) == ["one"]
        assert driver.in_transaction

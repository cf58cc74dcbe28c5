"""The chain of the audit log: tampering is named, what grew old may go, and a killed writer harms nothing."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, text

import kartabl
from engine.actor import Actor
from engine.audit import events, retention, trail
from engine.audit.events import Retention
from engine.audit.verification import Head, Verdict, read_head, verify
from engine.jobs import audit_retention
from models.audit import AuditEvent, AuditLink
from models.database import open_database, session_factory
from models.office_rule import OfficeRuleValue

pytestmark = pytest.mark.both_databases("saving")

ADMIN = Actor(person_id=1, username="admin", name="مدیر", roles=frozenset({"admin"}), address="192.0.2.7")
ABOUT = ("person", "12-30-01660")
CHANGES = [  # statement, the problem that is named
    ("UPDATE audit_events SET actor = 'someone' WHERE seq = :seq", "the row was changed"),
    ("UPDATE audit_events SET event = 'signed_out' WHERE seq = :seq", "the row was changed"),
    ("UPDATE audit_events SET after = NULL WHERE seq = :seq", "the row was changed"),
    ("UPDATE audit_events SET address = '' WHERE seq = :seq", "the row was changed"),
    ("UPDATE audit_events SET retention = 'access' WHERE seq = :seq", "the moment or the class of the row was changed"),
    ("UPDATE audit_chain SET retention = 'access' WHERE seq = :seq", "the hash of the link does not follow"),
    ("UPDATE audit_chain SET content_hash = hash WHERE seq = :seq", "the hash of the link does not follow"),
    ("DELETE FROM audit_events WHERE seq = :seq", "the row was removed before its time"),
    ("DELETE FROM audit_chain WHERE seq = :seq", "links up to number"),
]


@pytest.fixture
def unguarded(application: kartabl.Application) -> Any:
    """Runs statements as somebody who has the database in hand and takes the triggers away first."""

    def run(statement: str, **values: Any) -> None:
        with application.database.begin() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(text("SET LOCAL session_replication_role = replica"))
            else:
                for table in ("audit_events", "audit_chain"):
                    for change in ("update", "delete"):
                        connection.execute(text(f"DROP TRIGGER IF EXISTS {table}_no_{change}"))
            connection.execute(text(statement), values)

    return run


def add(application: kartabl.Application, count: int = 1, event: str = events.ROLE_GRANTED) -> int:
    """Adds rows; the number of the last one."""
    for number in range(count):
        with application.engine.transaction() as session:
            trail.record(session, event, ADMIN, subject=ABOUT, after={"role": f"r{number}", "تعداد": number / 4})
    with application.sessions() as session:
        return session.scalar(select(func.max(AuditLink.seq))) or 0


def look(application: kartabl.Application, known: Head | None = None) -> Verdict:
    with application.sessions() as session:
        return verify(session, known=known)


def test_what_nobody_touched_holds(application: kartabl.Application) -> None:
    seq = add(application, 3)
    verdict = look(application)
    assert (verdict.holds, verdict.links, verdict.rows, verdict.head.seq) == (True, seq, seq, seq)
    assert look(application, read_head(str(verdict.head))).holds


@pytest.mark.parametrize(("statement", "problem"), CHANGES)
def test_the_first_row_that_somebody_touched_is_named(
    application: kartabl.Application, unguarded: Any, statement: str, problem: str
) -> None:
    seq = add(application)
    add(application, 2)
    unguarded(statement, seq=seq)
    verdict = look(application)
    assert (verdict.broken_at, verdict.holds) == (seq, False)
    assert problem in verdict.problem


def test_rows_that_were_slipped_in_are_named(application: kartabl.Application, unguarded: Any) -> None:
    seq = add(application, 2)
    unguarded(
        "INSERT INTO audit_events SELECT -1, at, event, retention, actor_id, actor, actor_name, address, subject_kind,"
        " subject_key, before, after, salt FROM audit_events WHERE seq = :seq",
        seq=seq,
    )
    verdict = look(application)
    assert (verdict.broken_at, verdict.problem) == (-1, "this row is in no link of the chain")


def test_a_tail_that_was_cut_off_is_told_by_a_head_that_was_kept(
    application: kartabl.Application, unguarded: Any
) -> None:
    add(application, 2)
    kept = look(application).head
    for table in ("audit_events", "audit_chain"):
        unguarded(f"DELETE FROM {table} WHERE seq = :seq", seq=kept.seq)  # noqa: S608
    assert look(application).holds, "nobody can tell without the head"
    verdict = look(application, kept)
    assert (verdict.broken_at, verdict.holds) == (kept.seq, False)
    assert "cut off" in verdict.problem
    add(application, 2)
    verdict = look(application, kept)
    assert (verdict.broken_at, verdict.problem) == (kept.seq, "the chain up to here is not the one of the given head")


@pytest.mark.parametrize("wrong", ["", "7", "x:" + "0" * 64, "7:" + "0" * 63, "7:" + "g" * 64])
def test_what_is_no_head_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match="not a head"):
        read_head(wrong)


# ---------------------------------------------------------------- retention


def tomorrow_in(days: int) -> datetime:
    return datetime.now(UTC) + timedelta(days=days + 2)


def kinds(application: kartabl.Application) -> set[str]:
    with application.sessions() as session:
        return set(session.scalars(select(AuditEvent.event).where(AuditEvent.actor == "admin")))


def test_what_grew_old_goes_by_its_class_and_the_chain_holds(application: kartabl.Application) -> None:
    add(application, 3, events.SIGNED_IN)
    last = add(application, 2, events.ROLE_GRANTED)
    assert audit_retention.sweep(application.engine, now=datetime.now(UTC)) == 0
    assert audit_retention.sweep(application.engine, now=tomorrow_in(365)) == 3
    assert kinds(application) == {events.ROLE_GRANTED}
    verdict = look(application)
    assert (verdict.holds, verdict.links, verdict.rows) == (True, last + 1, last + 1 - 3)
    assert audit_retention.sweep(application.engine, now=tomorrow_in(365)) == 0, "nothing is left to remove"
    assert look(application).head == verdict.head


def test_the_office_says_how_long(application: kartabl.Application) -> None:
    add(application, 1, events.SIGNED_IN)
    rule = retention.RULES[Retention.ACCESS]
    with application.engine.transaction() as session:
        session.add(OfficeRuleValue(key=rule.key, value=30, unit=rule.unit))
    assert audit_retention.sweep(application.engine, now=tomorrow_in(30)) == 1
    assert look(application).holds


def test_batches_remove_everything_that_is_due(
    application: kartabl.Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "BATCH", 4)
    add(application, 10, events.SIGNED_IN)
    assert audit_retention.sweep(application.engine, now=tomorrow_in(365)) == 10
    assert look(application).holds
    assert events.SIGNED_IN not in kinds(application)


def test_a_horizon_is_no_licence_to_remove_what_is_younger(application: kartabl.Application, unguarded: Any) -> None:
    add(application, 1, events.SIGNED_IN)
    audit_retention.sweep(application.engine, now=tomorrow_in(365))
    seq = add(application, 1, events.ROLE_GRANTED)
    unguarded("DELETE FROM audit_events WHERE seq = :seq", seq=seq)
    assert look(application).broken_at == seq


# ---------------------------------------------------------------- a process that is killed


def _write_for_ever(url: str) -> None:
    kartabl.install()
    database = open_database(url)
    while True:
        with session_factory(database).begin() as session:
            for _again in range(random.randint(1, 3)):
                trail.record(session, events.SIGNED_IN, ADMIN, subject=ABOUT, after={"pid": os.getpid()})


def test_killed_writers_leave_a_chain_that_holds(application: kartabl.Application, database_url: str) -> None:
    spawn = multiprocessing.get_context("spawn")
    for _round in range(2):
        before = look(application).links
        writers = [spawn.Process(target=_write_for_ever, args=(database_url,)) for _number in range(3)]
        for writer in writers:
            writer.start()
        deadline = time.monotonic() + 60
        while look(application).links < before + 20:
            assert time.monotonic() < deadline, "the writers write nothing"
        for writer in writers:
            assert writer.pid is not None
            os.kill(writer.pid, signal.SIGKILL)
            writer.join()
        assert look(application).holds
        add(application)
        assert look(application).holds

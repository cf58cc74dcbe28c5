"""The chain of the audit log: tampering is named, what grew old may go, and a killed writer harms nothing."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

import pytest
from sqlalchemy import func, select, text

import kartabl
from engine.actor import SYSTEM, Actor
from engine.audit import events, retention, trail
from engine.audit.events import Retention
from engine.audit.verification import Head, Verdict, read_head, verify
from engine.jobs import audit_retention
from models.audit import AuditEvent, AuditHorizon, AuditLink
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


@contextmanager
def machine_time(ago: timedelta) -> Iterator[None]:
    """The machine that writes the log shows an earlier time, or a later one."""

    class Shifted(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Shifted:
            return super().now(tz) - ago

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trail, "datetime", Shifted)
        yield


def add(
    application: kartabl.Application, count: int = 1, event: str = events.ROLE_GRANTED, *, days_ago: int = 0
) -> int:
    """Adds rows; the number of the last one."""
    for number in range(count):
        with machine_time(timedelta(days=days_ago)), application.engine.transaction() as session:
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


COLUMNS = {  # of a row, but its number
    "audit_events": "at, event, retention, actor_id, actor, actor_name, address, subject_kind, subject_key, before,"
    " after, salt",
    "audit_chain": "at, retention, content_hash, hash",
}


@pytest.mark.parametrize("beside", [-1, 0, 2, 1_000])
def test_rows_that_were_slipped_in_are_named(application: kartabl.Application, unguarded: Any, beside: int) -> None:
    """Before the first number, and after the last one."""
    seq = add(application, 2)
    number = beside if beside < 1 else seq + beside
    columns = COLUMNS["audit_events"]
    unguarded(
        f"INSERT INTO audit_events (seq, {columns}) SELECT {number}, {columns} FROM audit_events WHERE seq = :seq",  # noqa: S608
        seq=seq,
    )
    verdict = look(application)
    assert (verdict.broken_at, verdict.problem) == (number, "this row is in no link of the chain")


@pytest.mark.parametrize("number", [-1, 0])
@pytest.mark.parametrize("tables", [["audit_chain"], ["audit_chain", "audit_events"]])
def test_links_before_the_first_one_are_named(
    application: kartabl.Application, unguarded: Any, number: int, tables: list[str]
) -> None:
    seq = add(application, 2)
    for table in tables:
        columns = COLUMNS[table]
        unguarded(
            f"INSERT INTO {table} (seq, {columns}) SELECT {number}, {columns} FROM {table} WHERE seq = :seq",  # noqa: S608
            seq=seq,
        )
    verdict = look(application)
    assert (verdict.broken_at, verdict.problem) == (number, "the chain begins at number 1")


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


def kinds(application: kartabl.Application) -> set[str]:
    with application.sessions() as session:
        return set(session.scalars(select(AuditEvent.event).where(AuditEvent.actor == "admin")))


def test_what_grew_old_goes_by_its_class_and_the_chain_holds(application: kartabl.Application) -> None:
    add(application, 3, events.SIGNED_IN, days_ago=367)
    last = add(application, 2, events.ROLE_GRANTED, days_ago=367)
    assert audit_retention.sweep(application.engine, now=datetime.now(UTC) - timedelta(days=3)) == 0
    assert audit_retention.sweep(application.engine) == 3
    assert kinds(application) == {events.ROLE_GRANTED}
    verdict = look(application)
    assert (verdict.holds, verdict.links, verdict.rows) == (True, last + 1, last + 1 - 3)
    assert audit_retention.sweep(application.engine) == 0, "nothing is left to remove"
    assert look(application).head == verdict.head


def test_the_office_says_how_long(application: kartabl.Application) -> None:
    add(application, 1, events.SIGNED_IN, days_ago=32)
    rule = retention.RULES[Retention.ACCESS]
    with application.engine.transaction() as session:
        session.add(OfficeRuleValue(key=rule.key, value=30, unit=rule.unit))
    assert audit_retention.sweep(application.engine) == 1
    assert look(application).holds


def test_batches_remove_everything_that_is_due(
    application: kartabl.Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "BATCH", 4)
    add(application, 10, events.SIGNED_IN, days_ago=367)
    assert audit_retention.sweep(application.engine) == 10
    assert look(application).holds
    assert events.SIGNED_IN not in kinds(application)


def test_a_horizon_is_no_licence_to_remove_what_is_younger(application: kartabl.Application, unguarded: Any) -> None:
    add(application, 1, events.SIGNED_IN, days_ago=367)
    audit_retention.sweep(application.engine)
    seq = add(application, 1, events.ROLE_GRANTED)
    unguarded("DELETE FROM audit_events WHERE seq = :seq", seq=seq)
    assert look(application).broken_at == seq


def license_removal(
    application: kartabl.Application,
    retention: str,
    before: datetime,
    *,
    recorded: dict[str, Any] | None = None,
    at: timedelta = timedelta(),
) -> int:
    """A horizon and a row of a removal with the right link, as somebody writes them who knows how; the row's number."""
    with machine_time(-at), application.engine.transaction() as session:
        session.add(AuditHorizon(retention=retention, before=before))
        after = {"before": before.isoformat(), "rows": 1} if recorded is None else recorded
        trail.record(session, events.PRUNED, SYSTEM, subject=("audit", retention), after=after)
    with application.sessions() as session:
        return session.scalar(select(func.max(AuditLink.seq))) or 0


@pytest.mark.parametrize(
    ("retention_class", "days_ago", "told_in"),
    [
        ("change", -1, 0),  # a moment that has not come
        ("change", 0, 0),
        ("change", 364, 0),  # the office may not keep them for less than a year
        ("change", -1, 400),  # told of by a row from a moment that has not come
        ("permanent", 4_000, 0),
        ("unknown", 4_000, 0),
    ],
)
def test_a_removal_that_was_never_allowed_licenses_nothing(
    application: kartabl.Application, unguarded: Any, retention_class: str, days_ago: int, told_in: int
) -> None:
    seq = add(application, days_ago=max(days_ago, 0) + 1)
    before = datetime.now(UTC) - timedelta(days=days_ago)
    removal = license_removal(application, retention_class, before, at=timedelta(days=told_in))
    verdict = look(application)
    assert (verdict.broken_at, verdict.problem) == (
        removal,
        "this row tells of a removal that was not allowed at its time",
    )
    unguarded("DELETE FROM audit_events WHERE seq = :seq", seq=seq)
    verdict = look(application)
    assert (verdict.broken_at, verdict.problem) == (seq, "the row was removed before its time")


@pytest.mark.parametrize("recorded", [{}, {"before": "soon"}, {"before": 7}, {"before": "2020-01-01T00:00:00"}])
def test_a_removal_that_says_nothing_is_named(application: kartabl.Application, recorded: dict[str, Any]) -> None:
    removal = license_removal(application, "access", datetime.now(UTC) - timedelta(days=400), recorded=recorded)
    assert look(application).broken_at == removal


def test_a_horizon_that_nobody_recorded_is_named(application: kartabl.Application) -> None:
    """Each has a row of its own: that of another one, or the same row twice, is not enough."""
    before = datetime.now(UTC) - timedelta(days=400)
    license_removal(application, "access", before)
    assert look(application).holds
    with application.engine.transaction() as session:
        session.add(AuditHorizon(retention="access", before=before))
    verdict = look(application)
    assert (verdict.broken_at, verdict.holds) == (0, False)
    assert "is recorded nowhere" in verdict.problem


def test_a_removal_without_its_horizon_is_named(application: kartabl.Application) -> None:
    with application.engine.transaction() as session:
        after = {"before": (datetime.now(UTC) - timedelta(days=400)).isoformat(), "rows": 1}
        trail.record(session, events.PRUNED, SYSTEM, subject=("audit", "access"), after=after)
    assert look(application).problem == "this row tells of a removal that was never made"


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

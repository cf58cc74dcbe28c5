"""The audit log: rows with their transaction, hashes, refusals of the database, several writers at once."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from sqlalchemy import delete, select, text, update
from sqlalchemy import event as of_databases
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.orm import Session, sessionmaker

import kartabl
from engine.actor import Actor
from engine.audit import chain, events, trail
from engine.persistence import advisory_lock, write_behind
from models.audit import AuditEvent, AuditHorizon, AuditLink
from models.database import open_database, session_factory
from tests.play import Play
from tests.scenarios import tickets

SOMEBODY = Actor(person_id=7, username="admin", name="مدیر", address="192.0.2.7")
ABOUT = ("person", "12-30-01660")


@pytest.fixture
def sessions(application: kartabl.Application) -> sessionmaker[Session]:
    return application.sessions


def rows_of(sessions: sessionmaker[Session]) -> list[AuditEvent]:
    """What somebody did, after what is there since the diagrams were deployed."""
    with sessions() as session:
        by_somebody = AuditEvent.actor == SOMEBODY.username
        return list(session.scalars(select(AuditEvent).where(by_somebody).order_by(AuditEvent.seq)))


def whole(sessions: sessionmaker[Session]) -> bool:
    """Whether every link covers its row and the link before it, counted up from one."""
    previous = chain.START
    with sessions() as session:
        pairs = session.execute(select(AuditLink, AuditEvent).join(AuditEvent, AuditEvent.seq == AuditLink.seq))
        for number, (link, row) in enumerate(sorted(pairs, key=lambda pair: pair[0].seq), 1):
            content = chain.content_hash({name: getattr(row, name) for name in (*chain.CONTENT, "salt")})
            expected = chain.link_hash(
                previous, seq=number, at=link.at, retention=link.retention, content=link.content_hash
            )
            if (link.seq, link.content_hash, link.hash) != (number, content, expected):
                return False
            previous = link.hash
    return True


@pytest.mark.both_databases("saving")
def test_a_row_says_who_what_on_what_and_from_where(sessions: sessionmaker[Session]) -> None:
    with sessions.begin() as session:
        trail.record(session, events.ROLE_GRANTED, SOMEBODY, subject=ABOUT, after={"role": "inspector", "scope": ""})
        trail.record(session, events.PASSWORD_RESET, SOMEBODY, subject=ABOUT)
    first, second = rows_of(sessions)
    assert (first.event, first.retention) == ("role_granted", "change")
    assert (first.actor_id, first.actor, first.actor_name, first.address) == (7, "admin", "مدیر", "192.0.2.7")
    assert (first.subject_kind, first.subject_key) == ABOUT
    assert (first.before, first.after) == (None, {"role": "inspector", "scope": ""})
    assert second.seq == first.seq + 1
    assert whole(sessions)


@pytest.mark.both_databases("saving")
def test_what_is_rolled_back_leaves_no_row(sessions: sessionmaker[Session]) -> None:
    with sessions() as session:
        trail.record(session, events.SIGNED_OUT, SOMEBODY, subject=ABOUT)
        session.rollback()
        trail.record(session, events.SIGNED_IN, SOMEBODY, subject=ABOUT)
        with session.begin_nested() as undone:
            trail.record(session, events.ROLE_GRANTED, SOMEBODY, subject=ABOUT)
            undone.rollback()
        with session.begin_nested():
            trail.record(session, events.ROLE_REVOKED, SOMEBODY, subject=ABOUT)
        session.commit()
        session.commit()
    assert [row.event for row in rows_of(sessions)] == ["signed_in", "role_revoked"]
    assert whole(sessions)


@pytest.mark.both_databases("sql")
@pytest.mark.parametrize("table", [AuditEvent, AuditLink, AuditHorizon])
def test_the_database_refuses_to_change_or_to_delete(sessions: sessionmaker[Session], table: Any) -> None:
    with sessions.begin() as session:
        trail.record(session, events.SIGNED_IN, SOMEBODY, subject=ABOUT)
        session.add(AuditHorizon(retention="reading", before=kartabl.utc_now()))
    changes = [update(table).values(retention="x"), delete(table)]
    if sessions.kw["bind"].dialect.name == "postgresql":
        changes.append(text(f"TRUNCATE {table.__tablename__}"))
    for change in changes:
        with sessions() as session, pytest.raises(DBAPIError, match="append-only"):
            session.execute(change)
    assert len(rows_of(sessions)) == 1


@pytest.mark.parametrize("name", ["password", "new_password", "access_token", "TOKEN", "secret_key"])
def test_values_named_like_a_secret_are_refused(session: Session, name: str) -> None:
    with pytest.raises(ValueError, match="looks like a secret"):
        trail.record(session, events.PASSWORD_RESET, SOMEBODY, subject=ABOUT, after={name: "x"})


def test_an_unknown_event_is_refused(session: Session) -> None:
    with pytest.raises(KeyError):
        trail.record(session, "something", SOMEBODY, subject=ABOUT)


def test_two_events_cannot_have_one_key() -> None:
    signed_in = events.EVENTS[events.SIGNED_IN]
    with pytest.raises(ValueError, match="signed_in"):
        events.register(signed_in.key, signed_in.retention, signed_in.title)


@pytest.mark.both_databases("locking")
def test_writers_at_once_make_one_chain(sessions: sessionmaker[Session], database_url: str) -> None:
    writers, each = 6, 15
    failures: list[BaseException] = []

    def write(number: int) -> None:
        database = open_database(database_url)
        try:
            for turn in range(each):
                with session_factory(database).begin() as session:
                    about = ("person", f"{number}-{turn}")
                    trail.record(session, events.SIGNED_IN, SOMEBODY, subject=about)
                    trail.record(session, events.SIGNED_OUT, SOMEBODY, subject=about)
        except BaseException as failure:
            failures.append(failure)
        finally:
            database.dispose()

    threads = [threading.Thread(target=write, args=(number,)) for number in range(writers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    rows = rows_of(sessions)
    assert len(rows) == writers * each * 2
    assert len({row.subject_key for row in rows}) == writers * each
    assert whole(sessions)


@pytest.mark.parametrize("server", ["postgresql"], indirect=True)
def test_a_completed_task_does_not_wait_for_the_log(application: kartabl.Application, play: Play) -> None:
    """While somebody's transaction is writing the log, people go on with their cases; only another record waits."""
    of_databases.listen(application.database, "begin", lambda one: one.exec_driver_sql("SET LOCAL lock_timeout = 1000"))
    play.start("ticket", by="citizen")
    with application.sessions() as writing:
        advisory_lock.acquire(writing, trail.LOCK)
        play.does("citizen", "submit_ticket", **tickets.ASKS)
        assert play.task("answer_ticket")
        with application.sessions() as another:
            trail.record(another, events.SIGNED_IN, SOMEBODY, subject=ABOUT)
            with pytest.raises(OperationalError, match="lock timeout"):
                another.commit()
    with application.sessions.begin() as another:
        trail.record(another, events.SIGNED_IN, SOMEBODY, subject=ABOUT)
    assert [row.event for row in rows_of(application.sessions)] == ["signed_in"]


def test_without_listeners_nothing_is_recorded_in_silence(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trail, "_write", write_behind.put)  # a listener that is not attached
    with pytest.raises(RuntimeError, match="install"):
        trail.record(session, events.SIGNED_IN, SOMEBODY, subject=ABOUT)

"""Records what somebody did, in the transaction that does it: both are kept, or neither.

The rows are written at the very end of the transaction. Until then nothing is locked; from then until the commit
other transactions that record something wait, since each row's hash covers that of the row before it. Steps of cases
record nothing here (they have their own history) and never wait.
"""

from __future__ import annotations

import json
import logging
import re
import secrets
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import event as of_sessions
from sqlalchemy import insert, select
from sqlalchemy.orm import Session, SessionTransaction

from engine.actor import Actor
from engine.audit import chain
from engine.audit.events import EVENTS
from engine.persistence import advisory_lock, write_behind
from models.account import Person
from models.audit import AuditEvent, AuditLink
from models.digits import storable

log = logging.getLogger(__name__)

LOCK = "audit log"
_LAST = select(AuditLink.seq, AuditLink.hash).where(AuditLink.seq > 0).order_by(AuditLink.seq.desc()).limit(1)
_PENDING = "audit_events"  # in the session's info: rows that the end of the transaction writes
_WRITTEN = "audit_written"  # in the session's info: what the server's log says after the commit
_MARKS = "audit_savepoints"  # in the session's info: savepoint → how many rows there were before it
_SECRET = re.compile("password|token|secret", re.IGNORECASE)


def record(
    session: Session,
    event: str,
    actor: Actor,
    *,
    subject: tuple[str, str],
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
    """Record an event of ``engine.audit.events``, unless the caller's transaction is rolled back.

    ``actor``: who, with the address that they came from. ``subject``: on what, as (kind, key), for example
    ``("person", "12-30-01660")`` or ``("case", "1405-000012")``. ``before`` and ``after``: what was changed, by
    name, as JSON can hold it; nothing secret, and nothing personal that the trace does not need.

    The moment is the machine's own: a clock that people put ahead in a demonstration does not date the trail.
    Raises ``KeyError`` for an event that is not registered, ``ValueError`` for values named like a secret,
    ``RuntimeError`` where nothing would write the row (``install``).
    """
    if not of_sessions.contains(Session, "before_commit", _write):
        raise RuntimeError("Nothing would write the audit log: call kartabl.install() first")
    kind, key = subject
    row = {
        "event": EVENTS[event].key,
        "actor_id": actor.person_id,
        "actor": storable(actor.username)[:60],
        "actor_name": storable(actor.name)[:200],
        "address": storable(actor.address)[:100],
        "subject_kind": kind,
        "subject_key": storable(key)[:100],
        "before": _plain(before),
        "after": _plain(after),
        "salt": secrets.token_hex(16),
    }
    if not session.in_transaction():
        session.begin()  # a rollback needs a transaction
    session.info.setdefault(_PENDING, []).append(row)


def person(who: Person, address: str) -> Actor:
    """A person as ``record`` takes them, where there is no actor yet: at the door."""
    return Actor(person_id=who.id, username=who.username, name=who.name, address=address)


def stranger(address: str) -> Actor:
    """Somebody who is not signed in; only for ``record``: an actor without a person may do everything."""
    return Actor(person_id=None, username="", name="", address=address)


def _plain(values: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """The values as they come back from the database. Raises ``TypeError`` for what JSON does not have."""
    if values is None:
        return None
    if secret := next((name for name in values if _SECRET.search(name)), None):
        raise ValueError(f"{secret!r} looks like a secret, which the audit log does not hold")
    plain: dict[str, Any] = json.loads(storable(json.dumps(dict(values), ensure_ascii=False, sort_keys=True)))
    return plain


# ---------------------------------------------------------------- the end of the transaction


def _write(session: Session) -> None:
    """Add the pending rows to the end of the chain; everything else of the transaction is written before."""
    if not session.info.get(_PENDING) or session.in_nested_transaction():
        return
    rows: list[dict[str, Any]] = session.info.pop(_PENDING)
    write_behind.write(session)
    session.flush()
    advisory_lock.acquire(session, LOCK)  # the last lock of a transaction, so that nobody waits in a circle
    last = session.execute(_LAST).first()
    seq, previous = (last.seq, last.hash) if last else (0, chain.START)
    at, links = datetime.now(UTC), []
    for row in rows:
        seq += 1
        retention = EVENTS[row["event"]].retention.value
        row |= {"seq": seq, "at": at, "retention": retention}
        content = chain.content_hash(row)
        previous = chain.link_hash(previous, seq=seq, at=at, retention=retention, content=content)
        links.append({"seq": seq, "at": at, "retention": retention, "content_hash": content, "hash": previous})
    session.connection().execute(insert(AuditEvent), rows)
    session.connection().execute(insert(AuditLink), links)
    session.info[_WRITTEN] = [(row["seq"], row["event"], row["actor_id"] or "-", row["address"] or "-") for row in rows]


def _tell(session: Session) -> None:
    """One line of the server's log for each row; by ids only."""
    for written in session.info.pop(_WRITTEN, ()):
        log.info("audit %d %s person=%s from=%s", *written)


def _mark(session: Session, transaction: SessionTransaction) -> None:
    if transaction.nested:
        session.info.setdefault(_MARKS, {})[transaction] = len(session.info.get(_PENDING, ()))


def _undo(session: Session, transaction: SessionTransaction) -> None:
    """A savepoint that is undone takes its rows with it."""
    mark = session.info.get(_MARKS, {}).pop(transaction, None)
    if mark is not None:
        del session.info.get(_PENDING, [])[mark:]


def _forget(session: Session, transaction: SessionTransaction) -> None:
    if transaction.parent is None:
        session.info.pop(_PENDING, None)
        session.info.pop(_MARKS, None)
        session.info.pop(_WRITTEN, None)


_LISTENERS: dict[str, Callable[..., Any]] = {
    "before_commit": _write,
    "after_commit": _tell,
    "after_transaction_create": _mark,
    "after_soft_rollback": _undo,
    "after_transaction_end": _forget,
}


def install() -> None:
    """Attach the listeners to every session of this process; a second call changes nothing."""
    for name, listener in _LISTENERS.items():
        if not of_sessions.contains(Session, name, listener):
            of_sessions.listen(Session, name, listener)

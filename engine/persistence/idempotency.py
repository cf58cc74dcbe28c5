"""Idempotency keys: the first call with a key is executed, every repeat gets the stored answer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, update
from sqlalchemy.orm import Session

from engine.errors import EngineError
from engine.persistence import upsert
from models.account import IdempotencyKey

RETENTION = timedelta(days=7)


class KeyReused(EngineError):
    """The idempotency key belongs to another call of the same person."""

    code = "idempotency_key_reused"

    def __init__(self, key: str) -> None:
        super().__init__(f"Idempotency key {key} was used for another call")


@dataclass(frozen=True)
class Answer:
    """The stored answer to a call: HTTP status and JSON body."""

    status: int
    body: str


def claim(session: Session, person_id: int, key: str, *, request_hash: str, now: datetime) -> Answer | None:
    """Claim a key for a call before its work starts. Returns the stored answer of an earlier call, else ``None``.

    The row is inserted first: a simultaneous repeat waits for this transaction and then reads its answer, or,
    when this one rolls back, does the work itself. ``request_hash``: SHA-256 of the request, in hex.

    Raises ``KeyReused``: the key belongs to a call with another request.
    """
    session.execute(
        delete(IdempotencyKey).where(IdempotencyKey.person_id == person_id, IdempotencyKey.at < now - RETENTION)
    )
    if _insert(session, person_id, key, request_hash, Answer(0, ""), now):
        return None
    row = session.get_one(IdempotencyKey, (person_id, key), populate_existing=True)
    if row.request_hash != request_hash:
        raise KeyReused(key)
    return Answer(row.status, row.body)


def keep(session: Session, person_id: int, key: str, answer: Answer) -> None:
    """Store the answer to a claimed call, in the call's own transaction."""
    session.execute(
        update(IdempotencyKey)
        .where(IdempotencyKey.person_id == person_id, IdempotencyKey.key == key)
        .values(status=answer.status, body=answer.body)
    )


def keep_refusal(
    session: Session, person_id: int, key: str, answer: Answer, *, request_hash: str, now: datetime
) -> None:
    """Store the answer to a call that was refused and rolled back, unless a repeat was answered meanwhile."""
    _insert(session, person_id, key, request_hash, answer, now)


def _insert(session: Session, person_id: int, key: str, request_hash: str, answer: Answer, now: datetime) -> bool:
    """Insert the key's row. Returns False if the row exists already."""
    return upsert.add_once(
        session,
        IdempotencyKey,
        person_id=person_id,
        key=key,
        request_hash=request_hash,
        status=answer.status,
        body=answer.body,
        at=now,
    )

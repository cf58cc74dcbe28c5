"""A person's own sessions and tokens: which there are, ending one or all others, and how many there may be."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, func, or_, select
from sqlalchemy.orm import Session

from engine.audit import events, trail
from engine.errors import NotFound
from models.account import Person, SessionKind, SignInSession

MAX_SESSIONS = 20  # of one kind for each account; opening another ends the one used least recently


@dataclass(frozen=True)
class OpenSession:
    """A session that works: where it was opened, and when it was last used."""

    id: int
    kind: str
    address: str
    agent: str
    created_at: datetime
    seen_at: datetime
    expires_at: datetime
    is_this: bool


def own(
    session: Session, person_id: int, *, this_hash: str | None, idle: timedelta, now: datetime
) -> list[OpenSession]:
    """The working sessions of a person, the one used last first. ``this_hash``: of the reader's own token.

    There are at most ``MAX_SESSIONS`` of each kind.
    """
    rows = session.scalars(
        select(SignInSession)
        .where(
            SignInSession.person_id == person_id,
            SignInSession.kind.in_([SessionKind.BROWSER, SessionKind.API]),
            SignInSession.expires_at > now,
            or_(SignInSession.kind == SessionKind.API, SignInSession.seen_at > now - idle),
        )
        .order_by(SignInSession.seen_at.desc(), SignInSession.id.desc())
        .limit(2 * MAX_SESSIONS)
    )
    return [
        OpenSession(
            row.id,
            row.kind,
            row.address,
            row.agent,
            row.created_at,
            row.seen_at,
            row.expires_at,
            row.token_hash == this_hash,
        )
        for row in rows
    ]


def end_one(session: Session, person: Person, session_id: int, *, address: str) -> None:
    """End one of a person's own sessions at once. Raises ``NotFound`` if it has ended, or is not theirs."""
    row = session.get(SignInSession, session_id) if 0 < session_id < 2**63 else None
    if row is None or row.person_id != person.id:
        raise NotFound("session", session_id)
    session.delete(row)
    _record(session, person, 1, address)


def end_others(session: Session, person: Person, *, this_hash: str | None, address: str) -> int:
    """End every session and token of a person except the reader's. Returns how many ended."""
    others = SignInSession.token_hash != this_hash
    count = session.scalar(
        select(func.count()).select_from(SignInSession).where(SignInSession.person_id == person.id, others)
    )
    session.execute(delete(SignInSession).where(SignInSession.person_id == person.id, others))
    if count:
        _record(session, person, count, address)
    return count or 0


def make_room(session: Session, person_id: int, kind: str) -> None:
    """End the sessions of a kind that were used least recently, so that one more keeps to ``MAX_SESSIONS``."""
    surplus = session.scalars(
        select(SignInSession.id)
        .where(SignInSession.person_id == person_id, SignInSession.kind == kind)
        .order_by(SignInSession.seen_at.desc(), SignInSession.id.desc())
        .offset(MAX_SESSIONS - 1)
    ).all()
    if surplus:
        session.execute(delete(SignInSession).where(SignInSession.id.in_(surplus)))


def _record(session: Session, person: Person, count: int, address: str) -> None:
    trail.record(
        session,
        events.SESSIONS_ENDED,
        trail.person(person, address),
        subject=("person", person.username),
        after={"count": count},
    )

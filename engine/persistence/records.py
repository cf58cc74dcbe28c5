"""What a step does besides moving the case: history, role bindings, messages. All in the step's transaction."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from engine.actor import Actor
from engine.persistence import search as searching
from engine.persistence import statements, write_behind
from models.account import Notice, Person
from models.case import Case, Participant, Task, TaskStatus
from models.language import LazyText


def record(
    session: Session,
    case: Case,
    *,
    what: str,
    by: Actor,
    at: datetime,
    role: str = "",
    task_key: str = "",
    task_name: str = "",
    details: Mapping[str, Any] | None = None,
) -> None:
    """Add a line to the case's history. A lazy ``text`` in the details is read in each reader's language."""
    write_behind.put(
        session,
        statements.ADD_HISTORY,
        {
            "case_id": case.id,
            "at": at,
            "actor_id": by.person_id,
            "actor_name": by.name,
            "role": role,
            "what": what,
            "task_key": task_key,
            "task_name": task_name,
            "details": _kept(details) if details else None,
        },
    )


def _kept(details: Mapping[str, Any]) -> dict[str, Any]:
    text = details.get("text")
    if not isinstance(text, LazyText):
        return dict(details)
    values = {name: _kept_value(value) for name, value in text.values.items()}
    return {**details, "text": text.message, "text_values": values}


def _kept_value(value: Any) -> Any:
    """A value of a text as JSON; ``engine.queries.history`` shows it."""
    if isinstance(value, LazyText):
        return {"text": value.message}
    if isinstance(value, datetime):
        return {"moment": value.isoformat()}
    return str(value)


def record_task(
    session: Session,
    case: Case,
    task: Task,
    *,
    what: str,
    by: Actor,
    at: datetime,
    details: Mapping[str, Any] | None = None,
) -> None:
    """Add a line about one task of the case to its history."""
    record(
        session, case, what=what, by=by, at=at, role=task.role, task_key=task.key, task_name=task.name, details=details
    )


def bound(session: Session, case: Case, role: str) -> int | None:
    """The person that the lane ``role`` of the case is bound to."""
    return session.execute(
        select(Participant.person_id).where(
            Participant.case_id == case.id,
            Participant.role == role,
            Participant.until.is_(None),
            Participant.person_id.is_not(None),
        )
    ).scalar()


def bind(session: Session, case: Case, role: str, person_id: int | None, *, at: datetime) -> None:
    """Bind a lane of the case to a person and move its open tasks; ``None`` gives them back to the group."""
    session.execute(
        update(Participant)
        .where(
            Participant.case_id == case.id,
            Participant.role == role,
            Participant.until.is_(None),
            Participant.person_id.is_not(None),
        )
        .values(until=at)
    )
    if person_id is not None:
        session.execute(insert(Participant), [{"case_id": case.id, "role": role, "person_id": person_id, "since": at}])
    session.execute(
        update(Task)
        .where(Task.case_id == case.id, Task.role == role, Task.status == TaskStatus.OPEN)
        .values(assignee_id=person_id, claimed=False)
    )


def pass_on(session: Session, case: Case, task_keys: Collection[str], scope: str) -> None:
    """Give open tasks of a group to another unit or district: whoever had taken one has it no more."""
    still_open = (Task.case_id == case.id, Task.key.in_(task_keys), Task.status == TaskStatus.OPEN)
    session.execute(update(Task).where(*still_open, Task.claimed).values(assignee_id=None, claimed=False))
    session.execute(update(Task).where(*still_open).values(scope=scope))


def notify(
    session: Session, case: Case | None, person_id: int, title: str, body: str, *, at: datetime, sms: bool = False
) -> None:
    """Send a message to a person's messages page; with ``sms``, its body to their mobile too."""
    session.execute(
        insert(Notice),
        [
            {
                "person_id": person_id,
                "case_id": case.id if case else None,
                "title": title,
                "body": body,
                "sender": "",
                "sent_at": at,
            }
        ],
    )
    if sms:
        mobile = session.execute(select(Person.mobile).where(Person.id == person_id)).scalar()
        if mobile:
            put_sms(session, case, mobile, body, at=at, person_id=person_id)


def put_sms(
    session: Session,
    case: Case | None,
    mobile: str,
    text: str,
    *,
    at: datetime,
    person_id: int | None = None,
    secret: bool = False,
) -> None:
    """Put an SMS into the outbox (SMS-1); it leaves when the worker next looks, after the commit."""
    write_behind.put(
        session,
        statements.ADD_MESSAGE,
        {
            "case_id": case.id if case else None,
            "person_id": person_id,
            "receiver": mobile,
            "text": text,
            "secret": secret,
            "created_at": at,
            "next_try_at": at,
        },
    )


def language_of(session: Session, person_id: int) -> str:
    """The language that a person reads, for texts written to them; use with ``models.language.reading``."""
    return session.execute(select(Person.language).where(Person.id == person_id)).scalar() or "fa"


def set_subject(session: Session, case: Case, subject: str, search: list[str]) -> None:
    """What lists show of the case, and the words that find it."""
    case.subject = subject[:300]
    words = searching.words_of(case.number, [subject, *search])
    before, after = set(case.search_text.split()), set(words)
    if before == after:
        return
    case.search_text = searching.as_text(words)
    connection = session.connection()
    if gone := before - after:
        connection.execute(statements.DELETE_WORDS, {"this_case": case.id, "this_words": sorted(gone)})
    connection.execute(statements.ADD_WORDS, [{"word": word, "case_id": case.id} for word in sorted(after - before)])


def told(values: Mapping[str, Any]) -> dict[str, Any] | None:
    """What the history shows of a submission: short plain answers, never whole tables or files."""
    told = {
        name: value
        for name, value in values.items()
        if isinstance(value, bool | int | float) or (isinstance(value, str) and 0 < len(value) <= 300)
    }
    return {"values": told} if told else None

"""Messages of the organisation to one person or to a whole role, with the time when each person read them (ACC-4)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, exists, func, or_, select
from sqlalchemy.orm import Session

from engine.actor import Actor
from engine.audit import events, trail
from engine.errors import NotFound, Refusal
from engine.identity import organisation, permissions
from engine.paging import Page, capped, page_of, read_cursor
from engine.persistence import upsert
from models.account import Message, MessageReading, Person
from models.case import Case
from models.digits import clean
from models.language import gettext as _

MAX_COUNT = 100  # unread messages are counted up to here
MAX_TITLE_LENGTH = 200
MAX_BODY_LENGTH = 4000
NEWEST_OF_CASE = 10  # messages on the case's page; the page of messages has all


@dataclass(frozen=True)
class Received:
    """A message with the time when this person read it; ``None``: unread."""

    message: Message
    read_at: datetime | None

    @property
    def public(self) -> bool:
        """Returns True for a message to a whole role."""
        return self.message.person_id is None


def unread_count(session: Session, actor: Actor) -> int:
    """Number of unread messages, counted up to ``MAX_COUNT``."""
    some = select(Message.id).where(_for(actor), ~_read_by(actor)).limit(MAX_COUNT).subquery()
    return session.scalar(select(func.count()).select_from(some)) or 0


def page(
    session: Session, actor: Actor, *, public: bool | None = None, cursor: str | None = None, limit: int = 20
) -> Page[Received]:
    """The person's messages, newest first. ``public``: only those to a role (True), or to the person (False).

    Raises ``InvalidSubmission`` for a ``cursor`` of another list.
    """
    limit = capped(limit)
    condition = _for(actor)
    if public is not None:
        condition = and_(condition, Message.person_id.is_(None) if public else Message.person_id.is_not(None))
    if cursor:
        (before,) = read_cursor(cursor, "notices", [int])
        condition = and_(condition, Message.id < before)
    rows = session.execute(_received(actor).where(condition).order_by(Message.id.desc()).limit(limit + 1)).all()
    return page_of([Received(*row) for row in rows], limit, lambda received: [received.message.id], sort="notices")


def read(session: Session, actor: Actor, message_id: int, *, now: datetime) -> Received:
    """One message, marked as read at ``now``. Raises ``NotFound``, also for another person's message."""
    row = session.execute(_received(actor).where(Message.id == message_id, _for(actor))).first()
    if row is None:
        raise NotFound("message", message_id)
    if row.read_at is None and actor.person_id is not None:
        mark_read(session, actor, message_id, now=now)
    return Received(*row)


def case_of(session: Session, actor: Actor, received: Received) -> Case | None:
    """The case of a message, if the person may see it."""
    case = session.get(Case, received.message.case_id) if received.message.case_id is not None else None
    return case if case is not None and permissions.may_see_case(session, actor, case) else None


def of_case(session: Session, actor: Actor, case: Case) -> list[Received]:
    """The person's newest messages about one case, newest first."""
    condition = and_(Message.case_id == case.id, _for(actor))
    rows = session.execute(_received(actor).where(condition).order_by(Message.id.desc()).limit(NEWEST_OF_CASE)).all()
    return [Received(*row) for row in rows]


def mark_read(session: Session, actor: Actor, message_id: int, *, now: datetime) -> None:
    """Mark a message as read by the person; repeating it changes nothing."""
    upsert.add_once(session, MessageReading, message_id=message_id, person_id=actor.person_id, read_at=now)


def send(
    session: Session, *, by: Actor, title: str, body: str, now: datetime, role: str = "", username: str = ""
) -> Message:
    """Send a message to a whole role or to one person, given by user name.

    Raises ``NotAllowed``, ``Refusal`` (field name → messages).
    """
    permissions.demand(by, "send_messages")
    title, body = " ".join(clean(title).split()), clean(body)
    errors: dict[str, list[str]] = {}
    if not title or len(title) > MAX_TITLE_LENGTH:
        errors["title"] = [_("عنوان پیام را وارد کنید (حداکثر ۲۰۰ کاراکتر).")]
    if not body or len(body) > MAX_BODY_LENGTH:
        errors["body"] = [_("متن پیام را بنویسید (حداکثر ۴٬۰۰۰ کاراکتر).")]
    person = _receiver(session, username, errors) if username.strip() else None
    if person is None and "username" not in errors and not _in_use(session, role):
        errors["role"] = [_("نقش گیرندگان را انتخاب یا نام کاربری یک نفر را وارد کنید.")]
    if errors:
        raise Refusal(errors)
    message = Message(
        person_id=person.id if person else None,
        role=None if person else role,
        title=title,
        body=body,
        sender=by.name,
        sent_at=now,
    )
    session.add(message)
    to = ("person", person.username) if person else ("role", role)
    trail.record(session, events.MESSAGE_SENT, by, subject=to)
    session.flush()
    return message


def _in_use(session: Session, role: str) -> bool:
    return any(one.key == role for one in organisation.of(session).active_roles)


def _receiver(session: Session, username: str, errors: dict[str, list[str]]) -> Person | None:
    folded = clean(username).lower()
    person = session.scalars(select(Person).where(Person.username == folded, Person.active)).first()
    if person is None:
        errors["username"] = [_("کاربری با این نام کاربری پیدا نشد.")]
    return person


def _received(actor: Actor):  # type: ignore[no-untyped-def]  # the type of a select of two columns has no short name
    mine = and_(MessageReading.message_id == Message.id, MessageReading.person_id == actor.person_id)
    return select(Message, MessageReading.read_at).outerjoin(MessageReading, mine)


def _for(actor: Actor) -> ColumnElement[bool]:
    """Condition: messages to the person, and messages to their roles since their account exists."""
    to_role = and_(
        Message.person_id.is_(None),
        Message.role.in_(sorted(actor.roles)),
        Message.sent_at >= select(Person.created_at).where(Person.id == actor.person_id).scalar_subquery(),
    )
    return or_(Message.person_id == actor.person_id, to_role)


def _read_by(actor: Actor) -> ColumnElement[bool]:
    return exists().where(MessageReading.message_id == Message.id, MessageReading.person_id == actor.person_id)

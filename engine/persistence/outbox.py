"""Messages to persons and SMS, written in the transaction of the step that sends them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from engine.persistence import statements, write_behind
from models.account import Message, Person
from models.case import Case
from models.sms_text import sms_text


def notify(
    session: Session, case: Case | None, person_id: int, title: str, body: str, *, at: datetime, sms: bool = False
) -> None:
    """Write a message for a person's messages page. With ``sms`` its body goes to their mobile too."""
    session.execute(
        insert(Message),
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
    """Put an SMS into the outbox (SMS-1). The worker sends it after the commit.

    ``mobile``: ``09…``, 11 digits. ``secret``: the text holds a code and is blanked once it was sent.
    """
    write_behind.put(
        session,
        statements.ADD_SMS,
        {
            "case_id": case.id if case else None,
            "person_id": person_id,
            "receiver": mobile,
            "text": sms_text(text),
            "secret": secret,
            "created_at": at,
            "next_try_at": at,
        },
    )


def language_of(session: Session, person_id: int) -> str:
    """Language code (``fa``, ``en``) of the texts written to a person; pass it to ``models.language.reading``."""
    return session.execute(select(Person.language).where(Person.id == person_id)).scalar() or "fa"

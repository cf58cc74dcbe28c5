"""Query of the outbox: SMS with receiver and state of delivery."""

from __future__ import annotations

from sqlalchemy import ColumnElement, and_, or_, select, true
from sqlalchemy.orm import Session

from engine.paging import Page, capped, page_of, read_cursor
from models.digits import clean
from models.outbox import Sms


def sms_page(session: Session, *, q: str = "", cursor: str | None = None, limit: int = 30) -> Page[Sms]:
    """SMS, newest first. ``q``: part of the receiver's number or of the text. The caller checks the permission.

    Raises ``InvalidSubmission`` for a ``cursor`` of another list.
    """
    limit = capped(limit)
    condition: ColumnElement[bool] = true()
    word = clean(q)[:100]
    if word:
        matching = or_(Sms.receiver.contains(word, autoescape=True), Sms.text.contains(word, autoescape=True))
        condition = and_(condition, matching)
    if cursor:
        (before,) = read_cursor(cursor, "outbox", [int])
        condition = and_(condition, Sms.id < before)
    rows = session.scalars(select(Sms).where(condition).order_by(Sms.id.desc()).limit(limit + 1)).all()
    return page_of(rows, limit, lambda message: [message.id], sort="outbox")

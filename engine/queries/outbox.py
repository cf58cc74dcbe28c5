"""The outbox as people look at it: which SMS went to whom, and what became of it."""

from __future__ import annotations

from sqlalchemy import ColumnElement, and_, or_, select, true
from sqlalchemy.orm import Session

from engine.paging import Page, capped, page_of, read_cursor
from models.digits import clean
from models.outbox import Sms


def sms_page(session: Session, *, q: str = "", cursor: str | None = None, limit: int = 30) -> Page[Sms]:
    """Messages, newest first; ``q`` is a part of the receiver's number or of the text. The caller checks who asks."""
    limit = capped(limit)
    condition: ColumnElement[bool] = true()
    word = clean(q)[:100]
    if word:
        found = or_(Sms.receiver.contains(word, autoescape=True), Sms.text.contains(word, autoescape=True))
        condition = and_(condition, found)
    if cursor:
        (before,) = read_cursor(cursor, "outbox", [int])
        condition = and_(condition, Sms.id < before)
    rows = session.scalars(select(Sms).where(condition).order_by(Sms.id.desc()).limit(limit + 1)).all()
    return page_of(rows, limit, lambda message: [message.id], sort="outbox")

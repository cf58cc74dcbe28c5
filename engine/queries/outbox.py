"""The outbox as people look at it: which SMS went to whom, and what became of it."""

from __future__ import annotations

from sqlalchemy import ColumnElement, and_, or_, select, true
from sqlalchemy.orm import Session

from engine.paging import Page, capped, page_of, read_cursor
from models.digits import clean
from models.outbox import OutboxMessage


def messages_page(session: Session, *, q: str = "", cursor: str | None = None, limit: int = 30) -> Page[OutboxMessage]:
    """Messages, newest first; ``q`` is a part of the receiver's number or of the text. The caller checks who asks."""
    limit = capped(limit)
    condition: ColumnElement[bool] = true()
    word = clean(q)[:100]
    if word:
        found = or_(
            OutboxMessage.receiver.contains(word, autoescape=True), OutboxMessage.text.contains(word, autoescape=True)
        )
        condition = and_(condition, found)
    if cursor:
        (before,) = read_cursor(cursor, "outbox", [int])
        condition = and_(condition, OutboxMessage.id < before)
    rows = session.scalars(
        select(OutboxMessage).where(condition).order_by(OutboxMessage.id.desc()).limit(limit + 1)
    ).all()
    return page_of(rows, limit, lambda message: [message.id], sort="outbox")

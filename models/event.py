"""Subscriptions of cases: the messages (with a key) and signals that they wait for."""

from __future__ import annotations

import enum
from datetime import datetime

from sqlalchemy import Enum, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Base, BigId
from models.case import Case

LONGEST_KEY = 200  # characters of a correlation key


class EventKind(enum.StrEnum):
    MESSAGE = "message"  # to the one case that waits with this name and key
    SIGNAL = "signal"  # to every case that waits for this name


class EventSubscription(Base):
    """A token of a case that waits for a message or a signal; the row goes when the wait ends.

    Ids grow with time: the oldest subscription takes a message, and a signal reaches those that were there.
    """

    __tablename__ = "event_subscriptions"
    __table_args__ = (
        Index("ix_event_subscriptions_kind_name_key_id", "kind", "name", "key", "id"),
        Index("ix_event_subscriptions_case_id", "case_id"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"))
    kind: Mapped[EventKind] = mapped_column(
        Enum(EventKind, native_enum=False, length=20, values_callable=lambda kinds: [kind.value for kind in kinds])
    )
    name: Mapped[str] = mapped_column(String(200))  # of the message or signal
    key: Mapped[str | None] = mapped_column(String(LONGEST_KEY))  # empty: no key yet, nothing reaches it; signals: ""
    token: Mapped[str] = mapped_column(String(36))  # id inside the state
    process_key: Mapped[str] = mapped_column(String(60))
    element_id: Mapped[str] = mapped_column(String(100))
    since: Mapped[datetime]

    case: Mapped[Case] = relationship()

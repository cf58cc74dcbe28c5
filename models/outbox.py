"""The outbox: SMS written in the transaction of a step and sent after it (SMS-1)."""

from __future__ import annotations

import enum
from datetime import datetime

from sqlalchemy import Enum, ForeignKey, Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, BigId


class DeliveryState(enum.StrEnum):
    WAITING = "waiting"
    SENT = "sent"
    UNCERTAIN = "uncertain"  # the provider did not answer in time: it may have been sent
    FAILED = "failed"  # given up; a supervisor sees it


class Sms(Base):
    """One SMS. Its ``id`` is the idempotency key towards the provider."""

    __tablename__ = "outbox"
    __table_args__ = (Index("ix_outbox_next_try_at_id", "next_try_at", "id"), Index("ix_outbox_case_id", "case_id"))

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    case_id: Mapped[int | None] = mapped_column(ForeignKey("cases.id"))
    person_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    receiver: Mapped[str] = mapped_column(String(11))  # mobile, 09…
    text: Mapped[str]
    secret: Mapped[bool] = mapped_column(default=False)  # holds a code: blanked once it is sent
    state: Mapped[DeliveryState] = mapped_column(
        Enum(DeliveryState, native_enum=False, length=20, values_callable=lambda states: [s.value for s in states]),
        default=DeliveryState.WAITING,
    )
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    created_at: Mapped[datetime]
    next_try_at: Mapped[datetime | None]  # empty once it is settled
    sent_at: Mapped[datetime | None]
    provider: Mapped[str] = mapped_column(String(30), default="")
    provider_id: Mapped[str] = mapped_column(String(60), default="")
    error: Mapped[str] = mapped_column(String(300), default="")
    lease_owner: Mapped[str | None] = mapped_column(String(60))
    lease_until: Mapped[datetime | None]

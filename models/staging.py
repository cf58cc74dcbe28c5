"""Offset of the clock of a demo or staging installation."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Integer, SmallInteger, String
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base

ONLY = 1  # the id of the one row


class ClockAhead(Base):
    """The one row; without it the clock is the machine's. Production never reads it."""

    __tablename__ = "clock_ahead"

    id: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False, default=ONLY)
    seconds: Mapped[int] = mapped_column(Integer)
    changed_at: Mapped[datetime]  # by the machine's clock
    changed_by: Mapped[str] = mapped_column(String(200), default="")  # user name

"""Which processes an installation offers, and who decided so."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Boolean, ForeignKey, Integer, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.account import Person
from models.base import Base, BigId


class ProcessOffer(Base):
    """The decision about one process. No row: nobody has decided yet."""

    __tablename__ = "process_offers"

    process_key: Mapped[str] = mapped_column(String(60), primary_key=True)
    offered: Mapped[bool] = mapped_column(Boolean)
    revision: Mapped[int] = mapped_column(Integer, default=1)
    changed_at: Mapped[datetime | None]  # empty: the process was in use before there was such a decision
    changed_by_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))

    changed_by: Mapped[Person | None] = relationship()

    __mapper_args__ = {"version_id_col": revision}  # noqa: RUF012 - SQLAlchemy reads it from the class


class ProcessOfferChange(Base):
    """One change: whether new cases could start before and after, who and when. Append-only."""

    __tablename__ = "process_offer_changes"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    process_key: Mapped[str] = mapped_column(String(60))
    before: Mapped[bool] = mapped_column(Boolean)
    after: Mapped[bool] = mapped_column(Boolean)
    at: Mapped[datetime]
    by_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))  # empty: a command
    by_name: Mapped[str] = mapped_column(String(200), default="")

"""The organisation's working calendar: its hours, the days that differ from the week, and who changed what (CAL-1)."""

from __future__ import annotations

import enum
from datetime import date, datetime, time
from typing import Any

from sqlalchemy import Boolean, Enum, ForeignKey, Index, Integer, SmallInteger, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.account import Person
from models.base import Base, BigId

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")  # as date.weekday() counts
ONLY = 1  # the id of the one row of settings


class DayKind(enum.StrEnum):
    HOLIDAY = "holiday"  # closed, whatever day of the week it is
    WORKDAY = "workday"  # open, though it is a weekend day or a public holiday


class DaySource(enum.StrEnum):
    LIBRARY = "library"  # as the library of holidays had it when its year was taken over
    ADMIN = "admin"  # as somebody of the organisation decided


def _stored(members: type[enum.Enum]) -> Enum:
    return Enum(members, native_enum=False, length=10, values_callable=lambda kinds: [kind.value for kind in kinds])


class CalendarSettings(Base):
    """The one row of weekly settings. ``revision`` counts all changes, including those of days."""

    __tablename__ = "calendar_settings"

    id: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False, default=ONLY)
    revision: Mapped[int] = mapped_column(Integer, default=1)
    weekend: Mapped[str] = mapped_column(String(80))  # "thursday,friday"
    opens: Mapped[time]  # local time of the zone
    closes: Mapped[time]
    zone: Mapped[str] = mapped_column(String(60))
    first_year: Mapped[int | None] = mapped_column(SmallInteger)  # Jalali years whose holidays were taken over
    last_year: Mapped[int | None] = mapped_column(SmallInteger)


class CalendarDay(Base):
    """A day that differs from its day of the week."""

    __tablename__ = "calendar_days"

    day: Mapped[date] = mapped_column(primary_key=True)
    kind: Mapped[DayKind] = mapped_column(_stored(DayKind))
    name: Mapped[str] = mapped_column(String(200), default="")  # of the holiday; Persian
    source: Mapped[DaySource] = mapped_column(_stored(DaySource))
    estimated: Mapped[bool] = mapped_column(Boolean, default=False)  # a lunar day nobody has confirmed yet
    changed_at: Mapped[datetime | None]  # time of the last change by an admin
    changed_by_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))

    changed_by: Mapped[Person | None] = relationship()


class CalendarChange(Base):
    """A change of one day or of the settings: values before and after, person and reason. Append-only."""

    __tablename__ = "calendar_changes"
    __table_args__ = (
        Index("ix_calendar_changes_day_id", "day", "id"),
        Index("ix_calendar_changes_revision", "revision"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    revision: Mapped[int | None] = mapped_column(Integer)  # the calendar's new revision; empty: no deadline could move
    day: Mapped[date | None]  # empty: the settings
    before: Mapped[dict[str, Any] | None]
    after: Mapped[dict[str, Any] | None]
    reason: Mapped[str] = mapped_column(String(500))
    at: Mapped[datetime]
    by_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    by_name: Mapped[str] = mapped_column(String(200), default="")

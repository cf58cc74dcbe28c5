"""Imports the public holidays of Iran from the library ``holidays`` into a table, once for each year (CAL-1).

Afterwards only the table counts: a new version of the library moves no deadline.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

import holidays
import jdatetime
from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.actor import SYSTEM, Actor
from engine.audit import events, trail
from engine.calendar.office_calendar import weekend_of
from engine.calendar.working_time import WorkingCalendar
from engine.persistence import upsert
from models.jalali import jalali_year
from models.working_calendar import ONLY, CalendarDay, CalendarSettings, DayKind, DaySource

FIRST_YEAR, LAST_YEAR = 1390, 1410  # Jalali
AHEAD = 5  # years beyond the current one that are always imported
ESTIMATED = "(تخمینی)"  # suffix of the library for a lunar holiday that is not announced yet
WEEKEND, OPENS, CLOSES, ZONE = "thursday,friday", time(7, 30), time(14, 30), "Asia/Tehran"  # until an admin decides
IRAN = holidays.country_holidays("IR", language="fa_IR")


def initial_calendar() -> WorkingCalendar:
    """The calendar of an installation whose tables are still empty."""
    return WorkingCalendar(
        weekend=weekend_of(WEEKEND), opens=OPENS, closes=CLOSES, zone=ZoneInfo(ZONE), is_holiday=is_public_holiday
    )


def is_public_holiday(day: date) -> bool:
    """Returns True for a holiday of the library, used while the table is empty."""
    return day in IRAN


def fill(session: Session, *, now: datetime, by: Actor = SYSTEM) -> int:
    """Add the weekly settings and the missing years, in the caller's transaction. Returns the number of days added.

    Safe at any time and from several processes at once. ``now``: aware.
    """
    settings = _locked(session)
    last = max(LAST_YEAR, jalali_year(now.date()) + AHEAD)
    first = FIRST_YEAR if settings.last_year is None else settings.last_year + 1
    if first > last:
        return 0
    begin, end = jdatetime.date(first, 1, 1).togregorian(), jdatetime.date(last + 1, 1, 1).togregorian()
    existing = set(session.scalars(select(CalendarDay.day).where(CalendarDay.day >= begin, CalendarDay.day < end)))
    new = [day for day in _of_library(begin, end) if day.day not in existing]
    session.add_all(new)
    if settings.last_year is not None:
        settings.revision += 1
    before = {"last_year": settings.last_year} if settings.last_year is not None else None
    settings.first_year, settings.last_year = settings.first_year or first, last
    after = {"last_year": last, "days": len(new)}
    trail.record(session, events.CALENDAR_CHANGED, by, subject=("calendar", ""), before=before, after=after)
    session.flush()
    return len(new)


def _locked(session: Session) -> CalendarSettings:
    """The one row of weekly settings, locked; created if there is none."""
    query = select(CalendarSettings).where(CalendarSettings.id == ONLY).with_for_update()
    row = session.scalars(query).one_or_none()
    if row is not None:
        return row
    upsert.add_once(session, CalendarSettings, id=ONLY, weekend=WEEKEND, opens=OPENS, closes=CLOSES, zone=ZONE)
    return session.scalars(query).one()


def _of_library(begin: date, end: date) -> Iterator[CalendarDay]:
    library = holidays.country_holidays("IR", language="fa_IR", years=range(begin.year, end.year + 1))
    for day, text in sorted(library.items()):
        if begin <= day < end:
            names = text.split("; ")
            yield CalendarDay(
                day=day,
                kind=DayKind.HOLIDAY,
                name="؛ ".join(name.replace(ESTIMATED, "").strip() for name in names),
                source=DaySource.LIBRARY,
                estimated=all(ESTIMATED in name for name in names),
            )

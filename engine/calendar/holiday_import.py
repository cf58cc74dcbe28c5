"""Takes the public holidays of Iran over into our own table, once for each year (CAL-1).

Afterwards the table alone counts: another version of the library moves no deadline by itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

import holidays
import jdatetime
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from engine.calendar.office_calendar import weekend_of
from engine.calendar.working_time import WorkingCalendar
from models.jalali import jalali_year
from models.working_calendar import ONLY, CalendarDay, CalendarSettings, DayKind, DaySource

FIRST_YEAR, LAST_YEAR = 1390, 1410  # Jalali
AHEAD = 5  # years that are always there, from the one we are in
ESTIMATED = "(تخمینی)"  # what the library adds to a lunar day that nobody has announced yet
WEEKEND, OPENS, CLOSES, ZONE = "thursday,friday", time(7, 30), time(14, 30), "Asia/Tehran"  # until an admin decides
IRAN = holidays.country_holidays("IR", language="fa_IR")


def initial_calendar() -> WorkingCalendar:
    """The working time of an installation whose tables are empty."""
    return WorkingCalendar(
        weekend=weekend_of(WEEKEND), opens=OPENS, closes=CLOSES, zone=ZoneInfo(ZONE), is_holiday=is_public_holiday
    )


def is_public_holiday(day: date) -> bool:
    """What the library says, as long as our own table is empty."""
    return day in IRAN


def fill(session: Session, *, now: datetime) -> int:
    """Add the ordinary week and the years that are not there yet. Returns the number of days added.

    In the caller's transaction. Safe at any moment, and from any number of processes at once.
    """
    kept = _locked(session)
    wanted = max(LAST_YEAR, jalali_year(now.date()) + AHEAD)
    first = FIRST_YEAR if kept.last_year is None else kept.last_year + 1
    if first > wanted:
        return 0
    begin, end = jdatetime.date(first, 1, 1).togregorian(), jdatetime.date(wanted + 1, 1, 1).togregorian()
    there = set(session.scalars(select(CalendarDay.day).where(CalendarDay.day >= begin, CalendarDay.day < end)))
    new = [day for day in _of_library(begin, end) if day.day not in there]
    session.add_all(new)
    if kept.last_year is not None:
        kept.revision += 1
    kept.first_year, kept.last_year = kept.first_year or first, wanted
    session.flush()
    return len(new)


def _locked(session: Session) -> CalendarSettings:
    """The one row of the week's settings, locked; made when there is none."""
    asked = select(CalendarSettings).where(CalendarSettings.id == ONLY).with_for_update()
    found = session.scalars(asked).one_or_none()
    if found is not None:
        return found
    made = CalendarSettings(weekend=WEEKEND, opens=OPENS, closes=CLOSES, zone=ZONE)
    try:
        with session.begin_nested():
            session.add(made)
    except IntegrityError:  # another process was quicker, and has finished by now
        return session.scalars(asked).one()
    return made


def _of_library(begin: date, end: date) -> Iterator[CalendarDay]:
    found = holidays.country_holidays("IR", language="fa_IR", years=range(begin.year, end.year + 1))
    for day, text in sorted(found.items()):
        if begin <= day < end:
            names = text.split("; ")
            yield CalendarDay(
                day=day,
                kind=DayKind.HOLIDAY,
                name="؛ ".join(name.replace(ESTIMATED, "").strip() for name in names),
                source=DaySource.LIBRARY,
                estimated=all(ESTIMATED in name for name in names),
            )

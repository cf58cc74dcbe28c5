"""Views of a Jalali year and of a day of the working calendar, for its administrators."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import jdatetime
from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session, joinedload

from engine.actor import Actor
from engine.calendar.office_calendar import weekend_of
from engine.errors import NotFound
from engine.identity import permissions
from models.jalali import FIRST_YEAR, LAST_YEAR, is_reckoned, jalali_year
from models.language import lazy
from models.working_calendar import ONLY, CalendarChange, CalendarDay, CalendarSettings, DayKind

MONTHS = (
    lazy("فروردین"),
    lazy("اردیبهشت"),
    lazy("خرداد"),
    lazy("تیر"),
    lazy("مرداد"),
    lazy("شهریور"),
    lazy("مهر"),
    lazy("آبان"),
    lazy("آذر"),
    lazy("دی"),
    lazy("بهمن"),
    lazy("اسفند"),
)
MAX_CHANGES = 20  # changes
SOON = timedelta(days=60)  # an estimated day this near should be confirmed


@dataclass(frozen=True)
class DayView:
    """One day with its kind, and its holiday's name."""

    day: date
    number: int  # of the Jalali month
    kind: str  # work | weekend | holiday | worked
    name: str = ""
    estimated: bool = False
    changed: bool = False  # an administrator has changed it


@dataclass(frozen=True)
class MonthView:
    """One month. ``blank``: days of its first week (from Saturday) that belong to the previous month."""

    name: Any
    blank: int
    days: list[DayView] = field(default_factory=list)


@dataclass(frozen=True)
class YearView:
    """A Jalali year: its twelve months, the weekly settings, and estimated days to confirm."""

    year: int
    months: list[MonthView]
    settings: CalendarSettings
    to_confirm: list[DayView]  # estimated, and near

    @property
    def special(self) -> list[DayView]:
        """Days with a name, and working days at weekends."""
        return [day for month in self.months for day in month.days if day.name or day.kind == "worked"]


def year_view(session: Session, actor: Actor, year: int, *, today: date) -> YearView:
    """View of a Jalali year. Raises ``NotAllowed``, and ``NotFound`` for a year outside the calendar."""
    settings = settings_of(session, actor)
    if not (settings.first_year or FIRST_YEAR) <= year <= (settings.last_year or LAST_YEAR):
        raise NotFound("year", year)
    begin, end = jdatetime.date(year, 1, 1).togregorian(), jdatetime.date(year + 1, 1, 1).togregorian()
    rows = {row.day: row for row in _days(session, begin, end)}
    in_year = and_(CalendarChange.day >= begin, CalendarChange.day < end)
    soon = and_(CalendarChange.day >= today, CalendarChange.day < today + SOON)
    changed = set(session.scalars(select(CalendarChange.day).where(or_(in_year, soon))))
    weekend = weekend_of(settings.weekend)
    months = [_month(year, month, rows, weekend, changed) for month in range(12)]
    near = [row for row in _days(session, today, today + SOON) if row.estimated]
    to_confirm = [_view(row.day, row, weekend, changed) for row in near]
    return YearView(year, months, settings, to_confirm)


def settings_of(session: Session, actor: Actor) -> CalendarSettings:
    """The weekly settings. Raises ``NotAllowed``."""
    permissions.demand(actor, "change_calendar")
    return session.get_one(CalendarSettings, ONLY)


def day_view(session: Session, actor: Actor, day: date) -> tuple[DayView, list[CalendarChange]]:
    """View of one day, and its changes, newest first. Raises ``NotAllowed``, ``NotFound``."""
    settings = settings_of(session, actor)
    if not is_reckoned(day) or not (settings.first_year or 0) <= jalali_year(day) <= (settings.last_year or 0):
        raise NotFound("day", day)
    row = session.get(CalendarDay, day)
    history = changes(session, actor, day=day)
    return _view(day, row, weekend_of(settings.weekend), {day} if history else set()), history


def changes(session: Session, actor: Actor, *, day: date | None = None) -> list[CalendarChange]:
    """The last ``MAX_CHANGES`` changes of a day, or of the whole calendar, newest first. Raises ``NotAllowed``."""
    permissions.demand(actor, "change_calendar")
    query = select(CalendarChange).order_by(CalendarChange.id.desc()).limit(MAX_CHANGES)
    return list(session.scalars(query.where(CalendarChange.day == day) if day else query))


def _days(session: Session, begin: date, end: date) -> list[CalendarDay]:
    query = select(CalendarDay).where(CalendarDay.day >= begin, CalendarDay.day < end).order_by(CalendarDay.day)
    return list(session.scalars(query.options(joinedload(CalendarDay.changed_by))))


def _month(
    year: int, month: int, rows: dict[date, CalendarDay], weekend: frozenset[int], changed: set[date | None]
) -> MonthView:
    first = jdatetime.date(year, month + 1, 1).togregorian()
    length = jdatetime.j_days_in_month[month] + (month == 11 and jdatetime.date(year, 1, 1).isleap())
    days = [first + timedelta(days=number) for number in range(length)]
    blank = (first.weekday() + 2) % 7  # the week begins on Saturday
    return MonthView(MONTHS[month], blank, [_view(day, rows.get(day), weekend, changed) for day in days])


def _view(day: date, row: CalendarDay | None, weekend: frozenset[int], changed: set[date | None]) -> DayView:
    kind = "weekend" if day.weekday() in weekend else "work"
    if row is not None:
        kind = "holiday" if row.kind is DayKind.HOLIDAY else "worked"
    number = jdatetime.date.fromgregorian(date=day).day
    return DayView(day, number, kind, row.name if row else "", bool(row and row.estimated), changed=day in changed)

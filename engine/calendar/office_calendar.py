"""The organisation's current working calendar, loaded from its tables (CAL-1).

A change applies from the next step on, in every process: each reads the calendar's revision first and reloads the
calendar when the revision has changed.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from engine import clock
from engine.calendar import deadlines
from engine.calendar.deadlines import Current
from engine.calendar.working_time import WorkingCalendar
from models.working_calendar import ONLY, WEEKDAYS, CalendarDay, CalendarSettings, DayKind


class OfficeCalendar:
    """The calendar of the tables; the ``initial`` one while they are empty. Safe to share between threads.

    It has the methods of ``WorkingCalendar``; each call reads the revision. For many calls in a row take
    ``current().calendar`` once.
    """

    def __init__(self, initial: WorkingCalendar, sessions: sessionmaker[Session] | None = None) -> None:
        self._initial = Current(initial, 0)
        self._sessions = sessions
        self._loaded = self._initial

    def current(self) -> Current:
        """The calendar of the current step; outside a step, the newest one."""
        step = deadlines.of_step()
        if step is not None:
            return step.current
        if self._sessions is None:
            return self._initial
        with self._sessions() as session:
            return self.read(session)

    def read(self, session: Session) -> Current:
        """The newest committed calendar. A transaction that changes the calendar uses ``load`` instead."""
        revision = _revision(session)
        if revision is None:
            return self._initial
        loaded = self._loaded
        if loaded.revision != revision:
            self._loaded = loaded = load(session)
        return loaded

    @property
    def last(self) -> WorkingCalendar:
        """The calendar that this process read last, for pages shown while the database is unreachable."""
        return self._loaded.calendar

    def working_days(self, days: int) -> str:
        """Function of expressions: ISO 8601 time, in UTC, that is ``days`` working days after the step."""
        if isinstance(days, bool) or not isinstance(days, int):
            raise TypeError(f"Not a number of days: {days!r}")
        step = deadlines.of_step()
        if step is not None:
            return step.count(days)
        return self.current().calendar.add_working_days(clock.now(), days).isoformat()

    # The methods of ``WorkingCalendar``

    @property
    def zone(self) -> ZoneInfo:
        return self.current().calendar.zone

    @property
    def opens(self) -> time:
        return self.current().calendar.opens

    @property
    def closes(self) -> time:
        return self.current().calendar.closes

    def is_working_day(self, day: date) -> bool:
        return self.current().calendar.is_working_day(day)

    def is_working_time(self, moment: datetime) -> bool:
        return self.current().calendar.is_working_time(moment)

    def next_working_moment(self, moment: datetime) -> datetime:
        return self.current().calendar.next_working_moment(moment)

    def add_working_days(self, start: datetime, days: int) -> datetime:
        return self.current().calendar.add_working_days(start, days)

    def working_time_between(self, start: datetime, end: datetime) -> timedelta:
        return self.current().calendar.working_time_between(start, end)


def load(session: Session) -> Current:
    """The calendar as this transaction sees it. Raises ``LookupError`` if the tables are empty."""
    while True:
        revision = _revision(session)
        if revision is None:
            raise LookupError("The calendar has not been filled")
        loaded = Current(_load(session), revision)
        if _revision(session) == revision:  # else somebody changed it while we read
            return loaded


def build(settings: CalendarSettings, days: dict[date, DayKind]) -> WorkingCalendar:
    """Build a calendar from stored or proposed settings and days."""
    holidays = frozenset(day for day, kind in days.items() if kind is DayKind.HOLIDAY)
    return WorkingCalendar(
        weekend=weekend_of(settings.weekend),
        opens=settings.opens,
        closes=settings.closes,
        zone=ZoneInfo(settings.zone),
        is_holiday=holidays.__contains__,
        worked=frozenset(day for day, kind in days.items() if kind is DayKind.WORKDAY),
    )


def weekend_of(text: str) -> frozenset[int]:
    """``"thursday,friday"`` as numbers of ``date.weekday()``. Raises ``ValueError`` for an unknown day."""
    return frozenset(WEEKDAYS.index(name.strip()) for name in text.split(",") if name.strip())


# Core statements bypass the unit of work: reading the calendar must not flush an unfinished step.


def _revision(session: Session) -> int | None:
    return session.connection().execute(select(CalendarSettings.revision).where(CalendarSettings.id == ONLY)).scalar()


def _load(session: Session) -> WorkingCalendar:
    connection = session.connection()
    settings = connection.execute(
        select(CalendarSettings.weekend, CalendarSettings.opens, CalendarSettings.closes, CalendarSettings.zone)
    ).one()
    days = {row.day: row.kind for row in connection.execute(select(CalendarDay.day, CalendarDay.kind))}
    return build(CalendarSettings(**settings._mapping), days)

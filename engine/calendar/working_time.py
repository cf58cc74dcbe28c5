"""Working time of an office with weekends, holidays and hours, such as "two working days after" (CAL-1..CAL-3).

Pure functions of the calendar: no clock, no database.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

MAX_DAYS = 3_660  # days searched: a calendar without a working day among them is a mistake
DAY = timedelta(days=1)


class NoWorkingDay(ValueError):
    """The calendar has no working day within ten years."""


@dataclass(frozen=True)
class WorkingCalendar:
    """An office's calendar. ``weekend`` holds numbers of ``date.weekday()`` (Monday is 0); hours are local.

    ``worked``: days on which the office is open although they are weekend days or holidays.
    """

    weekend: frozenset[int]
    opens: time
    closes: time
    zone: ZoneInfo
    is_holiday: Callable[[date], bool]
    worked: Collection[date] = frozenset()

    @property
    def day_length(self) -> timedelta:
        """The office hours of one working day."""
        return datetime.combine(date.min, self.closes) - datetime.combine(date.min, self.opens)

    def is_working_day(self, day: date) -> bool:
        return day in self.worked or (day.weekday() not in self.weekend and not self.is_holiday(day))

    def is_working_time(self, moment: datetime) -> bool:
        """Returns True if the office is open at an aware time; the closing minute counts as open."""
        local = moment.astimezone(self.zone)
        return self.is_working_day(local.date()) and self.opens <= local.time() <= self.closes

    def next_working_moment(self, moment: datetime) -> datetime:
        """``moment`` if the office is open then, else the next opening time (CAL-2). Aware, in UTC."""
        local = moment.astimezone(self.zone)
        if self.is_working_day(local.date()):
            if local.time() < self.opens:
                return self._at(local.date(), self.opens)
            if local.time() <= self.closes:
                return moment.astimezone(UTC)
        return self._at(self._working_day_after(local.date()), self.opens)

    def add_working_days(self, start: datetime, days: int) -> datetime:
        """The same time of day on the ``days``-th working day after ``start`` (CAL-3).

        A ``start`` outside office hours counts as the next opening. Takes an aware time, returns one in UTC.
        Raises ``ValueError`` for a negative number of days and for more than ``MAX_DAYS``; ``NoWorkingDay``.
        """
        if not 0 <= days <= MAX_DAYS:
            raise ValueError(f"Working days are counted forwards, up to ten years: {days}")
        counted = self.next_working_moment(start).astimezone(self.zone)
        day = counted.date()
        for _ in range(days):
            day = self._working_day_after(day)
        return self._at(day, counted.time())

    def working_time_between(self, start: datetime, end: datetime) -> timedelta:
        """Office hours between two aware times; negative if ``end`` is the earlier one."""
        if end < start:
            return -self.working_time_between(end, start)
        first, last = start.astimezone(self.zone).date(), end.astimezone(self.zone).date()
        open_days = (first + DAY * number for number in range((last - first).days + 1))
        return sum((self._open_within(day, start, end) for day in open_days), timedelta())

    def _open_within(self, day: date, start: datetime, end: datetime) -> timedelta:
        """Office hours of ``day`` between two times."""
        if not self.is_working_day(day):
            return timedelta()
        begin = max(self._at(day, self.opens), start.astimezone(UTC))
        closing = self._at(day, self.closes, fold=1)  # of an hour that comes twice, the second one
        return max(min(closing, end.astimezone(UTC)) - begin, timedelta())

    def _working_day_after(self, day: date) -> date:
        for _ in range(MAX_DAYS):
            day += DAY
            if self.is_working_day(day):
                return day
        raise NoWorkingDay(f"No working day within ten years before {day}")

    def _at(self, day: date, clock: time, *, fold: int = 0) -> datetime:
        return datetime.combine(day, clock.replace(tzinfo=None, fold=fold), self.zone).astimezone(UTC)

"""Working days and hours (CAL-1..CAL-3), against the guide's examples and a slow reference."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import jdatetime
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.working_time import NoWorkingDay, WorkingCalendar

TEHRAN = ZoneInfo("Asia/Tehran")
HOLIDAYS = {jdatetime.date(1404, 1, day).togregorian() for day in (1, 2, 3, 4, 12, 13)}


def calendar(weekend: frozenset[int] = frozenset({3, 4}), holidays: set[date] | None = None) -> WorkingCalendar:
    closed = HOLIDAYS if holidays is None else holidays
    return WorkingCalendar(weekend, time(7, 30), time(14, 30), TEHRAN, lambda day: day in closed)


def tehran(year: int, month: int, day: int, hour: int = 0, minute: int = 0, second: int = 0) -> datetime:
    local = jdatetime.date(year, month, day).togregorian()
    return datetime(local.year, local.month, local.day, hour, minute, second, tzinfo=TEHRAN)


@pytest.mark.rule("CAL-3")
@pytest.mark.parametrize(
    ("start", "due"),
    [
        (tehran(1399, 2, 7, 9, 9, 11), tehran(1399, 2, 9, 9, 9, 11)),  # Sunday → Tuesday
        (tehran(1399, 2, 10, 13, 0), tehran(1399, 2, 14, 13, 0)),  # Wednesday → Sunday
        (tehran(1399, 2, 11, 10, 0), tehran(1399, 2, 15, 7, 30)),  # Thursday counts as Saturday 07:30 → Monday
    ],
)
def test_the_examples_of_the_guide(start: datetime, due: datetime) -> None:
    assert calendar(holidays=set()).add_working_days(start, 2) == due


@pytest.mark.rule("CAL-2")
def test_a_moment_outside_office_hours_counts_as_the_next_opening() -> None:
    office = calendar(holidays=set())
    assert office.next_working_moment(tehran(1399, 2, 7, 5, 0)) == tehran(1399, 2, 7, 7, 30)
    assert office.next_working_moment(tehran(1399, 2, 7, 14, 30)) == tehran(1399, 2, 7, 14, 30)
    assert office.next_working_moment(tehran(1399, 2, 7, 14, 31)) == tehran(1399, 2, 8, 7, 30)
    assert office.next_working_moment(tehran(1399, 2, 10, 20, 0)) == tehran(1399, 2, 13, 7, 30)


@pytest.mark.rule("CAL-1")
def test_nowruz_is_stepped_over() -> None:
    assert calendar().add_working_days(tehran(1403, 12, 29, 10, 0), 2) == tehran(1404, 1, 6, 10, 0)


def test_a_calendar_without_a_working_day_is_told() -> None:
    with pytest.raises(NoWorkingDay):
        calendar(frozenset(range(7))).add_working_days(tehran(1404, 2, 1), 1)


def slow(office: WorkingCalendar, start: datetime, days: int) -> datetime:
    """The same by walking minute after minute to the moment that counts, then day after day."""
    moment = start.astimezone(TEHRAN)
    while not office.is_working_time(moment):
        later = (moment.astimezone(UTC) + timedelta(minutes=1)).astimezone(TEHRAN)
        moment = later.replace(second=0, microsecond=0)
    day, left = moment.date(), days
    while left:
        day += timedelta(days=1)
        left -= office.is_working_day(day)
    return datetime.combine(day, moment.time(), TEHRAN).astimezone(UTC)


MOMENTS = st.datetimes(datetime(2011, 3, 21), datetime(2032, 3, 19)).map(
    lambda at: at.replace(microsecond=0, tzinfo=UTC)
)


@given(
    MOMENTS, st.integers(0, 12), st.sets(st.integers(0, 40), max_size=12), st.sampled_from([{3, 4}, {4}, {3}, {5, 6}])
)
def test_it_agrees_with_the_slow_reference(start: datetime, days: int, closed: set[int], weekend: set[int]) -> None:
    holidays = {start.date() + timedelta(days=offset) for offset in closed}
    office = calendar(frozenset(weekend), holidays)
    assert office.add_working_days(start, days) == slow(office, start, days)

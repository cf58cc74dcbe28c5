"""Working days and hours (CAL-1..CAL-3), against the guide's examples and a slow reference."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from time import tzset
from zoneinfo import ZoneInfo

import holidays
import jdatetime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.calendar.working_time import MAX_DAYS, NoWorkingDay, WorkingCalendar

TEHRAN = ZoneInfo("Asia/Tehran")
HOLIDAYS = {jdatetime.date(1404, 1, day).togregorian() for day in (1, 2, 3, 4, 12, 13)}


FIRST, LAST = jdatetime.date(1390, 1, 1).togregorian(), jdatetime.date(1410, 12, 29).togregorian()
PUBLIC = frozenset(holidays.country_holidays("IR", years=range(FIRST.year, LAST.year + 1)))


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


def test_working_days_are_looked_for_within_ten_years_and_not_beyond() -> None:
    start = tehran(1404, 2, 1, 10)
    last = start.date() + timedelta(days=3_660)
    office = WorkingCalendar(frozenset(range(7)), time(7, 30), time(14, 30), TEHRAN, lambda day: False, {last})
    assert office.next_working_moment(start).astimezone(TEHRAN) == datetime.combine(last, time(7, 30), TEHRAN)
    with pytest.raises(NoWorkingDay):
        office.next_working_moment(start - timedelta(days=1))


def test_a_working_day_is_as_long_as_the_office_is_open() -> None:
    assert calendar().day_length == timedelta(hours=7)


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


def slow_between(office: WorkingCalendar, start: datetime, end: datetime) -> timedelta:
    """The working time between two whole minutes by looking at each minute between them."""
    moment, minutes = start, 0
    while moment < end:
        local = moment.astimezone(TEHRAN)
        minutes += office.is_working_day(local.date()) and office.opens <= local.time() < office.closes
        moment += timedelta(minutes=1)
    return timedelta(minutes=minutes)


def moments(first: datetime = datetime(2011, 3, 21), last: datetime = datetime(2032, 3, 18)) -> st.SearchStrategy:
    return st.datetimes(first, last).map(lambda at: at.replace(microsecond=0, tzinfo=UTC))


WEEKENDS = st.sampled_from([{3, 4}, {4}, {3}, {5, 6}, set()])
CLOSED = st.sets(st.integers(0, 40), max_size=12)
CLOCKS = (time(0), time(7, 29, 59), time(7, 30), time(9, 9, 11), time(14, 30), time(14, 30, 1), time(23, 59))
DST_BEGINS = datetime(2021, 3, 21, 20, 30, tzinfo=UTC)  # 1400/01/02 00:00 becomes 01:00
DST_ENDS = datetime(2021, 9, 21, 19, 30, tzinfo=UTC)  # 1400/06/31 00:00 becomes 23:00 of the 30th


@pytest.mark.rule("CAL-2", "CAL-3")
@settings(deadline=None)  # the slow one is slow
@given(moments(), st.integers(0, 12), CLOSED, CLOSED, WEEKENDS)
def test_it_agrees_with_the_slow_reference(
    start: datetime, days: int, closed: set[int], worked: set[int], weekend: set[int]
) -> None:
    holidays_near, worked_near = ({start.date() + timedelta(days=offset) for offset in one} for one in (closed, worked))
    office = WorkingCalendar(
        frozenset(weekend), time(7, 30), time(14, 30), TEHRAN, holidays_near.__contains__, worked_near
    )
    assert office.add_working_days(start, days) == slow(office, start, days)


@pytest.mark.rule("CAL-1", "CAL-3")
def test_every_day_of_twenty_one_years_agrees_with_counting_on_the_fingers() -> None:
    """Each day from 1390 to 1410 with its public holidays: before the opening, at work, after closing, at midnight."""
    office = WorkingCalendar(frozenset({3, 4}), time(7, 30), time(14, 30), TEHRAN, PUBLIC.__contains__)
    day = FIRST
    while day <= LAST - timedelta(days=40):
        works = day.weekday() not in (3, 4) and day not in PUBLIC
        following = [
            one
            for one in (day + timedelta(days=ahead) for ahead in range(1, 41))
            if one.weekday() not in (3, 4) and one not in PUBLIC
        ]
        for clock in (
            time(0),
            time(7, 29, 59),
            time(7, 30),
            time(9, 9, 11),
            time(14, 30),
            time(14, 30, 1),
            time(23, 59),
        ):
            inside = works and clock <= time(14, 30)
            reached = [day, *following] if inside else following
            at = clock if inside and clock >= time(7, 30) else time(7, 30)
            start = datetime.combine(day, clock, TEHRAN)
            for days in (0, 1, 2, 5):
                due = datetime.combine(reached[days], at, TEHRAN)
                assert office.add_working_days(start, days) == due, (start, days)
        day += timedelta(days=1)


@pytest.mark.rule("CAL-2")
@settings(max_examples=60, deadline=None)
@given(moments(), st.integers(0, 8 * 24 * 60), CLOSED, WEEKENDS)
def test_the_time_left_agrees_with_looking_at_each_minute(
    start: datetime, minutes: int, closed: set[int], weekend: set[int]
) -> None:
    office = calendar(frozenset(weekend), {start.date() + timedelta(days=offset - 1) for offset in closed})
    start = start.replace(second=0)
    end = start + timedelta(minutes=minutes)
    assert office.working_time_between(start, end) == slow_between(office, start, end)
    assert office.working_time_between(end, start) == -office.working_time_between(start, end)


@pytest.mark.rule("CAL-2")
@pytest.mark.parametrize("change", [DST_BEGINS, DST_ENDS])
def test_an_office_that_never_closes_loses_and_gains_nothing_when_the_clocks_change(change: datetime) -> None:
    office = WorkingCalendar(frozenset(), time(0), time.max, TEHRAN, lambda day: False)
    start, end = change - timedelta(hours=30), change + timedelta(hours=30)
    missing = slow_between(office, start, end) - office.working_time_between(start, end)
    assert slow_between(office, start, end) == timedelta(hours=60)
    assert missing <= timedelta(microseconds=4), "midnight itself, once a day"


@pytest.mark.rule("CAL-3")
@pytest.mark.parametrize(
    ("start", "due", "seconds"),
    [
        (tehran(1399, 12, 27, 9), tehran(1400, 1, 7, 9), 10 * 86400 - 3600),  # forward in the night to 2 Farvardin
        (tehran(1400, 6, 30, 9), tehran(1400, 6, 31, 9), 86400 + 3600),  # back in the night after 30 Shahrivar
        (tehran(1402, 6, 29, 9), tehran(1402, 7, 1, 9), 3 * 86400),  # never again since 1402
    ],
)
def test_the_time_of_day_stays_over_a_change_of_the_clocks(start: datetime, due: datetime, seconds: int) -> None:
    office = WorkingCalendar(frozenset({3, 4}), time(7, 30), time(14, 30), TEHRAN, PUBLIC.__contains__)
    reached = office.add_working_days(start, 1)
    assert reached == due
    assert reached.astimezone(TEHRAN).time() == time(9)
    assert (reached - start.astimezone(UTC)).total_seconds() == seconds


@pytest.mark.rule("CAL-1")
def test_a_holiday_at_each_end_of_the_time_is_stepped_over() -> None:
    """Counted from a holiday, it counts from the next opening; a deadline never falls on one."""
    closed = {jdatetime.date(1405, 9, day).togregorian() for day in (1, 3)}  # Sunday and Tuesday
    office = calendar(holidays=closed)
    assert office.add_working_days(tehran(1405, 9, 1, 10), 0) == tehran(1405, 9, 2, 7, 30)
    assert office.add_working_days(tehran(1405, 9, 1, 10), 1) == tehran(1405, 9, 4, 7, 30)
    assert office.add_working_days(tehran(1405, 8, 30, 10), 2) == tehran(1405, 9, 4, 10)


@pytest.mark.rule("CAL-1")
def test_a_weekend_day_that_is_worked_counts() -> None:
    thursday = jdatetime.date(1399, 2, 11).togregorian()
    office = WorkingCalendar(frozenset({3, 4}), time(7, 30), time(14, 30), TEHRAN, lambda day: False, {thursday})
    assert office.add_working_days(tehran(1399, 2, 10, 13), 2) == tehran(1399, 2, 13, 13)


def test_more_days_than_lie_ahead_in_ten_years_are_refused() -> None:
    for days in (-1, MAX_DAYS + 1):
        with pytest.raises(ValueError, match="up to ten years"):
            calendar().add_working_days(tehran(1404, 2, 1), days)


@pytest.fixture(params=["Asia/Tehran", "Pacific/Auckland", "America/Los_Angeles"])
def machine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A machine whose own clock goes by another zone than the office or UTC."""
    monkeypatch.setenv("TZ", request.param)
    tzset()
    yield request.param
    monkeypatch.undo()
    tzset()


@pytest.mark.rule("CAL-2")
def test_the_machines_own_zone_counts_for_nothing(machine: str) -> None:
    always = WorkingCalendar(frozenset(), time(0), time.max, TEHRAN, lambda day: False)
    for hour in range(24):
        start = datetime(2026, 11, 21, hour, 10, tzinfo=UTC)
        assert (
            timedelta(0)
            <= timedelta(hours=3) - always.working_time_between(start, start + timedelta(hours=3))
            < (timedelta(microseconds=4))
        )


@pytest.mark.rule("CAL-2", "CAL-3")
def test_moments_are_given_in_utc(machine: str) -> None:
    office = calendar(holidays=set())
    for start in (tehran(1399, 2, 7, 5), tehran(1399, 2, 7, 10), tehran(1399, 2, 7, 20)):
        assert office.next_working_moment(start).tzinfo is UTC
        assert office.add_working_days(start, 2).tzinfo is UTC


@pytest.mark.rule("CAL-2")
def test_the_closing_minute_is_open_and_the_next_moment_is_not() -> None:
    office = calendar(holidays=set())
    moments = [
        (tehran(1399, 2, 7, 7, 29, 59), False),
        (tehran(1399, 2, 7, 7, 30), True),
        (tehran(1399, 2, 7, 14, 30), True),
        (tehran(1399, 2, 7, 14, 30, 1), False),
        (tehran(1399, 2, 11, 10), False),  # a Thursday
    ]
    assert [office.is_working_time(moment) for moment, _open in moments] == [is_open for _moment, is_open in moments]


@pytest.mark.rule("CAL-3")
def test_ten_years_are_counted_and_no_day_more() -> None:
    office = calendar(frozenset(), set())
    start = tehran(1399, 2, 7, 10)
    assert office.add_working_days(start, MAX_DAYS) == (start + timedelta(days=MAX_DAYS)).astimezone(TEHRAN)
    for days in (-1, MAX_DAYS + 1):
        with pytest.raises(ValueError, match=f"up to ten years: {days}"):
            office.add_working_days(start, days)


def test_the_day_is_named_after_which_nobody_works() -> None:
    with pytest.raises(NoWorkingDay, match="within ten years before 20"):
        calendar(frozenset(range(7))).add_working_days(tehran(1404, 2, 1), 1)


@pytest.mark.rule("CAL-2")
def test_an_opening_in_the_hour_that_comes_twice_is_the_first_of_the_two() -> None:
    office = WorkingCalendar(frozenset(), time(23, 15), time(23, 45), TEHRAN, lambda day: False)
    opening = office.next_working_moment(tehran(1400, 6, 30, 12))
    assert opening == datetime(2021, 9, 21, 18, 45, tzinfo=UTC)

"""What the value of a timer's expression may be, and when it is due: ISO 8601 times, durations and cycles."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from engine.calendar import timers
from engine.calendar.timers import BadTimer, Cycle

NOW = datetime(2026, 11, 21, 6, 30, tzinfo=UTC)
TEHRAN = timezone(timedelta(hours=3, minutes=30))


def due(value: Any) -> datetime:
    return timers.due_time(value, now=NOW, element="wait")


@pytest.mark.parametrize(
    ("duration", "end"),
    [
        ("P1Y", datetime(2027, 11, 21, 6, 30, tzinfo=UTC)),
        ("P2Y", datetime(2028, 11, 21, 6, 30, tzinfo=UTC)),
        ("P1M", datetime(2026, 12, 21, 6, 30, tzinfo=UTC)),
        ("P2M", datetime(2027, 1, 21, 6, 30, tzinfo=UTC)),
        ("P13M", datetime(2027, 12, 21, 6, 30, tzinfo=UTC)),
        ("P1Y1M", datetime(2027, 12, 21, 6, 30, tzinfo=UTC)),
        ("P2W", NOW + timedelta(weeks=2)),
        ("P3D", NOW + timedelta(days=3)),
        ("PT4H", NOW + timedelta(hours=4)),
        ("PT5M", NOW + timedelta(minutes=5)),
        ("PT6,5S", NOW + timedelta(seconds=6.5)),
        (" p1dt1h ", NOW + timedelta(days=1, hours=1)),
    ],
)
def test_a_duration_counts_from_now(duration: str, end: datetime) -> None:
    assert due(duration) == end


def test_a_month_after_the_last_of_january_is_the_last_of_february() -> None:
    january = datetime(2026, 1, 31, 8, tzinfo=UTC)
    assert timers.later(january, "P1M", element="wait") == datetime(2026, 2, 28, 8, tzinfo=UTC)
    assert timers.later(january, "P25M", element="wait") == datetime(2028, 2, 29, 8, tzinfo=UTC)
    assert timers.later(january, "P11M", element="wait") == datetime(2026, 12, 31, 8, tzinfo=UTC)


def test_a_moment_is_due_when_it_says_in_universal_time() -> None:
    local = datetime(2026, 11, 22, 10, tzinfo=TEHRAN)
    for value in (local, local.isoformat(), f" {local.isoformat()} "):
        assert due(value) == datetime(2026, 11, 22, 6, 30, tzinfo=UTC)
        assert due(value).tzinfo is UTC
    assert due(timedelta(hours=2)) == NOW + timedelta(hours=2)
    assert due("1900-01-01T00:00:00+00:00") == datetime(1900, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("2 days", "is neither an ISO 8601 moment nor a duration"),
        (5, "is not a moment"),
        (None, "is not a moment"),
        ("2026-11-22T10:00:00", "has no time zone"),
        ("1899-12-31T00:00:00+00:00", "lies centuries back; is it a Jalali date?"),
        ("1404-01-01T00:00:00+00:00", "lies centuries back; is it a Jalali date?"),
        ("P", "is not an ISO 8601 duration such as PT48H or P2D"),
        ("PT", "is not an ISO 8601 duration such as PT48H or P2D"),
    ],
)
def test_anything_else_is_refused_with_the_element_and_the_reason(value: Any, reason: str) -> None:
    with pytest.raises(BadTimer) as raised:
        due(value)
    assert (raised.value.element, raised.value.reason) == ("wait", reason)
    assert str(raised.value).startswith("Timer wait: ") and str(raised.value).endswith(reason)
    if not isinstance(value, str) or value[0] in "P2 ":
        assert raised.value.value == value or isinstance(raised.value.value, datetime)


HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("value", "result"),
    [
        ("R3/PT1H", Cycle(NOW + HOUR, "PT1H", 3)),
        (" r3/pt1h ", Cycle(NOW + HOUR, "PT1H", 3)),
        ("R/PT1H", Cycle(NOW + HOUR, "PT1H", -1)),
        ("R0/PT1H", Cycle(NOW + HOUR, "PT1H", 0)),
        ("R12/PT1H", Cycle(NOW + HOUR, "PT1H", 12)),
        ("R2/2026-12-01T08:00:00+00:00/P1W", Cycle(datetime(2026, 12, 1, 8, tzinfo=UTC), "P1W", 2)),
    ],
)
def test_a_cycle_has_a_first_time_a_period_and_a_number(value: str, result: Cycle) -> None:
    assert timers.cycle(value, now=NOW, element="again") == result


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("R3", "is not a repeating interval such as R3/PT1H"),
        ("R3/PT1H/PT1H/PT1H", "is not a repeating interval such as R3/PT1H"),
        ("3/PT1H", "is not a repeating interval such as R3/PT1H"),
        (3, "is not a repeating interval such as R3/PT1H"),
        ("R3/PT0S", "repeats without a pause"),
        ("R3/hourly", "is not an ISO 8601 duration such as PT48H or P2D"),
        ("R3/noon/PT1H", "is neither an ISO 8601 moment nor a duration"),
    ],
)
def test_what_is_no_cycle_is_refused(value: Any, reason: str) -> None:
    with pytest.raises(BadTimer) as raised:
        timers.cycle(value, now=NOW, element="again")
    assert (raised.value.element, raised.value.reason) == ("again", reason)


def test_periods_that_were_missed_are_skipped() -> None:
    assert timers.next_due(NOW, "PT1H", now=NOW) == NOW + HOUR
    assert timers.next_due(NOW, "PT1H", now=NOW + 5 * HOUR) == NOW + 6 * HOUR
    assert timers.next_due(NOW + HOUR, "PT1H", now=NOW) == NOW + HOUR
    with pytest.raises(BadTimer) as raised:
        timers.next_due(NOW, "hourly", now=NOW)
    assert raised.value.element == "hourly"


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        ("PT1M", "PT1M"),
        (" R3/PT1H ", "R3/PT1H"),
        ("2026-11-22T10:00:00Z", "2026-11-22T10:00:00Z"),
        ("working_days(2)", None),
        ("deadline", None),
    ],
)
def test_what_a_diagram_has_literally_is_known_from_an_expression(expression: str, text: str | None) -> None:
    assert timers.literal(expression) == text

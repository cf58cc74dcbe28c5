"""Due times of timers: parses ISO 8601 times, durations and cycles from values of expressions."""

from __future__ import annotations

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from engine.errors import EngineError

EARLIEST_YEAR = 1900  # before it, it is a Jalali date such as 1404-01-01, which would be due at once
_DURATION = re.compile(
    r"P(?!$)(?:(?P<years>\d+)Y)?(?:(?P<months>\d+)M)?(?:(?P<weeks>\d+(?:[.,]\d+)?)W)?(?:(?P<days>\d+(?:[.,]\d+)?)D)?"
    r"(?:T(?!$)(?:(?P<hours>\d+(?:[.,]\d+)?)H)?(?:(?P<minutes>\d+(?:[.,]\d+)?)M)?"
    r"(?:(?P<seconds>\d+(?:[.,]\d+)?)S)?)?"
)
_LITERAL = re.compile(r"P[\dYMWDTHS.,]+|R\d*/\S+|\d{4}-\d\d-\d\dT\S+")
_EVER = -1  # a cycle without a number of repetitions


class BadTimer(EngineError):
    """The value of a timer's expression is neither a time nor a duration."""

    code = "bad_timer"

    def __init__(self, element: str, value: object, reason: str) -> None:
        super().__init__(f"Timer {element}: {value!r} {reason}")
        self.element = element
        self.value = value
        self.reason = reason


@dataclass(frozen=True)
class Cycle:
    """A repeating timer: its first due time, its ISO period, and how often it fires (-1: for ever)."""

    first: datetime
    period: str
    repetitions: int


def literal(expression: str) -> str | None:
    """The ISO 8601 text if the diagram has it literally (``PT1M``) and not as an expression; else ``None``."""
    text = expression.strip()
    return text if _LITERAL.fullmatch(text) else None


def due_time(value: object, *, now: datetime, element: str) -> datetime:
    """Due time of ``value``, aware, in UTC; a duration counts from ``now``.

    Accepts an aware datetime, a timedelta, an ISO 8601 time with a zone, an ISO 8601 duration.
    Raises ``BadTimer`` for anything else: naive times, Jalali dates, text like "2 days".
    """
    if isinstance(value, timedelta):
        return now + value
    if isinstance(value, str):
        if value.strip().upper().startswith("P"):
            return later(now, value, element=element)
        try:
            value = datetime.fromisoformat(value.strip())
        except ValueError:
            raise BadTimer(element, value, "is neither an ISO 8601 moment nor a duration") from None
    if not isinstance(value, datetime):
        raise BadTimer(element, value, "is not a moment")
    if value.tzinfo is None:
        raise BadTimer(element, value, "has no time zone")
    if value.year < EARLIEST_YEAR:
        raise BadTimer(element, value, "lies centuries back; is it a Jalali date?")
    return value.astimezone(UTC)


def cycle(value: object, *, now: datetime, element: str) -> Cycle:
    """Parse a cycle: ``R3/PT1H``, ``R/P1D`` or ``R3/2026-03-21T08:00:00+03:30/P1W``. Raises ``BadTimer``."""
    parts = value.strip().upper().split("/") if isinstance(value, str) else []
    if len(parts) not in (2, 3) or not re.fullmatch(r"R\d*", parts[0]):
        raise BadTimer(element, value, "is not a repeating interval such as R3/PT1H")
    period = parts[-1]
    following = later(now, period, element=element)
    if following <= now:
        raise BadTimer(element, value, "repeats without a pause")
    first = due_time(parts[1], now=now, element=element) if len(parts) == 3 else following
    return Cycle(first, period, int(parts[0][1:]) if parts[0] != "R" else _EVER)


def next_due(due: datetime, period: str, *, now: datetime) -> datetime:
    """The first due time after ``now``: periods missed during a standstill are skipped. Raises ``BadTimer``."""
    while due <= now:
        due = later(due, period, element=period)
    return due


def later(start: datetime, duration: str, *, element: str) -> datetime:
    """``start`` plus an ISO 8601 duration. A month after 31 January is the last day of February.

    Raises ``BadTimer`` for a text that is no duration.
    """
    match = _DURATION.fullmatch(duration.strip().upper())
    if match is None:
        raise BadTimer(element, duration, "is not an ISO 8601 duration such as PT48H or P2D")
    parts = {name: float(text.replace(",", ".")) for name, text in match.groupdict().items() if text}
    months = start.month - 1 + int(parts.pop("months", 0)) + 12 * int(parts.pop("years", 0))
    year, month = start.year + months // 12, months % 12 + 1
    day = min(start.day, monthrange(year, month)[1])
    return start.replace(year=year, month=month, day=day) + timedelta(**parts)

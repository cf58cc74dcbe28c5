"""A person's week, from Saturday to Friday: what is fixed for which day and hour."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask import Blueprint, render_template, request

from engine.calendar.working_time import WorkingCalendar
from engine.contributions.listings import WeekEntry
from forms.list_filters import WeekForm
from models import jalali
from models.language import lazy
from webapp.lists.reading import listing_context
from webapp.shell import current

bp = Blueprint("weeks", __name__)

WEEKDAYS = (
    lazy("شنبه"),
    lazy("یکشنبه"),
    lazy("دوشنبه"),
    lazy("سه‌شنبه"),
    lazy("چهارشنبه"),
    lazy("پنجشنبه"),
    lazy("جمعه"),
)


@dataclass(frozen=True)
class Day:
    """One day of the week; ``entries``: the local time of each, and what it is, in their order."""

    day: date
    name: Any
    today: bool
    off: bool
    entries: list[tuple[str, WeekEntry]]


@bp.get("/weeks/<key>")
def show(key: str) -> str | tuple[str, int]:
    """The week of the ``day`` in the address, else this week."""
    week = current.application().listings.week(key, current.actor())
    form = WeekForm.from_request(request.args)
    readable = form.validate()
    today = current.now().astimezone(_zone()).date()
    first = first_day((form.day.data if readable else None) or today)
    with current.transaction() as session:
        context = listing_context(session, current.actor())
        days = _days(first, today, context.calendar, week.read(context, first, first + timedelta(days=6)))
    text = render_template(
        "lists/week.html",
        week=week,
        days=days,
        form=form,
        previous=_address(first - timedelta(days=7)),
        following=_address(first + timedelta(days=7)),
        this=_address(None),
        is_this=first == first_day(today),
    )
    return text, 200 if readable else 422


def first_day(day: date) -> date:
    """The Saturday of the day's week."""
    return day - timedelta(days=(day.weekday() + 2) % 7)


def _days(first: date, today: date, calendar: WorkingCalendar, entries: list[WeekEntry]) -> list[Day]:
    timed = sorted(((entry.at.astimezone(_zone()), entry) for entry in entries), key=lambda pair: pair[0])
    days: list[Day] = []
    for number, name in enumerate(WEEKDAYS):
        day = first + timedelta(days=number)
        of_day = [(f"{at:%H:%M}", entry) for at, entry in timed if at.date() == day]
        days.append(Day(day, name, day == today, not calendar.is_working_day(day), of_day))
    return days


def _zone() -> ZoneInfo:
    return current.calendar().zone


def _address(day: date | None) -> str:
    return f"{request.script_root}{request.path}" + (f"?day={jalali.jalali_text(day)}" if day else "")

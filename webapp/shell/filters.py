"""Filters for templates: digits, dates, money, in the reader's language and the organisation's time zone."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta

from flask import Flask

from engine.file_quotas import size_text
from engine.queries.worklist import MAX_COUNT
from models import jalali, language
from models.digits import persian_digits
from models.language import gettext as _
from models.language import ngettext
from webapp.shell import current

MINUTE, HOUR, DAY = 60, 3600, 86400

_ADDRESS = r"\d{1,3}(?:\.\d{1,3}){3}(?![\d.])|(?=[0-9a-f:]*(?:::|[a-f]))(?:[0-9a-f]{0,4}:){2,7}[0-9a-f]{0,4}"
_NUMBERED = re.compile(
    rf"(?P<web>[A-Za-z]+://[^\s<>«»،؛]+)|(?<![\w.:])(?P<network>{_ADDRESS})|[A-Za-z0-9۰-۹]+(?:[-/_.@:][A-Za-z0-9۰-۹]+)*",
    re.ASCII,
)
_LATIN = re.compile("[A-Za-z]")
_FIRST_LEFT_TO_RIGHT, _END = "\u2066", "\u2069"


def digits(value: object) -> str:
    """The text with the reader's digits. Words with Latin letters (``G4``, ``district-1``) and addresses stay.

    A number with dashes is isolated: after a Persian letter its parts would be drawn from right to left.
    """
    if language.current() != "fa" or hasattr(value, "__html__"):
        return value if isinstance(value, str) else str(value)
    return _NUMBERED.sub(_for_persian_readers, str(value))


def _for_persian_readers(match: re.Match[str]) -> str:
    word = match[0]
    if match["network"]:
        return f"{_FIRST_LEFT_TO_RIGHT}{word}{_END}"
    if match["web"] or _LATIN.search(word):
        return word
    return f"{_FIRST_LEFT_TO_RIGHT}{persian_digits(word)}{_END}" if "-" in word else persian_digits(word)


def number(value: int | float) -> str:
    """A number with separators of thousands: ``۱٬۲۳۴``."""
    text = f"{value:,}"
    return persian_digits(text).replace(",", "٬").replace(".", "٫") if language.current() == "fa" else text


def counted(value: int, end: int = MAX_COUNT) -> str:
    """A count that ends somewhere (``engine.queries.worklist``): ``۴۲``, or ``۹۹+`` for whatever is more."""
    return number(value) if value < end else f"{number(end - 1)}+"


def rials(value: int) -> str:
    return _("%(amount)s ریال", amount=number(value))


def day(value: date) -> str:
    return jalali.format_date(value)


def moment(value: datetime | None) -> str:
    return jalali.format_moment(value, current.zone()) if value else "—"


def since(value: datetime | None) -> str:
    """How long ago a moment was, in words."""
    if value is None:
        return "—"
    seconds = int((current.now() - value).total_seconds())
    if seconds < MINUTE:
        return _("هم‌اکنون")
    if seconds < HOUR:
        count = seconds // MINUTE
        return ngettext("%(count)s دقیقه پیش", "%(count)s دقیقه پیش", count, count=digits(count))
    if seconds < DAY:
        count = seconds // HOUR
        return ngettext("%(count)s ساعت پیش", "%(count)s ساعت پیش", count, count=digits(count))
    count = seconds // DAY
    return ngettext("%(count)s روز پیش", "%(count)s روز پیش", count, count=digits(count))


def time_left(value: datetime | None) -> str:
    """The working time until a moment or since it, rounded down: ``۳ روز کاری مانده``, ``۵ ساعت دیر``."""
    if value is None:
        return "—"
    calendar, now = current.calendar(), current.now()
    late, time = value < now, abs(calendar.working_time_between(now, value))
    days, hours = time // calendar.day_length, time // timedelta(hours=1)
    if days:
        return _days_left(days, late=late)
    if hours:
        return _hours_left(hours, late=late)
    return _("کمتر از یک ساعت دیر") if late else _("کمتر از یک ساعت مانده")


def _days_left(count: int, *, late: bool) -> str:
    if late:
        return ngettext("%(count)s روز کاری دیر", "%(count)s روز کاری دیر", count, count=digits(count))
    return ngettext("%(count)s روز کاری مانده", "%(count)s روز کاری مانده", count, count=digits(count))


def _hours_left(count: int, *, late: bool) -> str:
    if late:
        return ngettext("%(count)s ساعت دیر", "%(count)s ساعت دیر", count, count=digits(count))
    return ngettext("%(count)s ساعت مانده", "%(count)s ساعت مانده", count, count=digits(count))


def wait_words(seconds: int) -> str:
    """How long to wait before trying again."""
    if seconds > 90:
        return _("%(count)s دقیقهٔ دیگر دوباره تلاش کنید.", count=digits(-(-seconds // MINUTE)))
    return _("%(count)s ثانیهٔ دیگر دوباره تلاش کنید.", count=digits(seconds))


def add_filters(app: Flask) -> None:
    app.jinja_env.filters.update(
        digits=digits,
        stored=language.stored,
        number=number,
        counted=counted,
        rials=rials,
        date=day,
        moment=moment,
        since=since,
        time_left=time_left,
        size=size_text,
        jalali_year=jalali.jalali_year,
    )

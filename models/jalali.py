"""Jalali dates: parses typed dates and times, formats them for the reader (CAL-4)."""

import re
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

import jdatetime

from models.digits import clean, persian_digits
from models.language import current
from models.language import gettext as _

TEHRAN = "Asia/Tehran"
FIRST_YEAR, LAST_YEAR = 1200, 1499  # any other Jalali year is a typing error
FIRST_DAY, END_DAY = jdatetime.date(FIRST_YEAR, 1, 1).togregorian(), jdatetime.date(LAST_YEAR + 1, 1, 1).togregorian()

_ISO = re.compile(r"(19|20|21)[0-9]{2}-[0-9]{2}-[0-9]{2}")
_JALALI = re.compile(r"([0-9]{1,4})[/-]([0-9]{1,2})[/-]([0-9]{1,2})")
_TIME = re.compile(r"([0-9]{1,2}):([0-9]{2})")


def parse_jalali(text: str) -> date:
    """The day of a Jalali date ``1404/08/30`` (any digits, ``/`` or ``-``) or of an ISO one, ``2025-11-21``.

    A date that does not exist is refused, never moved to another day. Raises ``ValueError`` with a message
    for the person who typed it.
    """
    folded = clean(text[:50])
    if _ISO.fullmatch(folded):
        try:
            return date.fromisoformat(folded)
        except ValueError:
            raise ValueError(_("چنین روزی در تقویم نیست. تاریخ را بررسی کنید.")) from None
    parts = _JALALI.fullmatch(folded)
    if parts is None:
        raise ValueError(_("تاریخ را به هجری شمسی و به شکل ۱۴۰۴/۰۸/۳۰ وارد کنید."))
    year, month, day = (int(part) for part in parts.groups())
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise ValueError(_("سال را با چهار رقم و به هجری شمسی وارد کنید، مانند ۱۴۰۴."))
    if not 1 <= month <= 12:
        raise ValueError(_("ماه باید از ۱ تا ۱۲ باشد."))
    try:
        return jdatetime.date(year, month, day).togregorian()
    except ValueError:
        raise ValueError(_("چنین روزی در تقویم نیست. تاریخ را بررسی کنید.")) from None


def parse_moment(text: str, zone: str = TEHRAN) -> datetime:
    """The moment, in UTC, of ``1404/08/30 14:05`` in ``zone``, or of an ISO 8601 moment with its offset.

    Raises ``ValueError`` with a message for the person who typed it.
    """
    folded = clean(text[:80])
    try:
        moment = datetime.fromisoformat(folded)
    except ValueError:
        moment = None
    if moment is not None and moment.tzinfo is not None and 1800 < moment.year < 2200:
        return moment.astimezone(UTC)
    day_text, _space, time_text = folded.replace("T", " ").partition(" ")
    clock = _TIME.fullmatch(time_text.replace("ساعت", "").strip())
    if clock is None or int(clock[1]) > 23 or int(clock[2]) > 59:
        raise ValueError(_("تاریخ و ساعت را به شکل ۱۴۰۴/۰۸/۳۰ ۱۴:۰۵ وارد کنید."))
    day = parse_jalali(day_text)
    local = datetime(day.year, day.month, day.day, int(clock[1]), int(clock[2]), tzinfo=ZoneInfo(zone))
    return local.astimezone(UTC)


def is_reckoned(day: date) -> bool:
    """Whether ``day`` lies in the years that people mean. Others, as an address may have them, have no Jalali date."""
    return FIRST_DAY <= day < END_DAY


def jalali_text(day: date) -> str:
    """``day`` as Jalali with ASCII digits, ``1404/08/30``: for fields, file names and search."""
    jalali = jdatetime.date.fromgregorian(date=day)
    return f"{jalali.year:04}/{jalali.month:02}/{jalali.day:02}"


def moment_text(moment: datetime, zone: str = TEHRAN) -> str:
    """``moment`` as Jalali date and time in ``zone`` with ASCII digits, ``1404/08/30 14:05``: for fields."""
    local = moment.astimezone(ZoneInfo(zone))
    return f"{jalali_text(local.date())} {local:%H:%M}"


def format_date(day: date) -> str:
    """``day`` for the current reader: ``۱۴۰۴/۰۸/۳۰``, or ``1404/08/30 (2025-11-21)`` in English."""
    if current() == "fa":
        return persian_digits(jalali_text(day))
    return f"{jalali_text(day)} ({day.isoformat()})"


def format_moment(moment: datetime, zone: str = TEHRAN) -> str:
    """The aware ``moment`` in ``zone`` for the current reader.

    ``۱۴۰۴/۰۸/۳۰ ساعت ۱۴:۰۵``, or ``1404/08/30 (2025-11-21) 14:05`` in English.
    """
    if moment.tzinfo is None:
        raise TypeError("A moment without a time zone cannot be shown")
    local = moment.astimezone(ZoneInfo(zone))
    if current() == "fa":
        return persian_digits(f"{jalali_text(local.date())} ساعت {local:%H:%M}")
    return f"{format_date(local.date())} {local:%H:%M}"


def tehran_day(moment: datetime) -> date:
    """The day of the aware ``moment`` in Tehran."""
    return moment.astimezone(ZoneInfo(TEHRAN)).date()


def jalali_year(day: date) -> int:
    """The Jalali year ``day`` lies in."""
    return int(jdatetime.date.fromgregorian(date=day).year)


def jalali_month(moment: datetime, zone: str = TEHRAN) -> tuple[datetime, datetime]:
    """The Jalali month that ``moment`` lies in, in ``zone``: its first moment and that of the next one, in UTC."""
    first = jdatetime.date.fromgregorian(date=moment.astimezone(ZoneInfo(zone)).date()).replace(day=1)
    following = first.replace(year=first.year + first.month // 12, month=first.month % 12 + 1)
    starts = (datetime.combine(day.togregorian(), time(), ZoneInfo(zone)) for day in (first, following))
    begin, end = (start.astimezone(UTC) for start in starts)
    return begin, end


def months_after(moment: datetime, months: int, zone: str = TEHRAN) -> datetime:
    """The same time of day ``months`` Jalali months later, in UTC; a day that month lacks becomes its last one."""
    local = moment.astimezone(ZoneInfo(zone))
    start = jdatetime.date.fromgregorian(date=local.date())
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    last = jdatetime.j_days_in_month[month] + (month == 11 and jdatetime.date(year, 1, 1).isleap())
    day = jdatetime.date(year, month + 1, min(start.day, last)).togregorian()
    return datetime.combine(day, local.time(), ZoneInfo(zone)).astimezone(UTC)

"""Case numbers: a Jalali year, a count and a check digit that survives being typed or read aloud (CASE-1)."""

from __future__ import annotations

import uuid
from datetime import datetime

import jdatetime

from models.digits import ascii_digits
from models.identifiers import damm_digit, damm_valid


def case_number(count: int, at: datetime) -> str:
    """Format a case number, ``1405-000457-3``: Jalali year of ``at``, count, check digit."""
    digits = f"{jdatetime.datetime.fromgregorian(datetime=at).year:04d}{count:06d}"
    return f"{digits[:4]}-{digits[4:]}-{damm_digit(digits)}"


def read_number(typed: str) -> str | None:
    """Parse a typed number: any digits, with or without dashes. ``None`` if the check digit is wrong."""
    digits = "".join(sign for sign in ascii_digits(typed) if sign in "0123456789")
    if len(digits) < 11 or not damm_valid(digits):
        return None
    return f"{digits[:4]}-{digits[4:-1]}-{digits[-1]}"


def placeholder() -> str:
    """A unique number for a new row until it gets its real number in the same transaction."""
    return uuid.uuid4().hex

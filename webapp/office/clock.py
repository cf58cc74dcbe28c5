"""The clock of a demonstration or a staging installation: every page displays it while it is ahead."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from flask import request

from engine.calendar.staging_clock import NOTHING, StagingClock, length_of
from engine.errors import InvalidSubmission, NotFound
from engine.identity.permissions import allowed, demand
from models.digits import ascii_digits
from models.language import gettext as _
from models.language import lazy
from webapp.shell import current

UNITS = {"wd": lazy("روز کاری"), "d": lazy("روز"), "h": lazy("ساعت"), "m": lazy("دقیقه")}


@dataclass(frozen=True)
class Reading:
    """What the clock says beside what it really is."""

    now: datetime
    real: datetime
    seconds: int  # how far it is ahead

    @property
    def is_ahead(self) -> bool:
        return self.seconds > 0


def read() -> Reading | None:
    """The clock as pages show it; nothing in production."""
    clock = current.application().staging_clock
    if clock is None:
        return None
    ahead, real = clock.ahead(), clock.real()
    return Reading(real + ahead, real, int(ahead.total_seconds()))


def control(typed: dict[str, str] | None = None, *, errors: list[str] | None = None) -> dict[str, Any] | None:
    """What the panel of the supervisor's page needs: for whoever may move the clock, where it can be moved."""
    clock = read()
    if clock is None or not allowed(current.actor(), "advance_clock"):
        return None
    return {"clock": clock, "units": UNITS, "amount": "", "unit": "wd", "errors": errors or []} | (typed or {})


def advance(typed: dict[str, str]) -> datetime:
    """Put the clock ahead as the panel's form says; returns the moment that it is now.

    Raises ``NotAllowed``, ``NotFound`` in production, ``InvalidSubmission``.
    """
    demand(current.actor(), "advance_clock")
    clock = current.application().staging_clock
    if clock is None:
        raise NotFound("clock", "production")
    clock.advance(_length(clock, **typed), by=current.actor(), seen=_seen())
    return clock()


def _length(clock: StagingClock, *, amount: str, unit: str) -> timedelta:
    number = ascii_digits(amount)
    if not (number.isdecimal() and len(number) <= 4) or unit not in UNITS:
        raise InvalidSubmission({"length": [_("مدت را با یک عدد مانند ۲ وارد کنید.")]})
    return length_of(f"{int(number)}{unit}", now=clock(), calendar=current.engine().services.calendar)


def _seen() -> timedelta:
    """How far ahead the clock was on the page that was sent: a page sent twice moves it once."""
    seconds = request.form.get("seen", "")
    return timedelta(seconds=int(seconds)) if seconds.isdecimal() and len(seconds) < 10 else NOTHING

"""Messages that tell a person what happened to their account, so that nobody acts in their name unseen."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from enum import StrEnum

from sqlalchemy.orm import Session

from engine.persistence import outbox
from models.language import gettext as _
from models.language import reading


class SecurityEvent(StrEnum):
    """What happened to an account."""

    NEW_DEVICE = "new_device"
    NEW_ADDRESS = "new_address"  # of a program
    PASSWORD_CHANGED = "password_changed"  # noqa: S105 - the name of an event
    PASSWORD_GIVEN = "password_given"  # noqa: S105 - likewise
    ROLES_CHANGED = "roles_changed"
    SECOND_FACTOR_ON = "second_factor_on"
    SECOND_FACTOR_OFF = "second_factor_off"


_TITLES: dict[SecurityEvent, Callable[[], str]] = {
    SecurityEvent.NEW_DEVICE: lambda: _("با حساب شما از دستگاه جدیدی وارد شدند"),
    SecurityEvent.NEW_ADDRESS: lambda: _("برنامه‌ای از نشانی جدیدی با حساب شما وارد شد"),
    SecurityEvent.PASSWORD_CHANGED: lambda: _("رمز عبور حساب شما تغییر کرد"),
    SecurityEvent.PASSWORD_GIVEN: lambda: _("مدیر سامانه برای حساب شما رمز عبور موقت ساخت"),
    SecurityEvent.ROLES_CHANGED: lambda: _("نقش‌های حساب شما تغییر کرد"),
    SecurityEvent.SECOND_FACTOR_ON: lambda: _("ورود دومرحله‌ای حساب شما فعال شد"),
    SecurityEvent.SECOND_FACTOR_OFF: lambda: _("ورود دومرحله‌ای حساب شما غیرفعال شد"),
}


def send(session: Session, person_id: int, event: SecurityEvent, *, now: datetime, address: str = "") -> None:
    """Write the message of an event, in the person's language and the caller's transaction.

    ``address``: the network address that it came from, if that says something to the person.
    """
    with reading(outbox.language_of(session, person_id)):
        title = _TITLES[event]()
        where = _("نشانی شبکه: %(address)s", address=address) if address else ""
        way_out = _(
            "اگر کار شما نبود، رمز عبور را همین حالا عوض کنید، در صفحهٔ «دستگاه‌های من» از همهٔ دستگاه‌های دیگر خارج شوید "
            "و به مدیر سامانه اطلاع دهید."
        )
        outbox.notify(session, None, person_id, title, "\n".join(filter(None, [where, way_out])), at=now)

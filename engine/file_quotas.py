"""How much file space a case has altogether and a person in a day: counted as files come, never added up from them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import Delete, delete, update
from sqlalchemy.orm import Session

from engine.errors import DocumentRefused
from engine.persistence import upsert
from models.case import Case
from models.digits import persian_digits
from models.document import FileUsage
from models.language import current
from models.language import gettext as _

ALWAYS = date(1970, 1, 1)  # the day of a case's count, which has none
KEPT = timedelta(days=2)  # a person's counts


@dataclass(frozen=True, kw_only=True)
class FileQuota:
    """The space in bytes: of one case altogether, and of one person in one day (UTC)."""

    case: int
    person: int


def take(
    session: Session, case: Case, person_id: int | None, *, name: str, size: int, quota: FileQuota, now: datetime
) -> None:
    """Count ``size`` bytes more for the case and the person, in the caller's transaction. ``now``: aware.

    Both counts are locked until it ends, so that files sent at once do not share the same space.
    Raises ``DocumentRefused`` with what is used and left; nothing is counted then.
    """
    of_case = _locked(session, "case", case.id, ALWAYS)
    if of_case.bytes + size > quota.case:
        raise DocumentRefused(_full_case(name, size, of_case.bytes, quota.case))
    if person_id is not None:
        of_person = _locked(session, "person", person_id, now.astimezone(UTC).date())
        if of_person.bytes + size > quota.person:
            raise DocumentRefused(_full_day(name, size, of_person.bytes, quota.person))
        of_person.bytes += size
    of_case.bytes += size
    session.flush()


def give_back(session: Session, case_id: int, size: int) -> None:
    """Count ``size`` bytes less for the case: their content is gone. What a person sent in a day stays sent."""
    of_case = update(FileUsage).where(FileUsage.kind == "case", FileUsage.owner_id == case_id, FileUsage.bytes >= size)
    session.execute(of_case.where(FileUsage.day == ALWAYS).values(bytes=FileUsage.bytes - size))


def old_counts(now: datetime) -> Delete:
    """The statement that deletes the counts of people's past days. ``now``: aware."""
    first_kept = (now.astimezone(UTC) - KEPT).date()
    return delete(FileUsage).where(FileUsage.kind == "person", FileUsage.day < first_kept)


def _locked(session: Session, kind: str, owner_id: int, day: date) -> FileUsage:
    key = {"kind": kind, "owner_id": owner_id, "day": day}
    upsert.add_once(session, FileUsage, **key, bytes=0)
    return session.get_one(FileUsage, (kind, owner_id, day), with_for_update=True, populate_existing=True)


def _full_case(name: str, size: int, used: int, limit: int) -> str:
    return _(
        "فایل «%(name)s» (%(size)s) ذخیره نشد. فضای فایل‌های این پرونده %(limit)s است: %(used)s پر است و"
        " %(left)s باقی است.",
        **_numbers(name, size, used, limit),
    )


def _full_day(name: str, size: int, used: int, limit: int) -> str:
    return _(
        "فایل «%(name)s» (%(size)s) ذخیره نشد. در یک روز %(limit)s بارگذاری می‌کنید: امروز %(used)s بارگذاری شده و"
        " %(left)s باقی است.",
        **_numbers(name, size, used, limit),
    )


def _numbers(name: str, size: int, used: int, limit: int) -> dict[str, str]:
    sizes = {"size": size, "used": used, "limit": limit, "left": max(0, limit - used)}
    return {"name": name} | {key: size_text(value) for key, value in sizes.items()}


def size_text(size: int) -> str:
    """Size in bytes as text: ``۲٫۴ مگابایت``."""
    if size >= 1_000_000:
        megabytes = f"{round(size / 1_000_000, 1):g}"
        return _("%(number)s مگابایت", number=_local(megabytes))
    return _("%(number)s کیلوبایت", number=_local(str(-(-size // 1000))))


def _local(number: str) -> str:
    return persian_digits(number).replace(".", "٫") if current() == "fa" else number

"""Changes of the working calendar by an admin: preview of the moved deadlines, and the change itself (CAL-1).

A change is one transaction: the days or the settings, the calendar's next revision, the admin and the reason.
Waiting deadlines are moved afterwards, each case in its own transaction (``engine.jobs.reschedule_deadlines``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.actor import Actor
from engine.audit import events, trail
from engine.calendar import office_calendar
from engine.calendar.working_time import WorkingCalendar
from engine.errors import Refusal
from engine.identity import permissions
from engine.jobs.reschedule_deadlines import MovedDeadline, moves, waiting_deadlines
from models.digits import clean
from models.jalali import jalali_year
from models.language import gettext as _
from models.working_calendar import ONLY, CalendarChange, CalendarDay, CalendarSettings, DayKind, DaySource

MAX_PREVIEWED = 100  # deadlines that a preview lists; the others are only counted
MAX_NAME_LENGTH, MAX_REASON_LENGTH = 200, 500


@dataclass(frozen=True)
class Decided:
    """The new kind of a day; ``None``: an ordinary day of the week."""

    kind: DayKind | None
    name: str = ""


@dataclass(frozen=True)
class Hours:
    """Weekly settings. ``weekend`` as in the settings: ``thursday,friday``; times are local times of ``zone``."""

    weekend: str
    opens: time
    closes: time
    zone: str


@dataclass(frozen=True)
class Proposal:
    """A proposed change of days, or of the weekly settings."""

    days: Mapping[date, Decided] = field(default_factory=dict)
    hours: Hours | None = None


@dataclass(frozen=True)
class Preview:
    """Deadlines that a proposal would move. ``revision``: of the calendar it was compared with."""

    revision: int
    moved: list[MovedDeadline]  # the first ``MAX_PREVIEWED``, by their present due time
    total: int


def moved_holiday(session: Session, day: date, to: date) -> Proposal:
    """Proposal that moves a holiday to another day, since the moon was sighted earlier or later. Raises ``Refusal``."""
    row = session.get(CalendarDay, day)
    if row is None or row.kind is not DayKind.HOLIDAY:
        raise Refusal({"action": [_("این روز در تقویم تعطیل نیست که جابه‌جا شود.")]})
    return Proposal({day: Decided(None), to: Decided(DayKind.HOLIDAY, row.name)})


def preview(session: Session, proposal: Proposal, *, by: Actor, now: datetime) -> Preview:
    """Waiting deadlines that the proposal would move, with old and new due times. Changes nothing.

    Raises ``NotAllowed``, ``Refusal``. ``now``: aware.
    """
    permissions.demand(by, "change_calendar")
    settings = session.get_one(CalendarSettings, ONLY)
    _refuse_impossible(settings, proposal)
    moved, total = [], 0
    for deadline in _moved(session, _proposed(session, settings, proposal), proposal, now=now):
        total += 1
        moved.append(deadline)
        if len(moved) > 10 * MAX_PREVIEWED:
            moved = sorted(moved, key=lambda deadline: deadline.before)[:MAX_PREVIEWED]
    return Preview(settings.revision, sorted(moved, key=lambda deadline: deadline.before)[:MAX_PREVIEWED], total)


def apply(session: Session, proposal: Proposal, *, by: Actor, reason: str, now: datetime, seen: int) -> int:
    """Apply the change in the caller's transaction. Returns the calendar's new revision.

    ``seen``: the revision of the preview. Raises ``NotAllowed``; ``Refusal`` if the calendar has changed since,
    if the change is invalid or changes nothing, and without a reason.
    """
    permissions.demand(by, "change_calendar")
    reason = " ".join(clean(reason).split())
    if not reason or len(reason) > MAX_REASON_LENGTH:
        raise Refusal({"reason": [_("دلیل تغییر را بنویسید (حداکثر ۵۰۰ کاراکتر).")]})
    settings = session.scalars(
        select(CalendarSettings)
        .where(CalendarSettings.id == ONLY)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one()
    if settings.revision != seen:
        raise Refusal({"": [_("تقویم در این فاصله تغییر کرد. پیش‌نمایش جدید را ببینید و دوباره ثبت کنید.")]})
    _refuse_impossible(settings, proposal)
    change = CalendarChange(reason=reason, at=now, by_id=by.person_id, by_name=by.name, revision=seen + 1)
    changes = [*_write_days(session, proposal.days, change), *_write_hours(settings, proposal.hours, change)]
    if not changes:
        raise Refusal({"": [_("این تغییر چیزی را عوض نمی‌کند؛ تقویم همین است.")]})
    session.add_all(changes)
    for made in changes:
        _record(session, made, by=by)
    settings.revision = seen + 1
    session.flush()
    return settings.revision


def confirm(session: Session, day: date, *, by: Actor, now: datetime) -> None:
    """Confirm an estimated lunar holiday: the day stays and no deadline moves. Raises ``NotAllowed``, ``Refusal``."""
    permissions.demand(by, "change_calendar")
    row = session.get(CalendarDay, day, with_for_update=True)
    if row is None or not row.estimated:
        raise Refusal({"action": [_("این روز در انتظار تایید نیست.")]})
    before = _state(row)
    row.estimated, row.changed_at, row.changed_by_id = False, now, by.person_id
    change = CalendarChange(
        revision=None,
        day=day,
        before=before,
        after=_state(row),
        reason=_("تایید روز برآوردی"),
        at=now,
        by_id=by.person_id,
        by_name=by.name,
    )
    session.add(change)
    _record(session, change, by=by)
    session.flush()


def _record(session: Session, change: CalendarChange, *, by: Actor) -> None:
    """Record a change of a day, or of the week (whose key is empty), in the audit log."""
    key = change.day.isoformat() if change.day else ""
    trail.record(
        session, events.CALENDAR_CHANGED, by, subject=("calendar", key), before=change.before, after=change.after
    )


# ---------------------------------------------------------------- preview


def _proposed(session: Session, settings: CalendarSettings, proposal: Proposal) -> WorkingCalendar:
    days = {row.day: row.kind for row in session.execute(select(CalendarDay.day, CalendarDay.kind))}
    for day, decided in proposal.days.items():
        if decided.kind is None:
            days.pop(day, None)
        else:
            days[day] = decided.kind
    hours = proposal.hours
    if hours is not None:
        settings = CalendarSettings(weekend=hours.weekend, opens=hours.opens, closes=hours.closes, zone=hours.zone)
    return office_calendar.build(settings, days)


def _moved(
    session: Session, proposed: WorkingCalendar, proposal: Proposal, *, now: datetime
) -> Iterator[MovedDeadline]:
    """Deadlines that have another due time by the proposed calendar."""
    for deadline in waiting_deadlines(session, *_reach(proposed, proposal)):
        after = moves(session, deadline, proposed, now=now)
        if after is not None:
            yield replace(deadline, after=after)


def _reach(proposed: WorkingCalendar, proposal: Proposal) -> tuple[datetime | None, datetime | None]:
    """Range of deadlines that can move: due after the first changed day begins, counted before the last one ends."""
    if proposal.hours is not None or not proposal.days:
        return None, None
    begin = datetime.combine(min(proposal.days), time(), proposed.zone)
    return begin, datetime.combine(max(proposal.days) + timedelta(days=1), time(), proposed.zone)


# ---------------------------------------------------------------- apply


def _refuse_impossible(settings: CalendarSettings, proposal: Proposal) -> None:
    errors: dict[str, list[str]] = {}
    first, last = settings.first_year or 0, settings.last_year or 0
    if any(not first <= jalali_year(day) <= last for day in proposal.days):
        errors["day"] = [_("تقویم از سال %(first)s تا %(last)s را دارد.", first=first, last=last)]
    if any(decided.kind is DayKind.HOLIDAY and not decided.name.strip() for decided in proposal.days.values()):
        errors["name"] = [_("نام یا مناسبت تعطیلی را وارد کنید.")]
    if any(len(decided.name) > MAX_NAME_LENGTH for decided in proposal.days.values()):
        errors["name"] = [_("نام تعطیلی حداکثر ۲۰۰ کاراکتر است.")]
    errors |= _wrong_hours(proposal.hours) if proposal.hours else {}
    if errors:
        raise Refusal(errors)


def _wrong_hours(hours: Hours) -> dict[str, list[str]]:
    errors: dict[str, list[str]] = {}
    try:
        if len(office_calendar.weekend_of(hours.weekend)) > 6:
            errors["weekend"] = [_("حداقل یک روز هفته باید روز کاری باشد.")]
    except ValueError:
        errors["weekend"] = [_("روزهای تعطیل هفته را از میان گزینه‌ها انتخاب کنید.")]
    if hours.closes <= hours.opens:
        errors["closes"] = [_("پایان ساعت اداری باید پس از شروع آن باشد.")]
    try:
        ZoneInfo(hours.zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        errors["zone"] = [_("منطقهٔ زمانی نامعتبر است. نمونه: Asia/Tehran")]
    return errors


def _write_days(session: Session, days: Mapping[date, Decided], change: CalendarChange) -> Iterator[CalendarChange]:
    for day, decided in days.items():
        row = session.get(CalendarDay, day)
        before, after = _state(row), _decided(decided)
        if before == after:
            continue
        if decided.kind is not None:
            row = row or CalendarDay(day=day)
            row.kind, row.name, row.source = decided.kind, decided.name.strip(), DaySource.ADMIN
            row.estimated, row.changed_at, row.changed_by_id = False, change.at, change.by_id
            session.add(row)
        elif row is not None:
            session.delete(row)
        yield _change(change, day=day, before=before, after=after)


def _write_hours(settings: CalendarSettings, hours: Hours | None, change: CalendarChange) -> Iterator[CalendarChange]:
    if hours is None:
        return
    before = _settings(settings)
    settings.weekend, settings.opens, settings.closes = hours.weekend, hours.opens, hours.closes
    settings.zone = hours.zone
    after = _settings(settings)
    if before != after:
        yield _change(change, day=None, before=before, after=after)


def _change(change: CalendarChange, **values: Any) -> CalendarChange:
    return CalendarChange(
        reason=change.reason,
        at=change.at,
        by_id=change.by_id,
        by_name=change.by_name,
        revision=change.revision,
        **values,
    )


def _state(day: CalendarDay | None) -> dict[str, Any] | None:
    return {"kind": day.kind.value, "name": day.name, "estimated": day.estimated} if day else None


def _decided(decided: Decided) -> dict[str, Any] | None:
    return {"kind": decided.kind.value, "name": decided.name.strip(), "estimated": False} if decided.kind else None


def _settings(settings: CalendarSettings) -> dict[str, Any]:
    return {
        "weekend": settings.weekend,
        "opens": f"{settings.opens:%H:%M}",
        "closes": f"{settings.closes:%H:%M}",
        "zone": settings.zone,
    }

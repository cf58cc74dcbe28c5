"""Moves the deadlines that wait when the working calendar has changed: each case for itself, under its lock (CAL-1).

Whatever was reckoned with an older revision of the calendar is looked at; so nothing is forgotten when a worker
ends half-way, and nothing that a step armed while the calendar was being changed. A deadline that has fired waits
no more, and one that is due but has not fired yet asks the new calendar first (``engine.runtime.run``).
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, exists, func, literal, select, text, update
from sqlalchemy.orm import Session

from engine.actor import SYSTEM, Actor, actor_for
from engine.calendar.deadlines import Counted, Current
from engine.calendar.working_time import WorkingCalendar
from engine.errors import EngineError, OperationFailed
from engine.persistence import history, outbox
from engine.queries import cases
from engine.runtime import case_lock, incidents
from engine.service import Engine
from models.account import Person
from models.case import Case, HistoryEntry, Task
from models.jalali import format_moment
from models.job import Job
from models.language import gettext as _
from models.language import lazy, reading
from models.working_calendar import CalendarChange

log = logging.getLogger(__name__)

BATCH = 1_000  # deadlines looked at in one go
OPEN = text("tasks.status = 'open' AND tasks.working_days IS NOT NULL")  # as the partial indexes say it
TIMER = text("jobs.working_days IS NOT NULL")


@dataclass(frozen=True)
class MovedDeadline:
    """A timer or a task whose due time is reckoned in working days, and when it was and will be due."""

    id: int
    is_task: bool
    case_id: int
    case_number: str
    process_key: str
    element: str  # id in the diagram
    name: str  # of the element; "" for a timer until ``named``
    token: str
    counted_from: datetime
    working_days: int
    before: datetime
    after: datetime


def waiting_deadlines(
    session: Session, due_after: datetime | None = None, counted_before: datetime | None = None
) -> Iterator[MovedDeadline]:
    """All deadlines in working days that wait; ``after`` is still what ``before`` is."""
    for is_task in (False, True):
        table: Any = Task if is_task else Job
        asked = _rows(is_task)
        if due_after is not None and counted_before is not None:
            asked = asked.where(table.due_at >= due_after, table.counted_from < counted_before)
        last = 0
        while found := _page(session, asked.where(table.id > last).order_by(table.id), is_task):
            yield from found
            last = found[-1].id


def moves(session: Session, deadline: MovedDeadline, calendar: WorkingCalendar, *, now: datetime) -> datetime | None:
    """When it is due by this calendar, if that is another moment; ``None`` for one that stays.

    A task whose time is over stays, too, once a timer of its case has acted on it: what has come is not taken back.
    """
    after = calendar.add_working_days(deadline.counted_from, deadline.working_days)
    if after == deadline.before:
        return None
    if deadline.is_task and deadline.before <= now:
        fired = exists().where(
            HistoryEntry.case_id == deadline.case_id,
            HistoryEntry.what == "timer_fired",
            HistoryEntry.at >= deadline.before,
        )
        if session.scalar(select(fired)):
            return None
    return after


def named(session: Session, deadlines: Sequence[MovedDeadline]) -> list[tuple[MovedDeadline, str]]:
    """Each with the name that people know its element by."""
    found = {case.id: case for case in session.scalars(select(Case).where(Case.id.in_({d.case_id for d in deadlines})))}
    return [(one, one.name or cases.element_name(session, found[one.case_id], one.element)) for one in deadlines]


def left_to_move(session: Session, current: Current) -> int:
    """How many deadlines have not been looked at since the calendar was changed."""
    counts = (select(func.count()).select_from(_stale(is_task, current).subquery()) for is_task in (False, True))
    return sum(session.execute(asked).scalar_one() for asked in counts)


def move_deadlines(engine: Engine, *, most: int | None = None) -> int:
    """Move what waits by the calendar as it is now; returns how many deadlines moved.

    Any number of processes may do it at once. ``most``: how many cases at the most; the others wait for the next call.
    """
    with engine.transaction() as session:
        current = engine.services.calendar.read(session)
    moved = looked_at = 0
    while most is None or looked_at < most:
        with engine.transaction() as session:
            changed = _sort_out(session, current, now=engine.clock())
        if changed is None:
            break
        for case_id in changed if most is None else changed[: most - looked_at]:
            moved += _move(engine, case_id, current)
        looked_at += len(changed)
    return moved


# ---------------------------------------------------------------- which ones


def _rows(is_task: bool) -> Select[Any]:
    table: Any = Task if is_task else Job
    element = table.key if is_task else table.element_id
    return (
        select(
            table.id,
            literal(is_task).label("is_task"),
            table.case_id,
            Case.number.label("case_number"),
            table.process_key,
            element.label("element"),
            (table.name if is_task else literal("")).label("name"),
            table.token,
            table.counted_from,
            table.working_days,
            table.due_at.label("before"),
            table.due_at.label("after"),
        )
        .join(Case, Case.id == table.case_id)
        .where(OPEN if is_task else TIMER)
    )


def _page(session: Session, asked: Select[Any], is_task: bool) -> list[MovedDeadline]:
    rows = session.execute(asked.limit(BATCH))
    return [MovedDeadline(**{**row._mapping, "is_task": is_task}) for row in rows]


def _stale(is_task: bool, current: Current) -> Select[Any]:
    table: Any = Task if is_task else Job
    return _rows(is_task).where(table.calendar_revision < current.revision)


def _sort_out(session: Session, current: Current, *, now: datetime) -> list[int] | None:
    """Note of some stale deadlines that they stay; returns the cases of those that move. ``None``: all are done."""
    changed: set[int] = set()
    seen = 0
    for is_task in (False, True):
        found = _page(session, _stale(is_task, current), is_task)
        seen += len(found)
        moving = {one.case_id for one in found if moves(session, one, current.calendar, now=now)}
        stay = [one.id for one in found if one.case_id not in moving]
        if stay:
            _mark(session, is_task, current, (Task if is_task else Job).id.in_(stay))
        changed |= moving
    return sorted(changed) if seen else None


def _mark(session: Session, is_task: bool, current: Current, *where: Any) -> None:
    """Write down that these have been looked at by this revision of the calendar."""
    table: Any = Task if is_task else Job
    session.execute(
        update(table)
        .where(*where, table.calendar_revision < current.revision)
        .values(calendar_revision=current.revision)
        .execution_options(synchronize_session=False)
    )


# ---------------------------------------------------------------- one case


def _move(engine: Engine, case_id: int, current: Current) -> int:
    """Move the deadlines of one case. One that cannot be moved is told to the supervisors, and holds up nobody."""
    try:
        with engine.transaction() as session:
            return _move_case(engine, session, case_id, current)
    except EngineError as error:
        log.warning("the deadlines of case %s cannot be moved", case_id, exc_info=True)
        with engine.transaction() as session:
            if not isinstance(error, OperationFailed):  # that one has told already
                incidents.raise_incident(
                    session, case_id, element="", operation="deadlines", message=str(error), at=engine.clock()
                )
            _mark_case(session, case_id, current)
        return 0


def _move_case(engine: Engine, session: Session, case_id: int, current: Current) -> int:
    case = case_lock.lock(session, case_id)
    stale = [
        one
        for is_task in (False, True)
        for one in _page(session, _stale(is_task, current).where(Case.id == case_id), is_task)
    ]
    now = engine.clock()
    moved = [(one, after) for one in stale if (after := moves(session, one, current.calendar, now=now))]
    timers = {one.token: (after, _counted(one, current)) for one, after in moved if not one.is_task}
    if timers:
        run = engine.restore(session, case, SYSTEM)
        run.move_timers(timers)
        run.save()
    elif moved:
        case.revision += 1  # whoever computes a step of this case at the moment has been overtaken
    for one, after in moved:
        if one.is_task:
            session.execute(
                update(Task)
                .where(Task.id == one.id)
                .values(due_at=after, sort_due_at=after)
                .execution_options(synchronize_session=False)
            )
    _mark_case(session, case_id, current)
    if moved:
        _tell(session, case, moved, current, at=now)
    return len(moved)


def _counted(one: MovedDeadline, current: Current) -> Counted:
    return Counted(one.counted_from, one.working_days, current.revision)


def _mark_case(session: Session, case_id: int, current: Current) -> None:
    _mark(session, False, current, Job.case_id == case_id)
    _mark(session, True, current, Task.case_id == case_id)


def _tell(
    session: Session, case: Case, moved: list[tuple[MovedDeadline, datetime]], current: Current, *, at: datetime
) -> None:
    """The case's history says it, and the people whose deadline or whose case it is get a message."""
    change = session.scalars(
        select(CalendarChange).where(CalendarChange.revision <= current.revision).order_by(CalendarChange.id.desc())
    ).first()
    by = _actor(session, change)
    reason = change.reason if change else ""
    names = dict(named(session, [one for one, _when in moved]))
    for one, after in moved:
        said = lazy(
            "از %(before)s به %(after)s؛ تقویم کاری تغییر کرد: %(reason)s",
            before=one.before,
            after=after,
            reason=reason or "—",
        )
        history.record(
            session,
            case,
            what="deadline_moved",
            by=by,
            at=at,
            task_key=one.element,
            task_name=names[one],
            details={"text": said},
        )
    zone = current.calendar.zone.key
    tasks = [one.id for one, _when in moved if one.is_task]
    assignees = session.scalars(select(Task.assignee_id).where(Task.id.in_(tasks)))
    for person_id in sorted({person for person in (case.started_by_id, *assignees) if person is not None}):
        with reading(outbox.language_of(session, person_id)):
            lines = dict.fromkeys(
                _(
                    "مهلت %(name)s: از %(before)s به %(after)s",
                    name=_(names[one]),
                    before=format_moment(one.before, zone),
                    after=format_moment(after, zone),
                )
                for one, after in moved
            )
            title = _("مهلت پروندهٔ %(number)s جابه‌جا شد", number=case.number)
            told = _("تقویم کاری سازمان تغییر کرد: %(reason)s", reason=reason or "—")
            outbox.notify(session, case, person_id, title, "\n".join([told, *lines]), at=at)


def _actor(session: Session, change: CalendarChange | None) -> Actor:
    """Who changed the calendar, for the history; the system for years taken over from the library."""
    return SYSTEM if change is None or change.by_id is None else actor_for(session.get_one(Person, change.by_id))

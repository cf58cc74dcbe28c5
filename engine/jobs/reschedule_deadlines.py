"""Moves waiting deadlines after a change of the working calendar, each case under its own lock (CAL-1).

Every deadline that was counted with an older revision of the calendar is examined, so none is lost when a worker
ends half-way or when a step sets a deadline during the change. A due timer that has not fired yet is first compared
with the new calendar (``engine.runtime.run``).
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
from models.language import lazy, reading, stored
from models.working_calendar import CalendarChange

log = logging.getLogger(__name__)

BATCH = 1_000  # deadlines read at once
OPEN = text("tasks.status = 'open' AND tasks.working_days IS NOT NULL")  # the condition of the partial indexes
TIMER = text("jobs.working_days IS NOT NULL")


@dataclass(frozen=True)
class MovedDeadline:
    """A timer or task with a due time in working days, with its old and new due time (aware, UTC)."""

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
    """All waiting deadlines in working days, in the range given; ``after`` is still equal to ``before``."""
    for is_task in (False, True):
        table: Any = Task if is_task else Job
        query = _rows(is_task)
        if due_after is not None and counted_before is not None:
            query = query.where(table.due_at >= due_after, table.counted_from < counted_before)
        last = 0
        while page := _page(session, query.where(table.id > last).order_by(table.id), is_task):
            yield from page
            last = page[-1].id


def moves(session: Session, deadline: MovedDeadline, calendar: WorkingCalendar, *, now: datetime) -> datetime | None:
    """New due time by this calendar; ``None`` if the deadline does not move.

    An overdue task also stays once a timer of its case has fired since its due time.
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
    """Each deadline with the name of its element, in the reader's language."""
    by_id = {case.id: case for case in session.scalars(select(Case).where(Case.id.in_({d.case_id for d in deadlines})))}
    return [(d, d.name or cases.element_name(session, by_id[d.case_id], d.element)) for d in deadlines]


def left_to_move(session: Session, current: Current) -> int:
    """Number of deadlines not yet examined since the last change of the calendar."""
    counts = (select(func.count()).select_from(_stale(is_task, current).subquery()) for is_task in (False, True))
    return sum(session.execute(count).scalar_one() for count in counts)


def move_deadlines(engine: Engine, *, most: int | None = None) -> int:
    """Move waiting deadlines by the current calendar. Returns the number of moved deadlines.

    Safe from several processes at once. ``most``: maximum number of cases in this call (``None``: all).
    """
    with engine.transaction() as session:
        current = engine.services.calendar.read(session)
    moved = examined = 0
    while most is None or examined < most:
        with engine.transaction() as session:
            changed = _sort_out(session, current, now=engine.clock())
        if changed is None:
            break
        for case_id in changed if most is None else changed[: most - examined]:
            moved += _move(engine, case_id, current)
        examined += len(changed)
    return moved


# ---------------------------------------------------------------- queries


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


def _page(session: Session, query: Select[Any], is_task: bool) -> list[MovedDeadline]:
    rows = session.execute(query.limit(BATCH))
    return [MovedDeadline(**{**row._mapping, "is_task": is_task}) for row in rows]


def _stale(is_task: bool, current: Current) -> Select[Any]:
    table: Any = Task if is_task else Job
    return _rows(is_task).where(table.calendar_revision < current.revision)


def _sort_out(session: Session, current: Current, *, now: datetime) -> list[int] | None:
    """Mark up to two batches of stale deadlines that stay. Returns the cases with moving ones; ``None``: none left."""
    changed: set[int] = set()
    seen = 0
    for is_task in (False, True):
        page = _page(session, _stale(is_task, current), is_task)
        seen += len(page)
        moving = {deadline.case_id for deadline in page if moves(session, deadline, current.calendar, now=now)}
        stay = [deadline.id for deadline in page if deadline.case_id not in moving]
        if stay:
            _mark(session, is_task, current, (Task if is_task else Job).id.in_(stay))
        changed |= moving
    return sorted(changed) if seen else None


def _mark(session: Session, is_task: bool, current: Current, *where: Any) -> None:
    """Mark deadlines as examined with this revision of the calendar."""
    table: Any = Task if is_task else Job
    session.execute(
        update(table)
        .where(*where, table.calendar_revision < current.revision)
        .values(calendar_revision=current.revision)
        .execution_options(synchronize_session=False)
    )


# ---------------------------------------------------------------- one case


def _move(engine: Engine, case_id: int, current: Current) -> int:
    """Move the deadlines of a case. A failure opens an incident; other cases proceed. Returns the number moved."""
    try:
        with engine.transaction() as session:
            return _move_case(engine, session, case_id, current)
    except EngineError as error:
        log.warning("the deadlines of case %s cannot be moved", case_id, exc_info=True)
        with engine.transaction() as session:
            if not isinstance(error, OperationFailed):  # its incident exists already
                incidents.raise_incident(
                    session, case_id, element="", operation="deadlines", message=str(error), at=engine.clock()
                )
            _mark_case(session, case_id, current)
        return 0


def _move_case(engine: Engine, session: Session, case_id: int, current: Current) -> int:
    case = case_lock.lock(session, case_id)
    stale = [
        deadline
        for is_task in (False, True)
        for deadline in _page(session, _stale(is_task, current).where(Case.id == case_id), is_task)
    ]
    now = engine.clock()
    moved = [(deadline, after) for deadline in stale if (after := moves(session, deadline, current.calendar, now=now))]
    timers = {deadline.token: (after, _counted(deadline, current)) for deadline, after in moved if not deadline.is_task}
    if timers:
        run = engine.restore(session, case, SYSTEM)
        run.move_timers(timers)
        run.save()
    elif moved:
        case.revision += 1  # whoever computes a step of this case at the moment has been overtaken
    for deadline, after in moved:
        if deadline.is_task:
            session.execute(
                update(Task)
                .where(Task.id == deadline.id)
                .values(due_at=after, sort_due_at=after)
                .execution_options(synchronize_session=False)
            )
    _mark_case(session, case_id, current)
    if moved:
        _tell(session, case, moved, current, at=now)
    return len(moved)


def _counted(deadline: MovedDeadline, current: Current) -> Counted:
    return Counted(deadline.counted_from, deadline.working_days, current.revision)


def _mark_case(session: Session, case_id: int, current: Current) -> None:
    _mark(session, False, current, Job.case_id == case_id)
    _mark(session, True, current, Task.case_id == case_id)


def _tell(
    session: Session, case: Case, moved: list[tuple[MovedDeadline, datetime]], current: Current, *, at: datetime
) -> None:
    """Add lines to the case's history, and send a message to its starter and to the assignees of moved tasks."""
    change = session.scalars(
        select(CalendarChange).where(CalendarChange.revision <= current.revision).order_by(CalendarChange.id.desc())
    ).first()
    by = _actor(session, change)
    reason = change.reason if change else ""
    names = dict(named(session, [deadline for deadline, _when in moved]))
    for deadline, after in moved:
        text = lazy(
            "از %(before)s به %(after)s؛ تقویم کاری تغییر کرد: %(reason)s",
            before=deadline.before,
            after=after,
            reason=reason or "—",
        )
        history.record(
            session,
            case,
            what="deadline_moved",
            by=by,
            at=at,
            task_key=deadline.element,
            task_name=names[deadline],
            details={"text": text},
        )
    zone = current.calendar.zone.key
    tasks = [deadline.id for deadline, _when in moved if deadline.is_task]
    assignees = session.scalars(select(Task.assignee_id).where(Task.id.in_(tasks)))
    for person_id in sorted({person for person in (case.started_by_id, *assignees) if person is not None}):
        with reading(outbox.language_of(session, person_id)):
            lines = dict.fromkeys(
                _(
                    "مهلت %(name)s: از %(before)s به %(after)s",
                    name=stored(names[deadline]),
                    before=format_moment(deadline.before, zone),
                    after=format_moment(after, zone),
                )
                for deadline, after in moved
            )
            title = _("مهلت پروندهٔ %(number)s جابه‌جا شد", number=case.number)
            intro = _("تقویم کاری سازمان تغییر کرد: %(reason)s", reason=reason or "—")
            outbox.notify(session, case, person_id, title, "\n".join([intro, *lines]), at=at)


def _actor(session: Session, change: CalendarChange | None) -> Actor:
    """The person who changed the calendar; the system for imported years."""
    return SYSTEM if change is None or change.by_id is None else actor_for(session.get_one(Person, change.by_id))

"""Queries of supervisors: cases by process and status, incidents, late tasks. Reads columns only."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Select, and_, func, literal, select, union_all
from sqlalchemy.orm import Session, joinedload

from engine.actor import Actor
from engine.identity import permissions
from engine.paging import Page, capped, page_of, read_cursor
from engine.queries.worklist import OPEN_WORK
from engine.versions import newest_processes
from models.case import Case, CaseStatus, Task, TaskKind, TaskStatus
from models.document import FileScan
from models.job import Incident, Job

MAX_COUNT = 10_000  # cases are counted up to here, so that counting costs the same however many have ended


LATE_AFTER = timedelta(minutes=10)  # a file that the virus scanner has not looked at for so long


@dataclass
class ProcessFigures:
    """Numbers of cases, late tasks and open incidents of one process."""

    key: str
    name: str
    counts: dict[str, int] = field(default_factory=dict)  # status → cases, each counted up to ``MAX_COUNT``
    late: int = 0  # open tasks past their due moment
    incidents: int = 0  # open ones

    @property
    def total(self) -> int:
        return sum(self.counts.values())


def figures(session: Session, actor: Actor, *, now: datetime) -> list[ProcessFigures]:
    """The figures of every process that is deployed. Raises ``NotAllowed``."""
    permissions.demand(actor, "see_all_cases")
    by_key = {process.key: ProcessFigures(process.key, process.name) for process in newest_processes(session)}
    for key in by_key:
        counts = session.execute(union_all(*(_counted(key, status) for status in CaseStatus)))
        by_key[key].counts = {status: count for status, count in counts if count}
    late = (
        select(Case.process_key, func.count())
        .join(Task, Task.case_id == Case.id)
        .where(OPEN_WORK, Task.due_at < now, Case.status == CaseStatus.RUNNING)
        .group_by(Case.process_key)
    )
    for key, count in session.execute(late):
        by_key[key].late = count
    open_incidents = (
        select(Case.process_key, func.count())
        .join(Incident, Incident.case_id == Case.id)
        .where(Incident.resolved_at.is_(None))
        .group_by(Case.process_key)
    )
    for key, count in session.execute(open_incidents):
        by_key[key].incidents = count
    return sorted(by_key.values(), key=lambda process: (-process.total, process.key))


def _counted(process: str, status: CaseStatus) -> Select[str, int]:
    some = select(Case.id).where(Case.process_key == process, Case.status == status).limit(MAX_COUNT).subquery()
    return select(literal(status.value), func.count()).select_from(some)


def incidents_page(
    session: Session, actor: Actor, *, resolved: bool = False, cursor: str | None = None, limit: int = 30
) -> Page[Incident]:
    """Incidents that are open (or resolved), newest first. Raises ``NotAllowed``."""
    permissions.demand(actor, "see_incidents")
    limit = capped(limit)
    condition: ColumnElement[bool] = Incident.resolved_at.is_not(None) if resolved else Incident.resolved_at.is_(None)
    if cursor:
        (before,) = read_cursor(cursor, "incidents", [int])
        condition = and_(condition, Incident.id < before)
    rows = session.scalars(
        select(Incident)
        .where(condition)
        .order_by(Incident.id.desc())
        .limit(limit + 1)
        .options(joinedload(Incident.case).joinedload(Case.definition))
    ).all()
    return page_of(rows, limit, lambda incident: [incident.id], sort="incidents")


@dataclass(frozen=True)
class LateFile:
    """The file that has waited longest for the virus scanner, and why it was not checked at the last attempt."""

    asked_at: datetime
    attempts: int
    error: str


def late_file(session: Session, *, now: datetime) -> LateFile | None:
    """The oldest held file, if it waits longer than ``LATE_AFTER``. ``now``: aware."""
    oldest = (
        select(FileScan.asked_at, FileScan.attempts, FileScan.error)
        .where(FileScan.asked_at < now - LATE_AFTER)
        .order_by(FileScan.asked_at)
        .limit(1)
    )
    row = session.execute(oldest).first()
    return LateFile(*row) if row else None


def open_tasks(session: Session, case: Case) -> list[Task]:
    """Open tasks of a case without its actions, for reassigning them."""
    return list(
        session.scalars(
            select(Task)
            .where(Task.case_id == case.id, Task.status == TaskStatus.OPEN, Task.kind != TaskKind.ACTION)
            .order_by(Task.id)
            .options(joinedload(Task.assignee))
        )
    )


def works_outside(session: Session, case: Case) -> bool:
    """Returns True if an outside operation of the case is running or due."""
    return session.scalar(select(Job.id).where(Job.case_id == case.id, Job.operation != "").limit(1)) is not None

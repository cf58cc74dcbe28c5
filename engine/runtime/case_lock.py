"""Locks on cases, and checks under the lock that a task is open and free.

Lock order everywhere: the person to whom work is given or from whom it is taken, the case's row, then rows of scarce
things in the order of their ids.
"""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session, object_session, undefer

from engine.actor import Actor
from engine.errors import NotFound, TaskClaimed, TaskNotOpen
from engine.persistence import advisory_lock, statements
from models.case import Case, CaseStatus, HistoryEntry, Task, TaskStatus
from models.database import OPTIMISTIC


def lock(session: Session, case_id: int, *, optimistic: bool = False) -> Case:
    """Lock the case's row and reload it, since the session's copy may be older than the lock.

    ``optimistic``: for a step, which ends in writing the case's next revision. SQLite then takes its one write
    lock only at the first write, and a step that was overtaken meanwhile ends in ``Conflict``.
    Raises ``NotFound``.
    """
    case = session.scalars(
        select(Case)
        .where(Case.id == case_id)
        .options(undefer(Case.state))
        .with_for_update(of=Case, key_share=True)
        .execution_options(populate_existing=True, **{OPTIMISTIC: optimistic})
    ).one_or_none()
    if case is None:
        raise NotFound("case", case_id)
    return case


def lock_with_task(session: Session, task_id: int, *, optimistic: bool = False) -> tuple[Case, Task]:
    """Lock a task and its case and reload both, like ``lock``. Raises ``NotFound``.

    Both rows are locked, because PostgreSQL reloads only locked rows after it waited for a lock.
    """
    row = session.execute(
        statements.LOCK_WITH_TASK, {"this_task": task_id}, execution_options={OPTIMISTIC: optimistic}
    ).one_or_none()
    if row is None:
        raise NotFound("task", task_id)
    case, task = row
    return case, task


def one_at_a_time_for(session: Session, person_id: int | None) -> None:
    """Let nobody else give work to the person, or take a role of theirs, until this transaction ends.

    Otherwise work could reach them between the look at what they have and the end of their role.
    """
    if person_id is not None:
        advisory_lock.acquire(session, f"person {person_id}")


def refuse_closed(task: Task) -> None:
    """Check that the task is open and its case is running.

    Raises ``TaskNotOpen``, with the person, timer or task that ended it.
    """
    if task.status is not TaskStatus.OPEN:
        by = task.ended_by.name if task.ended_by else None
        raise TaskNotOpen(
            task.id, task.status.value, by=by, at=task.ended_at, case=task.case.number, because=_because(task)
        )
    if task.case.status is not CaseStatus.RUNNING:
        raise TaskNotOpen(task.id, task.case.status.value, case=task.case.number)


def _because(task: Task) -> str:
    """Name of the completed task or fired timer whose step cancelled this task; "" if unknown."""
    session = object_session(task)
    if task.status is not TaskStatus.CANCELLED or session is None:
        return ""
    ended_by = select(HistoryEntry.task_name).where(
        HistoryEntry.case_id == task.case_id,
        HistoryEntry.at == task.ended_at,
        HistoryEntry.what.in_(["task_completed", "timer_fired"]),
    )
    return session.scalars(ended_by.order_by(HistoryEntry.id.desc()).limit(1)).first() or ""


def refuse_claimed(task: Task, by: Actor) -> None:
    """Raises ``TaskClaimed`` if the task is assigned to another person."""
    if task.assignee_id is not None and task.assignee_id != by.person_id:
        raise TaskClaimed(task.id, task.assignee.name if task.assignee else "")

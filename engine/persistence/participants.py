"""Who takes part in a case: roles bound to persons, and the open tasks that move with them."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import func, insert, select, update
from sqlalchemy.orm import Session

from models.case import Case, HistoryEntry, Participant, Task, TaskStatus


def bound_person(session: Session, case: Case, role: str) -> int | None:
    """The id of the person that the lane ``role`` of the case is bound to; ``None``: nobody."""
    return session.execute(
        select(Participant.person_id).where(
            Participant.case_id == case.id,
            Participant.role == role,
            Participant.until.is_(None),
            Participant.person_id.is_not(None),
        )
    ).scalar()


def bind(session: Session, case: Case, role: str, person_id: int | None, *, at: datetime) -> None:
    """Bind a lane of the case to a person and move its open tasks; ``None`` gives them back to the group.

    Whoever had it goes on reading the history up to its present end (INS-17).
    """
    newest = select(func.max(HistoryEntry.id)).where(HistoryEntry.case_id == case.id).scalar_subquery()
    session.execute(
        update(Participant)
        .where(
            Participant.case_id == case.id,
            Participant.role == role,
            Participant.until.is_(None),
            Participant.person_id.is_not(None),
        )
        .values(until=at, last_entry_id=newest)
    )
    if person_id is not None:
        session.execute(insert(Participant), [{"case_id": case.id, "role": role, "person_id": person_id, "since": at}])
    session.execute(
        update(Task)
        .where(Task.case_id == case.id, Task.role == role, Task.status == TaskStatus.OPEN)
        .values(assignee_id=person_id, claimed=False)
    )


def pass_on(session: Session, case: Case, task_keys: Collection[str], scope: str) -> None:
    """Move open tasks of a group to the division ``scope``; claimed ones return to the group."""
    still_open = (Task.case_id == case.id, Task.key.in_(task_keys), Task.status == TaskStatus.OPEN)
    session.execute(update(Task).where(*still_open, Task.claimed).values(assignee_id=None, claimed=False))
    session.execute(update(Task).where(*still_open).values(scope=scope))

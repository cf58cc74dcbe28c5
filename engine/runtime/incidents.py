"""Incidents: failures of a case with element, operation and count, open until a supervisor resolves them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from engine.errors import OperationFailed
from models.case import Case
from models.job import Incident, Job


def raise_for_step(session: Session, failure: OperationFailed, *, at: datetime) -> int | None:
    """Record the failure of a person's or a timer's step. Returns the incident's id; ``None`` if there is no case."""
    if failure.case_id is None or session.get(Case, failure.case_id) is None:
        return None  # the case was about to start: it does not exist after the roll-back
    return raise_incident(
        session, failure.case_id, element=failure.element, operation=failure.operation, message=failure.reason, at=at
    ).id


def raise_incident(
    session: Session,
    case_id: int,
    *,
    element: str,
    operation: str,
    message: str,
    at: datetime,
    job_id: int | None = None,
) -> Incident:
    """Create an incident, or count up the open one of the same case, element and operation. ``at``: aware, UTC."""
    incident = session.scalars(
        select(Incident)
        .where(
            Incident.case_id == case_id,
            Incident.element_id == element,
            Incident.operation == operation,
            Incident.resolved_at.is_(None),
        )
        .with_for_update()
    ).first()
    if incident is not None:
        incident.times += 1
        incident.last_at, incident.message, incident.job_id = at, message[:2000], job_id
    else:
        incident = Incident(
            case_id=case_id,
            job_id=job_id,
            element_id=element,
            operation=operation,
            message=message[:2000],
            at=at,
            last_at=at,
        )
        session.add(incident)
    session.flush()
    return incident


def resolve(session: Session, case_id: int, element: str, *, at: datetime, by: int | None = None) -> None:
    """Resolve the open incidents of an element, after a success or by the person ``by``."""
    for incident in session.scalars(
        select(Incident).where(
            Incident.case_id == case_id, Incident.element_id == element, Incident.resolved_at.is_(None)
        )
    ):
        incident.resolved_at, incident.resolved_by_id = at, by


def release_held(session: Session, case_id: int) -> None:
    """Make the held jobs of a case due again at their original time, after it was resumed or by a retry."""
    session.execute(
        update(Job)
        .where(Job.case_id == case_id, Job.run_at.is_(None))
        .values(run_at=Job.due_at, attempts=0, lease_owner=None, lease_until=None)
        .execution_options(synchronize_session=False)
    )

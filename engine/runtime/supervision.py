"""Commands of supervisors: suspend, resume, cancel a case, reassign a task, retry an incident."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from engine.actor import Actor
from engine.audit import events, trail
from engine.errors import NotAllowed, NotFound, Refusal
from engine.identity import permissions
from engine.persistence import history
from engine.runtime import case_lock, incidents, subscriptions
from models.account import Person
from models.case import Case, CaseStatus, Task, TaskStatus
from models.job import THROWN_JOBS, Incident, Job


class Supervision:
    """Commands of supervisors, in the caller's transaction. Each raises ``NotAllowed`` for other people.

    They raise ``NotFound`` for an unknown case, task or incident.
    """

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock

    def suspend(self, session: Session, case_id: int, *, by: Actor, reason: str = "") -> Case:
        """Suspend a running case: nobody can work on it and its timers are held until it is resumed.

        Raises ``NotAllowed`` also if the case is not running, ``NotFound``.
        """
        case = self._case(session, case_id, by, "case_suspended", CaseStatus.RUNNING)
        _record(session, events.CASE_SUSPENDED, case, by, before=case.status, after=CaseStatus.SUSPENDED)
        case.status = CaseStatus.SUSPENDED
        return self._changed(session, case, by, "case_suspended", reason)

    def resume(self, session: Session, case_id: int, *, by: Actor, reason: str = "") -> Case:
        """Resume a suspended case. Timers that became due meanwhile fire now. Raises ``NotAllowed``, ``NotFound``."""
        case = self._case(session, case_id, by, "case_resumed", CaseStatus.SUSPENDED)
        _record(session, events.CASE_RESUMED, case, by, before=case.status, after=CaseStatus.RUNNING)
        case.status = CaseStatus.RUNNING
        incidents.release_held(session, case.id)
        return self._changed(session, case, by, "case_resumed", reason)

    def cancel_case(self, session: Session, case_id: int, *, by: Actor, reason: str) -> Case:
        """Cancel a case for good, with its tasks, timers and outside calls. Raises ``NotAllowed``, ``NotFound``."""
        case = self._case(session, case_id, by, "case_cancelled", CaseStatus.RUNNING, CaseStatus.SUSPENDED)
        now = self._clock()
        session.execute(
            update(Task)
            .where(Task.case_id == case.id, Task.status == TaskStatus.OPEN)
            .values(status=TaskStatus.CANCELLED, ended_at=now, ended_by_id=by.person_id)
            .execution_options(synchronize_session=False)
        )
        jobs = delete(Job).where(Job.case_id == case.id, Job.kind.not_in(THROWN_JOBS))
        session.execute(jobs.execution_options(synchronize_session=False))
        incidents.release_held(session, case.id)  # a message that waited for this case looks for somebody else
        subscriptions.forget(session, case.id)
        _record(session, events.CASE_CANCELLED, case, by, before=case.status, after=CaseStatus.CANCELLED)
        case.status, case.ended_at = CaseStatus.CANCELLED, now
        return self._changed(session, case, by, "case_cancelled", reason)

    def reassign(self, session: Session, task_id: int, *, by: Actor, person_id: int | None) -> Task:
        """Assign an open task to another person of its role (``None``: back to the group).

        Raises ``NotAllowed``, ``NotFound``, ``TaskNotOpen``; ``Refusal`` if the person lacks the task's role.
        """
        permissions.demand(by, "supervise")
        task = session.get(Task, task_id)
        if task is None:
            raise NotFound("task", task_id)
        case_lock.one_at_a_time_for(session, person_id)
        case = case_lock.lock(session, task.case_id)
        session.refresh(task)
        case_lock.refuse_closed(task)
        if person_id is not None and not permissions.holds_role(session, person_id, task.role, task.scope):
            raise Refusal({"person": [permissions.not_of_role()]})
        if task.assignee_id == person_id:
            return task  # already assigned to them
        trail.record(
            session,
            events.TASK_REASSIGNED,
            by,
            subject=("case", case.number),
            before={"assignee": _username(session, task.assignee_id)},
            after={"task": task.name, "assignee": _username(session, person_id)},
        )
        task.assignee_id, task.claimed = person_id, person_id is not None
        case.revision += 1  # whoever completes it at the moment has been overtaken
        history.record_task(
            session, case, task, what="task_reassigned", by=by, at=self._clock(), details={"person_id": person_id}
        )
        return task

    def retry_incident(self, session: Session, incident_id: int, *, by: Actor) -> Incident:
        """Make the failed job due now. Its incident is resolved by the job's success, that of a step at once.

        Raises ``NotAllowed``, ``NotFound``.
        """
        permissions.demand(by, "supervise")
        incident = session.get(Incident, incident_id)
        if incident is None:
            raise NotFound("incident", incident_id)
        case = case_lock.lock(session, incident.case_id)
        session.refresh(incident)
        if incident.resolved_at is None:
            now = self._clock()
            incidents.release_held(session, case.id)
            if incident.job_id is None:
                incident.resolved_at, incident.resolved_by_id = now, by.person_id
            history.record(session, case, what="incident_resolved", by=by, at=now, task_key=incident.element_id)
            about = {"incident": incident.id, "element": incident.element_id}
            trail.record(session, events.INCIDENT_RETRIED, by, subject=("case", case.number), after=about)
        return incident

    def _case(self, session: Session, case_id: int, by: Actor, what: str, *statuses: CaseStatus) -> Case:
        permissions.demand(by, "supervise")
        case = case_lock.lock(session, case_id)
        if case.status not in statuses:
            raise NotAllowed(by.username, what)
        return case

    def _changed(self, session: Session, case: Case, by: Actor, what: str, reason: str) -> Case:
        case.revision += 1  # whoever computes a step of this case at the moment has been overtaken
        details = {"text": reason} if reason else None
        history.record(session, case, what=what, by=by, at=self._clock(), details=details)
        return case


def _record(session: Session, event: str, case: Case, by: Actor, *, before: CaseStatus, after: CaseStatus) -> None:
    """Record a change of a case's status. The reason is in the history of the case."""
    trail.record(
        session,
        event,
        by,
        subject=("case", case.number),
        before={"status": before.value},
        after={"status": after.value},
    )


def _username(session: Session, person_id: int | None) -> str | None:
    return session.scalar(select(Person.username).where(Person.id == person_id)) if person_id is not None else None

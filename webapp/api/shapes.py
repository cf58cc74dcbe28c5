"""What cases, tasks and history look like in JSON. Fields are added freely and never renamed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy.orm import Session

from engine.actor import Actor
from engine.identity.permissions import Departure
from engine.queries import cases, worklist
from engine.queries.history import Line
from engine.runtime.outcomes import StepResult
from models.case import Case, Task
from models.document import Document
from models.language import stored

Json = dict[str, Any]


def moment(at: datetime | None) -> str | None:
    """ISO 8601 in UTC."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z") if at is not None else None


def case_json(session: Session, actor: Actor, case: Case) -> Json:
    """CASE: what it is, what it waits for, and what the caller may do besides (``actions``)."""
    return {
        "number": case.number,
        "process": case.process_key,
        "process_name": stored(case.definition.name),
        "version": case.definition.version,
        "status": case.status.value,
        "outcome": case.outcome,
        "started_at": moment(case.started_at),
        "started_by": case.started_by.name if case.started_by else None,
        "ended_at": moment(case.ended_at),
        "summary": case.subject,
        "waits_for": [_wait_json(wait) for wait in cases.waits_for(session, case)],
        "actions": [task_json(actor, task) for task in worklist.actions_in_case(session, actor, case)],
        "left_at": None,
    }


def left_case_json(case: Case, left: Departure) -> Json:
    """CASE for somebody who left it: which one it is, and nothing that may have come after (INS-17)."""
    return {
        "number": case.number,
        "process": case.process_key,
        "process_name": stored(case.definition.name),
        "version": case.definition.version,
        "status": None,
        "outcome": None,
        "started_at": moment(case.started_at),
        "started_by": case.started_by.name if case.started_by else None,
        "ended_at": None,
        "summary": "",
        "waits_for": [],
        "actions": [],
        "left_at": moment(left.at),
    }


def _wait_json(wait: cases.Wait) -> Json:
    return {
        "task": wait.task_key,
        "name": wait.name,
        "role": wait.role or None,
        "role_name": wait.role_name or None,
        "assignee": wait.assignee,
        "since": moment(wait.since),
        "due": moment(wait.due),
        "locked": wait.locked,
        "kind": wait.kind,
    }


def task_json(actor: Actor, task: Task) -> Json:
    """TASK, without its form."""
    return {
        "id": task.id,
        "key": task.key,
        "kind": task.kind.value,
        "name": stored(task.name),
        "process": task.process_key,
        "case": task.case.number,
        "summary": task.case.subject,
        "role": task.role,
        "scope": task.scope or None,
        "assignee": task.assignee.name if task.assignee else None,
        "mine": task.assignee_id is not None and task.assignee_id == actor.person_id,
        "claimed": task.claimed,
        "status": task.status.value,
        "since": moment(task.since),
        "due": moment(task.due_at),
        "priority": task.priority,
        "locked": task.locked,
    }


def step_json(session: Session, actor: Actor, step: StepResult) -> Json:
    """The result of a step: the case, the open tasks that the caller may do, and the step's messages to the caller."""
    session.flush()
    session.expire_all()  # the step changed rows that were read before it
    return {
        "case": case_json(session, actor, step.case),
        "tasks": [task_json(actor, task) for task in worklist.tasks_in_case(session, actor, step.case)],
        "messages": list(step.flashes),
    }


def line_json(line: Line) -> Json:
    return {
        "at": moment(line.at),
        "who": line.who,
        "what": line.entry.what,
        "task": line.entry.task_key or None,
        "details": line.entry.details,
        "role": line.entry.role or None,
        "words": line.words,
        "text": line.text or None,
    }


def document_json(document: Document) -> Json:
    return {
        "id": document.id,
        "name": document.name,
        "size": document.size,
        "type": document.media_type,
        "state": document.state.value,
    }

"""Saves a step: the case's state, and the rows of tasks, timers and outside operations that changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import CursorResult, Executable
from sqlalchemy.orm.attributes import set_committed_value

from engine.bpmn.diagram import Element
from engine.bpmn.lowering.names import is_inserted
from engine.calendar import deadlines
from engine.calendar.deadlines import Counted
from engine.contributions.operations import Json, OperationContext
from engine.deployment.definitions import Deployed
from engine.errors import Conflict
from engine.expressions.language import parse
from engine.persistence import statements
from engine.runtime import subscriptions, task_locks, thrown_events
from engine.runtime.task_locks import Standing, TaskLock
from engine.spiff import state
from engine.spiff.stepping import Position, ThrownEvent, WaitingEvent
from models.case import NEVER, CaseStatus, Participant, TaskKind, TaskStatus
from models.job import JobKind

PASSED = "passed"  # elements passed so far, kept beside the tokens: {process key: [element ids]}
# Columns of a locked task's row that stay when the task becomes active; its assignee follows the lane anyway.
_LOCKED_COLUMNS = frozenset(
    {"case_id", "kind", "key", "process_key", "name", "role", "assignee_id", "claimed", "status"}
)


@dataclass(frozen=True, kw_only=True)
class Step:
    """Result of a step: the case's position before and after it, completed tokens, thrown events, passed elements."""

    context: OperationContext
    deployed: Deployed
    script_engine: Any
    workflow: Any
    before: Position
    after: Position
    stood: Standing  # the locks on tasks before
    submitted: frozenset[str]  # the tokens that somebody or something from outside completed in this step
    thrown: list[ThrownEvent]
    passed: list[tuple[str, str]]  # (process key, element id) passed for the first time, in order

    def write(self) -> None:
        """Write all changes in the caller's transaction. Raises ``Conflict`` if another step was quicker."""
        subscribed = subscriptions.changes(
            self.context, self.deployed, self.script_engine.environment, before=self.before, after=self.after
        )
        self._write_case()  # first: its revision shows at once if another step was quicker
        self._write_tasks()
        self._write_jobs()
        self._write_passages()
        subscribed.write(self.context.session)

    # The case

    def _write_case(self) -> None:
        case, now = self.context.case, self.context.now
        values: dict[str, Any] = {"state": state.dump(self.workflow), "revision": case.revision + 1}
        if self.workflow.is_completed():
            end = self._end()
            cancelled = end is not None and end.properties.get("status") == CaseStatus.CANCELLED
            values |= {
                "status": CaseStatus.CANCELLED if cancelled else CaseStatus.COMPLETED,
                "ended_at": now,
                "outcome": end.id if end else None,
            }
        which = {"this_case": case.id, "this_revision": case.revision}
        if statements.WRITE_CASE.run(self.context.session, {**which, **values}).rowcount != 1:
            raise Conflict(case.number)
        for name, value in values.items():
            set_committed_value(case, name, value)

    def _end(self) -> Element | None:
        """The last passed end event of the top process's main course, outside subprocesses; else ``None``."""
        diagram = self.deployed.diagrams[self.deployed.key]
        passed = [diagram.elements[element] for element in self.workflow.data[PASSED].get(diagram.key, [])]
        ends = [element for element in passed if element.tag == "endEvent" and diagram.ends_main_course(element)]
        return ends[-1] if ends else None

    # Tasks

    def _write_tasks(self) -> None:
        gone = (self.before.people.keys() | self.before.waits.keys()) - self.after.people.keys()
        gone -= self.after.waits.keys()
        gone -= self.submitted  # completed: the submitting call writes who did it
        locks = task_locks.changes(self.stood, task_locks.standing(self.deployed, self.after))
        gone |= locks.gone
        if gone:
            which = {"this_case": self.context.case.id, "this_tokens": list(gone)}
            ended = {"status": TaskStatus.CANCELLED, "ended_at": self.context.now}
            self._execute(statements.CANCEL_TASKS, {**which, **ended})
        self._change_locked(locks)
        fresh = (task for token, task in self.after.people.items() if token not in self.before.people)
        rows = [self._task_row(task, locks) for task in fresh if str(task.id) not in locks.taken]
        rows += [self._locked_row(lock) for lock in locks.begun]
        begun = (wait for token, wait in self.after.waits.items() if token not in self.before.waits)
        rows += [row for wait in begun if (row := self._event_row(wait, rows)) is not None]
        if rows:
            self._assign(rows)
            statements.ADD_TASKS.run(self.context.session, rows)

    def _change_locked(self, locks: task_locks.Changes) -> None:
        """Update rows of locked tasks: a new lock, no lock any more, or the task itself has become active."""
        for row, token, lock in locks.changed:
            self._change(row, {"token": token, "locked": lock.reason(self.script_engine) if lock else None})
        for token, row in locks.taken.items():
            own = self._task_row(self.after.people[token], locks)
            self._change(row, {name: value for name, value in own.items() if name not in _LOCKED_COLUMNS})

    def _change(self, token: str, values: Mapping[str, Any]) -> None:
        which = {"this_case": self.context.case.id, "this_token": token}
        self._execute(statements.CHANGE_TASK, {**which, **values})

    def _locked_row(self, lock: TaskLock) -> dict[str, Any]:
        """Row of a locked task that is not active: with division and priority as far as the data has them."""
        _instance, key, target = lock.place
        element = self.deployed.diagrams[key].elements[target]
        row = self._row(key, element, lock.token, TaskKind.USER_TASK)
        row["locked"] = lock.reason(self.script_engine)
        for name in ("scope", "priority"):
            source = element.properties.get(name)
            if source and parse(source).names <= lock.activity.data.keys():
                row[name] = self.script_engine.evaluate(lock.activity, source)
        return row

    def _task_row(self, spiff_task: Any, locks: task_locks.Changes) -> dict[str, Any]:
        key = self.deployed.key_of(spiff_task.workflow.spec.name)
        element = self.deployed.diagrams[key].elements[spiff_task.task_spec.bpmn_id]
        row = self._row(key, element, str(spiff_task.id), TaskKind.USER_TASK)
        due, counted = self._due(element, spiff_task, key)
        row |= Counted.columns(counted)
        row["due_at"] = datetime.fromisoformat(due) if isinstance(due, str) else due
        row["sort_due_at"] = row["due_at"] or NEVER
        row["priority"] = self._property(element, "priority", spiff_task, 50)
        row["scope"] = str(self._property(element, "scope", spiff_task, ""))
        lock = locks.on.get(row["token"])
        row["locked"] = lock.reason(self.script_engine) if lock else None
        return row

    def _due(self, element: Element, spiff_task: Any, key: str) -> tuple[Any, Counted | None]:
        """Due time of a task, with its basis: from its property ``due``, or the boundary timer named there."""
        named = element.timer_of_due(self.deployed.diagrams[key].elements)
        if named is None:
            return deadlines.read(self._property(element, "due", spiff_task))
        waits = (wait for wait in self.after.waits.values() if wait.element == named.id)
        timer = next((wait for wait in waits if wait.task.parent is spiff_task.parent), None)
        return (timer.due, timer.counted) if timer else (None, None)

    def _event_row(self, wait: WaitingEvent, rows: list[dict[str, Any]]) -> dict[str, Any] | None:
        """Row of a waiting message event that names a role and so waits for a person too; else ``None``.

        A boundary event of a task with the same role is for the people of the task: in the same division.
        """
        key = self.deployed.key_of(wait.process)
        element = self.deployed.diagrams[key].elements[wait.element]
        if not element.waits_for_person:
            return None
        kind = TaskKind.ACTION if element.is_action else TaskKind.EVENT
        row = self._row(key, element, wait.token, kind)
        if "scope" in element.properties:
            row["scope"] = str(self._property(element, "scope", wait.task, ""))
        elif self._role_at(key, wait) == element.role:
            row["scope"] = self._scope_of(wait, rows)
        return row

    def _role_at(self, key: str, wait: WaitingEvent) -> str | None:
        """Role of the activity that a boundary event is attached to; ``None`` in the flow and at an inserted scope."""
        at = wait.attached_to
        return self.deployed.diagrams[key].elements[at].role if at and not is_inserted(at) else None

    def _scope_of(self, wait: WaitingEvent, rows: list[dict[str, Any]]) -> str:
        """Division of the task that a boundary event is attached to; "" at a subprocess."""
        at = (token for token, task in self.after.people.items() if task.parent is wait.task.parent)
        token = next(at, None)
        if token is None:
            return ""
        fresh = next((row["scope"] for row in rows if row["token"] == token), None)
        if fresh is not None:
            return str(fresh)
        which = {"this_case": self.context.case.id, "this_token": token}
        return self._execute(statements.SCOPE_OF_TASK, which).scalar() or ""

    def _row(self, process_key: str, element: Element, token: str, kind: TaskKind) -> dict[str, Any]:
        return {
            "case_id": self.context.case.id,
            "kind": kind,
            "key": element.id,
            "process_key": process_key,
            "name": element.name or element.id,
            "token": token,
            "role": element.role,
            "scope": "",
            "assignee_id": None,
            "claimed": False,
            "since": self.context.now,
            "due_at": None,
            "sort_due_at": NEVER,
            "priority": 50,
            "locked": None,
            "status": TaskStatus.OPEN,
            **Counted.columns(None),
        }

    def _property(self, element: Element, name: str, spiff_task: Any, default: Json = None) -> Json:
        source = element.properties.get(name)
        return self.script_engine.evaluate(spiff_task, source) if source else default

    def _assign(self, rows: list[dict[str, Any]]) -> None:
        """Assign tasks of bound lanes to the bound person, and make the groups of the other lanes participants."""
        session, case = self.context.session, self.context.case
        bound: dict[str, int | None] = {}
        for binding in statements.BINDINGS.run(session, {"this_case": case.id}):
            role, person_id = binding.role, binding.person_id
            bound[role] = person_id if person_id is not None else bound.get(role)
        for row in rows:
            row["role"] = self._role_of(row, bound)
            row["assignee_id"] = bound.get(row["role"])
            if row["role"] not in bound:
                bound[row["role"]] = None
                session.add(Participant(case_id=case.id, role=row["role"], person_id=None, since=self.context.now))

    def _role_of(self, row: Mapping[str, Any], bound: Mapping[str, int | None]) -> str:
        """The role of a lane with several roles: the one bound to a person, else the first."""
        element = self.deployed.diagrams[row["process_key"]].elements[row["key"]]
        return next((role for role in element.roles if bound.get(role) is not None), element.role)

    # Jobs

    def _write_jobs(self) -> None:
        timers, before = _timers(self.after.waits.values()), _timers(self.before.waits.values())
        moved = {token for token in timers.keys() & before.keys() if timers[token].due != before[token].due}
        ended = self.before.operations.keys() - self.after.operations.keys()
        gone = (before.keys() - timers.keys()) | moved | ended
        if gone:
            self._execute(statements.DELETE_JOBS, {"this_case": self.context.case.id, "this_tokens": list(gone)})
        rows = [self._timer_row(timers[token]) for token in (timers.keys() - before.keys()) | moved]
        begun = self.after.operations.keys() - self.before.operations.keys()
        rows += [self._operation_row(self.after.operations[token]) for token in begun]
        rows += thrown_events.rows(self.context, self.deployed, self.thrown)
        rows = [{**Counted.columns(None), **row} for row in rows]  # one statement: each row names the same columns
        if rows:
            statements.ADD_JOBS.run(self.context.session, rows)

    def _timer_row(self, wait: WaitingEvent) -> dict[str, Any]:
        return {
            "case_id": self.context.case.id,
            "kind": JobKind.TIMER,
            "element_id": wait.element,
            "process_key": self.deployed.key_of(wait.process),
            "token": wait.token,
            "due_at": wait.due,
            "run_at": wait.due,
            "attempts": 0,
            "operation": "",
            "arguments": None,
            "idempotency_key": "",
            **Counted.columns(wait.counted),
        }

    def _operation_row(self, spiff_task: Any) -> dict[str, Any]:
        token = str(spiff_task.id)
        name, arguments = self.script_engine.outside[token]
        return {
            "case_id": self.context.case.id,
            "kind": JobKind.OPERATION,
            "element_id": spiff_task.task_spec.bpmn_id,
            "process_key": self.deployed.key_of(spiff_task.workflow.spec.name),
            "token": token,
            "due_at": self.context.now,
            "run_at": self.context.now,
            "attempts": 0,
            "operation": name,
            "arguments": arguments,
            "idempotency_key": token,
        }

    # What was passed

    def _write_passages(self) -> None:
        if self.passed:
            case_id, now = self.context.case.id, self.context.now
            statements.ADD_PASSAGES.run(
                self.context.session,
                [
                    {"case_id": case_id, "process_key": key, "element_id": element, "last_at": now}
                    for key, element in self.passed
                ],
            )

    def _execute(self, statement: Executable, parameters: Any) -> CursorResult[Any]:
        return self.context.session.connection().execute(statement, parameters)


def _timers(waits: Iterable[WaitingEvent]) -> dict[str, WaitingEvent]:
    return {wait.token: wait for wait in waits if wait.due is not None}

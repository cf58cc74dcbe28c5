"""One step of one case: restore its workflow, let it advance, write down where it stands.

The only reader and writer of ``Case.state``. Everything happens in the caller's transaction.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, cast
from uuid import UUID

from SpiffWorkflow.bpmn.script_engine.python_engine import PythonScriptEngine
from SpiffWorkflow.util.task import TaskState
from sqlalchemy import CursorResult, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from engine import clock, permissions, pruning, state, stepping
from engine.decisions import as_json
from engine.definitions import Deployed
from engine.diagrams import SUBMISSION, Diagram, Element
from engine.errors import Conflict, EngineError, OperationFailed
from engine.expressions import ExpressionError, SafeEnvironment
from engine.identity import Actor
from engine.operations import Json, OperationContext, Operations
from engine.specs import OperationTask
from models.case import Case, CaseStatus, FlowPassage, Participant, Task, TaskKind, TaskStatus
from models.job import Job, JobKind

PASSED = "passed"  # elements passed so far, kept beside the tokens: {process key: [element ids]}


class StepEngine(PythonScriptEngine):  # type: ignore[misc]
    """What a running workflow may ask for: expressions, operations and decisions, and nothing else."""

    def __init__(self, environment: SafeEnvironment, operations: Operations, context: OperationContext) -> None:
        super().__init__(environment)
        self._operations = operations
        self._context = context
        self.outside: dict[str, tuple[str, dict[str, Json], int]] = {}  # token → operation, arguments, attempts

    def evaluate(self, task: Any, expression: str, external_context: Mapping[str, Json] | None = None) -> Json:
        """The value of an expression over the token's data. Raises ``OperationFailed`` at the element."""
        try:
            return self.environment.evaluate(expression, task.data, external_context)
        except ExpressionError as error:
            raise self._failed(task, "expression", f"{error.source}: {error.reason}") from error

    def run_operation(self, task: Any, name: str, arguments: dict[str, Json]) -> tuple[bool, Json]:
        """Call an inside operation: (True, its result). Remember an outside one for the worker: (False, None)."""
        operation = self._operations.get(name)
        if operation is None:
            raise self._failed(task, name, "no such operation")
        if operation.outside:
            self.outside[str(task.id)] = (name, json.loads(json.dumps(arguments)), operation.attempts)
            return False, None
        try:
            result = operation.function(self._context, **arguments)
            return True, json.loads(json.dumps(result))
        except EngineError:
            raise
        except IntegrityError as error:  # somebody else wrote the same thing: a second look will see it
            raise Conflict(self._context.case.number) from error
        except (ArithmeticError, LookupError, TypeError, ValueError, RuntimeError, OSError, AttributeError) as error:
            raise self._failed(task, name, f"{type(error).__name__}: {error}") from error

    def decide(self, task: Any, decision: str) -> Json:
        """The decision's outputs for the token's data."""
        try:
            answer = self._context.engine.decisions.evaluate(self._context.session, decision, dict(task.data))
            return as_json(answer)
        except EngineError as error:
            raise self._failed(task, decision, str(error)) from error

    def _failed(self, task: Any, operation: str, reason: str) -> OperationFailed:
        failure = OperationFailed(task.task_spec.bpmn_id or task.task_spec.name, operation, reason)
        failure.case_id = self._context.case.id
        return failure


class Run:
    """A case brought to life for one step. Make it, let it act, then ``save``; an exception throws it away."""

    def __init__(
        self, context: OperationContext, deployed: Deployed, environment: SafeEnvironment, operations: Operations
    ) -> None:
        self.context = context
        self.case = context.case
        self.deployed = deployed
        self._script_engine = StepEngine(environment, operations, context)
        self._before: dict[str, Any] = {}
        self._waits_before: dict[str, stepping.WaitingEvent] = {}
        self._operations_before: set[str] = set()
        self._submitted = ""
        self._newly_passed: list[tuple[str, str]] = []  # (process key, element id), in order

    def start(self, data: Mapping[str, Json]) -> None:
        """Make the case's workflow anew, with ``data`` at its start event."""
        with clock.at(self.context.now):
            self.workflow = state.new_workflow(self.deployed.specs, self._script_engine, dict(data))
        self.workflow.data[PASSED] = {}

    def restore(self) -> None:
        """Bring back the case's workflow from its saved state."""
        self.workflow = state.load(self.case.state, self.deployed.specs, self._script_engine)
        self._before = self._people_tokens()
        self._waits_before = {wait.token: wait for wait in stepping.waiting_events(self.workflow)}
        self._operations_before = self._operation_tokens()

    def submit(self, token: str, values: Mapping[str, Json]) -> bool:
        """Complete the user task or deliver the message that ``token`` waits at. False when it no longer waits."""
        read = self.deployed.names_read()
        kept = {name: value for name, value in values.items() if name in read}
        payload = {**kept, SUBMISSION: dict(values)}
        with clock.at(self.context.now):
            if token in self._people_tokens():
                task = self.workflow.get_task_from_id(UUID(token))
                task.data.update(payload)
                self._note(task)
                task.run()
                self._submitted = token
                return True
            if any(wait.token == token for wait in stepping.waiting_events(self.workflow)):
                stepping.deliver_message(self.workflow, token, payload)
                self._submitted = token
                return True
        return False

    def waits_at(self, token: str) -> bool:
        """Whether a user task or an event still waits at ``token``."""
        return token in self._people_tokens() or any(
            wait.token == token for wait in stepping.waiting_events(self.workflow)
        )

    def next_due(self) -> stepping.WaitingEvent | None:
        """The timer that has been due for longest; ``None`` when none is."""
        due = [w for w in stepping.waiting_events(self.workflow) if w.due is not None and w.due <= self.context.now]
        return min(due, key=lambda wait: (wait.due, wait.token), default=None)

    def fire_timer(self, wait: stepping.WaitingEvent) -> Element:
        """Let one due timer fire; returns the element it was."""
        with clock.at(self.context.now):
            stepping.fire_timer(self.workflow, wait.token, self.context.now)
        return self._element(self._process_key(wait.process), wait.element)

    def tasks_of(self, actor: Actor) -> list[Task]:
        """The open tasks of this case that the actor may do, oldest first; actions are not tasks to do."""
        found = self.context.session.scalars(
            select(Task)
            .where(Task.case_id == self.case.id, Task.status == TaskStatus.OPEN, Task.kind != TaskKind.ACTION)
            .order_by(Task.id)
        )
        return [
            task for task in found
            if task.assignee_id in (None, actor.person_id) and permissions.may_do(actor, task)
        ]  # fmt: skip

    def finish_operation(self, token: str, result: Json) -> bool:
        """Put an outside operation's result into its variable and go on. False when the token is gone."""
        if token not in self._operations_before:
            return False
        task = self.workflow.get_task_from_id(UUID(token))
        task.data[task.task_spec.result_variable] = result
        with clock.at(self.context.now):
            self._note(task)
            task.complete()
        return True

    def advance(self) -> None:
        """Run everything that needs nobody, until people, timers, messages or outside operations are waited for."""
        with clock.at(self.context.now):
            for step in stepping.advance(self.workflow):
                self._pass(step.process, step.element)

    def save(self) -> None:
        """Write state, tasks, timers and outside operations as they stand now. Raises ``Conflict``."""
        self._drop_submission()
        pruning.prune(self.workflow)
        self._save_case()  # first: its revision tells at once whether somebody was quicker
        with clock.at(self.context.now):  # a task's due date may be reckoned from now
            self._save_tasks()
        self._save_jobs()
        self._save_passages()

    # What the diagram knows of a token

    def _diagram_of(self, spiff_task: Any) -> Diagram:
        """The diagram a token is in: its own process, or the nearest around an embedded subprocess."""
        workflow = spiff_task.workflow
        while workflow.spec.name not in self.deployed.diagrams:
            workflow = workflow.parent_workflow
        return self.deployed.diagrams[workflow.spec.name]

    def _element(self, process_key: str, element_id: str) -> Element:
        return self.deployed.diagrams[process_key].elements[element_id]

    def _people_tokens(self) -> dict[str, Any]:
        return {str(task.id): task for task in stepping.open_user_tasks(self.workflow)}

    def _operation_tokens(self) -> set[str]:
        return {
            str(task.id)
            for workflow in (self.workflow, *self.workflow.subprocesses.values())
            for task in workflow.tasks.values()
            if task.state == TaskState.STARTED and isinstance(task.task_spec, OperationTask)
        }

    # Saving

    def _drop_submission(self) -> None:
        for workflow in (self.workflow, *self.workflow.subprocesses.values()):
            workflow.data.pop(SUBMISSION, None)
            for task in workflow.tasks.values():
                task.data.pop(SUBMISSION, None)

    def _save_tasks(self) -> None:
        after = self._people_tokens()
        waits = {wait.token: wait for wait in stepping.waiting_events(self.workflow)}
        gone = (self._before.keys() | self._waits_before.keys()) - after.keys() - waits.keys()
        gone.discard(self._submitted)  # completed, by whom is written by whoever submitted it
        if gone:
            self.context.session.execute(
                update(Task)
                .where(Task.case_id == self.case.id, Task.token.in_(gone), Task.status == TaskStatus.OPEN)
                .values(status=TaskStatus.CANCELLED, ended_at=self.context.now)
                .execution_options(synchronize_session=False)
            )
        rows = [self._task_row(task) for token, task in after.items() if token not in self._before]
        rows += [
            row for token, wait in waits.items()
            if token not in self._waits_before and (row := self._event_row(wait)) is not None
        ]  # fmt: skip
        if rows:
            self._assign(rows)
            self.context.session.execute(insert(Task), rows)

    def _task_row(self, spiff_task: Any) -> dict[str, Any]:
        diagram = self._diagram_of(spiff_task)
        element = diagram.elements[spiff_task.task_spec.bpmn_id]
        row = self._row(diagram.key, element, str(spiff_task.id), TaskKind.USER_TASK)
        due = self._property(element, "due", spiff_task)
        row["due_at"] = datetime.fromisoformat(due) if isinstance(due, str) else due
        row["priority"] = self._property(element, "priority", spiff_task, 50)
        row["scope"] = str(self._property(element, "scope", spiff_task, ""))
        return row

    def _event_row(self, wait: stepping.WaitingEvent) -> dict[str, Any] | None:
        """A waiting message event that names a role waits for a person too."""
        process_key = self._process_key(wait.process)
        element = self._element(process_key, wait.element)
        if not element.waits_for_person:
            return None
        kind = TaskKind.ACTION if element.is_action else TaskKind.EVENT
        return self._row(process_key, element, wait.token, kind)

    def _row(self, process_key: str, element: Element, token: str, kind: TaskKind) -> dict[str, Any]:
        return {
            "case_id": self.case.id, "kind": kind, "key": element.id, "process_key": process_key,
            "name": element.name or element.id, "token": token, "role": element.role, "scope": "",
            "assignee_id": None, "claimed": False, "since": self.context.now, "due_at": None, "priority": 50,
            "locked": None, "status": TaskStatus.OPEN,
        }  # fmt: skip

    def _process_key(self, spec_name: str) -> str:
        """The process a (sub)process spec belongs to."""
        if spec_name in self.deployed.diagrams:
            return spec_name
        return next(key for key, diagram in self.deployed.diagrams.items() if spec_name in diagram.elements)

    def _property(self, element: Element, name: str, spiff_task: Any, default: Json = None) -> Json:
        source = element.properties.get(name)
        return self._script_engine.evaluate(spiff_task, source) if source else default

    def _assign(self, rows: list[dict[str, Any]]) -> None:
        """Give tasks of bound lanes to the bound person, and let the other lanes' groups see the case."""
        bound: dict[str, int | None] = {}
        found = self.context.session.execute(
            select(Participant.role, Participant.person_id).where(
                Participant.case_id == self.case.id, Participant.until.is_(None)
            )
        )
        for role, person_id in found:
            bound[role] = person_id if person_id is not None else bound.get(role)
        for row in rows:
            row["assignee_id"] = bound.get(row["role"])
            if row["role"] not in bound:
                bound[row["role"]] = None
                self.context.session.add(
                    Participant(case_id=self.case.id, role=row["role"], person_id=None, since=self.context.now)
                )

    def _save_jobs(self) -> None:
        timers = {w.token: w for w in stepping.waiting_events(self.workflow) if w.due is not None}
        before = {token: wait for token, wait in self._waits_before.items() if wait.due is not None}
        running = self._operation_tokens()
        moved = {token for token in timers.keys() & before.keys() if timers[token].due != before[token].due}
        gone = (before.keys() - timers.keys()) | moved | (self._operations_before - running)
        if gone:
            self.context.session.execute(
                delete(Job)
                .where(Job.case_id == self.case.id, Job.token.in_(gone))
                .execution_options(synchronize_session=False)
            )
        rows = [self._timer_row(timers[token]) for token in (timers.keys() - before.keys()) | moved]
        rows += [self._operation_row(token) for token in running - self._operations_before]
        if rows:
            self.context.session.execute(insert(Job), rows)

    def _timer_row(self, wait: stepping.WaitingEvent) -> dict[str, Any]:
        return {
            "case_id": self.case.id, "kind": JobKind.TIMER, "element_id": wait.element,
            "process_key": self._process_key(wait.process), "token": wait.token, "due_at": wait.due,
            "run_at": wait.due, "attempts": 0, "operation": "", "arguments": None, "idempotency_key": "",
        }  # fmt: skip

    def _operation_row(self, token: str) -> dict[str, Any]:
        task = self.workflow.get_task_from_id(UUID(token))
        name, arguments, _attempts = self._script_engine.outside[token]
        return {
            "case_id": self.case.id, "kind": JobKind.OPERATION, "element_id": task.task_spec.bpmn_id,
            "process_key": self._diagram_of(task).key, "token": token, "due_at": self.context.now,
            "run_at": self.context.now, "attempts": 0, "operation": name, "arguments": arguments,
            "idempotency_key": token,
        }  # fmt: skip

    def _note(self, spiff_task: Any) -> None:
        self._pass(spiff_task.workflow.spec.name, spiff_task.task_spec.bpmn_id)

    def _pass(self, spec_name: str, element_id: str | None) -> None:
        if element_id:
            passed = self.workflow.data[PASSED].setdefault(self._process_key(spec_name), [])
            if element_id not in passed:
                passed.append(element_id)
                self._newly_passed.append((self._process_key(spec_name), element_id))

    def _save_passages(self) -> None:
        if self._newly_passed:
            self.context.session.execute(
                insert(FlowPassage),
                [
                    {"case_id": self.case.id, "process_key": key, "element_id": element, "last_at": self.context.now}
                    for key, element in self._newly_passed
                ],
            )

    def _save_case(self) -> None:
        values: dict[str, Any] = {"state": state.dump(self.workflow), "revision": self.case.revision + 1}
        if self.workflow.is_completed():
            end = self._end()
            cancelled = end is not None and end.properties.get("status") == CaseStatus.CANCELLED
            values |= {
                "status": CaseStatus.CANCELLED if cancelled else CaseStatus.COMPLETED,
                "ended_at": self.context.now, "outcome": end.id if end else None,
            }  # fmt: skip
        written = self.context.session.execute(
            update(Case)
            .where(Case.id == self.case.id, Case.revision == self.case.revision)
            .values(**values)
            .execution_options(synchronize_session="evaluate")
        )
        if cast(CursorResult[Any], written).rowcount != 1:
            raise Conflict(self.case.number)

    def _end(self) -> Element | None:
        """The end event of the top process that was passed last."""
        diagram = self.deployed.diagrams[self.deployed.key]
        passed = [diagram.elements[element] for key, element in self._newly_passed if key == diagram.key]
        return next((element for element in reversed(passed) if element.tag == "endEvent"), None)

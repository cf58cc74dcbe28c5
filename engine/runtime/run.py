"""One step of one case: restores its workflow, advances it and saves its new position.

The only reader and writer of ``Case.state``. Everything happens in the caller's transaction.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from engine import clock
from engine.bpmn.diagram import INSERTED, SUBMISSION, Element
from engine.calendar.deadlines import DEADLINES_KEY, Counted, Deadlines
from engine.contributions.operations import Json, OperationContext, Operations
from engine.deployment.definitions import Deployed
from engine.runtime import failures, saving, task_locks
from engine.runtime.saving import PASSED
from engine.spiff import pruning, state, stepping
from engine.spiff.script_engine import SafeEnvironment, StepEngine


class Run:
    """The workflow of one case during one step: start or restore it, act, then ``save``.

    After an exception the object is of no use: the caller rolls back and drops it.
    """

    def __init__(
        self, context: OperationContext, deployed: Deployed, environment: SafeEnvironment, operations: Operations
    ) -> None:
        self.context = context
        self.case = context.case
        self.deployed = deployed
        self._script_engine = StepEngine(environment, operations, context)
        self._before = stepping.Position({}, {}, {}, {})
        self._locks_before = task_locks.NOWHERE
        self._position: stepping.Position | None = self._before  # None: to be computed, the case has moved
        self._submitted: set[str] = set()
        self._newly_passed: list[tuple[str, str]] = []  # (process key, element id), in order
        self._deadlines = Deadlines(context.session, context.services.calendar)

    def start(self, data: Mapping[str, Json], values: Mapping[str, Json] | None = None) -> None:
        """Create the case's workflow with ``data`` and the ``values`` of the start form at its start event.

        Raises ``OperationFailed``.
        """
        payload = self._payload(values) if values is not None else {}
        with self._moving():
            self.workflow = state.new_workflow(self.deployed.specs, self._script_engine, {**payload, **data})
        self.workflow.data[PASSED] = {}

    def restore(self) -> None:
        """Restore the case's workflow from its saved state. Raises ``OperationFailed`` if the state cannot be read."""
        with failures.reported(self.case):
            self.workflow = state.load(self.case.state, self.deployed.specs, self._script_engine)
        self._deadlines.load(self.workflow.data.get(DEADLINES_KEY, {}))
        self._before = self._position = stepping.position(self.workflow)
        self._locks_before = task_locks.standing(self.deployed, self._before)

    def submit(self, token: str, values: Mapping[str, Json]) -> bool:
        """Complete the user task, or deliver the message, at ``token``. Returns False if the token no longer waits.

        ``values``: field name → JSON value. Raises ``OperationFailed``.
        """
        position = self._where()
        if token not in position:
            return False
        payload = self._payload(values)
        with self._moving():
            if token in position.people:
                task = position.people[token]
                task.data.update(payload)
                self._note(task)
                task.run()
            else:
                stepping.deliver_message(self.workflow, token, payload)
        self._submitted.add(token)
        return True

    def _payload(self, values: Mapping[str, Json]) -> dict[str, Json]:
        """The values that the diagram reads, and all values as ``submission``, which this step alone sees."""
        read = {name: value for name, value in values.items() if name in self.deployed.names_read}
        return {**read, SUBMISSION: dict(values)}

    def receive(self, tokens: Iterable[str], payload: Mapping[str, Json]) -> list[stepping.WaitingEvent]:
        """Deliver another case's message or signal to the tokens that still wait. Returns the receiving events."""
        waits = self._where().waits
        received = []
        with self._moving():
            for wait in (waits[token] for token in tokens if token in waits):
                try:
                    received.append(stepping.deliver_message(self.workflow, wait.token, payload))
                except stepping.EventNotWaiting:
                    continue  # another branch of the same event gateway has it already
        self._submitted.update(wait.token for wait in received)
        return received

    def waits_at(self, token: str) -> bool:
        """Returns True if a user task or an event still waits at ``token``."""
        return token in self._where()

    def lock_at(self, token: str) -> str | None:
        """Reason of the lock on the user task at ``token``; ``None`` if it is not locked."""
        lock = task_locks.standing(self.deployed, self._where()).on.get(token)
        return lock.reason(self._script_engine) if lock else None

    def next_due(self) -> stepping.WaitingEvent | None:
        """The due timer with the earliest due time; ``None`` if no timer is due."""
        waits = self._where().waits.values()
        due = [wait for wait in waits if wait.due is not None and wait.due <= self.context.now]
        due = [wait for wait in due if wait.counted is None or not self._is_postponed(wait.counted)]
        return min(due, key=lambda wait: (wait.due, wait.token), default=None)

    def _is_postponed(self, counted: Counted) -> bool:
        """Returns True if the changed calendar postpones the timer (``engine.jobs.reschedule_deadlines``)."""
        return self._deadlines.due(counted) > self.context.now

    def move_timers(self, moved: Mapping[str, tuple[datetime, Counted]]) -> list[stepping.WaitingEvent]:
        """Set new due times of waiting timers: token → (due time, its basis). Returns the timers that were moved."""
        waits = self._where().waits
        with self._moving():
            return [stepping.move_timer(self.workflow, token, *moved[token]) for token in moved if token in waits]

    def fire_timer(self, wait: stepping.WaitingEvent) -> Element:
        """Fire one due timer. Returns its element. Raises ``OperationFailed``."""
        with self._moving():
            stepping.fire_timer(self.workflow, wait.token, self.context.now)
        return self.deployed.diagrams[self.deployed.key_of(wait.process)].elements[wait.element]

    def finish_operation(self, token: str, result: Json) -> bool:
        """Store an outside operation's result in its variable and continue. Returns False if the token is gone."""
        task = self._where().operations.get(token)
        if task is None:
            return False
        task.data[task.task_spec.result_variable] = result
        with self._moving():
            self._note(task)
            task.complete()
        return True

    def advance(self) -> None:
        """Run automatic elements until every token waits for a person, timer, message or outside operation.

        Raises ``OperationFailed``, and the refusals of operations.
        """
        with self._moving():
            for step in stepping.advance(self.workflow):
                self._pass(step.process, step.element)

    def save(self) -> None:
        """Write state, tasks, timers and outside operations. Raises ``Conflict``, ``OperationFailed``."""
        with self._moving():  # a task's due date may be reckoned from now
            self._drop_submission()
            self._store_deadlines()
            thrown = stepping.thrown_events(self.workflow)
            pruning.prune(self.workflow)
            step = saving.Step(
                context=self.context,
                deployed=self.deployed,
                script_engine=self._script_engine,
                workflow=self.workflow,
                before=self._before,
                after=stepping.position(self.workflow),
                stood=self._locks_before,
                submitted=frozenset(self._submitted),
                passed=self._newly_passed,
                thrown=thrown,
            )
            step.write()

    def _where(self) -> stepping.Position:
        if self._position is None:
            self._position = stepping.position(self.workflow)
        return self._position

    @contextmanager
    def _moving(self) -> Iterator[None]:
        """Block in which the case moves, at the step's own time; its errors become ``OperationFailed``."""
        self._position = None
        with clock.at(self.context.now), self._deadlines.in_force(), failures.reported(self.case):
            yield

    def _drop_submission(self) -> None:
        for workflow in (self.workflow, *self.workflow.subprocesses.values()):
            workflow.data.pop(SUBMISSION, None)
            for task in workflow.tasks.values():
                task.data.pop(SUBMISSION, None)

    def _store_deadlines(self) -> None:
        """Store, beside the tokens, the bases of the deadlines that the case's data still contains."""
        workflows = (self.workflow, *self.workflow.subprocesses.values())
        stored = self._deadlines.in_use(task.data for workflow in workflows for task in workflow.tasks.values())
        if stored:
            self.workflow.data[DEADLINES_KEY] = stored
        else:
            self.workflow.data.pop(DEADLINES_KEY, None)

    def _note(self, spiff_task: Any) -> None:
        self._pass(spiff_task.workflow.spec.name, spiff_task.task_spec.bpmn_id)

    def _pass(self, scope: str, element_id: str | None) -> None:
        """Record that an element was passed, except elements that lowering inserted: no diagram has them."""
        if not element_id or element_id.startswith(INSERTED):
            return
        key = self.deployed.key_of(scope)
        passed = self.workflow.data[PASSED].setdefault(key, [])
        if element_id not in passed:
            passed.append(element_id)
            self._newly_passed.append((key, element_id))

"""Moves a workflow: runs ready tasks, lists the events it waits for, and triggers one of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeAlias
from uuid import uuid5

from SpiffWorkflow.bpmn.specs.control import EventSplit
from SpiffWorkflow.bpmn.specs.event_definitions.conditional import ConditionalEventDefinition
from SpiffWorkflow.bpmn.specs.event_definitions.timer import TimerEventDefinition
from SpiffWorkflow.bpmn.specs.mixins.events.event_types import CatchingEvent
from SpiffWorkflow.bpmn.specs.mixins.events.intermediate_event import BoundaryEvent, EventBasedGateway
from SpiffWorkflow.bpmn.specs.mixins.subworkflow_task import SubWorkflowTask
from SpiffWorkflow.bpmn.workflow import BpmnWorkflow
from SpiffWorkflow.task import Task
from SpiffWorkflow.util.task import TaskState

from engine import clock
from engine.bpmn.lowering.names import is_inserted
from engine.calendar.deadlines import Counted
from engine.errors import EngineError
from engine.spiff import state
from engine.spiff.corrections.boundaries import data_now
from engine.spiff.corrections.events import branches
from engine.spiff.corrections.messages import arrive
from engine.spiff.specs import OperationTask

SpiffTask: TypeAlias = Task
UNFINISHED = state.UNFINISHED


class LoopsByItself(EngineError):
    """A case runs on and on without coming to a person or to a wait."""

    code = "loops_by_itself"

    def __init__(self, process: str, elements: list[str]) -> None:
        super().__init__(f"{process} does not come to rest: … {' → '.join(elements)} …")
        self.process = process
        self.elements = elements


class EventNotWaiting(EngineError):
    """The event does not wait any more, or a timer is not due yet; ``due`` is its time (UTC)."""

    code = "event_not_waiting"

    def __init__(self, token: str, *, due: datetime | None = None) -> None:
        super().__init__(f"Event {token} is not due before {due}" if due else f"Event {token} does not wait")
        self.token = token
        self.due = due


@dataclass(frozen=True)
class StepTaken:
    """An element of the diagram that was completed."""

    process: str  # name of the (sub-)process spec it stands in
    element: str  # its id in the diagram
    token: str


@dataclass(frozen=True)
class WaitingEvent:
    """An event that a case waits for. Behind an event-based gateway each branch is one."""

    token: str  # a UUID, the same as long as the event waits
    process: str  # name of the (sub-)process spec it stands in
    element: str  # its id in the diagram
    kind: str  # message, timer, signal, conditional, error, escalation, cancel, multiple
    message: str | None  # name of the message or signal
    due: datetime | None  # timers: when it fires (next); in UTC
    attached_to: str | None  # boundary events: the activity
    interrupting: bool  # whether it ends what it is attached to; True for events in the flow
    counted: Counted | None  # timers in working days: what ``due`` was counted from
    task: Any = field(default=None, compare=False, repr=False)  # the library's task that waits


@dataclass(frozen=True)
class Position:
    """Everything that a case waits for, by token."""

    people: dict[str, SpiffTask]  # user tasks
    waits: dict[str, WaitingEvent]
    operations: dict[str, SpiffTask]  # outside operations that are on their way
    subprocesses: dict[str, SpiffTask]  # embedded and called ones that have begun

    def __contains__(self, token: str) -> bool:
        """Whether a person or an event is waited for at ``token``."""
        return token in self.people or token in self.waits


@dataclass(frozen=True)
class ThrownEvent:
    """A message or signal that the case threw."""

    kind: str
    name: str
    key: Any  # what the thrower's ``correlation_key`` says; None without one
    payload: dict[str, Any]
    process: str  # name of the (sub-)process spec it was thrown in
    element: str  # id of the thrower in the diagram
    token: str


# ---------------------------------------------------------------- running


def advance(workflow: BpmnWorkflow, *, now: datetime | None = None, budget: int = 500) -> list[StepTaken]:
    """Run every task that needs no person, until user tasks and waits remain; returns the completed elements.

    ``now`` (aware) is the time of the step; without it ``engine.clock.at`` must be in force where a timer begins.
    Raises LoopsByItself after ``budget`` tasks, UncaughtError, BadTimer, and the errors of operations: the workflow
    is half-run then and must be thrown away.
    """
    taken: list[StepTaken] = []
    with clock.at(now) if now else nullcontext():
        for _ in range(budget):
            task = _next_to_run(workflow) or _next_by_condition(workflow)
            if task is None:
                return taken
            task.run()
            if task._state == TaskState.COMPLETED and _is_drawn(task.task_spec.bpmn_id):
                taken.append(StepTaken(task.workflow.spec.name, task.task_spec.bpmn_id, str(task.id)))
    raise LoopsByItself(workflow.spec.name, [step.element for step in taken[-10:]])


def _is_drawn(element: str | None) -> bool:
    return bool(element) and not is_inserted(str(element))


def _next_to_run(workflow: BpmnWorkflow) -> SpiffTask | None:
    """The next ready task; boundary events first, since they may cancel the others."""
    first_ready = None
    for task in _tasks(workflow):
        if task._state == TaskState.READY and not task.task_spec.manual:
            if isinstance(task.task_spec, BoundaryEvent):
                return task
            first_ready = first_ready or task
    return first_ready


def _next_by_condition(workflow: BpmnWorkflow) -> SpiffTask | None:
    """Nothing else can run: a condition that is waited for may have become true."""
    for task in list(_waiting(workflow)):
        if isinstance(task.task_spec.event_definition, ConditionalEventDefinition):
            task.task_spec._update(task)
            if task._state == TaskState.READY:
                return task
    return None


def _is_for_people(task: SpiffTask) -> bool:
    return bool(task._state == TaskState.READY and task.task_spec.manual)


def position(workflow: BpmnWorkflow) -> Position:
    """The position of the case now, in one pass over its tokens."""
    people: dict[str, SpiffTask] = {}
    operations: dict[str, SpiffTask] = {}
    subprocesses: dict[str, SpiffTask] = {}
    waits: dict[str, WaitingEvent] = {}
    for task in _tasks(workflow):
        if _is_for_people(task):
            people[str(task.id)] = task
        elif task._state == TaskState.WAITING and isinstance(task.task_spec, CatchingEvent):
            waits.update((event.token, event) for event in _events_of(task))
        elif task._state == TaskState.STARTED and isinstance(task.task_spec, OperationTask):
            operations[str(task.id)] = task
        elif task._state == TaskState.STARTED and isinstance(task.task_spec, SubWorkflowTask):
            subprocesses[str(task.id)] = task
    return Position(people, waits, operations, subprocesses)


def _tasks(workflow: BpmnWorkflow) -> Iterator[SpiffTask]:
    yield from workflow.tasks.values()
    for subprocess in workflow.subprocesses.values():
        yield from subprocess.tasks.values()


def thrown_events(workflow: BpmnWorkflow) -> list[ThrownEvent]:
    """Take the messages and signals for the world outside; each is given once."""
    return [
        ThrownEvent(
            _kind(event.event_definition),
            event.event_definition.name,
            event.correlations["key"],
            event.payload,
            event.thrower.workflow.spec.name,
            event.thrower.task_spec.bpmn_id,
            str(event.thrower.id),
        )
        for event in workflow.get_events()
    ]


# ---------------------------------------------------------------- waiting


def waiting_events(workflow: BpmnWorkflow) -> list[WaitingEvent]:
    """The events (timers, messages, …) that the workflow waits for."""
    return [event for task in _waiting(workflow) for event in _events_of(task)]


def data_at(wait: WaitingEvent) -> dict[str, Any]:
    """The data that the branch behind a waiting event would begin with if the event happened now.

    For a boundary event it is merged from the tokens inside its activity; for any other it is the token's own.
    """
    task = wait.task
    if isinstance(task.task_spec, BoundaryEvent) and isinstance(task.parent.task_spec, EventSplit):
        return data_now(task.parent)
    data: dict[str, Any] = task.data
    return data


def _waiting(workflow: BpmnWorkflow) -> Iterator[SpiffTask]:
    for task in _tasks(workflow):
        if task._state == TaskState.WAITING and isinstance(task.task_spec, CatchingEvent):
            yield task


def _events_of(task: SpiffTask) -> list[WaitingEvent]:
    if not isinstance(task.task_spec, EventBasedGateway):
        counted = Counted.read(task.internal_data.get("counted"))
        return [_event(task, task.task_spec, task.task_spec.event_definition, str(task.id), _due(task), counted)]
    due_times, bases = task.internal_data.get("due_times", {}), task.internal_data.get("counted", {})
    return [
        _event(
            task,
            task.workflow.spec.task_specs[branch],
            definition,
            _branch_id(task, branch),
            _moment(due_times.get(branch)),
            Counted.read(bases.get(branch)),
        )
        for branch, definition in branches(task)
    ]


def _branch_id(gateway: SpiffTask, branch: str) -> str:
    """A branch that waits has no task yet; its id is a UUID 5 of the gateway's id and the branch's name."""
    return str(uuid5(gateway.id, branch))


def _event(
    task: SpiffTask, spec: Any, definition: Any, token: str, due: datetime | None, counted: Counted | None
) -> WaitingEvent:
    attached = _attached_to(task) if isinstance(spec, BoundaryEvent) else None
    name = definition.name if not isinstance(definition, TimerEventDefinition) else None
    interrupting = getattr(spec, "cancel_activity", True)
    return WaitingEvent(
        token,
        task.workflow.spec.name,
        spec.bpmn_id,
        _kind(definition),
        name,
        due,
        attached,
        interrupting,
        counted,
        task,
    )


def _attached_to(event: SpiffTask) -> str | None:
    split = event.parent
    if split is None or not isinstance(split.task_spec, EventSplit):
        return None
    activities = (spec for spec in split.task_spec.outputs if not isinstance(spec, BoundaryEvent))
    return next((str(spec.bpmn_id) for spec in activities), None)


def _kind(definition: Any) -> str:
    if isinstance(definition, TimerEventDefinition):
        return "timer"
    return type(definition).__name__.removesuffix("EventDefinition").lower()


def _due(task: SpiffTask) -> datetime | None:
    value = task.internal_data.get("event_value")
    return _moment(value["next"] if isinstance(value, dict) else value)


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


# ---------------------------------------------------------------- making one event happen


def fire_timer(workflow: BpmnWorkflow, token: str, now: datetime) -> WaitingEvent:
    """Fire one timer; ``advance`` then goes on from it. A repeating non-interrupting one waits for its next time;
    periods missed while nothing ran are skipped.

    Raises EventNotWaiting if it does not wait any more or is not due at ``now``.
    """
    task, event = _find(workflow, token)
    if event.kind != "timer" or event.due is None:
        raise EventNotWaiting(token)
    if event.due > now:
        raise EventNotWaiting(token, due=event.due)
    with clock.at(now):
        _fire(task, event)
    return event


def move_timer(workflow: BpmnWorkflow, token: str, due: datetime, counted: Counted) -> WaitingEvent:
    """Set another due time (UTC) for a timer in working days. Returns the event as it waited before.

    Raises EventNotWaiting.
    """
    task, event = _find(workflow, token)
    if event.counted is None:
        raise EventNotWaiting(token)
    internal = task.internal_data
    if isinstance(task.task_spec, EventBasedGateway):
        internal["due_times"][event.element], internal["counted"][event.element] = due.isoformat(), counted.stored()
    else:
        internal["event_value"], internal["counted"] = due.isoformat(), counted.stored()
    return event


def deliver_message(workflow: BpmnWorkflow, token: str, payload: Mapping[str, Any]) -> WaitingEvent:
    """Make this one message (or signal) arrive; its ``payload`` is laid over the data of the token it moves.

    ``advance`` then goes on from it. A message variable that the diagram names gets it, too.
    Raises EventNotWaiting.
    """
    task, event = _find(workflow, token)
    if event.kind not in ("message", "signal"):
        raise EventNotWaiting(token)
    branch = event.element if isinstance(task.task_spec, EventBasedGateway) else None
    arrive(task, _definition(task, event), payload, branch=branch)
    return event


def _find(workflow: BpmnWorkflow, token: str) -> tuple[SpiffTask, WaitingEvent]:
    for task in _waiting(workflow):
        for event in _events_of(task):
            if event.token == token:
                return task, event
    raise EventNotWaiting(token)


def _definition(task: SpiffTask, event: WaitingEvent) -> Any:
    if isinstance(task.task_spec, EventBasedGateway):
        return next(definition for branch, definition in branches(task) if branch == event.element)
    return task.task_spec.event_definition


def _fire(task: SpiffTask, event: WaitingEvent) -> None:
    if isinstance(task.task_spec, EventBasedGateway):
        task.internal_data["branch"] = event.element
    task.internal_data["event_fired"] = True
    task.task_spec._update(task)

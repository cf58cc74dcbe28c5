"""Corrections of events: timers, event-based gateways, errors. See ``engine.spiff.corrections``."""

from __future__ import annotations

from typing import Any

from SpiffWorkflow.bpmn.parser.event_parsers import SIGNAL_EVENT_XPATH, EndEventParser
from SpiffWorkflow.bpmn.specs.control import EventSplit
from SpiffWorkflow.bpmn.specs.event_definitions.multiple import MultipleEventDefinition
from SpiffWorkflow.bpmn.specs.event_definitions.simple import CancelEventDefinition, TerminateEventDefinition
from SpiffWorkflow.bpmn.specs.event_definitions.timer import (
    CycleTimerEventDefinition,
    DurationTimerEventDefinition,
    TimeDateEventDefinition,
    TimerEventDefinition,
)
from SpiffWorkflow.bpmn.specs.mixins.events.intermediate_event import BoundaryEvent, EventBasedGateway
from SpiffWorkflow.bpmn.specs.mixins.multiinstance_task import LoopTask
from SpiffWorkflow.bpmn.util.event import BpmnEvent
from SpiffWorkflow.spiff.specs.event_definitions import ErrorEventDefinition, EscalationEventDefinition
from SpiffWorkflow.util.task import TaskState

from engine import clock
from engine.calendar import deadlines, timers
from engine.spiff.corrections.registry import UncaughtError, instead_of, original

# ---------------------------------------------------------------- 6 timers stand still
# event_definitions/timer.py:139, :156 and :178 read the machine's clock whenever a task completes, take
# naive times for the server's zone and Jalali years for years of our era. Here a timer only fixes its due
# time when its wait begins, at the step's own moment; it fires when ``engine.spiff.stepping.fire_timer`` says so
# and never by itself.


@instead_of(TimeDateEventDefinition, "has_fired")
@instead_of(DurationTimerEventDefinition, "has_fired")
def _fix_due_time(self: Any, my_task: Any) -> bool:
    if my_task.internal_data.get("event_value") is None:
        value, counted = deadlines.read(_value_of(self, my_task))
        due_at = timers.due_time(value, now=clock.now(), element=_element(my_task))
        my_task.internal_data["event_value"] = due_at.isoformat()
        if counted:
            my_task.internal_data["counted"] = counted.stored()
    return bool(my_task.internal_data.get("event_fired", False))


@instead_of(CycleTimerEventDefinition, "update_task")
def _fix_first_due_time(self: Any, my_task: Any) -> None:
    if my_task.internal_data.get("event_value") is None:
        cycle = timers.cycle(_value_of(self, my_task), now=clock.now(), element=_element(my_task))
        my_task.internal_data["event_value"] = {
            "next": cycle.first.isoformat(),
            "period": cycle.period,
            "cycles": cycle.repetitions,
        }


def _value_of(definition: Any, my_task: Any) -> object:
    plain = timers.literal(definition.expression)
    return plain or my_task.workflow.script_engine.evaluate(my_task, definition.expression)


def _element(my_task: Any) -> str:
    return str(my_task.task_spec.bpmn_id or my_task.task_spec.name)


# ---------------------------------------------------------------- 8 event-based gateways
# multiple.py:12 keeps one due time for all timers of a gateway; intermediate_event.py:71 finds the branch
# by the event's name, so of two timers of one name the first is taken. Here each branch has its own due
# time, and the gateway remembers the branch itself.


@instead_of(MultipleEventDefinition, "has_fired")
def _one_branch_has_fired(self: Any, my_task: Any) -> bool:
    if not isinstance(my_task.task_spec, EventBasedGateway):
        return bool(original(MultipleEventDefinition, "has_fired")(self, my_task))
    due_times = my_task.internal_data.setdefault("due_times", {})
    for branch, definition in branches(my_task):
        if isinstance(definition, TimerEventDefinition) and branch not in due_times:
            value, counted = deadlines.read(_value_of(definition, my_task))
            due_times[branch] = timers.due_time(value, now=clock.now(), element=branch).isoformat()
            if counted:
                my_task.internal_data.setdefault("counted", {})[branch] = counted.stored()
    return "branch" in my_task.internal_data


def branches(gateway: Any) -> list[tuple[str, Any]]:
    """The branches of an event-based gateway's task: (name of the event's spec, its event definition) each."""
    spec = gateway.task_spec
    return list(zip(spec._outputs, spec.event_definition.event_definitions, strict=True))


@instead_of(EventBasedGateway, "catch")
def _choose_branch(self: Any, my_task: Any, event: Any) -> None:
    for branch, definition in branches(my_task):
        if definition.catches(my_task, event):
            definition.catch(my_task, event)
            definition.update_task_data(my_task)
            my_task.internal_data.setdefault("branch", branch)
            return


@instead_of(EventBasedGateway, "_run_hook")
def _take_branch(self: Any, my_task: Any) -> bool:
    chosen = my_task.workflow.spec.task_specs[my_task.internal_data["branch"]]
    my_task._sync_children([chosen], TaskState.FUTURE)
    return True


# ---------------------------------------------------------------- 9 errors, escalations, cancels, terminates
# spiff/specs/event_definitions.py:71 throws errors and escalations at every event of the case, wherever it
# is; util/event.py:39 lets an uncaught error go on along the normal flow; simple.py:38 throws an event
# nobody can catch. Here they climb from scope to scope, only to events attached to what they come out of.


@instead_of(ErrorEventDefinition, "throw")
def _throw_error(self: Any, my_task: Any) -> None:
    if not _climb(BpmnEvent(self, payload=_payload(self, my_task)), my_task):
        raise UncaughtError(_element(my_task), self.code)


@instead_of(EscalationEventDefinition, "throw")
def _throw_escalation(self: Any, my_task: Any) -> None:
    _climb(BpmnEvent(self, payload=_payload(self, my_task)), my_task)


@instead_of(CancelEventDefinition, "throw")
def _throw_cancel(self: Any, my_task: Any) -> None:
    _climb(BpmnEvent(self), my_task)


@instead_of(TerminateEventDefinition, "throw")
def _terminate_quietly(self: Any, my_task: Any) -> None:
    return None  # EndEvent._on_complete_hook does the terminating


def _payload(definition: Any, my_task: Any) -> Any:
    if definition.expression is None:
        return None
    return my_task.workflow.script_engine.evaluate(my_task, definition.expression)


def _climb(event: Any, my_task: Any) -> bool:
    workflow = my_task.workflow
    while workflow.parent_task_id is not None:
        activity = workflow.top_workflow.get_task_from_id(workflow.parent_task_id)
        catching = [task for task in attached_events(activity) if task.task_spec.catches(task, event)]
        # An event that names a code goes before one that catches everything.
        catching.sort(key=lambda task: getattr(task.task_spec.event_definition, "code", None) is None)
        if catching:
            catching[0].task_spec.catch(catching[0], event)
            catching[0].task_spec._update(catching[0])
            return True
        workflow = activity.workflow
    return False


def attached_events(activity: Any) -> list[Any]:
    """The waiting boundary events of an activity, or of the multi-instance task it is an instance of."""
    main = activity.parent if isinstance(activity.parent.task_spec, LoopTask) else activity
    split = main.parent
    if split is None or not isinstance(split.task_spec, EventSplit):
        return []
    return [
        task
        for task in split.children
        if isinstance(task.task_spec, BoundaryEvent) and task._state == TaskState.WAITING
    ]


# ---------------------------------------------------------------- 10 signal end events
# parser/event_parsers.py:237 does not look for a signal in an end event, which then ends without a word.


@instead_of(EndEventParser, "create_task")
def _create_end_event(self: Any) -> Any:
    look_for = self.get_event_definition

    def with_signals(paths: list[str]) -> Any:
        return look_for([*paths, SIGNAL_EVENT_XPATH])

    self.get_event_definition = with_signals
    return original(EndEventParser, "create_task")(self)

"""Corrections of messages and signals: how they are thrown and how they arrive. See ``engine.spiff.corrections``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any

from SpiffWorkflow.bpmn.specs.mixins.events.intermediate_event import EventBasedGateway
from SpiffWorkflow.bpmn.util.event import BpmnEvent
from SpiffWorkflow.spiff.specs.event_definitions import MessageEventDefinition, SignalEventDefinition
from SpiffWorkflow.util.task import TaskState

from engine.spiff.corrections.events import branches
from engine.spiff.corrections.registry import instead_of

# ---------------------------------------------------------------- 17 what is thrown leaves the case
# bpmn/specs/event_definitions/message.py:31 lets an instance without a correlation value take any message of
# the name, and util/event.py:47 hands a message to every event of the case at once; a signal that something
# in its own case catches never leaves it (:52), and one that nobody catches carries nothing. Here a thrower
# names its key and what it carries (``engine.spiff.throw_events``); a message always goes to the world outside, and a
# signal both to all of its own case and to the world.


@instead_of(MessageEventDefinition, "throw")
def _send_message(self: Any, my_task: Any) -> None:
    _hand_out(self, my_task)


@instead_of(SignalEventDefinition, "throw")
def _send_signal(self: Any, my_task: Any) -> None:
    payload = _hand_out(self, my_task).payload
    for task, definition, branch in list(_waiting_for(my_task.workflow.top_workflow, self)):
        arrive(task, definition, payload, branch=branch)


def _hand_out(definition: Any, my_task: Any) -> Any:
    spec, engine = my_task.task_spec, my_task.workflow.script_engine
    key = getattr(spec, "correlation_key", "")
    event = BpmnEvent(
        definition,
        payload={name: deepcopy(engine.evaluate(my_task, name)) for name in getattr(spec, "payload", ())},
        correlations={"key": engine.evaluate(my_task, key) if key else None},
    )
    event.thrower = my_task
    my_task.workflow.top_workflow.bpmn_events.append(event)
    return event


def _waiting_for(workflow: Any, signal: Any) -> Iterator[tuple[Any, Any, str | None]]:
    for task in list(workflow.event_manager.tasks.values()):
        if task._state != TaskState.WAITING:
            continue
        if not isinstance(task.task_spec, EventBasedGateway):
            if task.task_spec.event_definition == signal:
                yield task, task.task_spec.event_definition, None
            continue
        matching = [(branch, definition) for branch, definition in branches(task) if definition == signal]
        if matching:
            yield task, matching[0][1], matching[0][0]


def arrive(task: Any, definition: Any, payload: Mapping[str, Any], *, branch: str | None = None) -> None:
    """A message or signal reaches a waiting event; ``branch`` is the chosen one of an event-based gateway.

    The payload is laid over the data of the token it moves; a variable that the diagram names gets it, too.
    """
    if branch is not None:
        task.internal_data["branch"] = branch
    task.internal_data["event_fired"] = True
    task.task_spec._update(task)
    task.data.update(deepcopy(dict(payload)))
    variable = getattr(definition, "message_var", None) or getattr(definition, "variable", None)
    if variable is not None:
        task.data[variable] = dict(payload)
        task.internal_data[definition.name] = dict(payload)  # the library moves it there itself when it runs

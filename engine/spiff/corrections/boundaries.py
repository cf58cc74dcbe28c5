"""Corrections of boundary events: which data they go on with, how often they fire, what ends with them.

See ``engine.spiff.corrections``. Event subprocesses become boundary events (``engine.bpmn.lowering``), so all of
this holds for their start events, too.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from SpiffWorkflow.bpmn.specs.control import EventSplit, _EndJoin
from SpiffWorkflow.bpmn.specs.event_definitions.conditional import ConditionalEventDefinition
from SpiffWorkflow.bpmn.specs.event_definitions.simple import TerminateEventDefinition
from SpiffWorkflow.bpmn.specs.event_definitions.timer import CycleTimerEventDefinition, TimerEventDefinition
from SpiffWorkflow.bpmn.specs.mixins.events.end_event import EndEvent
from SpiffWorkflow.bpmn.specs.mixins.events.event_types import CatchingEvent
from SpiffWorkflow.bpmn.specs.mixins.events.intermediate_event import BoundaryEvent
from SpiffWorkflow.bpmn.specs.mixins.multiinstance_task import LoopTask
from SpiffWorkflow.task import Task
from SpiffWorkflow.util.task import TaskState

from engine import clock
from engine.bpmn.lowering.names import is_scope
from engine.calendar import timers
from engine.expressions.language import parse
from engine.spiff.corrections.registry import instead_of, original
from engine.spiff.corrections.tokens import apply_changes, branch_base, merged_now, path_to

UNFINISHED = TaskState.NOT_FINISHED_MASK


# ---------------------------------------------------------------- 13 boundary events
# event_types.py:42 gives a boundary event the data its activity began with: what was done inside since then is
# lost to it. event_types.py:61 lets one that does not interrupt fire once only. Here it goes on with the data
# of the moment (``data_now``), and one that does not interrupt waits again (``_wait_again``).


@instead_of(CatchingEvent, "_update_hook")
def _begin_or_go_on_waiting(self: Any, my_task: Any) -> bool:
    """Correction 7, too: a wait takes the data when it begins, and afterwards needs no parent.

    event_types.py:42 takes the parent's data over again at every look at a waiting event (and runs a
    pre-script again each time).
    """
    if "waits" in my_task.internal_data:
        fired = bool(self.event_definition.has_fired(my_task))
        if not fired:
            self.event_definition.update_task(my_task)
    else:
        my_task.internal_data["waits"] = True
        fired = bool(original(CatchingEvent, "_update_hook")(self, my_task))
    if fired and isinstance(self, BoundaryEvent):
        _go_off(self, my_task)
    return fired


def _go_off(spec: Any, event: Any) -> None:
    split = event.parent
    if split is None or not isinstance(split.task_spec, EventSplit):
        return
    event.data = data_now(split)
    if spec.cancel_activity:
        if is_scope(_activity(split).task_spec.name):
            _end_beside(split, event)
    else:
        _put_base_above(event, split)
        _wait_again(spec, event, split)


def _put_base_above(event: Any, split: Any) -> None:
    """Put a finished task with the data at the event's start above it: a join compares the branch with these data."""
    base = Task(split.workflow, event.task_spec, split, TaskState.COMPLETED)
    base.data = dict(event.data)
    base.triggered = True  # tells it from the event's own task, which ends up below it (``tokens.is_base``)
    position = split._children.index(event.id)
    split._children.remove(base.id)
    split._children[position] = base.id
    base._children = [event.id]
    event._parent = base.id


def _wait_again(spec: Any, event: Any, split: Any) -> None:
    definition = spec.event_definition
    if not isinstance(definition, TimerEventDefinition):
        again = split._add_child(spec, TaskState.WAITING)
        if isinstance(definition, ConditionalEventDefinition):
            again.internal_data["held"] = True
        spec._update(again)
        return
    if not isinstance(definition, CycleTimerEventDefinition):
        return
    cycle = event.internal_data["event_value"]
    if cycle["cycles"] == 1:
        return
    following = timers.next_due(datetime.fromisoformat(cycle["next"]), cycle["period"], now=clock.now())
    left = cycle["cycles"] - 1 if cycle["cycles"] > 0 else cycle["cycles"]  # -1: for ever
    again = split._add_child(spec, TaskState.WAITING)
    again.internal_data["event_value"] = {**cycle, "next": following.isoformat(), "cycles": left}
    spec._update(again)


@instead_of(CycleTimerEventDefinition, "has_fired")
def _cycle_has_fired(self: Any, my_task: Any) -> bool:
    """Correction 6, too: event_definitions/timer.py:178 reads the machine's clock."""
    return bool(my_task.internal_data.get("event_fired", False))


# ---------------------------------------------------------------- 14 the data of the moment
# The library knows no data of a running subprocess. Here it is merged from its tokens as a join would do it
# (correction 3), in the order in which the branches leave their fork.


def data_now(split: Any) -> dict[str, Any]:
    """The data of an activity with boundary events at this moment.

    Merged from the tokens inside it, then overlaid with the changes of finished branches of its earlier events.
    """
    data = dict(activity_data(_activity(split)))
    ended = [task for task in _below(split, _branches(split)) if _is_parked_end(task)]
    for token in sorted(ended, key=lambda task: task.internal_data["arrived"]):
        base = branch_base(split, path_to(token))
        apply_changes(data, base, token.data)
    return data


@instead_of(ConditionalEventDefinition, "has_fired")
def _condition_became_true(self: Any, my_task: Any) -> bool:
    """conditional.py:13 looks only at the data the wait began with and at data objects, which no element writes.

    Here the condition is about the data of the moment of the process it stands in, and does not hold as long as
    a name in it has no value; one that has fired without interrupting fires again when its condition was false
    in between.
    """
    if not _holds(self.expression, my_task):
        my_task.internal_data.pop("held", None)
        return False
    return "held" not in my_task.internal_data


def _holds(expression: str, my_task: Any) -> bool:
    data = process_data(my_task.workflow) or my_task.data
    if parse(expression).names - data.keys():
        return False
    own, my_task.data = my_task.data, data
    try:
        return bool(my_task.workflow.script_engine.evaluate(my_task, expression))
    finally:
        my_task.data = own


def activity_data(activity: Any) -> dict[str, Any]:
    """The data of a running subprocess or called process, merged from its tokens; else the activity's own data."""
    inside = activity.workflow.top_workflow.subprocesses.get(activity.id)
    if inside is None or inside.completed:
        return dict(activity.data)
    return process_data(inside) or dict(activity.data)


def process_data(process: Any) -> dict[str, Any] | None:
    """The merged data of the tokens in a (sub)process; ``None`` if it has no token."""
    tokens = list(_tokens(process))
    return merged_now(tokens, {token.id: activity_data(token) for token in tokens}) if tokens else None


def _tokens(process: Any) -> Iterator[Any]:
    """The tokens of a process, in the order in which their branches leave their forks."""
    ahead = [process.task_tree]
    while ahead:
        task = ahead.pop()
        if task._state & UNFINISHED and task._state & TaskState.DEFINITE_MASK and not _waits_at_an_edge(task):
            yield task
        if not (task._state & UNFINISHED and isinstance(task.task_spec, LoopTask)):
            ahead.extend(reversed(task.children))


def _waits_at_an_edge(task: Any) -> bool:
    return isinstance(task.task_spec, BoundaryEvent) and task._state == TaskState.WAITING


# ---------------------------------------------------------------- 15 what ends with a scope that has event subprocesses
# end_event.py:60 ends the tasks of one workflow; the event subprocesses of that scope run in the one round it.


@instead_of(EndEvent, "_on_complete_hook")
def _end_all_of_the_scope(self: Any, my_task: Any) -> None:
    workflow = my_task.workflow
    if isinstance(self.event_definition, TerminateEventDefinition) and is_scope(workflow.spec.name):
        activity = workflow.top_workflow.get_task_from_id(workflow.parent_task_id)
        if activity.parent is not None and isinstance(activity.parent.task_spec, EventSplit):
            _end_beside(activity.parent, activity)
    original(EndEvent, "_on_complete_hook")(self, my_task)


def _end_beside(split: Any, staying: Any) -> None:
    """Cancel the running event subprocesses of a scope; changes of finished ones stay."""
    branches = [branch for branch in _branches(split) if branch is not staying]
    for task in list(_below(split, branches)):
        if task._state & UNFINISHED and not _is_parked_end(task) and task is not staying:
            task.cancel()


def _activity(split: Any) -> Any:
    """The activity whose boundary events a split opened."""
    return next(child for child in split.children if not isinstance(child.task_spec, BoundaryEvent))


def _branches(split: Any) -> list[Any]:
    return [child for child in split.children if isinstance(child.task_spec, BoundaryEvent)]


def _below(split: Any, branches: list[Any]) -> Iterator[Any]:
    ahead = list(branches)
    while ahead:
        task = ahead.pop()
        yield task
        ahead.extend(task.children)


def _is_parked_end(task: Any) -> bool:
    return isinstance(task.task_spec, _EndJoin) and task._state == TaskState.WAITING

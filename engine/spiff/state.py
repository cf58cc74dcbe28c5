"""The stored form of a running case: compact JSON without the diagram and without history.

Format 1 is an object with ``format``, ``tasks``, and where there are any ``subprocesses``, ``data``,
``completed``, ``success``. Tasks stand parents first; each names its parent by position and holds only how
its data differs from the parent's. The order has meaning: keep the bytes as they are, never sorted.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from SpiffWorkflow.bpmn.specs.mixins.events.event_types import CatchingEvent
from SpiffWorkflow.bpmn.util.subworkflow import BpmnSubWorkflow
from SpiffWorkflow.bpmn.workflow import BpmnWorkflow
from SpiffWorkflow.task import Task
from SpiffWorkflow.util.task import TaskState

from engine.errors import EngineError
from engine.spiff.corrections.loops import connect_instances

FORMAT = 1
UNFINISHED = TaskState.NOT_FINISHED_MASK
_PLAIN = (str, int, bool, type(None))


class StateUnreadable(EngineError):
    """A stored state cannot be restored: it is damaged, of an unknown format, or not of this diagram."""

    code = "state_unreadable"


class StateUnwritable(EngineError):
    """A case holds something that cannot be stored without loss, or events that nobody took."""

    code = "state_unwritable"


@dataclass(frozen=True)
class ProcessSpecs:
    """A process and everything it calls, parsed. Shared by all cases and threads, and changed by none."""

    spec: Any
    subprocess_specs: Mapping[str, Any]

    def __post_init__(self) -> None:
        for spec in (self.spec, *self.subprocess_specs.values()):
            connect_instances(spec)


def new_workflow(specs: ProcessSpecs, script_engine: Any, data: Mapping[str, Any]) -> BpmnWorkflow:
    """A workflow at its start event with ``data``; nothing has run yet."""
    workflow = BpmnWorkflow(specs.spec, dict(specs.subprocess_specs), script_engine=script_engine)
    workflow.task_tree.data.update(data)
    return workflow


def dump(workflow: BpmnWorkflow) -> bytes:
    """The case as UTF-8 JSON.

    Raises StateUnwritable for values that JSON cannot give back as they are (moments, Decimal, sets, NaN),
    and when thrown messages or signals were not taken (``engine.spiff.stepping.thrown_events``).
    """
    if workflow.bpmn_events:
        names = [event.event_definition.name for event in workflow.bpmn_events]
        raise StateUnwritable(f"Nobody took the events {names}")
    state: dict[str, Any] = {"format": FORMAT, **_dump_process(workflow)}
    below = [{"at": task_id.hex, **_dump_process(subprocess)} for task_id, subprocess in _outer_first(workflow)]
    if below:
        state["subprocesses"] = below
    return json.dumps(state, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def load(state: bytes, specs: ProcessSpecs, script_engine: Any) -> BpmnWorkflow:
    """The workflow that ``dump`` stored. Raises StateUnreadable."""
    try:
        stored = json.loads(state)
    except ValueError as error:
        raise StateUnreadable(f"Not JSON: {error}") from error
    version = stored.get("format") if isinstance(stored, dict) else None
    if version != FORMAT:
        raise StateUnreadable(f"Format {version!r} is unknown; this version reads {FORMAT}")
    try:
        return _load_workflow(stored, specs, script_engine)
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise StateUnreadable(f"Damaged, or not of {specs.spec.name}: {error!r}") from error


# ---------------------------------------------------------------- writing


def _outer_first(workflow: BpmnWorkflow) -> list[tuple[UUID, Any]]:
    return sorted(workflow.subprocesses.items(), key=lambda item: item[1].depth)


def _dump_process(process: Any) -> dict[str, Any]:
    dumped: dict[str, Any] = {"tasks": _dump_tasks(process)}
    if process.data:
        _check(process.data, process.spec.name)
        dumped["data"] = process.data
    if process.completed:
        dumped["completed"] = True
    if not process.success:
        dumped["success"] = False
    return dumped


def _dump_tasks(process: Any) -> list[dict[str, Any]]:
    dumped: list[dict[str, Any]] = []
    ahead: list[tuple[Any, int, dict[str, Any]]] = [(process.task_tree, -1, {})]
    while ahead:
        task, parent, parent_data = ahead.pop()
        position = len(dumped)
        dumped.append(_dump_task(task, parent, _difference(parent_data, task.data, task.task_spec.name)))
        ahead.extend((child, position, task.data) for child in reversed(task.children))
    return dumped


def _dump_task(task: Any, parent: int, difference: dict[str, Any]) -> dict[str, Any]:
    dumped: dict[str, Any] = {"id": task.id.hex, "spec": task.task_spec.name, "state": task._state}
    if parent >= 0:
        dumped["parent"] = parent
    dumped.update(difference)
    if task._state & UNFINISHED and task.internal_data:
        _check(task.internal_data, task.task_spec.name)
        dumped["internal"] = task.internal_data
    if task.triggered:
        dumped["triggered"] = True
    return dumped


def _difference(base: dict[str, Any], data: dict[str, Any], element: str) -> dict[str, Any]:
    """The changes from ``base`` to ``data``: changed values under ``set``, removed names under ``unset``."""
    difference: dict[str, Any] = {}
    changed = {name: value for name, value in data.items() if name not in base or not _same(base[name], value)}
    if changed:
        _check(changed, element)
        difference["set"] = changed
    if removed := [name for name in base if name not in data]:
        difference["unset"] = removed
    return difference


def _same(one: Any, other: Any) -> bool:
    """Equal as JSON: in Python ``1 == True == 1.0``."""
    if one is other:
        return True
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(_same(value, other[name]) for name, value in one.items())
    if isinstance(one, list):
        return len(one) == len(other) and all(map(_same, one, other))
    return bool(one == other)


def _check(value: Any, element: str) -> None:
    """Raises StateUnwritable for a value that JSON would give back as another one."""
    kind = type(value)
    if kind in _PLAIN:
        return
    if kind is dict:
        for name, inner in value.items():
            if type(name) is not str:
                raise StateUnwritable(f"{element}: the key {name!r} is not text")
            _check(inner, element)
    elif kind is list:
        for inner in value:
            _check(inner, element)
    elif kind is not float or not math.isfinite(value):
        raise StateUnwritable(f"{element}: {value!r} is not a JSON value")


# ---------------------------------------------------------------- reading


def _load_workflow(stored: dict[str, Any], specs: ProcessSpecs, script_engine: Any) -> BpmnWorkflow:
    workflow = BpmnWorkflow(specs.spec, dict(specs.subprocess_specs), script_engine=script_engine, deserializing=True)
    _restore(workflow, stored, workflow)
    for below in stored.get("subprocesses", ()):
        activity = workflow.get_task_from_id(UUID(hex=below["at"]))
        spec = specs.subprocess_specs[activity.task_spec.spec]
        subprocess = BpmnSubWorkflow(spec, activity.id, workflow, deserializing=True)
        workflow.subprocesses[activity.id] = subprocess
        _restore(subprocess, below, workflow)
        subprocess.completed_event.connect(activity.task_spec._on_subworkflow_completed, activity)
    return workflow


def _restore(process: Any, stored: dict[str, Any], top: BpmnWorkflow) -> None:
    tasks: list[Any] = []
    task_specs = process.spec.task_specs
    wait: Callable[[Any], None] = top.event_manager.add_task
    for entry in stored["tasks"]:
        parent = tasks[entry["parent"]] if "parent" in entry else None
        task = Task(process, task_specs[entry["spec"]], parent, entry["state"], UUID(hex=entry["id"]))
        task.data = _data(parent.data if parent is not None else {}, entry)
        task.internal_data = entry.get("internal", {})
        task.triggered = entry.get("triggered", False)
        if task._state == TaskState.WAITING and isinstance(task.task_spec, CatchingEvent):
            wait(task)
        tasks.append(task)
    process.task_tree = tasks[0]
    process.data = stored.get("data", process.data)
    process.completed = stored.get("completed", False)
    process.success = stored.get("success", True)


def _data(base: dict[str, Any], entry: dict[str, Any]) -> dict[str, Any]:
    removed = entry.get("unset", ())
    data = {name: _own(value) for name, value in base.items() if name not in removed}
    data.update(entry.get("set", ()))
    return data


def _own(value: Any) -> Any:
    """A copy, for a task changes its lists and mappings in place and must not change its parent's."""
    if type(value) is dict:
        return {name: _own(inner) for name, inner in value.items()}
    if type(value) is list:
        return [_own(inner) for inner in value]
    return value

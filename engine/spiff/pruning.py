"""Drops the finished history of a case, so that the cost of a step does not grow with the age of the case.

Tasks that stay: the root; unfinished tasks; finished tasks from which two or more unfinished ones branch off, for
a join compares with them; the split of an activity that waits for boundary events, with its children; and the
task with the data that a branch of a boundary event began with, as long as a join compares with it.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from SpiffWorkflow.bpmn.specs.control import EventSplit, _EndJoin
from SpiffWorkflow.bpmn.workflow import BpmnWorkflow
from SpiffWorkflow.util.task import TaskState

from engine.spiff.corrections.tokens import apply_changes, branch_base, is_base, path_to

UNFINISHED = TaskState.NOT_FINISHED_MASK


def prune(workflow: BpmnWorkflow) -> int:
    """Drop finished tasks of the process and its subprocesses; returns the number of dropped tasks.

    The case goes on exactly as it would without.
    """
    dropped = _drop_finished_subprocesses(workflow)
    for process in (workflow, *workflow.subprocesses.values()):
        dropped += _prune_tree(process)
    return dropped


def _drop_finished_subprocesses(workflow: BpmnWorkflow) -> int:
    open_activities: set[UUID] = set()
    ahead: list[Any] = [workflow]
    while ahead:
        for task in ahead.pop().tasks.values():
            if task._state & UNFINISHED and task.id in workflow.subprocesses:
                open_activities.add(task.id)
                ahead.append(workflow.subprocesses[task.id])
    finished = [task_id for task_id in workflow.subprocesses if task_id not in open_activities]
    return sum(len(workflow.subprocesses.pop(task_id).tasks) for task_id in finished)


def _prune_tree(workflow: Any) -> int:
    before = len(workflow.tasks)
    _drop_settled_ends(workflow)
    tasks = workflow.tasks
    live = _with_ancestors(workflow, [task for task in tasks.values() if task._state & UNFINISHED])
    keep = {workflow.task_tree.id}
    for task_id in live:
        task = tasks[task_id]
        live_children = [child for child in task._children if child in live]
        if task._state & UNFINISHED or len(live_children) > 1:
            keep.add(task_id)
        waits = any(tasks[child]._state & UNFINISHED for child in live_children)
        if waits and isinstance(task.task_spec, EventSplit):
            keep.update(live_children, [task_id])
        if is_base(task) and _is_last_base(task, live):
            keep.add(task_id)
    if len(keep) < len(tasks):
        workflow.tasks = _only(workflow, keep)
        if workflow.last_task is not None and workflow.last_task.id not in keep:
            workflow.last_task = None
    return before - len(workflow.tasks)


def _is_last_base(base: Any, live: set[UUID]) -> bool:
    """Whether no other one stands between it and the next fork, or the token: only the last one counts."""
    task, below = base, [child for child in base.children if child.id in live]
    while len(below) == 1 and not task._state & UNFINISHED:
        task = below[0]
        if is_base(task):
            return False
        below = [child for child in task.children if child.id in live]
    return True


def _with_ancestors(workflow: Any, tasks: list[Any]) -> set[UUID]:
    ids: set[UUID] = set()
    for task in tasks:
        while task is not None and task.id not in ids:
            ids.add(task.id)
            task = workflow.tasks.get(task._parent)
    return ids


def _only(workflow: Any, keep: set[UUID]) -> dict[UUID, Any]:
    """The tasks in ``keep``, parents first, each below its nearest ancestor in ``keep``."""
    tasks = workflow.tasks
    remaining: dict[UUID, Any] = {}
    ahead: list[tuple[UUID, Any]] = [(workflow.task_tree.id, None)]
    while ahead:
        task_id, parent = ahead.pop()
        task = tasks[task_id]
        children = task._children
        if task_id in keep:
            remaining[task_id] = task
            task._parent = parent.id if parent is not None else None
            task._children = []
            if parent is not None:
                parent._children.append(task_id)
            parent = task
        ahead.extend((child, parent) for child in reversed(children))
    return remaining


def _drop_settled_ends(workflow: Any) -> None:
    """Drop tokens that wait at the end and whose data later ones override, as each sent reminder leaves one.

    The end waits for everybody, so it does not miss a token that adds nothing to the data.
    """
    parked = (task for task in workflow.tasks.values() if task._state == TaskState.WAITING)
    ends = [task for task in parked if isinstance(task.task_spec, _EndJoin)]
    by_fork: dict[UUID, list[Any]] = {}
    for end in sorted(ends, key=lambda token: token.internal_data["arrived"]):
        by_fork.setdefault(_fork_above(workflow, end), []).append(end)
    for fork_id, tokens in by_fork.items():
        fork = workflow.tasks[fork_id]
        for token in tokens[:-1]:
            others = [other for other in tokens if other is not token]
            if _outcome(fork, tokens) == _outcome(fork, others):
                workflow._remove_task(token.id)
                tokens = others


def _outcome(fork: Any, tokens: list[Any]) -> dict[str, Any]:
    merged = dict(fork.data)
    for token in tokens:
        apply_changes(merged, branch_base(fork, path_to(token)), token.data)
    return merged


def _fork_above(workflow: Any, task: Any) -> UUID:
    """The nearest ancestor that stays when the branch of ``task`` is gone."""
    task = workflow.tasks[task._parent]
    while task._parent is not None and len(task._children) == 1 and not task._state & UNFINISHED:
        task = workflow.tasks[task._parent]
    fork_id: UUID = task.id
    return fork_id

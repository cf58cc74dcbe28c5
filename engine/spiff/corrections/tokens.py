"""Corrections of how tokens move: followers, joins, cancelling. See ``engine.spiff.corrections``."""

from __future__ import annotations

import logging
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from SpiffWorkflow.bpmn.specs.control import BoundaryEventJoin, EventSplit, _EndJoin
from SpiffWorkflow.bpmn.specs.mixins.events.event_types import CatchingEvent
from SpiffWorkflow.bpmn.specs.mixins.events.intermediate_event import BoundaryEvent, EventBasedGateway
from SpiffWorkflow.bpmn.specs.mixins.inclusive_gateway import InclusiveGateway
from SpiffWorkflow.bpmn.specs.mixins.parallel_gateway import ParallelGateway
from SpiffWorkflow.bpmn.specs.mixins.subworkflow_task import SubWorkflowTask
from SpiffWorkflow.bpmn.specs.mixins.unstructured_join import UnstructuredJoin
from SpiffWorkflow.specs.base import TaskSpec
from SpiffWorkflow.specs.MultiChoice import MultiChoice
from SpiffWorkflow.task import Task
from SpiffWorkflow.util.task import TaskIterator, TaskState
from SpiffWorkflow.workflow import Workflow

from engine.spiff.corrections.registry import TaskNotReady, instead_of, original

_TASK_LOG = logging.getLogger("spiff.task")
UNFINISHED = TaskState.NOT_FINISHED_MASK


# ---------------------------------------------------------------- 1 nothing is predicted
# specs/base.py:216 `_predict` copies everything that may follow a task into the case: 2^k tasks behind k
# joins, and most of the stored state. Here followers are created when a task completes, never before.


@instead_of(TaskSpec, "_predict")
def _predict_nothing(self: Any, my_task: Any, seen: Any = None, looked_ahead: int = 0, mask: int = 0) -> None:
    return None


@instead_of(Task, "complete")
def _complete(self: Any) -> None:
    _make_followers(self)
    self._set_state(TaskState.COMPLETED)
    self.task_spec._on_complete(self)


def _make_followers(task: Any) -> None:
    spec = task.task_spec
    if not isinstance(spec, (MultiChoice, EventBasedGateway, EventSplit)):  # these make the ones they choose
        task._sync_children(_followers(spec), TaskState.FUTURE)


def _followers(spec: Any) -> list[Any]:
    """Without the join: a non-interrupting event ends no activity, and each firing would leave one behind."""
    ends_nothing = isinstance(spec, BoundaryEvent) and not spec.cancel_activity
    return [follower for follower in spec.outputs if not (ends_nothing and isinstance(follower, BoundaryEventJoin))]


@instead_of(EventSplit, "_run_hook")
def _open_event_region(self: Any, my_task: Any) -> bool:
    for spec in self.outputs:
        my_task._add_child(spec, TaskState.WAITING if isinstance(spec, self.event_type) else TaskState.FUTURE)
    return True


# ---------------------------------------------------------------- 2 joins count tokens
# parallel_gateway.py:46, inclusive_gateway.py:76 and unstructured_join.py:29 look for traces of earlier
# rounds in the tree, so a join inside a loop fires early. Here every arrival parks as a WAITING task, and a
# join that goes on uses up exactly the arrivals it went on with; what is left over waits for the next
# round.


@instead_of(UnstructuredJoin, "_update_hook")
def _arrive_at_join(self: Any, my_task: Any) -> bool:
    if "came_from" not in my_task.internal_data:
        my_task._inherit_data()
        order = max((token.internal_data["arrived"] for token in _parked(self, my_task)), default=0) + 1
        my_task.internal_data.update(came_from=my_task.parent.task_spec.name, arrived=order)
        my_task._set_state(TaskState.WAITING)
    if not self._check_threshold_unstructured(my_task):
        return False
    used = _used_up(self, my_task)
    if len(used) > 1:
        my_task.data = _merged(used)
    for token in used:
        if token is not my_task:
            token.cancel()
    return True


@instead_of(UnstructuredJoin, "_run_hook")
def _data_is_merged_already(self: Any, my_task: Any) -> bool:
    return True


@instead_of(ParallelGateway, "_check_threshold_unstructured")
def _every_flow_has_a_token(self: Any, my_task: Any) -> bool:
    arrived = Counter(token.internal_data["came_from"] for token in _parked(self, my_task))
    return all(arrived[name] >= needed for name, needed in Counter(self._inputs).items())


@instead_of(InclusiveGateway, "_check_threshold_unstructured")
def _no_token_can_still_come(self: Any, my_task: Any) -> bool:
    """BPMN 2.0, 13.4.3: wait for a token that can reach an empty flow, unless it can reach a full one."""
    full = {token.internal_data["came_from"] for token in _parked(self, my_task)}
    to_empty = _upstream(self, [name for name in self._inputs if name not in full])
    to_full = _upstream(self, full)
    for task in my_task.workflow.tasks.values():
        if not task._state & UNFINISHED:
            continue
        if task.task_spec is self:
            if task._state == TaskState.FUTURE and task is not my_task:
                return False  # it arrives in this very step
        elif task.task_spec.name in to_empty and task.task_spec.name not in to_full:
            return False
    return True


@instead_of(_EndJoin, "_check_threshold_unstructured")
def _everything_else_is_finished(self: Any, my_task: Any) -> bool:
    return all(
        task is my_task or (task.task_spec is self and task._state == TaskState.WAITING)
        for task in my_task.workflow.tasks.values()
        if task._state & UNFINISHED
    )


def _parked(spec: Any, my_task: Any) -> list[Any]:
    """The tokens that wait at a join, earliest first."""
    tokens = [
        task for task in my_task.workflow.tasks.values() if task.task_spec is spec and task._state == TaskState.WAITING
    ]
    return sorted(tokens, key=lambda token: token.internal_data.get("arrived", 0))


def _used_up(spec: Any, my_task: Any) -> list[Any]:
    """The tokens a join goes on with: all of them at the end, elsewhere one for each incoming flow."""
    tokens = _parked(spec, my_task)
    if isinstance(spec, _EndJoin):
        return tokens
    needed = Counter(spec._inputs)
    needed[my_task.internal_data["came_from"]] -= 1
    used = [my_task]
    for token in tokens:
        if token is not my_task and needed[token.internal_data["came_from"]] > 0:
            needed[token.internal_data["came_from"]] -= 1
            used.append(token)
    return sorted(used, key=lambda token: token.internal_data["arrived"])


def _upstream(join: Any, starts: Iterable[str]) -> set[str]:
    """Every element from which a path leads to one of ``starts`` without passing the join."""
    specs = join._wf_spec.task_specs
    seen: set[str] = set()
    ahead = list(starts)
    while ahead:
        name = ahead.pop()
        if name not in seen and name != join.name:
            seen.add(name)
            ahead.extend(specs[name]._inputs)
    return seen


# ---------------------------------------------------------------- 3 a join keeps what each branch changed
# unstructured_join.py:44 lays the whole data of the branches over each other, so a branch that changed
# nothing undoes what another one wrote. Here each branch adds only what it changed since the fork, in order
# of arrival.


def _merged(tokens: list[Any]) -> dict[str, Any]:
    order = {token.id: token.internal_data["arrived"] for token in tokens}
    return _Merge({token.id: token.data for token in tokens}, order).of([path_to(token) for token in tokens], 0)


def merged_now(tokens: list[Any], data: dict[UUID, dict[str, Any]]) -> dict[str, Any]:
    """The data of several tokens merged; later tokens of the list override earlier ones."""
    order = {token.id: position for position, token in enumerate(tokens)}
    return _Merge(data, order).of([path_to(token) for token in tokens], 0)


def path_to(token: Any) -> list[Any]:
    """The ancestors of a token, the root first, and the token itself."""
    return [*reversed(list(_ancestors(token))), token]


@dataclass(frozen=True)
class _Merge:
    data: dict[UUID, dict[str, Any]]  # of each token
    order: dict[UUID, int]  # a higher one is laid over a lower one

    def of(self, paths: list[list[Any]], level: int) -> dict[str, Any]:
        """Joins the innermost forks first: what a branch had before its own fork is no change of its.

        A path is a token with its ancestors, the root first; above ``level`` all paths are one.
        """
        if len(paths) == 1:
            return self.data[paths[0][-1].id]
        while all(path[level] is paths[0][level] for path in paths):
            level += 1
        branches: dict[UUID, list[list[Any]]] = {}
        for path in paths:
            branches.setdefault(path[level].id, []).append(path)
        merged = dict(paths[0][level - 1].data)
        for branch in sorted(branches.values(), key=self._last):
            apply_changes(merged, branch_base(paths[0][level - 1], *branch), self.of(branch, level))
        return merged

    def _last(self, paths: list[list[Any]]) -> int:
        return max(self.order[path[-1].id] for path in paths)


def branch_base(fork: Any, *paths: list[Any]) -> dict[str, Any]:
    """The data that a branch from ``fork`` is compared with; ``paths`` lead to all of its tokens.

    They are the fork's. Behind a non-interrupting event they are the data at the event's start, which a finished task
    of the event itself holds (correction 13).
    """
    base: dict[str, Any] = fork.data
    for together in zip(*(path[path.index(fork) + 1 :] for path in paths), strict=False):
        if any(task is not together[0] for task in together):
            break
        if is_base(together[0]):
            base = together[0].data
    return base


def is_base(task: Any) -> bool:
    """Whether a task only holds the data that a branch of a boundary event began with."""
    is_event = isinstance(task.task_spec, BoundaryEvent) and not task.task_spec.cancel_activity
    return bool(is_event and task.triggered and task._state == TaskState.COMPLETED)


def apply_changes(merged: dict[str, Any], base: dict[str, Any], changed: dict[str, Any]) -> None:
    """Apply to ``merged`` the differences between ``base`` and ``changed``; nested mappings are merged likewise."""
    for key, value in changed.items():
        if key in base and base[key] == value:
            continue
        if isinstance(value, dict) and isinstance(base.get(key), dict) and isinstance(merged.get(key), dict):
            merged[key] = dict(merged[key])
            apply_changes(merged[key], base[key], value)
        else:
            merged[key] = value
    for key in base:
        if key not in changed:
            merged.pop(key, None)


def _ancestors(task: Any) -> Iterator[Any]:
    task = task.parent
    while task is not None:
        yield task
        task = task.parent


# ---------------------------------------------------------------- 4 depth
# util/task.py:184 and bpmn/util/task.py:52 stop at depth 1,000 without a word: the case seems completed.
# task.py:212 and :226 recurse; workflow.py:203 walks all history after each completed task.


@instead_of(TaskIterator, "__init__")
def _to_any_depth(self: Any, task: Any, end_at: Any = None, max_depth: int = 0, *rest: Any, **more: Any) -> None:
    end_at_spec = more.pop("end_at_spec", end_at)
    original(TaskIterator, "__init__")(self, task, end_at_spec, sys.maxsize, *rest, **more)


@instead_of(Task, "is_descendant_of")
def _is_descendant_of(self: Any, task: Any) -> bool:
    return any(ancestor is task for ancestor in _ancestors(self))


@instead_of(Task, "find_ancestor")
def _find_ancestor(self: Any, spec_name: str) -> Any:
    return next((ancestor for ancestor in _ancestors(self) if ancestor.task_spec.name == spec_name), None)


@instead_of(Workflow, "update_waiting_tasks")
def _look_at_waiting_tasks(self: Any) -> None:
    for task in list(self.tasks.values()):
        if task._state == TaskState.WAITING:
            task.task_spec._update(task)


@instead_of(Task, "_set_state")
def _set_state(self: Any, value: int) -> None:
    """task.py:304 gathers what a log line would say, a tenth of a step's time, when nobody logs it, too."""
    if _TASK_LOG.isEnabledFor(logging.INFO):
        original(Task, "_set_state")(self, value)
    else:
        self._state = value


# ---------------------------------------------------------------- 5 running and cancelling
# task.py:349 runs tasks that are completed or cancelled; task.py:371 drops the followers of a cancelled task
# without cancelling them, so the sub-processes of a cancelled multi-instance task stay open, and drops what a
# repeating boundary event has started; event_types.py:79 stops the waits of what it has started;
# subworkflow_task.py:37 wakes an activity that was cancelled while its sub-process came to its end.


@instead_of(Task, "run")
def _run(self: Any) -> bool | None:
    if self._state != TaskState.READY:
        raise TaskNotReady(self.task_spec.bpmn_id or self.task_spec.name, TaskState.get_name(self._state))
    return original(Task, "run")(self)


@instead_of(Task, "cancel")
def _cancel(self: Any) -> None:
    open_now = bool(self._state & UNFINISHED)
    if open_now:
        self._set_state(TaskState.CANCELLED)
    if not (open_now and isinstance(self.task_spec, BoundaryEvent)):
        for child in self.children:
            child.cancel()
    if open_now:
        self.task_spec._on_cancel(self)


@instead_of(CatchingEvent, "_on_cancel")
def _stop_waiting(self: Any, my_task: Any) -> None:
    my_task.workflow.top_workflow.event_manager.remove_task(my_task)


@instead_of(SubWorkflowTask, "_on_subworkflow_completed")
def _subprocess_completed(self: Any, subworkflow: Any, my_task: Any) -> None:
    if my_task._state == TaskState.STARTED:
        original(SubWorkflowTask, "_on_subworkflow_completed")(self, subworkflow, my_task)

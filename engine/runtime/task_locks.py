"""Locks on user tasks while an activity of the case is active: the activity's properties ``locks``, ``lock_reason``.

A locked task that is not active has a row too, which everybody sees and nobody can complete. When the task becomes
active in the step that unlocks it, the row becomes the task's own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias
from uuid import uuid5

from engine.bpmn.diagram import Element
from engine.deployment.definitions import Deployed
from engine.spiff.stepping import Position

MAX_REASON_LENGTH = 300  # characters
# One user task of one running process: the token that called the process ("" for the case's own), process key, task.
Place: TypeAlias = tuple[str, str, str]


@dataclass(frozen=True)
class TaskLock:
    """A lock on a user task, held by an activity."""

    place: Place
    activity: Any  # the library's task that holds it
    element: Element  # the activity in the diagram

    @property
    def token(self) -> str:
        """Token of the row of the locked task as long as the task is not active."""
        return str(uuid5(self.activity.id, f"lock:{self.place[2]}"))

    def reason(self, script_engine: Any) -> str:
        """Reason of the lock: the value of the activity's ``lock_reason``, else its name."""
        source = self.element.properties.get("lock_reason")
        text = script_engine.evaluate(self.activity, source) if source else None
        return str(text or self.element.name or self.element.id)[:MAX_REASON_LENGTH]


@dataclass(frozen=True)
class Changes:
    """Changes of a step to the rows of locked tasks, by their tokens; empty for a process without locks."""

    begun: list[TaskLock] = field(default_factory=list)  # locks that need a new row
    gone: set[str] = field(default_factory=set)  # tokens of rows to cancel
    taken: dict[str, str] = field(default_factory=dict)  # token of a task that became active → the row it takes over
    changed: list[tuple[str, str, TaskLock | None]] = field(default_factory=list)  # row, its new token, its new lock
    on: dict[str, TaskLock] = field(default_factory=dict)  # token of an active task → its lock


NOTHING = Changes()


@dataclass(frozen=True)
class Standing:
    """Locks at a position of a case. Read it before the next step: a step changes the library's tasks in it."""

    locks: dict[Place, TaskLock] = field(default_factory=dict)
    active: dict[Place, list[str]] = field(default_factory=dict)  # tokens of user tasks

    @property
    def inactive(self) -> dict[Place, TaskLock]:
        """Locks whose task is not active; each has a row of its own."""
        return {place: lock for place, lock in self.locks.items() if place not in self.active}

    @property
    def on(self) -> dict[str, TaskLock]:
        return {token: lock for place, lock in self.locks.items() for token in self.active.get(place, ())}


NOWHERE = Standing()


def changes(was: Standing, now: Standing) -> Changes:
    """Compare the locks before and after a step."""
    if not was.locks and not now.locks:
        return NOTHING
    had, has = was.inactive, now.inactive
    rows = Changes(begun=[lock for place, lock in has.items() if place not in had], on=now.on)
    for place, lock in had.items():
        if place in now.active:
            rows.taken[now.active[place][0]] = lock.token
        elif place not in has:
            rows.gone.add(lock.token)
        elif has[place].token != lock.token:
            rows.changed.append((lock.token, has[place].token, has[place]))
    for place in was.active.keys() & now.active.keys():
        held = now.locks.get(place)
        if _token(was.locks.get(place)) != _token(held):
            stayed = set(was.active[place]).intersection(now.active[place])
            rows.changed.extend((token, token, held) for token in stayed)
    return rows


def _token(lock: TaskLock | None) -> str:
    return lock.token if lock else ""


def standing(deployed: Deployed, position: Position) -> Standing:
    """Locks at this position; ``NOWHERE`` for a process without locks."""
    if not deployed.locks:
        return NOWHERE
    locks: dict[Place, TaskLock] = {}
    for lock in _held(deployed, position):
        other = locks.get(lock.place)
        if other is None or lock.token < other.token:  # of several always the same one, in whichever order they come
            locks[lock.place] = lock
    active: dict[Place, list[str]] = {}
    for token, task in position.people.items():
        active.setdefault(_place(deployed, task, task.task_spec.bpmn_id), []).append(token)
    return Standing(locks, active)


def _held(deployed: Deployed, position: Position) -> Iterator[TaskLock]:
    for task in (*position.people.values(), *position.subprocesses.values()):
        key = deployed.key_of(task.workflow.spec.name)
        for target in deployed.locks.get((key, task.task_spec.bpmn_id), ()):
            element = deployed.diagrams[key].elements[task.task_spec.bpmn_id]
            yield TaskLock(_place(deployed, task, target), task, element)


def _place(deployed: Deployed, task: Any, element: str) -> Place:
    """The place of ``element`` in the process of ``task``. Two calls of one process have separate places."""
    process = task.workflow
    while process.spec.name not in deployed.diagrams:  # an embedded subprocess
        process = process.parent_workflow
    return str(getattr(process, "parent_task_id", "")), process.spec.name, element

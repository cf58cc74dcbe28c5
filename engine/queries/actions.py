"""Open actions of all cases that a person may trigger besides their tasks: cancel, dismiss, withdraw …"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import ColumnElement, Select, and_, exists, false, or_, select, union_all
from sqlalchemy.orm import Session, contains_eager, joinedload

from engine.actor import Actor
from engine.deployment.definitions import Definitions
from engine.identity.permissions import tasks_of_person, ways_to_tasks
from engine.paging import Page, capped, page_of, read_cursor
from engine.persistence import search
from engine.queries.worklist import ACTION, OPEN, matching
from models.case import Case, CaseStatus, Task
from models.definition import ProcessDefinition

_OPEN = and_(OPEN, Task.kind == ACTION)


@dataclass(frozen=True)
class Kind:
    """An action in the newest version of its process."""

    process_key: str
    key: str
    name: str


def actions_page(
    session: Session,
    actor: Actor,
    *,
    process: str = "",
    action: str = "",
    q: str = "",
    cursor: str | None = None,
    limit: int = 30,
) -> Page[Task]:
    """The open actions that the person may trigger, of running cases, newest first; cases are loaded.

    Raises ``InvalidSubmission`` for a ``cursor`` of another list.
    """
    limit = capped(limit)
    conditions: list[ColumnElement[bool]] = [Task.process_key == process] if process else []
    if action:
        conditions.append(Task.key == action)
    if q.strip():
        conditions.append(matching(session, q))
    if cursor:
        conditions.append(Task.id < read_cursor(cursor, "actions", [int])[0])
    first = [
        select(way.where(*conditions).order_by(Task.id.desc()).limit(limit + 1).subquery().c.id) for way in _ways(actor)
    ]
    rows = session.scalars(
        select(Task)
        .join(Task.case)
        .where(Task.id.in_(union_all(*first)) if first else false())
        .order_by(Task.id.desc())
        .limit(limit + 1)
        .options(contains_eager(Task.case).joinedload(Case.definition), joinedload(Task.assignee))
    ).all()
    return page_of(rows, limit, lambda task: [task.id], sort="actions")


def any_open(session: Session, actor: Actor) -> bool:
    """Returns True if the person may trigger an action now."""
    ways = [exists(way) for way in _ways(actor)]
    return session.scalar(select(or_(*ways))) or False if ways else False


def _ways(actor: Actor) -> list[Select[int]]:
    """The ids of the person's open actions, one statement for each role and one for the person's own."""
    ways = [tasks_of_person(actor)] if actor.person_id is not None else []
    ways += ways_to_tasks(actor)
    runs = search.row_by_row(Case.status == CaseStatus.RUNNING)
    return [select(Task.id).join(Task.case).where(_OPEN, runs, way) for way in ways]


def kinds(session: Session, definitions: Definitions, actor: Actor) -> list[Kind]:
    """Actions of the person's roles in the newest diagrams, called ones included, by process and name."""
    keys = session.scalars(select(ProcessDefinition.key).distinct().order_by(ProcessDefinition.key)).all()
    diagrams = [definitions.newest(session, key).diagrams[key] for key in keys]
    return [
        Kind(diagram.key, element.id, element.name or element.id)
        for diagram in diagrams
        for element in diagram.elements.values()
        if element.waits_for_person and element.is_action and not actor.roles.isdisjoint(element.roles)
    ]

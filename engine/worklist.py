"""What waits for a person: pages of tasks, their counts, and the next task of a case. Reads columns only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, false, func, literal, or_, select, tuple_
from sqlalchemy.orm import Session, contains_eager, joinedload

from engine.errors import InvalidSubmission
from engine.identity import Actor
from engine.numbers import read_number
from engine.paging import Page, capped, page_of, read_cursor
from engine.permissions import tasks_of_group, tasks_of_person
from models.account import Person
from models.base import UtcDateTime
from models.case import Case, CaseStatus, Task, TaskKind, TaskStatus
from models.digits import search_key
from models.language import gettext as _

NEVER = datetime(9999, 1, 1, tzinfo=UTC)  # where tasks without a due date stand in the order
COUNTED = 1000  # counting ends here: "1000 or more" says enough
_DUE = func.coalesce(Task.due_at, literal(NEVER, UtcDateTime()))

# Sort key → the columns, all ascending, and the kinds of their values. The task's id always comes last.
SORTS: dict[str, tuple[tuple[ColumnElement[Any], type], ...]] = {
    "priority": ((Task.priority.expression, int), (_DUE, datetime)),  # TKT-3
    "due": ((_DUE, datetime),),
    "since": ((Task.since.expression, datetime),),
    "number": ((Case.number.expression, str),),
}
DEFAULT_SORT = "priority"


@dataclass(frozen=True)
class Counts:
    """How many tasks wait: for the person, for the person's groups, and how many of the person's are late."""

    mine: int
    group: int
    overdue: int


def tasks_page(
    session: Session, actor: Actor, *, mine: bool = True, group: bool = True, process: str = "", q: str = "",
    sort: str = "", cursor: str | None = None, limit: int = 30,
) -> Page[Task]:  # fmt: skip
    """Open tasks of the person (``mine``) and of the person's groups (``group``), cases and people loaded.

    Raises ``InvalidSubmission`` for an unknown ``sort`` or a ``cursor`` of another list.
    """
    sort, limit = sort or DEFAULT_SORT, capped(limit)
    if sort not in SORTS:
        raise InvalidSubmission({"sort": [_("فهرست را نمی‌توان به این ترتیب نشان داد.")]})
    condition = _waiting_for(actor, mine=mine, group=group)
    if process:
        condition = and_(condition, Case.process_key == process)
    if q.strip():
        condition = and_(condition, _matching(session, condition, q))
    columns = [column for column, _kind in SORTS[sort]]
    if cursor:
        kinds = [kind for _column, kind in SORTS[sort]]
        condition = and_(condition, _after(columns, read_cursor(cursor, f"tasks:{sort}", [*kinds, int])))
    rows = session.scalars(
        select(Task)
        .join(Task.case)
        .where(condition)
        .order_by(*columns, Task.id)
        .limit(limit + 1)
        .options(contains_eager(Task.case).joinedload(Case.definition), joinedload(Task.assignee))
    ).all()
    return page_of(rows, limit, lambda task: _key(task, sort), sort=f"tasks:{sort}")


def worklist_counts(session: Session, actor: Actor, *, now: datetime) -> Counts:
    """How much waits, each counted up to ``COUNTED``."""
    mine = _waiting_for(actor, mine=True, group=False)
    group = _waiting_for(actor, mine=False, group=True)
    late = and_(mine, Task.due_at < now)
    return Counts(_count(session, mine), _count(session, group), _count(session, late))


def tasks_in_case(session: Session, actor: Actor, case: Case) -> list[Task]:
    """The open tasks of a case that the person may do now, oldest first."""
    return _open_in_case(session, actor, case, Task.kind != TaskKind.ACTION)


def actions_in_case(session: Session, actor: Actor, case: Case) -> list[Task]:
    """What else the person may do with a case now: its boundary events, such as cancelling or withdrawing."""
    return _open_in_case(session, actor, case, Task.kind == TaskKind.ACTION)


def candidates(session: Session, task: Task) -> list[Person]:
    """The active people who may be given a task: those of its role and unit or district."""
    people = session.scalars(
        select(Person)
        .where(Person.active, Person.roles.any(_role_matches(task)))
        .order_by(Person.last_name, Person.first_name, Person.id)
        .limit(200)
    )
    return list(people)


def _role_matches(task: Task) -> ColumnElement[bool]:
    grant = Person.roles.property.mapper.class_
    in_scope = grant.scope.in_(["", task.scope]) if task.scope else grant.scope.is_not(None)
    return and_(grant.role == task.role, in_scope)


def _open_in_case(session: Session, actor: Actor, case: Case, kind: ColumnElement[bool]) -> list[Task]:
    if case.status is not CaseStatus.RUNNING:
        return []
    own = or_(tasks_of_person(actor), tasks_of_group(actor))
    return list(
        session.scalars(
            select(Task).where(Task.case_id == case.id, Task.status == TaskStatus.OPEN, kind, own).order_by(Task.id)
        )
    )


def _waiting_for(actor: Actor, *, mine: bool, group: bool) -> ColumnElement[bool]:
    ways = [tasks_of_person(actor)] if mine else []
    ways += [tasks_of_group(actor)] if group else []
    return and_(
        Task.status == TaskStatus.OPEN,
        Task.kind != TaskKind.ACTION,
        Case.status == CaseStatus.RUNNING,
        or_(*ways) if ways else false(),
    )


def _count(session: Session, condition: ColumnElement[bool]) -> int:
    some = select(Task.id).join(Task.case).where(condition).limit(COUNTED).subquery()
    return session.scalar(select(func.count()).select_from(some)) or 0


def _matching(session: Session, condition: ColumnElement[bool], q: str) -> ColumnElement[bool]:
    """Each word typed is in the case's number, subject or search words, or in the task's name (ACC-5)."""
    number = read_number(q)
    if number is not None:
        return Case.number == number
    names = session.scalars(select(Task.name).join(Task.case).where(condition).distinct()).all()
    matching: list[ColumnElement[bool]] = []
    for word in search_key(q[:200]).split()[:10]:
        named = [name for name in names if word in search_key(name)]
        matching.append(or_(Case.search_text.contains(word, autoescape=True), Task.name.in_(named)))
    return and_(*matching) if matching else false()


def _key(task: Task, sort: str) -> list[Any]:
    due = task.due_at or NEVER
    keys: dict[str, list[Any]] = {
        "priority": [task.priority, due], "due": [due], "since": [task.since], "number": [task.case.number],
    }  # fmt: skip
    return [*keys[sort], task.id]


def _after(columns: Sequence[ColumnElement[Any]], values: Sequence[Any]) -> ColumnElement[bool]:
    bound = [literal(value, UtcDateTime()) if isinstance(value, datetime) else literal(value) for value in values]
    return tuple_(*columns, Task.id.expression) > tuple_(*bound)

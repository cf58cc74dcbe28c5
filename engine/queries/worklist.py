"""Worklist queries: pages of open tasks, their counts, and the open tasks of a case. Reads columns only."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, bindparam, false, func, literal, or_, select, tuple_, union_all
from sqlalchemy.orm import Session, contains_eager, joinedload

from engine.actor import Actor
from engine.case_numbers import read_number
from engine.errors import InvalidSubmission
from engine.identity.permissions import grant_counts, tasks_of_group, tasks_of_person, ways_to_tasks
from engine.paging import Page, capped, page_of, read_cursor
from engine.persistence import search
from models.account import Person, RoleGrant
from models.base import UtcDateTime
from models.case import Case, CaseStatus, Task, TaskKind, TaskStatus
from models.language import gettext as _
from models.language import lazy

MAX_COUNT = 100  # tasks are counted up to here: the page shows "more than 99"
_DUE = Task.sort_due_at.expression
# Written out, so that both databases see that the indexes of open tasks and actions serve.
OPEN = Task.status == bindparam("open", TaskStatus.OPEN, type_=Task.status.type, literal_execute=True)
ACTION = bindparam("action", TaskKind.ACTION, type_=Task.kind.type, literal_execute=True)
OPEN_WORK = and_(OPEN, Task.kind != ACTION)


@dataclass(frozen=True)
class SortColumn:
    """A column that tasks are sorted by, the type of its values, and the value of a loaded task, for the cursor."""

    column: ColumnElement[Any]
    kind: type
    value: Callable[[Task], Any]


@dataclass(frozen=True)
class Sort:
    """An order of the worklist: its name for people and its columns, all ascending. The task's id always comes last."""

    label: Any  # a lazy text
    columns: tuple[SortColumn, ...]


_BY_DUE = SortColumn(_DUE, datetime, lambda task: task.sort_due_at)

# Sort key → order. Page, API and its description take the orders from here. Indexes give a group's tasks in every order
# but that of numbers, and a person's in those of priority and due date.
SORTS: dict[str, Sort] = {
    "priority": Sort(  # TKT-3
        lazy("اولویت"), (SortColumn(Task.priority.expression, int, lambda task: task.priority), _BY_DUE)
    ),
    "due": Sort(lazy("مهلت"), (_BY_DUE,)),
    "since": Sort(lazy("زمان رسیدن"), (SortColumn(Task.since.expression, datetime, lambda task: task.since),)),
    "number": Sort(lazy("شمارهٔ پرونده"), (SortColumn(Case.number.expression, str, lambda task: task.case.number),)),
}
DEFAULT_SORT = "priority"


@dataclass(frozen=True)
class Counts:
    """Numbers of open tasks: the person's, those of the person's groups, and the person's late ones."""

    mine: int
    group: int
    overdue: int


def tasks_page(
    session: Session,
    actor: Actor,
    *,
    mine: bool = True,
    group: bool = True,
    process: str = "",
    q: str = "",
    sort: str = "",
    cursor: str | None = None,
    limit: int = 30,
) -> Page[Task]:
    """Open tasks of the person (``mine``) and of the person's groups (``group``), cases and people loaded.

    Raises ``InvalidSubmission`` for an unknown ``sort`` or a ``cursor`` of another list.
    """
    sort, limit = sort or DEFAULT_SORT, capped(limit)
    if sort not in SORTS:
        raise InvalidSubmission({"sort": [_("فهرست را نمی‌توان به این ترتیب نشان داد.")]})
    conditions = [Case.process_key == process] if process else []
    if q.strip():
        conditions.append(matching(session, q))
    columns = [each.column for each in SORTS[sort].columns]
    if cursor:
        kinds = [each.kind for each in SORTS[sort].columns]
        conditions.append(_after(columns, read_cursor(cursor, f"tasks:{sort}", [*kinds, int])))
    first = [
        select(way.where(*conditions).order_by(*columns, Task.id).limit(limit + 1).subquery().c.id)
        for way in _waiting_for(actor, mine=mine, group=group)
    ]
    rows = session.scalars(
        select(Task)
        .join(Task.case)
        .where(Task.id.in_(union_all(*first)) if first else false())
        .order_by(*columns, Task.id)
        .limit(limit + 1)
        .options(contains_eager(Task.case).joinedload(Case.definition), joinedload(Task.assignee))
    ).all()
    return page_of(rows, limit, lambda task: _key(task, sort), sort=f"tasks:{sort}")


def worklist_counts(session: Session, actor: Actor, *, now: datetime) -> Counts:
    """Numbers of open tasks, each counted up to ``MAX_COUNT``. ``now``: aware."""
    mine, group = _waiting_for(actor, mine=True, group=False), _waiting_for(actor, mine=False, group=True)
    late = [way.where(Task.sort_due_at < now) for way in mine]
    return Counts(_count(session, mine), _count(session, group), _count(session, late))


def tasks_in_case(session: Session, actor: Actor, case: Case) -> list[Task]:
    """The open tasks of a case that the person may do now, oldest first."""
    return _open_in_case(session, actor, case, Task.kind != TaskKind.ACTION)


def actions_in_case(session: Session, actor: Actor, case: Case) -> list[Task]:
    """Open actions of a case that the person may trigger now, such as cancelling or withdrawing, oldest first."""
    return _open_in_case(session, actor, case, Task.kind == TaskKind.ACTION)


def candidates(session: Session, task: Task) -> list[Person]:
    """Active people to whom a task may be assigned: holders of its role in its division; at most 200."""
    people = session.scalars(
        select(Person)
        .where(Person.active, Person.id.in_(holders_of(task.role, task.scope)))
        .order_by(Person.last_name, Person.first_name, Person.id)
        .limit(200)
    )
    return list(people)


def holders_of(role: str, scope: str) -> Select[int]:
    """Ids of the holders of a role in a division: read first, since most people hold other roles."""
    holders = select(RoleGrant.person_id).where(RoleGrant.role == role, grant_counts())
    return holders.where(RoleGrant.scope.in_(["", scope])) if scope else holders


def _open_in_case(session: Session, actor: Actor, case: Case, kind: ColumnElement[bool]) -> list[Task]:
    if case.status is not CaseStatus.RUNNING:
        return []
    own = or_(tasks_of_person(actor), tasks_of_group(actor))
    return list(
        session.scalars(
            select(Task).where(Task.case_id == case.id, Task.status == TaskStatus.OPEN, kind, own).order_by(Task.id)
        )
    )


def _waiting_for(actor: Actor, *, mine: bool, group: bool) -> list[Select[int]]:
    """Ids of the actor's open tasks: one SELECT for each index that has some of them in order."""
    ways = [tasks_of_person(actor)] if mine and actor.person_id is not None else []
    ways += ways_to_tasks(actor) if group else []
    waits = and_(OPEN_WORK, search.row_by_row(Case.status == CaseStatus.RUNNING))
    return [select(Task.id).join(Task.case).where(waits, way) for way in ways]


def _count(session: Session, ways: list[Select[int]]) -> int:
    if not ways:
        return 0
    # In order: so an index is followed.
    first = [way.order_by(_DUE, Task.id).limit(MAX_COUNT).subquery() for way in ways]
    some = union_all(*(select(part.c.id) for part in first)).subquery()
    return min(MAX_COUNT, session.scalar(select(func.count()).select_from(some)) or 0)


def matching(session: Session, q: str) -> ColumnElement[bool]:
    """Condition on ``Task``: each typed word is a prefix of a word of the case or of the task's name (ACC-5)."""
    number = read_number(q)
    if number is not None:
        return Case.number == number
    names = search.element_names(session)
    named = {word: [name for name, words in names.items() if f" {word}" in words] for word in search.typed_words(q)}
    if not named:
        return false()
    matching = [or_(search.having(word), Task.name.in_(tasks)) for word, tasks in named.items() if tasks]
    of_cases = search.beginnings(session, [word for word, tasks in named.items() if not tasks])
    matching += [word.of_case(Task.case_id.expression) for word in of_cases]
    few = search.few_cases(session, of_cases)
    condition = search.row_by_row(and_(*matching))
    return condition if few is None else and_(Task.case_id.in_(few), condition)


def _key(task: Task, sort: str) -> list[Any]:
    return [*(each.value(task) for each in SORTS[sort].columns), task.id]


def _after(columns: Sequence[ColumnElement[Any]], values: Sequence[Any]) -> ColumnElement[bool]:
    bound = [literal(value, UtcDateTime()) if isinstance(value, datetime) else literal(value) for value in values]
    return tuple_(*columns, Task.id.expression) > tuple_(*bound)

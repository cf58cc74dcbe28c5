"""Roles and divisions as admins look at them: who holds them, what waits for them, which lanes name them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace

from sqlalchemy import ColumnElement, and_, func, literal, select, union_all
from sqlalchemy.orm import Session

from engine.actor import Actor
from engine.deployment.definitions import Definitions
from engine.errors import NotFound
from engine.identity import organisation, permissions
from engine.identity.organisation import DivisionEntry, RoleEntry
from engine.paging import Page, capped, page_of, read_cursor
from engine.queries.worklist import MAX_COUNT, OPEN_WORK
from models.account import RoleGrant
from models.case import Case, Task
from models.definition import ProcessDefinition
from models.digits import persian_digits
from models.language import current, stored
from models.language import gettext as _
from models.organisation import OrganisationChange


@dataclass(frozen=True)
class LaneUse:
    """A version of a process whose lanes name a role. ``cases``: its running ones, counted up to ``MAX_COUNT``."""

    process_key: str
    name: str
    version: int
    newest: bool
    cases: int


@dataclass(frozen=True)
class Uses:
    """What a role or division is used by. ``people`` and ``tasks`` are counted up to ``MAX_COUNT``."""

    people: int = 0
    tasks: int = 0
    lanes: list[LaneUse] = field(default_factory=list)
    on_registration: bool = False

    def __bool__(self) -> bool:
        return bool(self.people or self.tasks or self.lanes or self.on_registration)

    @property
    def reasons(self) -> list[str]:
        """Why it cannot be taken out of use, a sentence each."""
        uses = []
        if self.people:
            uses.append(_("%(count)s عضو دارد.", count=_counted(self.people)))
        if self.tasks:
            uses.append(_("%(count)s کار باز در انتظار اعضای آن است.", count=_counted(self.tasks)))
        uses += [
            _(
                "خط‌های فرایند «%(name)s» (نسخهٔ %(version)s) آن را نام می‌برند.",
                name=stored(lane.name),
                version=_digits(lane.version),
            )
            for lane in self.lanes
        ]
        if self.on_registration:
            uses.append(_("به کسانی که ثبت‌نام می‌کنند داده می‌شود."))
        return uses


def _counted(count: int) -> str:
    return _digits(count if count < MAX_COUNT else f"{MAX_COUNT - 1}+")


def _digits(number: object) -> str:
    """The number as the reader writes it."""
    return persian_digits(number) if current() == "fa" else str(number)


@dataclass(frozen=True)
class RoleRow:
    """A role in the list: how many people hold it (up to ``MAX_COUNT``) and which newest processes name it."""

    role: RoleEntry
    people: int
    processes: list[str]


def role_rows(session: Session, actor: Actor, definitions: Definitions) -> list[RoleRow]:
    """All roles, those out of use among them."""
    permissions.demand(actor, "manage_organisation")
    roles = list(organisation.of(session).roles.values())
    people = _people_by_role(session, [role.key for role in roles])
    named = [(row.name, definitions.roles_of(session, row.id)) for row in _newest(session)]
    return [
        RoleRow(role, people.get(role.key, 0), [stored(name) for name, keys in named if role.key in keys])
        for role in roles
    ]


def role(session: Session, actor: Actor, key: str) -> RoleEntry:
    """One role. Raises ``NotFound``."""
    permissions.demand(actor, "manage_organisation")
    role = organisation.of(session).roles.get(key)
    if role is None:
        raise NotFound("role", key)
    return role


def division_rows(session: Session, actor: Actor, kind: str) -> list[tuple[DivisionEntry, int]]:
    """All divisions of a kind, each with the number of people in it (up to ``MAX_COUNT``)."""
    permissions.demand(actor, "manage_organisation")
    divided = _divided_by(session, kind)
    rows = organisation.of(session).divisions_of(kind, active=False)
    return [(one, _people(session, divided, one.key)) for one in rows]


def division(session: Session, actor: Actor, kind: str, key: str) -> DivisionEntry:
    """One division. Raises ``NotFound``."""
    permissions.demand(actor, "manage_organisation")
    division = organisation.of(session).divisions.get((kind, key))
    if division is None:
        raise NotFound("division", f"{kind} {key}")
    return division


def uses_of_role(session: Session, definitions: Definitions, role: RoleEntry) -> Uses:
    """What the role is used by: people, open tasks of the group, lanes that new or running cases go by."""
    held = holders_and_tasks(session, role)
    return replace(held, lanes=_lanes(session, definitions, role.key), on_registration=role.on_registration)


def holders_and_tasks(session: Session, role: RoleEntry) -> Uses:
    """The people who hold the role, and the open tasks of its group."""
    return Uses(_people(session, [role.key]), _tasks(session, Task.role == role.key))


def uses_of_division(session: Session, division: DivisionEntry) -> Uses:
    """What the division is used by: people who hold a role within it, and open tasks of it."""
    divided = _divided_by(session, division.kind)
    return Uses(
        _people(session, divided, division.key),
        _tasks(session, and_(Task.role.in_(divided), Task.scope == division.key)),
    )


def changes(
    session: Session, actor: Actor, *, subject: str = "", key: str = "", cursor: str | None = None, limit: int = 30
) -> Page[OrganisationChange]:
    """What was changed, the newest first; of one role, division or person when ``subject`` and ``key`` are given."""
    permissions.demand(actor, "manage_organisation")
    limit, sort = capped(limit), "organisation"
    newest = select(OrganisationChange).order_by(OrganisationChange.id.desc()).limit(limit + 1)
    if subject:
        newest = newest.where(OrganisationChange.subject == subject, OrganisationChange.key == key)
    if cursor:
        newest = newest.where(OrganisationChange.id < read_cursor(cursor, sort, [int])[0])
    return page_of(session.scalars(newest).all(), limit, lambda one: [one.id], sort=sort)


# ---------------------------------------------------------------- counting, each count ending at MAX_COUNT


def _people_by_role(session: Session, roles: Collection[str]) -> dict[str, int]:
    some = [
        select(literal(role).label("role")).where(RoleGrant.role == role).limit(MAX_COUNT).subquery() for role in roles
    ]
    if not some:
        return {}
    counts = union_all(*(select(one.c.role, func.count()).group_by(one.c.role) for one in some))
    return {role: count for role, count in session.execute(counts)}


def _people(session: Session, roles: Collection[str], scope: str | None = None) -> int:
    members = select(RoleGrant.person_id).where(RoleGrant.role.in_(roles))
    if scope is not None:
        members = members.where(RoleGrant.scope == scope)
    some = members.distinct().limit(MAX_COUNT).subquery()
    return session.scalar(select(func.count()).select_from(some)) or 0


def _tasks(session: Session, condition: ColumnElement[bool]) -> int:
    """Open tasks of the group: those of one person are at a lane of a running case, too."""
    waiting = select(Task.id).where(OPEN_WORK, Task.assignee_id.is_(None), condition)
    return session.scalar(select(func.count()).select_from(waiting.limit(MAX_COUNT).subquery())) or 0


def _cases(session: Session, definition_id: int) -> int:
    some = (
        select(Case.id).where(Case.definition_id == definition_id, Case.ended_at.is_(None)).limit(MAX_COUNT).subquery()
    )
    return session.scalar(select(func.count()).select_from(some)) or 0


def _divided_by(session: Session, kind: str) -> list[str]:
    return [role.key for role in organisation.of(session).roles.values() if role.divided_by == kind]


def _newest(session: Session) -> list[ProcessDefinition]:
    newest = select(func.max(ProcessDefinition.id)).group_by(ProcessDefinition.key)
    return list(
        session.scalars(
            select(ProcessDefinition).where(ProcessDefinition.id.in_(newest)).order_by(ProcessDefinition.key)
        )
    )


def _lanes(session: Session, definitions: Definitions, role: str) -> list[LaneUse]:
    """The newest versions that name the role, and older ones on which cases still run."""
    newest = {row.id for row in _newest(session)}
    every = session.scalars(select(ProcessDefinition).order_by(ProcessDefinition.key, ProcessDefinition.version.desc()))
    naming = [row for row in every if role in definitions.roles_of(session, row.id)]
    lanes = [LaneUse(row.key, row.name, row.version, row.id in newest, _cases(session, row.id)) for row in naming]
    return [lane for lane in lanes if lane.newest or lane.cases]

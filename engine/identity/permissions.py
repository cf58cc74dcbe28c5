"""Authorisation: the only place that decides who may see and do what."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, exists, false, or_, select, true, tuple_
from sqlalchemy.orm import Session

from engine.actor import Actor
from engine.errors import NotAllowed
from engine.identity import organisation
from models.account import Person, RoleGrant
from models.case import Case, Participant, Task
from models.language import gettext as _
from models.language import lazy
from models.organisation import Role, SystemRole

# What is not about one case: action → the system's roles that may do it. Other roles may do what their rows allow.
PERMISSIONS: dict[str, frozenset[str]] = {
    "see_all_cases": frozenset({SystemRole.SUPERVISOR, SystemRole.ADMIN}),
    "supervise": frozenset({SystemRole.SUPERVISOR, SystemRole.ADMIN}),  # reassign, suspend, resume, cancel, retry
    "see_incidents": frozenset({SystemRole.SUPERVISOR, SystemRole.ADMIN}),
    "see_outbox": frozenset({SystemRole.SUPERVISOR, SystemRole.ADMIN}),
    "send_messages": frozenset({SystemRole.SUPERVISOR, SystemRole.ADMIN}),  # ACC-4
    "manage_people": frozenset({SystemRole.ADMIN}),
    "manage_organisation": frozenset({SystemRole.ADMIN}),  # roles and divisions
    "manage_sign_in": frozenset({SystemRole.ADMIN}),  # what follows from the organisation's OpenID provider
    "change_calendar": frozenset({SystemRole.ADMIN}),  # CAL-1
    "change_office_rules": frozenset({SystemRole.ADMIN}),
    "offer_processes": frozenset({SystemRole.ADMIN}),
    "see_audit": frozenset({SystemRole.ADMIN}),
    "advance_clock": frozenset({SystemRole.SUPERVISOR, SystemRole.ADMIN}),  # in demo and staging mode only
    "deploy": frozenset({SystemRole.ANALYST, SystemRole.ADMIN}),
}
# What an admin can allow a role by its row: nothing by which its holders could come to more rights.
GRANTABLE: dict[str, Any] = {
    "send_messages": lazy("ارسال پیام به دارندگان نقش‌ها و اشخاص"),
    "see_outbox": lazy("دیدن پیامک‌ها"),
    "change_calendar": lazy("تغییر تقویم کاری"),
    "see_audit": lazy("دیدن تاریخچهٔ سامانه"),
}


def allowed(actor: Actor, action: str) -> bool:
    """Whether the actor's roles permit an action of ``PERMISSIONS``; the system may do everything."""
    if actor.is_system or not PERMISSIONS[action].isdisjoint(actor.roles):
        return True
    return action in GRANTABLE and action in actor.permissions


def demand(actor: Actor, action: str) -> None:
    """Check an action of ``PERMISSIONS``. Raises ``NotAllowed``."""
    if not allowed(actor, action):
        raise NotAllowed(actor.username, action)


def may_do(session: Session, actor: Actor, task: Task) -> bool:
    """Returns True if the task is, or was, the actor's to do. It takes the task's role (in its division), always.

    A task of a bound lane belongs to its person alone. A task of a group belongs to all holders of its role (and
    division), also while one of them has claimed it, so that the others learn that they were too late. Of a role that
    exists only within cases the person's place in the case is all that there is to hold.
    """
    if actor.is_system or actor.person_id == task.ended_by_id:
        return True
    if actor.person_id == task.assignee_id and task.role not in organisation.of(session).roles:
        return True
    own = task.assignee_id in (None, actor.person_id) or task.claimed
    return own and actor.holds(task.role, task.scope)


def as_of_now(session: Session, actor: Actor) -> Actor:
    """The actor with the roles that the tables give them at this moment: none, if the account is locked.

    For acts under a lock: while the request waited for it, an admin may have taken a role.
    """
    if actor.is_system:
        return actor
    grants = select(RoleGrant.role, RoleGrant.scope).join(Person, Person.id == RoleGrant.person_id)
    held = session.execute(grants.where(Person.id == actor.person_id, Person.active, grant_counts())).all()
    scopes = frozenset((role, scope) for role, scope in held)
    return replace(actor, roles=frozenset(role for role, _scope in scopes), scopes=scopes)


def visible_cases(actor: Actor) -> ColumnElement[bool]:
    """Condition on ``Case``: the actor may see the case."""
    if allowed(actor, "see_all_cases"):
        return true()
    ways: list[ColumnElement[bool]] = [exists().where(Participant.case_id == Case.id, _takes_part(actor))]
    if actor.roles:
        in_role = exists().where(
            Participant.case_id == Case.id, Participant.person_id.is_(None), Participant.role.in_(sorted(actor.roles))
        )
        ways.append(and_(in_role, _came_to_group(actor)))
    return or_(*ways)


def ways_to_cases(actor: Actor) -> list[tuple[Select[int], ColumnElement[int]]]:
    """``visible_cases`` for lists: a SELECT for each reason to see cases, with its column of case ids.

    An index yields the cases of each SELECT in the order of their ids, so a page of the newest ones reads no more
    rows than it shows. ``Case`` is joined: add conditions and a limit.
    """
    if allowed(actor, "see_all_cases"):
        return [(select(Case.id), Case.id.expression)]
    taking_part = Participant.case_id.expression
    involved = select(taking_part).join(Case, Case.id == taking_part).distinct()
    ways = [(involved.where(_takes_part(actor)), taking_part)]
    for role in sorted(actor.roles):
        of_role = involved.where(Participant.person_id.is_(None), Participant.role == role)
        ways.append((of_role.where(_came_to_group(actor)), taking_part))
    return ways


def may_see_case(session: Session, actor: Actor, case: Case) -> bool:
    """Returns True for present participants, holders of a participating role, supervisors and admins."""
    if allowed(actor, "see_all_cases"):
        return True
    return session.scalar(select(exists().where(Case.id == case.id, visible_cases(actor)))) or False


@dataclass(frozen=True)
class Departure:
    """When a person's part in a case ended, and the last line of the history then (0: none)."""

    at: datetime
    last_entry_id: int


def departure(session: Session, actor: Actor, case: Case) -> Departure | None:
    """When the actor left a case that they may not see any more: they read what was theirs until then (INS-17).

    Returns ``None`` for whoever never took part in person, and for a part that goes on without its role.
    """
    own = (Participant.case_id == case.id, Participant.person_id == actor.person_id)
    rows = session.execute(select(Participant.until, Participant.last_entry_id).where(*own)).all()
    ended = [(until, last) for until, last in rows if until is not None]
    return Departure(max(at for at, _last in ended), max(last or 0 for _at, last in ended)) if ended else None


def tasks_of_group(actor: Actor) -> ColumnElement[bool]:
    """Condition on ``Task``: unassigned, and for one of the actor's groups."""
    if not actor.roles:
        return false()
    return and_(Task.assignee_id.is_(None), _of_roles(actor))


def ways_to_tasks(actor: Actor) -> list[ColumnElement[bool]]:
    """``tasks_of_group`` for lists: a condition for each role, whose tasks an index yields in order."""
    return [and_(Task.assignee_id.is_(None), Task.role == role, _in_scope(actor, role)) for role in sorted(actor.roles)]


def tasks_of_person(actor: Actor) -> ColumnElement[bool]:
    """Condition on ``Task``: assigned to the actor, who holds its role, or its role exists only within cases."""
    if actor.person_id is None:
        return false()
    of_case_alone = Task.role.not_in(select(Role.key))
    return and_(Task.assignee_id == actor.person_id, or_(of_case_alone, _of_roles(actor)))


def holds_role(session: Session, person_id: int, role: str, scope: str = "") -> bool:
    """Returns True if an active person holds the role, in the division ``scope``; "": in any."""
    grant = exists().where(
        Person.id == person_id,
        Person.active,
        RoleGrant.person_id == Person.id,
        RoleGrant.role == role,
        RoleGrant.scope.in_(["", scope]) if scope else true(),
        grant_counts(),
    )
    return session.scalar(select(grant)) or False


def keeps_role(session: Session, person_id: int, role: str) -> bool:
    """Hold a role that is not divided, so that nobody takes it before this transaction ends.

    Returns False if the person does not hold it, if somebody is taking it at this moment, or if the account is locked.
    It waits for nobody: who takes a role may themselves wait for the case that the caller has locked.
    """
    held = select(RoleGrant.id).where(RoleGrant.person_id == person_id, RoleGrant.role == role)
    kept = session.scalars(held.limit(1).with_for_update(read=True, skip_locked=True)).first()
    return kept is not None and holds_role(session, person_id, role)


def grant_counts() -> ColumnElement[bool]:
    """Condition on ``RoleGrant``, ``engine.actor.counts`` in SQL: of a divided role only grants with a division."""
    return or_(RoleGrant.scope != "", RoleGrant.role.not_in(select(Role.key).where(Role.divided_by != "")))


def not_of_role() -> str:
    """Message about the assignment of a task to a person without its role, in the reader's language."""
    return _("این شخص نقش لازم برای این کار را ندارد.")


def _takes_part(actor: Actor) -> ColumnElement[bool]:
    """Condition on ``Participant`` and ``Case``: the actor in person, in a role that they hold.

    A role that exists only within cases is held by being there, and whoever started a case reads it as long as it is
    theirs: an applicant's own matter is not closed to them because nobody may go on with it.
    """
    held = or_(
        Participant.role.in_(sorted(actor.roles)),
        Participant.role.not_in(select(Role.key)),
        Case.started_by_id == actor.person_id,
    )
    return and_(Participant.person_id == actor.person_id, Participant.until.is_(None), held)


def _of_roles(actor: Actor) -> ColumnElement[bool]:
    """Condition on ``Task``: ``Actor.holds(role, scope)`` in SQL."""
    whole = sorted(role for role in actor.roles if (role, "") in actor.scopes)
    divided = sorted((role, scope) for role, scope in actor.scopes if scope and role not in whole)
    unscoped = sorted(actor.roles.difference(whole))
    ways: list[ColumnElement[bool]] = [Task.role.in_(whole)] if whole else []
    if unscoped:
        ways.append(and_(Task.role.in_(unscoped), Task.scope == ""))
    if divided:
        ways.append(tuple_(Task.role, Task.scope).in_(divided))
    return or_(*ways) if ways else false()


def _in_scope(actor: Actor, role: str) -> ColumnElement[bool]:
    """Condition on a ``Task`` with a role of the actor: ``Actor.holds`` of its scope in SQL."""
    if (role, "") in actor.scopes:
        return true()
    return Task.scope.in_(["", *sorted(scope for held, scope in actor.scopes if held == role)])


def _came_to_group(actor: Actor) -> ColumnElement[bool]:
    """Condition on ``Case``: it has or had a task for one of the actor's groups, in their division."""
    return exists().where(Task.case_id == Case.id, or_(Task.assignee_id.is_(None), Task.claimed), _of_roles(actor))

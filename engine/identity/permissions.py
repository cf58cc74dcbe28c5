"""Who may see and do what: the one place of authorisation, asked by every door."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Select, and_, exists, false, or_, select, true, tuple_
from sqlalchemy.orm import Session

from engine.actor import Actor
from engine.errors import NotAllowed
from models.account import Person, RoleGrant
from models.case import Case, Participant, Task
from models.language import gettext as _
from models.language import lazy
from models.organisation import SystemRole

# What is not about one case: action → the system's roles that may do it. Other roles may do what their rows allow.
PERMISSIONS: dict[str, frozenset[str]] = {
    "see_all_cases": frozenset({SystemRole.SUPERVISOR, SystemRole.ADMIN}),
    "supervise": frozenset({SystemRole.SUPERVISOR, SystemRole.ADMIN}),  # reassign, suspend, resume, cancel, retry
    "see_incidents": frozenset({SystemRole.SUPERVISOR, SystemRole.ADMIN}),
    "see_outbox": frozenset({SystemRole.SUPERVISOR, SystemRole.ADMIN}),
    "send_messages": frozenset({SystemRole.SUPERVISOR, SystemRole.ADMIN}),  # ACC-4
    "manage_people": frozenset({SystemRole.ADMIN}),
    "manage_organisation": frozenset({SystemRole.ADMIN}),  # roles and divisions
    "change_calendar": frozenset({SystemRole.ADMIN}),  # CAL-1
    "change_office_rules": frozenset({SystemRole.ADMIN}),
    "offer_processes": frozenset({SystemRole.ADMIN}),
    "advance_clock": frozenset({SystemRole.SUPERVISOR, SystemRole.ADMIN}),  # in demo and staging mode only
    "deploy": frozenset({SystemRole.ANALYST, SystemRole.ADMIN}),
}
# What an admin can allow a role by its row: nothing by which its holders could come to more rights.
GRANTABLE: dict[str, Any] = {
    "send_messages": lazy("ارسال پیام به دارندگان نقش‌ها و اشخاص"),
    "see_outbox": lazy("دیدن پیامک‌ها"),
    "change_calendar": lazy("تغییر تقویم کاری"),
}


def allowed(actor: Actor, action: str) -> bool:
    """Whether the actor's roles permit an action of ``PERMISSIONS``; the system may do everything."""
    if actor.is_system or not PERMISSIONS[action].isdisjoint(actor.roles):
        return True
    return action in GRANTABLE and action in actor.permissions


def demand(actor: Actor, action: str) -> None:
    """Raise ``NotAllowed`` unless the actor's roles permit the action."""
    if not allowed(actor, action):
        raise NotAllowed(actor.username, action)


def may_do(actor: Actor, task: Task) -> bool:
    """Whether the task is, or was, one of the actor's to do.

    A task of a bound lane is its person's alone. A task of a group is everybody's of that role (and
    division), also while another one of them has claimed it: they may know that they were too late.
    """
    if actor.is_system:
        return True
    if actor.person_id in (task.assignee_id, task.ended_by_id):
        return True
    of_group = task.assignee_id is None or task.claimed
    return of_group and actor.holds(task.role, task.scope)


def visible_cases(actor: Actor) -> ColumnElement[bool]:
    """The condition on ``Case`` that holds for the cases which the actor may see."""
    if allowed(actor, "see_all_cases"):
        return true()
    in_person = exists().where(Participant.case_id == Case.id, Participant.person_id == actor.person_id)
    ways = [Case.started_by_id == actor.person_id, in_person]
    if actor.roles:
        in_role = exists().where(
            Participant.case_id == Case.id, Participant.person_id.is_(None), Participant.role.in_(sorted(actor.roles))
        )
        ways.append(and_(in_role, _came_to_group(actor)))
    return or_(*ways)


def ways_to_cases(actor: Actor) -> list[tuple[Select[int], ColumnElement[int]]]:
    """What ``visible_cases`` says, for lists: a way for each reason, with its column of the cases' ids.

    An index gives each way's cases in the order of their ids, so that a page of the newest ones reads no more
    than it shows, however many there are. ``Case`` is joined: conditions and a limit can be added.
    """
    if allowed(actor, "see_all_cases"):
        return [(select(Case.id), Case.id.expression)]
    taking_part = Participant.case_id.expression
    involved = select(taking_part).join(Case, Case.id == taking_part).distinct()
    ways = [
        (select(Case.id).where(Case.started_by_id == actor.person_id), Case.id.expression),
        (involved.where(Participant.person_id == actor.person_id), taking_part),
    ]
    for role in sorted(actor.roles):
        of_role = involved.where(Participant.person_id.is_(None), Participant.role == role)
        ways.append((of_role.where(_came_to_group(actor)), taking_part))
    return ways


def may_see_case(session: Session, actor: Actor, case: Case) -> bool:
    """Participants, holders of a participating role, supervisors and admins see a case; nobody else does."""
    if allowed(actor, "see_all_cases"):
        return True
    return session.scalar(select(exists().where(Case.id == case.id, visible_cases(actor)))) or False


def tasks_of_group(actor: Actor) -> ColumnElement[bool]:
    """The condition on ``Task`` for what waits for one of the actor's groups and is taken by nobody."""
    if not actor.roles:
        return false()
    return and_(Task.assignee_id.is_(None), _held(actor))


def ways_to_tasks(actor: Actor) -> list[ColumnElement[bool]]:
    """What ``tasks_of_group`` says, for lists: a condition for each role, whose tasks an index has in order."""
    return [and_(Task.assignee_id.is_(None), Task.role == role, _in_scope(actor, role)) for role in sorted(actor.roles)]


def tasks_of_person(actor: Actor) -> ColumnElement[bool]:
    """The condition on ``Task`` for what waits for the actor in person."""
    return Task.assignee_id == actor.person_id if actor.person_id is not None else false()


def holds_role(session: Session, person_id: int, role: str) -> bool:
    """Whether an active person holds the role, in whichever division."""
    found = exists().where(
        Person.id == person_id, Person.active, RoleGrant.person_id == Person.id, RoleGrant.role == role
    )
    return session.scalar(select(found)) or False


def not_of_role() -> str:
    """What is said to whoever gives a task to a person without its role."""
    return _("این شخص نقش لازم برای این کار را ندارد.")


def _held(actor: Actor) -> ColumnElement[bool]:
    """The condition on ``Task`` that says in SQL what ``Actor.holds`` says of its role and scope."""
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
    """The condition on a ``Task`` of a role that the actor has: ``Actor.holds`` in SQL."""
    if (role, "") in actor.scopes:
        return true()
    return Task.scope.in_(["", *sorted(scope for held, scope in actor.scopes if held == role)])


def _came_to_group(actor: Actor) -> ColumnElement[bool]:
    """The case came to one of the actor's groups as a group; to a divided role only in its division."""
    return exists().where(Task.case_id == Case.id, or_(Task.assignee_id.is_(None), Task.claimed), _held(actor))

"""Roles by an explicit mapping: a value of the provider's claim gives a role, which ends when the claim loses it."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.actor import SYSTEM, Actor
from engine.audit import events, trail
from engine.errors import NotFound, Refusal
from engine.identity import organisation, people, permissions, security_messages
from engine.identity.security_messages import SecurityEvent
from engine.persistence import advisory_lock
from models.account import Person, RoleGrant
from models.digits import clean
from models.external_identity import ClaimRole
from models.language import gettext as _

log = logging.getLogger(__name__)

LONGEST_VALUE = 200
MOST_ROWS = 500


def rows(session: Session, *, by: Actor) -> Sequence[ClaimRole]:
    """The mapping, by value. Raises ``NotAllowed``."""
    permissions.demand(by, "manage_sign_in")
    return session.scalars(select(ClaimRole).order_by(ClaimRole.value, ClaimRole.id).limit(MOST_ROWS)).all()


def add(session: Session, value: str, *, role: str, scope: str, by: Actor, now: datetime) -> ClaimRole:
    """Let a value of the claim give a role. Raises ``NotAllowed``, ``Refusal`` at the field that is wrong."""
    permissions.demand(by, "manage_sign_in")
    value = value.strip()
    if not 0 < len(value) <= LONGEST_VALUE or clean(value) != value:
        raise Refusal({"value": [_("مقدار را همان‌گونه وارد کنید که سامانهٔ ورود سازمان آن را می‌نویسد.")]})
    people.refuse_membership(session, by, role, scope)
    advisory_lock.acquire(session, "claim roles")
    same = select(ClaimRole.id).where(ClaimRole.value == value, ClaimRole.role == role, ClaimRole.scope == scope)
    if session.scalar(same) is not None:
        raise Refusal({"value": [_("همین مقدار همین نقش را از پیش می‌دهد.")]})
    row = ClaimRole(value=value, role=role, scope=scope, added_at=now, added_by_id=by.person_id)
    session.add(row)
    session.flush()
    trail.record(session, events.CLAIM_ROLE_ADDED, by, subject=("claim_value", value[:100]), after=_stated(row))
    return row


def remove(session: Session, row_id: int, *, by: Actor) -> ClaimRole:
    """Let a value give a role no more, from each holder's next sign-in on. Raises ``NotAllowed``, ``NotFound``."""
    permissions.demand(by, "manage_sign_in")
    row = session.get(ClaimRole, row_id) if 0 < row_id < 2**63 else None
    if row is None:
        raise NotFound("claim role", row_id)
    session.delete(row)
    session.flush()
    trail.record(session, events.CLAIM_ROLE_REMOVED, by, subject=("claim_value", row.value[:100]), before=_stated(row))
    return row


def _stated(row: ClaimRole) -> dict[str, str]:
    return {"value": row.value, "role": row.role, "scope": row.scope}


def known_values(session: Session, values: frozenset[str]) -> frozenset[str]:
    """Those of the values that the mapping knows."""
    known = select(ClaimRole.value).where(ClaimRole.value.in_(sorted(values)[:500])) if values else None
    return frozenset(session.scalars(known)) if known is not None else frozenset()


def apply(session: Session, person: Person, values: frozenset[str], *, now: datetime, tell: bool = True) -> None:
    """Give the person the roles of these values, and take those that the mapping gave before and gives no more.

    Roles that somebody gave by hand stay as they are. The person's row is locked by the caller. The last admin
    keeps that role, and the log says so. ``tell``: write the person a message if something changed.
    """
    changed = False
    due = _due(session, values)
    for grant in [one for one in person.roles if one.mapped and (one.role, one.scope) not in due]:
        if people.is_last_admin(session, person, grant):
            log.warning("%s stays admin although no claim says so: there is no other admin", person.username)
            continue
        people.note(session, person, by=SYSTEM, now=now, before=grant)
        person.roles.remove(grant)
        changed = True
    held = {(grant.role, grant.scope) for grant in person.roles}
    for role, scope in sorted(due - held):
        grant = RoleGrant(role=role, scope=scope, mapped=True)
        person.roles.append(grant)
        people.note(session, person, by=SYSTEM, now=now, after=grant)
        changed = True
    if changed and tell:
        security_messages.send(session, person.id, SecurityEvent.ROLES_CHANGED, now=now)
    session.flush()


def _due(session: Session, values: frozenset[str]) -> set[tuple[str, str]]:
    """The roles of the values, as far as the role, and the division by which it is divided, are in use."""
    if not values:
        return set()
    organised = organisation.of(session)
    mapped = session.execute(select(ClaimRole.role, ClaimRole.scope).where(ClaimRole.value.in_(sorted(values)[:500])))
    active = {role.key: role for role in organised.active_roles}
    due = set()
    for role, scope in mapped.all():
        kind = active[role].divided_by if role in active else None
        in_use = scope in {division.key for division in organised.divisions_of(kind)} if kind else scope == ""
        if role in active and in_use:
            due.add((role, scope))
    return due

"""Commands of admins: search people, create accounts, grant and revoke roles, lock accounts (ACC-3)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, func, select, true
from sqlalchemy.orm import Session, selectinload

from engine.actor import Actor
from engine.audit import events, trail
from engine.errors import NotAllowed, NotFound, Refusal
from engine.identity import organisation, permissions, second_factor, security_messages
from engine.identity.accounts import Accounts, new_username
from engine.identity.security_messages import SecurityEvent
from engine.paging import Page, capped, page_of, read_cursor
from engine.persistence import advisory_lock, outbox
from models import identifiers
from models.account import Person, RoleGrant
from models.digits import clean, search_beginning, search_key
from models.language import gettext as _
from models.organisation import KIND_LABELS, Division, Role, SystemRole

CHUNK = 500  # people read at once by a search


@dataclass(frozen=True)
class NewAccount:
    """Data of an account that the organisation creates. ``mobile`` may be empty."""

    username: str
    first_name: str
    last_name: str
    company: str
    mobile: str
    kind: str
    role: str
    scope: str


def demand_people(session: Session, actor: Actor) -> None:
    """Raise ``NotAllowed`` unless the actor manages accounts, or may give people some role."""
    if not organisation.of(session).grantable(actor):
        permissions.demand(actor, "manage_people")


def people_page(
    session: Session,
    actor: Actor,
    *,
    q: str = "",
    role: str = "",
    scope: str = "",
    cursor: str | None = None,
    limit: int = 30,
) -> Page[Person]:
    """People whose names, user name or mobile hold every word of ``q``, newest first.

    With ``role`` only its holders, with ``scope`` too only those within this division.
    """
    demand_people(session, actor)
    limit, sort = capped(limit), "people"
    before = read_cursor(cursor, sort, [int])[0] if cursor else None
    words = search_beginning(q[:200]).split()[:10]
    matching: list[Person] = []
    for person in _newest_first(session, role, scope, before):
        if all(word in _search_text(person) for word in words):
            matching.append(person)
        if len(matching) > limit:
            break
    return page_of(matching, limit, lambda person: [person.id], sort=sort)


def _newest_first(session: Session, role: str, scope: str, before: int | None) -> Iterator[Person]:
    while True:
        query = select(Person).order_by(Person.id.desc()).limit(CHUNK).options(selectinload(Person.roles))
        if before is not None:
            query = query.where(Person.id < before)
        if role:
            within = (RoleGrant.scope == scope) if scope else true()
            query = query.where(Person.roles.any(and_(RoleGrant.role == role, within)))
        people = session.scalars(query).all()
        yield from people
        if len(people) < CHUNK:
            return
        before = people[-1].id


def _search_text(person: Person) -> str:
    parts = [person.first_name, person.last_name, person.company, person.username, person.mobile]
    return search_key(" ".join(part for part in parts if part))


def person(session: Session, actor: Actor, person_id: int) -> Person:
    """One person with their roles. Raises ``NotAllowed``, ``NotFound``."""
    demand_people(session, actor)
    row = session.get(Person, person_id) if 0 < person_id < 2**63 else None
    if row is None:
        raise NotFound("person", person_id)
    return row


def create_account(
    session: Session, accounts: Accounts, account: NewAccount, *, by: Actor, now: datetime
) -> tuple[Person, str]:
    """Create an account. Returns the person and the first password, to be changed at the first sign-in.

    Raises ``NotAllowed``; ``Refusal`` at the wrong field.
    """
    permissions.demand(by, "manage_people")
    username = new_username(account.username)
    advisory_lock.acquire(session, username)
    if session.scalar(select(Person.id).where(Person.username == username)) is not None:
        raise Refusal({"username": [_("این نام کاربری قبلاً به کار رفته است.")]})
    refuse_membership(session, by, account.role, account.scope)
    created = Person(
        username=username,
        first_name=clean(account.first_name),
        last_name=clean(account.last_name),
        company=clean(account.company) or None,
        mobile=_mobile_of(username, account.mobile),
        kind=account.kind,
        created_at=now,
        active=True,
        mobile_verified=True,  # the organisation has checked it: no code is needed
    )
    password = accounts.give_first_password(created, now=now)
    created.roles = [RoleGrant(role=account.role, scope=account.scope)]
    session.add(created)
    trail.record(session, events.ACCOUNT_CREATED, by, subject=("person", username), after={"kind": account.kind})
    note(session, created, by=by, now=now, after=created.roles[0])
    session.flush()
    return created, password


def _mobile_of(username: str, mobile: str) -> str | None:
    """The account's mobile; if the user name is a mobile, it is the only one. Raises ``Refusal``."""
    try:
        own = identifiers.mobile(username) if "-" not in username else ""
    except ValueError:
        own = ""
    if own and mobile and own != mobile:
        raise Refusal({"mobile": [_("نام کاربری خود شمارهٔ همراه است و باید با این یکی باشد.")]})
    return own or mobile or None


def grant(session: Session, person_id: int, *, by: Actor, role: str, scope: str = "", now: datetime) -> Person:
    """Grant a person a role, valid from their next request on.

    Raises ``Refusal`` at ``role`` or at the kind of division, ``NotAllowed`` for a role that ``by`` may not give.
    """
    target = person(session, by, person_id)
    refuse_membership(session, by, role, scope)
    if target.id == by.person_id and not permissions.allowed(by, "manage_people"):
        raise Refusal({"role": [_("نمی‌توانید به خودتان نقش بدهید.")]})
    if any((held.role, held.scope) == (role, scope) for held in target.roles):
        raise Refusal({"role": [_("این شخص همین نقش را دارد.")]})
    given = RoleGrant(role=role, scope=scope)
    target.roles.append(given)
    note(session, target, by=by, now=now, after=given)
    security_messages.send(session, target.id, SecurityEvent.ROLES_CHANGED, now=now)
    session.flush()
    return target


def revoke(session: Session, person_id: int, grant_id: int, *, by: Actor, now: datetime) -> Person:
    """Revoke a role of a person from their next request on; the last admin keeps it.

    Raises ``NotFound``, ``Refusal``, and ``NotAllowed`` for a role that ``by`` may not give either.
    """
    target = person(session, by, person_id)
    advisory_lock.acquire(session, "admins")
    held = next((role for role in target.roles if role.id == grant_id), None)
    if held is None:
        raise NotFound("role grant", grant_id)
    known = organisation.of(session).roles.get(held.role)
    if not (organisation.of(session).may_grant(by, known) if known else permissions.allowed(by, "manage_people")):
        raise NotAllowed(by.username, f"revoke {held.role}")
    if is_last_admin(session, target, held):
        raise Refusal({"": [_("سامانه مدیر دیگری ندارد. ابتدا مدیر دیگری تعیین کنید.")]})
    note(session, target, by=by, now=now, before=held)
    security_messages.send(session, target.id, SecurityEvent.ROLES_CHANGED, now=now)
    target.roles.remove(held)
    session.flush()
    return target


def note(
    session: Session,
    person: Person,
    *,
    by: Actor,
    now: datetime,
    before: RoleGrant | None = None,
    after: RoleGrant | None = None,
) -> None:
    """Record the grant or the revocation of a role."""
    stated = [{"role": grant.role, "scope": grant.scope} if grant else None for grant in (before, after)]
    organisation.record(session, "membership", person.username, before=stated[0], after=stated[1], by=by, now=now)


def lock_account(session: Session, accounts: Accounts, person_id: int, *, by: Actor) -> Person:
    """Lock an account: its sessions and tokens end at once, and nobody can sign in to it.

    Raises ``NotAllowed``, ``NotFound``; ``Refusal`` for one's own account and for the last admin.
    """
    permissions.demand(by, "manage_people")
    target = person(session, by, person_id)
    advisory_lock.acquire(session, "admins")
    if target.id == by.person_id:
        raise Refusal({"": [_("نمی‌توانید حساب خود را غیرفعال کنید.")]})
    if any(held.role == SystemRole.ADMIN for held in target.roles) and _other_admins(session, target) == 0:
        raise Refusal({"": [_("سامانه مدیر دیگری ندارد. ابتدا مدیر دیگری تعیین کنید.")]})
    _note_state(session, events.ACCOUNT_LOCKED, target, False, by=by)
    target.active = False
    accounts.end_sessions(session, target.id)
    session.flush()
    return target


def end_sessions(session: Session, accounts: Accounts, person_id: int, *, by: Actor) -> Person:
    """End the sessions and tokens of a person at once; the account stays open.

    Raises ``NotAllowed``, ``NotFound``; ``Refusal`` for one's own account.
    """
    permissions.demand(by, "manage_people")
    target = person(session, by, person_id)
    if target.id == by.person_id:
        raise Refusal({"": [_("دستگاه‌های خودتان را در صفحهٔ «دستگاه‌های من» می‌بینید.")]})
    accounts.end_sessions(session, target.id)
    trail.record(session, events.SESSIONS_ENDED, by, subject=("person", target.username))
    return target


def unlock_account(session: Session, person_id: int, *, by: Actor) -> Person:
    """Unlock an account. Raises ``NotAllowed``, ``NotFound``."""
    permissions.demand(by, "manage_people")
    target = person(session, by, person_id)
    _note_state(session, events.ACCOUNT_UNLOCKED, target, True, by=by)
    target.active = True
    session.flush()
    return target


def _note_state(session: Session, event: str, target: Person, active: bool, *, by: Actor) -> None:
    """Record the lock or its end, unless the account is so already."""
    if target.active != active:
        trail.record(
            session,
            event,
            by,
            subject=("person", target.username),
            before={"active": target.active},
            after={"active": active},
        )


def reset_password(
    session: Session, accounts: Accounts, person_id: int, *, by: Actor, now: datetime
) -> tuple[Person, str]:
    """A new first password, shown this once; every session of the account ends."""
    permissions.demand(by, "manage_people")
    target = person(session, by, person_id)
    password = accounts.give_first_password(target, now=now)
    accounts.end_sessions(session, target.id)
    trail.record(session, events.PASSWORD_RESET, by, subject=("person", target.username))
    security_messages.send(session, target.id, SecurityEvent.PASSWORD_GIVEN, now=now)
    session.flush()
    return target, password


def is_last_admin(session: Session, person: Person, held: RoleGrant) -> bool:
    """Whether nobody would be admin without this grant of the person's."""
    advisory_lock.acquire(session, "admins")
    return held.role == SystemRole.ADMIN and _other_admins(session, person) == 0


def reset_second_factor(session: Session, accounts: Accounts, person_id: int, *, by: Actor, now: datetime) -> Person:
    """Remove the second factor of a person who has lost it; their sessions end, and they are told.

    Raises ``NotAllowed``, ``NotFound``; ``Refusal`` for one's own account and without a second factor.
    """
    permissions.demand(by, "manage_people")
    target = person(session, by, person_id)
    if target.id == by.person_id:
        raise Refusal({"": [_("ورود دومرحله‌ای خودتان را در صفحهٔ حساب خود تغییر دهید.")]})
    if not second_factor.remove(session, target.id):
        raise Refusal({"": [_("ورود دومرحله‌ای برای این حساب فعال نیست.")]})
    accounts.end_sessions(session, target.id)
    words = _("مدیر سامانه ورود دومرحله‌ای حساب شما را حذف کرد. اگر خودتان نخواسته‌اید، فوراً به مدیر سامانه اطلاع دهید.")
    outbox.notify(session, None, target.id, _("ورود دومرحله‌ای حذف شد"), words, at=now)
    trail.record(session, events.SECOND_FACTOR_RESET, by, subject=("person", target.username))
    session.flush()
    return target


def _other_admins(session: Session, but: Person) -> int:
    admins = (
        select(func.count(Person.id.distinct()))
        .join(RoleGrant, RoleGrant.person_id == Person.id)
        .where(RoleGrant.role == SystemRole.ADMIN, Person.active, Person.id != but.id)
    )
    return session.scalar(admins) or 0


def refuse_membership(session: Session, by: Actor, role: str, scope: str) -> None:
    """Raises ``Refusal`` for a role that is not in use or a division that it is not divided by, and ``NotAllowed``.

    The role's row is locked until the transaction ends: nobody takes the role out of use meanwhile.
    """
    row = session.get(Role, role, with_for_update={"read": True}, populate_existing=True)
    if row is None or not row.active:
        raise Refusal({"role": [_("یکی از نقش‌های فهرست را انتخاب کنید.")]})
    organised = organisation.of(session)
    if not organised.may_grant(by, organisation.role_entry(row)):
        raise NotAllowed(by.username, f"grant {role}")
    if not row.divided_by:
        if scope:
            raise Refusal({"role": [_("این نقش تقسیم نشده است و واحد یا منطقه ندارد.")]})
        return
    division = session.get(Division, (row.divided_by, scope), with_for_update={"read": True}, populate_existing=True)
    if division is None or not division.active:
        label = KIND_LABELS[row.divided_by]
        raise Refusal({row.divided_by: [_("%(kind)s این نقش را انتخاب کنید.", kind=label)]})

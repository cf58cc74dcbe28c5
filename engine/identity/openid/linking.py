"""Which account here belongs to which account at the provider: linked by issuer and subject, and by nothing else."""

from __future__ import annotations

import re
import secrets
from dataclasses import replace
from datetime import datetime
from urllib.parse import urlsplit

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from engine.actor import Actor, actor_for
from engine.audit import events, trail
from engine.errors import NotFound, Refusal
from engine.identity import permissions
from engine.identity.accounts import fold_username
from engine.identity.openid import role_mapping
from engine.identity.openid.identity import Identity
from engine.identity.people import person as person_of
from engine.persistence import advisory_lock
from models.account import Person
from models.digits import clean
from models.external_identity import ExternalIdentity, ExternalSignIn
from models.language import gettext as _

LONGEST_SUBJECT = 255


class Unlinked(Exception):
    """No account here is linked to this one of the provider."""


class AccountLocked(Exception):
    """The linked account is locked."""


# Signing in


def sign_in(session: Session, identity: Identity, *, address: str, now: datetime, is_new: bool = False) -> Person:
    """The linked account, with its roles as the mapping says now. Raises ``Unlinked``, ``AccountLocked``.

    ``address``: of the network, for the audit log. ``is_new``: the account was made just now, so its roles are no
    news; otherwise a message tells the person what changed.
    """
    row = session.scalars(_of(identity.issuer, identity.subject)).first()
    if row is None:
        raise Unlinked
    person = session.get_one(Person, row.person_id, with_for_update=True, populate_existing=True)
    if not person.active:
        raise AccountLocked
    row.name, row.signed_in_at = identity.name[:200], now
    role_mapping.apply(session, person, identity.role_values, now=now, tell=not is_new)
    actor = replace(actor_for(person), address=address)
    trail.record(session, events.SIGNED_IN, actor, subject=_about(person), after={"by": identity.issuer})
    return person


def note_refused(session: Session, identity: Identity, reason: str, *, address: str) -> None:
    """Leave a trace of a sign-in that came to nothing: ``reason`` is ``locked`` or ``unlinked``."""
    subject = ("external_identity", identity.subject)
    trail.record(session, events.SIGN_IN_FAILED, trail.stranger(address), subject=subject, after={"reason": reason})


def create_account(session: Session, identity: Identity, *, address: str, now: datetime) -> Person:
    """A new account with the roles of the mapping and without a password, if the office allows such accounts.

    Raises ``Refusal`` if it does not, or if the identity has an account meanwhile.
    """
    if not new_accounts_allowed(session):
        raise Refusal({"": [_("این سازمان حساب جدید را فقط از سوی مدیر سامانه می‌سازد.")]})
    _refuse_linked(session, identity.issuer, identity.subject)
    person = Person(
        username=_free_username(session, identity),
        password_hash="",  # no password opens it
        first_name=identity.first_name,
        last_name=identity.last_name or identity.name[:100],
        kind="staff",
        created_at=now,
        active=True,
        mobile_verified=True,  # the provider has checked the person: no code is needed
    )
    session.add(person)
    session.flush()
    session.add(_row(identity.issuer, identity.subject, person.id, now=now, by=person.id, name=identity.name))
    session.flush()
    actor = replace(actor_for(person), address=address)
    trail.record(session, events.ACCOUNT_CREATED, actor, subject=_about(person), after={"by": identity.issuer})
    return sign_in(session, identity, address=address, now=now, is_new=True)


def _free_username(session: Session, identity: Identity) -> str:
    """A user name that nobody can take for a membership number, a mobile or an account of ours: it has an @."""
    own = fold_username(identity.username.partition("@")[0])
    if not re.fullmatch("[a-z0-9][a-z0-9._-]{1,28}", own):
        own = ""
    place = (urlsplit(identity.issuer).hostname or "openid")[-25:]
    while True:
        name = f"{own or secrets.token_hex(4)}@{place}"
        advisory_lock.acquire(session, name)
        if session.scalar(select(Person.id).where(Person.username == name)) is None:
            return name
        own = ""


# Linking


def identity_of(session: Session, person_id: int, issuer: str) -> ExternalIdentity | None:
    """The account at the provider that is linked to this one."""
    return session.scalars(
        select(ExternalIdentity).where(ExternalIdentity.person_id == person_id, ExternalIdentity.issuer == issuer)
    ).first()


def link_own(session: Session, identity: Identity, *, by: Actor, now: datetime) -> ExternalIdentity:
    """Link the actor's own account, in which they are signed in. Raises ``Refusal`` if one of the two is linked."""
    person = session.get_one(Person, by.person_id)
    return _link(session, person, identity.issuer, identity.subject, by=by, now=now, name=identity.name)


def link_by_admin(
    session: Session, person_id: int, issuer: str, subject: str, *, by: Actor, now: datetime
) -> ExternalIdentity:
    """Link a person's account by the subject that the provider has for them.

    Raises ``NotAllowed``, ``NotFound``, and ``Refusal`` at ``subject``, also if one of the two is linked.
    """
    permissions.demand(by, "manage_people")
    person = person_of(session, by, person_id)
    subject = subject.strip()
    if not 0 < len(subject) <= LONGEST_SUBJECT or not subject.isprintable():
        raise Refusal({"subject": [_("شناسه را همان‌گونه وارد کنید که سامانهٔ ورود سازمان آن را می‌نویسد.")]})
    try:
        return _link(session, person, issuer, subject, by=by, now=now)
    except Refusal as refusal:
        raise Refusal({"subject": refusal.errors[""]}) from None


def unlink_own(session: Session, issuer: str, *, by: Actor, now: datetime) -> None:
    """Unlink the actor's own account. Raises ``Refusal`` if nothing else would open it."""
    person = session.get_one(Person, by.person_id, with_for_update=True, populate_existing=True)
    if not person.password_hash:
        raise Refusal({"": [_("این حساب رمز عبور ندارد و فقط با حساب سازمانی باز می‌شود؛ پیوند آن قطع نمی‌شود.")]})
    _unlink(session, person, issuer, by=by, now=now)


def unlink_by_admin(session: Session, person_id: int, issuer: str, *, by: Actor, now: datetime) -> Person:
    """Unlink a person's account; roles that came from the mapping end. Raises ``NotAllowed``, ``NotFound``."""
    permissions.demand(by, "manage_people")
    person = person_of(session, by, person_id)
    _unlink(session, person, issuer, by=by, now=now)
    return person


def _link(
    session: Session, person: Person, issuer: str, subject: str, *, by: Actor, now: datetime, name: str = ""
) -> ExternalIdentity:
    _refuse_linked(session, issuer, subject)
    if identity_of(session, person.id, issuer) is not None:
        raise Refusal({"": [_("این حساب به حساب سازمانی دیگری وصل است. ابتدا آن پیوند را قطع کنید.")]})
    row = _row(issuer, subject, person.id, now=now, by=by.person_id, name=name)
    session.add(row)
    session.flush()
    trail.record(session, events.IDENTITY_LINKED, by, subject=_about(person), after=_stated(row))
    return row


def _refuse_linked(session: Session, issuer: str, subject: str) -> None:
    advisory_lock.acquire(session, "external identities")
    if session.scalars(_of(issuer, subject)).first() is not None:
        raise Refusal({"": [_("این حساب سازمانی به حساب دیگری در کارتابل وصل است.")]})


def _unlink(session: Session, person: Person, issuer: str, *, by: Actor, now: datetime) -> None:
    row = identity_of(session, person.id, issuer)
    if row is None:
        raise NotFound("external identity", person.id)
    role_mapping.apply(session, person, frozenset(), now=now)
    trail.record(session, events.IDENTITY_UNLINKED, by, subject=_about(person), before=_stated(row))
    session.delete(row)
    session.flush()


def _of(issuer: str, subject: str) -> Select[ExternalIdentity]:
    return select(ExternalIdentity).where(ExternalIdentity.issuer == issuer, ExternalIdentity.subject == subject)


def _row(issuer: str, subject: str, person_id: int, *, now: datetime, by: int | None, name: str) -> ExternalIdentity:
    return ExternalIdentity(
        issuer=issuer, subject=subject, person_id=person_id, name=clean(name)[:200], linked_at=now, linked_by_id=by
    )


def _about(person: Person) -> tuple[str, str]:
    return ("person", person.username)


def _stated(row: ExternalIdentity) -> dict[str, str]:
    return {"issuer": row.issuer, "subject": row.subject}


# What the office allows


def new_accounts_allowed(session: Session) -> bool:
    """Whether somebody without an account gets one at their first sign-in; at first not."""
    row = session.get(ExternalSignIn, 1)
    return row is not None and row.new_accounts


def allow_new_accounts(session: Session, allowed: bool, *, by: Actor, now: datetime) -> bool:
    """Allow new accounts, or not any more. Returns whether that changed something. Raises ``NotAllowed``."""
    permissions.demand(by, "manage_sign_in")
    advisory_lock.acquire(session, "external sign-in")
    row = session.get(ExternalSignIn, 1, populate_existing=True)
    if allowed == (row is not None and row.new_accounts):
        return False
    session.merge(ExternalSignIn(id=1, new_accounts=allowed, changed_at=now, changed_by_id=by.person_id))
    session.flush()
    before, after = {"allowed": not allowed}, {"allowed": allowed}
    trail.record(session, events.NEW_ACCOUNTS_SWITCHED, by, subject=("sign_in", "openid"), before=before, after=after)
    return True

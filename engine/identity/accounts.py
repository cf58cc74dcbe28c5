"""Accounts: sign-in, sessions, passwords (ACC-2, ACC-3), independent of the web."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, bindparam, delete, select, update
from sqlalchemy.orm import Session

from engine.actor import Actor, SignedIn, acting, counts
from engine.audit import events, trail
from engine.errors import EngineError, Refusal
from engine.identity import devices, passwords, rate_limits, security_messages, sessions
from engine.identity.passwords import Owner
from engine.identity.rate_limits import Limit
from engine.identity.security_messages import SecurityEvent
from engine.identity.sessions import OpenSession
from engine.identity.verification_codes import Codes
from engine.persistence import advisory_lock
from engine.settings import Settings
from models import identifiers
from models.account import Person, RoleGrant, SessionKind, SignInSession, person_name
from models.digits import ascii_digits, clean, storable
from models.language import gettext as _
from models.organisation import Role
from models.second_factor import SecondFactor

SIGN_IN = Limit("sign_in", 5, timedelta(minutes=15))  # for one account from one device that knows it, or one address
SIGN_IN_ADDRESS = Limit("sign_in_address", 60, timedelta(minutes=15))  # for one address, whatever the account
OLD_PASSWORD = Limit("old_password", 5, timedelta(minutes=15))
API_TOKEN_LIVES = timedelta(hours=12)
HALF_SESSION_LIVES = timedelta(minutes=10)


# Read by every page and call: columns only, since objects take ten times as long. One row for each role.
_SIGNED_IN = (
    select(
        SignInSession.id,
        SignInSession.seen_at,
        SignInSession.expires_at,
        SignInSession.confirmed_at,
        SignInSession.by_provider,
        SignInSession.provider_factor,
        SignInSession.person_id,
        Person.username,
        Person.first_name,
        Person.last_name,
        Person.company,
        Person.language,
        Person.active,
        Person.must_change_password,
        RoleGrant.role,
        RoleGrant.scope,
        Role.divided_by,
        Role.permissions,
        Role.second_factor,
        SecondFactor.kind.label("factor"),
    )
    .join(Person, SignInSession.person_id == Person.id)
    .outerjoin(RoleGrant, RoleGrant.person_id == Person.id)
    .outerjoin(Role, Role.key == RoleGrant.role)
    .outerjoin(SecondFactor, SecondFactor.person_id == SignInSession.person_id)
    .where(SignInSession.token_hash == bindparam("this_token"), SignInSession.kind == bindparam("this_kind"))
)


class SignInRefused(EngineError):
    """Wrong user name or password, or an inactive account: the answer is the same."""

    code = "not_signed_in"
    keeps_changes = True  # the attempt stays counted

    def __init__(self) -> None:
        super().__init__("Sign-in refused")


class FirstPasswordEnded(SignInRefused):
    """The password that the organisation gave was right, and its time is over (ACC-3)."""


LONGEST_USERNAME = 60


class PasswordRefused(Refusal):
    """The present password is wrong; the attempt stays counted."""

    keeps_changes = True


def fold_username(typed: str) -> str:
    """Normalise a typed user name (ACC-5): Latin digits, lower case, one kind of dash.

    A mobile number becomes ``09…``; a membership number keeps its dashes.
    """
    folded = re.sub("[‐-―−ـ]", "-", re.sub(r"\s", "", clean(ascii_digits(typed[:200])))).lower()
    if "-" in folded:
        return folded
    try:
        return identifiers.mobile(folded)
    except ValueError:
        return folded


def new_username(typed: str) -> str:
    """The normalised user name of a new account: Latin letters, digits and a few signs, without spaces between letters.

    Raises ``Refusal`` at ``username``.
    """
    name = fold_username(typed)
    if not 3 <= len(name) <= LONGEST_USERNAME:
        raise Refusal({"username": [_("نام کاربری باید از ۳ تا ۶۰ کاراکتر باشد.")]})
    spaced = re.search(r"\s", typed.strip()) and re.search("[a-z]", name)  # numbers may be typed in groups
    if spaced or not re.fullmatch("[a-z0-9][a-z0-9._@-]*", name):
        raise Refusal(
            {"username": [_("نام کاربری فقط حروف انگلیسی، رقم، نقطه، خط تیره، زیرخط و @ می‌پذیرد، بدون فاصله.")]}
        )
    return name


class Accounts:
    """Commands of accounts, in the caller's transaction. ``now`` is aware."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.codes = Codes(settings.secret_key)

    # Passwords

    def set_password(self, person: Person, password: str) -> None:
        """Set the password that a person chose. Raises ``Refusal`` at ``password`` if it is too weak."""
        passwords.refuse_weak(password, Owner.of(person))
        person.password_hash = passwords.hashed(password)
        person.must_change_password, person.password_ends_at = False, None

    def give_first_password(self, person: Person, *, now: datetime) -> str:
        """Give a person a random password, to be changed at the first sign-in and before it ends. Returns it."""
        password = passwords.initial()
        person.password_hash = passwords.hashed(password)
        person.must_change_password = True
        person.password_ends_at = now + timedelta(hours=self._settings.first_password_hours)
        return password

    def change_password(
        self,
        session: Session,
        person: Person,
        *,
        old: str,
        new: str,
        keep: str | None,
        now: datetime,
        address: str = "",
    ) -> None:
        """Change a person's own password and end all sessions of the account except the one with the token ``keep``.

        Raises ``PasswordRefused`` at ``old_password``, ``Refusal`` at ``password``, ``TooMany``.
        """
        self.demand_password(session, person, old, now=now, field="old_password")
        if passwords.normal(old) == passwords.normal(new):
            raise Refusal({"password": [_("رمز عبور جدید باید با رمز عبور فعلی فرق داشته باشد.")]})
        self.set_password(person, new)
        self.end_sessions(session, person.id, keep=keep)
        record(session, events.PASSWORD_CHANGED, person, address)
        security_messages.send(session, person.id, SecurityEvent.PASSWORD_CHANGED, now=now, address=address)

    def demand_password(
        self, session: Session, person: Person, password: str, *, now: datetime, field: str = "password"
    ) -> None:
        """Check the person's password once more. Raises ``PasswordRefused`` at ``field``, ``TooMany``."""
        rate_limits.demand(session, OLD_PASSWORD, str(person.id), now=now)
        if not passwords.matches(person.password_hash, password):
            rate_limits.count(session, OLD_PASSWORD.kind, str(person.id), now=now)
            raise PasswordRefused({field: [_("رمز عبور فعلی درست نیست.")]})

    # Signing in

    def sign_in(
        self,
        session: Session,
        username: str,
        password: str,
        *,
        address: str,
        now: datetime,
        kind: str = "browser",
        device: str | None = None,
        agent: str = "",
    ) -> tuple[Person, str]:
        """Sign in. Returns the person and the token of a new session.

        Raises ``SignInRefused``, ``FirstPasswordEnded``, ``TooMany``.

        ``device``: the token of the browser (``identity.devices``). On a device of the account its attempts are
        counted by themselves; elsewhere for each account and address. So nobody can lock another person out.
        """
        name, subscriber = fold_username(username)[:60], rate_limits.subscriber(address)
        known = devices.known(session, name, device)
        key = f"{known or subscriber}|{name}"
        rate_limits.demand(session, SIGN_IN, key, now=now)
        if known is None:
            rate_limits.demand(session, SIGN_IN_ADDRESS, subscriber, now=now)
        person = session.scalars(select(Person).where(Person.username == name)).first()
        matches = passwords.matches(person.password_hash if person else None, password)
        advisory_lock.acquire(session, key)  # from here on simultaneous attempts run one after the other
        rate_limits.demand(session, SIGN_IN, key, now=now)
        if person is None or not matches or not person.active:
            rate_limits.count(session, SIGN_IN.kind, key, now=now)
            if known is None:
                rate_limits.count(session, SIGN_IN_ADDRESS.kind, subscriber, now=now)
            # A name that is nobody's is not kept: people type their passwords there.
            about = ("person", person.username if person else "")
            trail.record(session, events.SIGN_IN_FAILED, trail.stranger(address), subject=about, after={"by": kind})
            raise SignInRefused
        if person.password_ends_at is not None and person.password_ends_at <= now:
            raise FirstPasswordEnded
        rate_limits.forget(session, SIGN_IN.kind, key)
        if not _has_second_factor(session, person):  # else it is recorded once that is proved
            record(session, events.SIGNED_IN, person, address, after={"by": kind})
        return person, self.open_session(
            session, person, now=now, kind=kind, device=device, address=address, agent=agent
        )

    def open_session(
        self,
        session: Session,
        person: Person,
        *,
        now: datetime,
        kind: str,
        proved: bool = False,
        by_provider: bool = False,
        device: str | None = None,
        address: str = "",
        agent: str = "",
    ) -> str:
        """Open a session. Returns its token, which the database has only as a hash. ``kind``: browser or api.

        Of a person with a second factor it is half a session, which may do nothing (``identity.second_step``), unless
        the caller has ``proved`` the factor. The ``device`` of a whole one, or a program's ``address``, is remembered
        as one of the account; the first sign-in from another one is told to its owner. ``agent``: what the browser or
        program calls itself.

        ``by_provider``: an identity provider has vouched for the person. Then a first password waits until somebody
        signs in by it, and with ``proved`` the provider's second factor is one that a role demands.
        """
        if not proved and _has_second_factor(session, person):
            kind = SessionKind.HALF
        else:
            _tell_if_new(session, person.id, kind, device, address, now=now)
        sessions.make_room(session, person.id, kind)
        token = secrets.token_urlsafe(32)
        lives = {SessionKind.API: API_TOKEN_LIVES, SessionKind.HALF: HALF_SESSION_LIVES}.get(
            SessionKind(kind), timedelta(hours=self._settings.session_hours)
        )
        session.add(
            SignInSession(
                token_hash=_digest(token),
                person_id=person.id,
                kind=kind,
                created_at=now,
                seen_at=now,
                expires_at=now + lives,
                address=storable(address)[:45],
                agent=storable(agent)[:200],
                confirmed_at=None if kind == SessionKind.HALF else now,
                by_provider=by_provider,
                provider_factor=by_provider and proved,
            )
        )
        return token

    def person_of_session(
        self, session: Session, token: str, *, now: datetime, kind: str = "browser"
    ) -> SignedIn | None:
        """The person of a session; ``None`` if it has ended or idled out, or if the account is locked."""
        rows = session.execute(_SIGNED_IN, {"this_token": _digest(token), "this_kind": kind}).all()
        if not rows or rows[0].expires_at <= now or not rows[0].active:
            return None
        row = rows[0]
        idle = timedelta(minutes=self._settings.session_idle_minutes)
        if kind == "browser" and row.seen_at + idle <= now:
            return None
        if now - row.seen_at > timedelta(minutes=1):  # at most one write a minute
            session.execute(update(SignInSession).where(SignInSession.id == row.id).values(seen_at=now))
        must_enrol = row.factor is None and not row.provider_factor and any(one.second_factor for one in rows)
        must_change = row.must_change_password and not row.by_provider  # they have no use for the password
        return SignedIn(_actor(rows), must_change, must_enrol, row.confirmed_at)

    def own_sessions(self, session: Session, person_id: int, *, token: str | None, now: datetime) -> list[OpenSession]:
        """The working sessions and tokens of a person, the one used last first; ``token``: the reader's own."""
        idle = timedelta(minutes=self._settings.session_idle_minutes)
        this_hash = _digest(token) if token else None
        return sessions.own(session, person_id, this_hash=this_hash, idle=idle, now=now)

    def end_other_sessions(self, session: Session, person: Person, *, token: str, address: str) -> int:
        """End every session and token of a person except the reader's. Returns how many ended."""
        return sessions.end_others(session, person, this_hash=_digest(token), address=address)

    def end_session(self, session: Session, token: str, *, address: str = "") -> None:
        """End one session, as its person says; an unknown token changes nothing."""
        row = session.scalars(select(SignInSession).where(session_of(token))).one_or_none()
        if row is None:
            return
        if row.kind != SessionKind.HALF:  # nobody had come in
            record(session, events.SIGNED_OUT, session.get_one(Person, row.person_id), address, after={"by": row.kind})
        session.execute(delete(SignInSession).where(SignInSession.id == row.id))

    def end_sessions(self, session: Session, person_id: int, *, keep: str | None = None) -> None:
        """End every session of an account except the one with the token ``keep``."""
        sessions = delete(SignInSession).where(SignInSession.person_id == person_id)
        if keep is not None:
            sessions = sessions.where(SignInSession.token_hash != _digest(keep))
        session.execute(sessions)


def record(session: Session, event: str, person: Person, address: str, *, after: dict[str, str] | None = None) -> None:
    """Record what a person did with their own account."""
    trail.record(session, event, trail.person(person, address), subject=("person", person.username), after=after)


def _tell_if_new(
    session: Session, person_id: int, kind: str, device: str | None, address: str, *, now: datetime
) -> None:
    """Remember from where somebody came in, and tell the owner if it is a place that the account does not know."""
    if device is not None:
        mark, event = devices.mark_of(device), SecurityEvent.NEW_DEVICE
    elif kind == SessionKind.API and address:
        mark, event = devices.mark_of_address(rate_limits.subscriber(address)), SecurityEvent.NEW_ADDRESS
    else:
        return
    if devices.remember(session, person_id, mark, now=now):
        security_messages.send(session, person_id, event, now=now, address=address)


def _actor(rows: Sequence[Any]) -> Actor:
    """The actor for rows of ``_SIGNED_IN``, one for each role, or one without a role."""
    person, held = rows[0], [row for row in rows if row.role is not None and counts(row.scope, row.divided_by)]
    name = person_name(person.company, person.first_name, person.last_name)
    return acting(
        [(row.role, row.scope) for row in held],
        permissions=[action for row in held for action in row.permissions or ()],
        person_id=person.person_id,
        username=person.username,
        name=name,
        language=person.language,
    )


def _has_second_factor(session: Session, person: Person) -> bool:
    return session.get(SecondFactor, person.id, populate_existing=True) is not None


def session_of(token: str) -> ColumnElement[bool]:
    """Condition on ``SignInSession``: the session with this token."""
    return SignInSession.token_hash == _digest(token)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()

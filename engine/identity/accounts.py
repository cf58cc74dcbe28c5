"""Accounts: registration with a code, sign-in, sessions, passwords (ACC-1, ACC-2, ACC-3).

Independent of the web: network addresses and times are parameters; codes are sent through the outbox.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, bindparam, delete, select, update
from sqlalchemy.orm import Session

from engine.actor import SYSTEM, Actor, SignedIn, acting, counts
from engine.audit import events, trail
from engine.errors import EngineError, Refusal, TooMany
from engine.identity import organisation, passwords, rate_limits
from engine.identity.rate_limits import Limit
from engine.identity.verification_codes import (
    CODE_AGAIN,
    CODES_PER_DAY,
    CODES_PER_HOUR,
    CodeRefused,
    Codes,
    wrong_code,
)
from engine.persistence import advisory_lock, outbox
from engine.settings import Settings
from models import identifiers
from models.account import Person, RoleGrant, SessionKind, SignInSession, person_name
from models.digits import ascii_digits, clean
from models.language import gettext as _
from models.organisation import Role
from models.second_factor import SecondFactor

SIGN_IN = Limit("sign_in", 5, timedelta(minutes=15))  # for one account from one address
SIGN_IN_ADDRESS = Limit("sign_in_address", 60, timedelta(minutes=15))  # for one address, whatever the account
OLD_PASSWORD = Limit("old_password", 5, timedelta(minutes=15))
RECOVERY_AGAIN = Limit("recover", 1, CODE_AGAIN)
RECOVERY = Limit("recover", CODES_PER_DAY, timedelta(days=1))
RECOVERY_ADDRESS = Limit("recover_address", CODES_PER_HOUR, timedelta(hours=1))
API_TOKEN_LIVES = timedelta(hours=12)
HALF_SESSION_LIVES = timedelta(minutes=10)


# Read by every page and call: columns only, since objects take ten times as long. One row for each role.
_SIGNED_IN = (
    select(
        SignInSession.id,
        SignInSession.seen_at,
        SignInSession.expires_at,
        SignInSession.confirmed_at,
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


class PasswordRefused(Refusal):
    """The present password is wrong; the attempt stays counted."""

    keeps_changes = True


@dataclass(frozen=True)
class Registration:
    """Data of a registration (ACC-1)."""

    first_name: str
    last_name: str
    mobile: str  # 09…
    password: str
    kind: str  # kind of user


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


def is_pending(person: Person) -> bool:
    """Returns True for a registration that is not confirmed by its code yet, unlike a locked account."""
    return not person.active and not person.mobile_verified


class Accounts:
    """Commands of accounts, in the caller's transaction. ``now`` is aware."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._codes = Codes(settings.secret_key)

    # Passwords

    def set_password(self, person: Person, password: str, *, must_change: bool = False) -> None:
        """Set a person's password. Raises ``Refusal`` at ``password`` if it is too weak."""
        _refuse_weak(password, person)
        person.password_hash = passwords.hashed(password)
        person.must_change_password = must_change

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
        _record(session, events.PASSWORD_CHANGED, person, address)

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
        self, session: Session, username: str, password: str, *, address: str, now: datetime, kind: str = "browser"
    ) -> tuple[Person, str]:
        """Sign in. Returns the person and the token of a new session. Raises ``SignInRefused``, ``TooMany``.

        Attempts are counted for each account and address, so nobody can lock another person out.
        """
        name, address = fold_username(username)[:60], rate_limits.subscriber(address)
        key = f"{address}|{name}"
        rate_limits.demand(session, SIGN_IN, key, now=now)
        rate_limits.demand(session, SIGN_IN_ADDRESS, address, now=now)
        person = session.scalars(select(Person).where(Person.username == name)).first()
        matches = passwords.matches(person.password_hash if person else None, password)
        advisory_lock.acquire(session, key)  # from here on simultaneous attempts run one after the other
        rate_limits.demand(session, SIGN_IN, key, now=now)
        if person is None or not matches or not person.active:
            rate_limits.count(session, SIGN_IN.kind, key, now=now)
            rate_limits.count(session, SIGN_IN_ADDRESS.kind, address, now=now)
            # A name that is nobody's is not kept: people type their passwords there.
            about = ("person", person.username if person else "")
            trail.record(session, events.SIGN_IN_FAILED, trail.stranger(address), subject=about, after={"by": kind})
            raise SignInRefused
        rate_limits.forget(session, SIGN_IN.kind, key)
        if not _has_second_factor(session, person):  # else it is recorded once that is proved
            _record(session, events.SIGNED_IN, person, address, after={"by": kind})
        return person, self.open_session(session, person, now=now, kind=kind)

    def open_session(self, session: Session, person: Person, *, now: datetime, kind: str, proved: bool = False) -> str:
        """Open a session. Returns its token, which the database has only as a hash. ``kind``: browser or api.

        Of a person with a second factor it is half a session, which may do nothing (``identity.second_step``), unless
        the caller has ``proved`` the factor.
        """
        if not proved and _has_second_factor(session, person):
            kind = SessionKind.HALF
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
                confirmed_at=None if kind == SessionKind.HALF else now,
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
        must_enrol = row.factor is None and any(one.second_factor for one in rows)
        return SignedIn(_actor(rows), row.must_change_password, must_enrol, row.confirmed_at)

    def end_session(self, session: Session, token: str, *, address: str = "") -> None:
        """End one session, as its person says; an unknown token changes nothing."""
        row = session.scalars(select(SignInSession).where(session_of(token))).one_or_none()
        if row is None:
            return
        _record(session, events.SIGNED_OUT, session.get_one(Person, row.person_id), address, after={"by": row.kind})
        session.execute(delete(SignInSession).where(SignInSession.id == row.id))

    def end_sessions(self, session: Session, person_id: int, *, keep: str | None = None) -> None:
        """End every session of an account except the one with the token ``keep``."""
        sessions = delete(SignInSession).where(SignInSession.person_id == person_id)
        if keep is not None:
            sessions = sessions.where(SignInSession.token_hash != _digest(keep))
        session.execute(sessions)

    # Registering

    def register(self, session: Session, registration: Registration, *, address: str, now: datetime) -> str:
        """Create an account that is inactive until its code is entered (ACC-1), and send the code.

        Returns the registration's mark, which its code needs: so nobody who registers the same mobile meanwhile
        gets their password confirmed by its owner. A mobile with an account gets an SMS about that instead of a
        code; the result is the same, so it does not disclose who is registered.
        Raises ``Refusal`` at ``password``, ``TooMany``.
        """
        _refuse_weak(registration.password, Person(username=registration.mobile))
        advisory_lock.acquire(session, registration.mobile)
        self._codes.demand(session, registration.mobile, address=address, now=now)
        password_hash = passwords.hashed(registration.password)
        person = session.scalars(select(Person).where(Person.username == registration.mobile)).first()
        if person is not None and not is_pending(person):
            self._codes.count(session, registration.mobile, "register", address=address, now=now)
            text = _("برای این شماره قبلاً حساب ساخته شده است. اگر رمز عبور را فراموش کرده‌اید، آن را بازیابی کنید.")
            outbox.put_sms(session, None, registration.mobile, text, at=now, person_id=person.id)
            return _digest(password_hash)
        if person is None:
            person = Person(username=registration.mobile, created_at=now)
            session.add(person)
        person.first_name, person.last_name, person.kind = (
            registration.first_name,
            registration.last_name,
            registration.kind,
        )
        person.mobile, person.active, person.mobile_verified = registration.mobile, False, False
        person.password_hash = password_hash
        session.flush()
        self._codes.send(session, registration.mobile, "register", address=address, now=now)
        return _digest(password_hash)

    def send_registration_code(self, session: Session, mobile: str, *, mark: str, address: str, now: datetime) -> None:
        """Send a new code that replaces the old one, at the earliest after 60 seconds. Raises ``TooMany``."""
        advisory_lock.acquire(session, mobile)
        self._codes.demand(session, mobile, address=address, now=now)
        if self._pending(session, mobile, mark) is None:
            self._codes.count(session, mobile, "register", address=address, now=now)
        else:
            self._codes.send(session, mobile, "register", address=address, now=now)

    def confirm_registration(
        self, session: Session, mobile: str, code: str, *, mark: str, now: datetime, address: str = ""
    ) -> Person:
        """Activate the account with its code, with the roles for registrations. Raises ``Refusal`` at ``code``."""
        if self._pending(session, mobile, mark) is None:
            raise Refusal({"code": [wrong_code()]})
        self._codes.use(session, mobile, "register", code, now=now)
        person = session.scalars(
            select(Person).where(Person.username == mobile).execution_options(populate_existing=True)
        ).one()
        person.active = person.mobile_verified = True
        _record(session, events.REGISTERED, person, address, after={"kind": person.kind})
        if not person.roles:
            for role in organisation.of(session).active_roles:
                if role.on_registration and not role.divided_by:  # nobody says in which division a stranger is
                    person.roles.append(RoleGrant(role=role.key, scope=""))
                    given = {"role": role.key, "scope": ""}
                    organisation.record(
                        session, "membership", person.username, before=None, after=given, by=SYSTEM, now=now
                    )
        session.flush()
        return person

    def _pending(self, session: Session, mobile: str, mark: str) -> Person | None:
        person = session.scalars(select(Person).where(Person.username == mobile)).first()
        if person is None or not is_pending(person) or _digest(person.password_hash) != mark:
            return None
        return person

    # Recovering a password

    def send_recovery(self, session: Session, username: str, *, address: str, now: datetime) -> str:
        """Send a recovery code to an account's mobile (ACC-3). Returns the normalised user name for ``recover``.

        For an unknown account nothing is sent, and the result is the same. Raises ``TooMany``.
        """
        name, address = fold_username(username)[:60], rate_limits.subscriber(address)
        advisory_lock.acquire(session, name)
        rate_limits.demand(session, RECOVERY_AGAIN, name, now=now)
        rate_limits.demand(session, RECOVERY, name, now=now)
        rate_limits.demand(session, RECOVERY_ADDRESS, address, now=now)
        rate_limits.count(session, RECOVERY.kind, name, now=now)
        rate_limits.count(session, RECOVERY_ADDRESS.kind, address, now=now)
        person = session.scalars(select(Person).where(Person.username == name)).first()
        if person is not None and person.mobile and person.active:
            with suppress(TooMany):  # a code was just sent; an error would disclose that the account exists
                self._codes.demand(session, person.mobile, address=address, now=now)
                self._codes.send(session, person.mobile, "recover", address=address, now=now)
        return name

    def recover(
        self, session: Session, username: str, code: str, password: str, *, now: datetime, address: str = ""
    ) -> Person:
        """Set a new password with a code and end every session of the account.

        Raises ``Refusal`` at ``password``, ``CodeRefused`` at ``code``.

        The text is the same for each problem with the code, so it does not disclose if the account exists.
        """
        name = fold_username(username)[:60]
        _refuse_weak(password, Person(username=name))
        person = session.scalars(select(Person).where(Person.username == name)).first()
        if person is None or not person.mobile or not person.active:
            raise CodeRefused({"code": [wrong_code()]})
        _refuse_weak(password, person)
        try:
            self._codes.use(session, person.mobile, "recover", code, now=now)
        except Refusal:
            raise CodeRefused({"code": [wrong_code()]}) from None
        self.set_password(person, password)
        self.end_sessions(session, person.id)
        _record(session, events.PASSWORD_RECOVERED, person, address)
        return person


def _record(session: Session, event: str, person: Person, address: str, *, after: dict[str, str] | None = None) -> None:
    """Record what a person did with their own account."""
    trail.record(session, event, trail.person(person, address), subject=("person", person.username), after=after)


def _refuse_weak(password: str, person: Person) -> None:
    problem = passwords.weakness(password, person)
    if problem:
        raise Refusal({"password": [problem]})


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

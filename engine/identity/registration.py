"""Registering: an account begins with the code that was sent to its mobile (ACC-1)."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.actor import SYSTEM
from engine.audit import events
from engine.errors import Refusal
from engine.identity import organisation, passwords
from engine.identity.accounts import record
from engine.identity.verification_codes import Codes, code_text, count_request, wrong_code
from engine.persistence import advisory_lock, outbox
from models.account import PendingRegistration, Person, RoleGrant
from models.language import gettext as _

PURPOSE = "register"


@dataclass(frozen=True)
class Registration:
    """Data of a registration (ACC-1)."""

    first_name: str
    last_name: str
    mobile: str  # 09…
    password: str
    kind: str  # kind of user


def begin(session: Session, codes: Codes, registration: Registration, *, address: str, now: datetime) -> str:
    """Keep a registration until its code is entered, and send the code.

    Returns the registration's mark, which belongs to the browser that sent it: whoever registers the same mobile
    meanwhile has a registration of their own, and neither ends the other's or uses up its attempts. A mobile with an
    account gets an SMS about that instead of the code; work and result are the same, so nothing discloses who is
    registered. Raises ``Refusal`` at ``password``, ``TooMany``.
    """
    mobile = registration.mobile
    passwords.refuse_weak(
        registration.password, passwords.Owner(mobile, mobile, (registration.first_name, registration.last_name))
    )
    password_hash = passwords.hashed(registration.password)
    advisory_lock.acquire(session, mobile)
    count_request(session, PURPOSE, mobile, address=address, now=now)
    mark = secrets.token_hex(32)
    session.add(
        PendingRegistration(
            mark=mark,
            mobile=mobile,
            first_name=registration.first_name,
            last_name=registration.last_name,
            kind=registration.kind,
            password_hash=password_hash,
            created_at=now,
        )
    )
    session.flush()
    _send(session, codes, mark, mobile, now=now)
    return mark


def send_again(session: Session, codes: Codes, mark: str, *, address: str, now: datetime) -> None:
    """Send a new code in the place of the old one, at the earliest after 60 seconds. Raises ``TooMany``."""
    pending = session.get(PendingRegistration, mark)
    if pending is None:  # its time is over: the code's page says so
        return
    advisory_lock.acquire(session, pending.mobile)
    count_request(session, PURPOSE, pending.mobile, address=address, now=now)
    _send(session, codes, mark, pending.mobile, now=now)


def confirm(session: Session, codes: Codes, mark: str, code: str, *, now: datetime, address: str = "") -> Person:
    """Make the account with its code, with the roles for registrations. Raises ``Refusal`` at ``code``."""
    codes.use(session, mark, PURPOSE, code, now=now)
    pending = session.get(PendingRegistration, mark)
    if pending is None:
        raise Refusal({"code": [wrong_code()]})
    advisory_lock.acquire(session, pending.mobile)
    if session.scalar(select(Person.id).where(Person.username == pending.mobile)) is not None:
        raise Refusal({"": [_known_words()]})  # made meanwhile; whoever has the code owns the mobile and may know
    person = Person(
        username=pending.mobile,
        first_name=pending.first_name,
        last_name=pending.last_name,
        kind=pending.kind,
        mobile=pending.mobile,
        password_hash=pending.password_hash,
        active=True,
        mobile_verified=True,
        created_at=now,
    )
    session.add(person)
    session.flush()
    record(session, events.REGISTERED, person, address, after={"kind": person.kind})
    for role in organisation.of(session).active_roles:
        if role.on_registration and not role.divided_by:  # nobody says in which division a stranger is
            person.roles.append(RoleGrant(role=role.key, scope=""))
            given = {"role": role.key, "scope": ""}
            organisation.record(session, "membership", person.username, before=None, after=given, by=SYSTEM, now=now)
    session.delete(pending)
    session.flush()
    return person


def _send(session: Session, codes: Codes, mark: str, mobile: str, *, now: datetime) -> None:
    known = session.scalar(select(Person.id).where(Person.username == mobile))
    code = codes.new(session, mark, PURPOSE, now=now)  # also for a known mobile, which does not get it
    text = code_text(code) if known is None else _known_words()
    outbox.put_sms(session, None, mobile, text, at=now, person_id=known, secret=known is None)


def _known_words() -> str:
    return _("برای این شماره قبلاً حساب ساخته شده است. اگر رمز عبور را فراموش کرده‌اید، آن را بازیابی کنید.")

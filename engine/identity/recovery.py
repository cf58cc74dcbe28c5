"""Recovering a forgotten password by a code to the account's mobile (ACC-3)."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from sqlalchemy import Table, Text, bindparam, insert, select, true
from sqlalchemy.orm import Session

from engine.audit import events
from engine.errors import Refusal
from engine.identity import devices, security_messages
from engine.identity.accounts import Accounts, fold_username, record
from engine.identity.security_messages import SecurityEvent
from engine.identity.verification_codes import PASSWORD_TIME, CodeRefused, code_text, count_request, wrong_code
from engine.persistence import advisory_lock
from models.account import Person
from models.base import UtcDateTime
from models.outbox import Sms
from models.sms_text import sms_text

PURPOSE = "recover"

_SEND = insert(cast(Table, Sms.__table__)).from_select(
    ["person_id", "receiver", "text", "secret", "created_at", "next_try_at"],
    select(
        Person.id,
        Person.mobile,
        bindparam("this_text", type_=Text),
        true(),
        bindparam("this_moment", type_=UtcDateTime),
        bindparam("this_moment", type_=UtcDateTime),
    ).where(Person.username == bindparam("this_name"), Person.active, Person.mobile != ""),
)


@dataclass(frozen=True)
class Recovery:
    """A recovery that a browser has asked for; ``mark`` is what only this browser knows."""

    username: str
    mark: str


def begin(
    session: Session, accounts: Accounts, username: str, *, address: str, device: str | None = None, now: datetime
) -> Recovery:
    """Send a recovery code to the mobile of an active account, for the browser that asks for it.

    For any other user name nothing is sent; statements, limits and result are the same. Other browsers' recoveries of
    the account go on: each has its own code and attempts. ``device``: the token of the browser. Raises ``TooMany``.
    """
    recovery = Recovery(fold_username(username)[:60], secrets.token_hex(32))
    return send_again(session, accounts, recovery, address=address, device=device, now=now)


def send_again(
    session: Session, accounts: Accounts, recovery: Recovery, *, address: str, device: str | None = None, now: datetime
) -> Recovery:
    """Send a new code in the place of the browser's old one, at the earliest after 60 seconds. Raises ``TooMany``."""
    name = recovery.username
    advisory_lock.acquire(session, name)
    known = devices.known(session, name, device)
    count_request(session, PURPOSE, name, address=address, device=known, now=now)
    code = accounts.codes.new(session, recovery.mark, PURPOSE, now=now)
    # One statement, whether or not there is somebody to send it to.
    session.execute(_SEND, {"this_name": name, "this_text": sms_text(code_text(code)), "this_moment": now})
    return recovery


def finish(
    session: Session,
    accounts: Accounts,
    recovery: Recovery,
    code: str,
    password: str,
    *,
    now: datetime,
    address: str = "",
) -> Person:
    """Set a new password with the browser's code and end every session of the account.

    The code is looked at first: without it nothing is said of the account or the password. A right code with a weak
    password stays valid for ten minutes. Raises ``Refusal`` or
    ``CodeRefused`` at ``code``, then ``CodeRefused`` at ``password``.
    """
    row = accounts.codes.check(session, recovery.mark, PURPOSE, code, now=now)
    person = session.scalars(select(Person).where(Person.username == recovery.username)).first()
    if person is None or not person.mobile or not person.active:
        raise CodeRefused({"code": [wrong_code()]})
    try:
        accounts.set_password(person, password)
    except Refusal as weak:
        row.expires_at = max(row.expires_at, row.sent_at + PASSWORD_TIME)
        session.flush()
        raise CodeRefused(weak.errors) from None  # the time that the code has got stays
    row.used_at = now
    accounts.end_sessions(session, person.id)
    record(session, events.PASSWORD_RECOVERED, person, address)
    security_messages.send(session, person.id, SecurityEvent.PASSWORD_CHANGED, now=now, address=address)
    return person

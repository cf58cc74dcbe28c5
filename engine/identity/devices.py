"""Devices on which an account was signed in before: nobody else's attempts are counted against theirs.

A browser keeps a random token, the database its hash with the account. An attempt from such a device has counters of
its own, so a stranger who uses up those of the account or of a shared network address keeps its owner from nothing.
The scheme is OWASP's "device cookies".
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from models.account import KnownDevice, Person

REMEMBERED = timedelta(days=180)  # since it was last signed in on


def new_token() -> str:
    """A token for a browser without one."""
    return secrets.token_urlsafe(32)


def known(session: Session, username: str, token: str | None) -> str | None:
    """The mark of the device, if the account was signed in on it before; the work is the same for any user name."""
    mark = mark_of(token or "")
    row = session.execute(
        select(KnownDevice.mark)
        .join(Person, Person.id == KnownDevice.person_id)
        .where(KnownDevice.mark == mark, Person.username == username)
    ).first()
    return mark if row is not None and token else None


def remember(session: Session, person_id: int, mark: str, *, now: datetime) -> bool:
    """Remember that an account was signed in on a device, or by a program from an address: ``mark``.

    Returns True if it is new, and not the account's first.
    """
    written = session.execute(
        update(KnownDevice).where(KnownDevice.person_id == person_id, KnownDevice.mark == mark).values(seen_at=now)
    )
    if getattr(written, "rowcount", 0):
        return False
    others = session.execute(select(KnownDevice.mark).where(KnownDevice.person_id == person_id).limit(1)).first()
    session.add(KnownDevice(person_id=person_id, mark=mark, seen_at=now))
    session.flush()
    return others is not None


def mark_of_address(subscriber: str) -> str:
    """What the database has of a network address from which programs sign in; no browser's token has such a mark."""
    return hashlib.sha256(f"address|{subscriber}".encode()).hexdigest()


def forget_all(session: Session, person_id: int) -> None:
    """Forget the devices of an account."""
    session.execute(delete(KnownDevice).where(KnownDevice.person_id == person_id))


def mark_of(token: str) -> str:
    """What the database has of a device's token."""
    return hashlib.sha256(f"device|{token}".encode()).hexdigest()

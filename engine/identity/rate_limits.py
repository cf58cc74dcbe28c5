"""Rate limits: counts attempts (sign-ins, codes) in the database, over all processes and machines."""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from engine.errors import TooMany
from models.account import Attempt


@dataclass(frozen=True)
class Limit:
    """At most ``most`` attempts of a kind with one key within a window of time."""

    kind: str
    most: int
    window: timedelta


def subscriber(address: str) -> str:
    """Whose attempts are counted together: an IPv4 address, or the 64 bits of IPv6 that one subscriber has."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if parsed.version == 4:
        return str(parsed)
    within = parsed.ipv4_mapped
    return str(within or ipaddress.ip_network((parsed, 64), strict=False))


def demand(session: Session, limit: Limit, key: str, *, now: datetime) -> None:
    """Check a limit for a key. Raises ``TooMany`` if it is reached. ``now``: aware."""
    if seconds := _wait(session, limit, key, now):
        raise TooMany(seconds)


def demand_either(session: Session, limits: Sequence[Limit], key: str, *, now: datetime) -> None:
    """Check that one of several limits leaves room for a key. Raises ``TooMany`` with the shortest wait."""
    waits = [_wait(session, limit, key, now) for limit in limits]
    if seconds := min(waits):
        raise TooMany(seconds)


def count(session: Session, kind: str, key: str, *, now: datetime) -> None:
    """Count one attempt."""
    session.add(Attempt(kind=kind, key=_cut(key), at=now))
    session.flush()


def forget(session: Session, kind: str, key: str) -> None:
    """Delete the counted attempts of a key."""
    session.execute(delete(Attempt).where(Attempt.kind == kind, Attempt.key == _cut(key)))


def seconds_until(moment: datetime, now: datetime) -> int:
    """Whole seconds until ``moment``, rounded up, at least 1."""
    return max(1, int((moment - now).total_seconds()) + 1)


def _wait(session: Session, limit: Limit, key: str, now: datetime) -> int:
    """Whole seconds until the limit leaves room for the key; 0 if it does now."""
    attempts: Sequence[datetime] = session.scalars(
        select(Attempt.at)
        .where(Attempt.kind == limit.kind, Attempt.key == _cut(key), Attempt.at > now - limit.window)
        .order_by(Attempt.at.desc())
        .limit(limit.most)
    ).all()
    return seconds_until(attempts[-1] + limit.window, now) if len(attempts) >= limit.most else 0


def _cut(key: str) -> str:
    """A key as its column holds it; a long one as its hash, so that no two of them are counted together."""
    return key if len(key) <= 100 else hashlib.sha256(key.encode()).hexdigest()

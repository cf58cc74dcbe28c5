"""Rate limits: counts attempts (sign-ins, codes) in the database, over all processes and machines."""

from __future__ import annotations

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
    attempts: Sequence[datetime] = session.scalars(
        select(Attempt.at)
        .where(Attempt.kind == limit.kind, Attempt.key == _cut(key), Attempt.at > now - limit.window)
        .order_by(Attempt.at.desc())
        .limit(limit.most)
    ).all()
    if len(attempts) >= limit.most:
        raise TooMany(seconds_until(attempts[-1] + limit.window, now))


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


def _cut(key: str) -> str:
    return key[:100]

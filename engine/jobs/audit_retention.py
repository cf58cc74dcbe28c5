"""Removes rows of the audit log whose time is over, by the rules of the office."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.actor import SYSTEM, Actor
from engine.audit import retention
from engine.audit.events import Retention
from engine.contributions.office_rules import value_of
from engine.service import Engine
from models.audit import AuditEvent
from models.database import unhurried

LEEWAY = timedelta(days=1)  # so that the worker's removals leave one row a day, and not one an hour


def sweep(engine: Engine, *, by: Actor = SYSTEM, leeway: timedelta = LEEWAY, now: datetime | None = None) -> int:
    """Remove what is older than its class is kept, ``leeway`` later at the earliest. Returns the number of rows.

    Each batch is a transaction of its own. ``now``: aware; the machine's own time, as the rows have it, when not given.
    Safe at any time and from several workers at once.
    """
    moment = now or datetime.now(UTC)
    return sum(_sweep(engine, kind, by=by, leeway=leeway, now=moment) for kind in retention.RULES)


def _sweep(engine: Engine, kind: Retention, *, by: Actor, leeway: timedelta, now: datetime) -> int:
    removed = 0
    while True:
        with unhurried(), engine.transaction() as session:
            before = now - timedelta(days=value_of(session, retention.RULES[kind]))
            rows = retention.remove(session, kind, before=before, by=by) if _due(session, kind, before - leeway) else 0
        if not rows:
            return removed
        removed, leeway = removed + rows, timedelta(0)


def _due(session: Session, kind: Retention, before: datetime) -> bool:
    older = select(AuditEvent.seq).where(AuditEvent.retention == kind, AuditEvent.at < before)
    return session.scalar(older.limit(1)) is not None

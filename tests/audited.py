"""What the audit log of an application holds, for tests."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import select

import kartabl
from models.audit import AuditEvent


def rows(application: kartabl.Application, *events: str) -> list[AuditEvent]:
    """The rows in their order; with ``events`` only those."""
    with application.sessions() as session:
        wanted: Iterable[AuditEvent] = session.scalars(select(AuditEvent).order_by(AuditEvent.seq))
        return [row for row in wanted if not events or row.event in events]


def last(application: kartabl.Application) -> tuple[str, str, tuple[str, str], str]:
    """The last row: event, actor, subject, address."""
    row = rows(application)[-1]
    return row.event, row.actor, (row.subject_kind, row.subject_key), row.address


def told(application: kartabl.Application, *events: str) -> list[tuple[str, str, str, dict[str, object] | None]]:
    """Of each of these events: its key, who did it, to what, and what is so now, or was before if nothing is."""
    return [(row.event, row.actor, row.subject_key, row.after or row.before) for row in rows(application, *events)]

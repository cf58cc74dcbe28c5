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

"""Search in the audit log: by time, person, event, subject and address, newest first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import Session

from engine.actor import Actor
from engine.identity import permissions
from engine.identity.accounts import fold_username
from engine.paging import Page, page_of, read_cursor
from models.audit import AuditEvent

_SORT = "audit"
_ALWAYS = datetime(9999, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class AuditQuery:
    """What is looked for; what is empty counts for nothing. Moments are aware, ``until`` is not included."""

    person: str = ""  # the user name of who acted
    event: str = ""
    subject: str = ""  # user name, case number, key of a role …
    address: str = ""
    since: datetime | None = None
    until: datetime | None = None


def page(
    session: Session, actor: Actor, query: AuditQuery, *, cursor: str | None = None, limit: int
) -> Page[AuditEvent]:
    """Rows, newest first: an index yields those of each single condition in this order.

    Raises ``NotAllowed``, ``InvalidSubmission`` for a ``cursor`` of another list.
    """
    permissions.demand(actor, "see_audit")
    rows = session.scalars(
        select(AuditEvent)
        .where(*_conditions(query, cursor))
        .order_by(AuditEvent.at.desc(), AuditEvent.seq.desc())
        .limit(limit + 1)
    ).all()
    return page_of(rows, limit, lambda row: [row.at, row.seq], sort=_SORT)


def _conditions(query: AuditQuery, cursor: str | None) -> list[ColumnElement[bool]]:
    exact = {
        AuditEvent.actor: fold_username(query.person) if query.person else "",
        AuditEvent.event: query.event,
        AuditEvent.address: query.address,
    }
    conditions = [column == value for column, value in exact.items() if value]
    if query.subject:  # a case number as it is typed, or a user name as it is folded
        conditions.append(AuditEvent.subject_key.in_({query.subject, fold_username(query.subject)}))
    if query.since is not None:
        conditions.append(AuditEvent.at >= query.since)
    conditions.append(AuditEvent.at < (query.until or _ALWAYS))
    if cursor:
        at, seq = read_cursor(cursor, _SORT, [datetime, int])
        conditions += [AuditEvent.at <= at, or_(AuditEvent.at < at, and_(AuditEvent.at == at, AuditEvent.seq < seq))]
    return conditions

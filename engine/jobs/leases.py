"""Leases: claims rows for one worker by writing its name and an expiry on each row.

Any number of workers share a table. A worker holds no lock while it works; its result counts only while the lease is
still its own.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import or_, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from models.document import FileScan
from models.job import Job
from models.outbox import Sms

LEASE = timedelta(seconds=60)  # longer than any provider's time-out
FROM_LATER = 2 * LEASE  # a lease beyond this is older than a jump of the clock backwards, and void


def take(
    session: Session,
    table: type[Job] | type[Sms] | type[FileScan],
    due: InstrumentedAttribute[datetime | None] | InstrumentedAttribute[datetime],
    *,
    owner: str,
    now: datetime,
    limit: int,
) -> list[int]:
    """Lease up to ``limit`` rows whose ``due`` time is not after ``now``, oldest first. Returns their ids.

    The caller commits at once. Rows that another worker is leasing at the same time are skipped.
    """
    until = table.lease_until
    ids = list(
        session.scalars(
            select(table.id)
            .where(due <= now, or_(until.is_(None), until < now, until > now + FROM_LATER))
            .order_by(due, table.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
    )
    if ids:
        session.execute(
            update(table)
            .where(table.id.in_(ids))
            .values(lease_owner=owner, lease_until=now + LEASE)
            .execution_options(synchronize_session=False)
        )
    return ids

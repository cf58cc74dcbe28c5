"""How long the rows of the audit log are kept, by their class, and their removal."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from engine.actor import Actor
from engine.audit import events, trail
from engine.audit.events import Retention
from models.audit import AuditEvent, AuditHorizon
from models.language import lazy
from models.office_rule import OfficeRule, Unit

MOST = 7_300  # days: twenty years
BATCH = 5_000  # rows removed in one transaction

# A class without a rule is kept for ever.
RULES: dict[Retention, OfficeRule] = {
    Retention.ACCESS: OfficeRule(
        key="audit_access_days",
        label=lazy("نگهداری سابقهٔ ورود و خروج"),
        meaning=lazy("ورود، ورود ناموفق و خروج پس از این مدت از تاریخچهٔ سامانه حذف می‌شود."),
        unit=Unit.DAY,
        default=365,
        least=30,
        most=MOST,
    ),
    Retention.READING: OfficeRule(
        key="audit_reading_days",
        label=lazy("نگهداری سابقهٔ دریافت فایل‌ها"),
        meaning=lazy("دریافت فایل‌ها و فهرست‌ها پس از این مدت از تاریخچهٔ سامانه حذف می‌شود."),
        unit=Unit.DAY,
        default=730,
        least=30,
        most=MOST,
    ),
    Retention.CHANGE: OfficeRule(
        key="audit_change_days",
        label=lazy("نگهداری سابقهٔ تغییرات"),
        meaning=lazy("تغییر حساب‌ها، نقش‌ها، تنظیمات و کارهای سرپرست پس از این مدت از تاریخچهٔ سامانه حذف می‌شود."),
        unit=Unit.DAY,
        default=3_650,
        least=365,
        most=MOST,
    ),
}


def remove(session: Session, retention: Retention, *, before: datetime, by: Actor) -> int:
    """Remove the oldest rows of a class that are from before ``before``, at most ``BATCH``; returns how many.

    Their links stay. What was removed is itself recorded: the chain proves that nothing else is missing.
    """
    oldest = select(AuditEvent.at).where(AuditEvent.retention == retention, AuditEvent.at < before)
    first_kept = session.scalar(oldest.order_by(AuditEvent.at, AuditEvent.seq).offset(BATCH).limit(1))
    until = min(before, first_kept) if first_kept else before
    if not session.scalar(select(func.count()).select_from(oldest.where(AuditEvent.at < until).limit(1).subquery())):
        return 0
    session.add(AuditHorizon(retention=retention, before=until))
    session.flush()
    gone = session.execute(delete(AuditEvent).where(AuditEvent.retention == retention, AuditEvent.at < until))
    rows = int(getattr(gone, "rowcount", 0))
    after = {"before": until.isoformat(), "rows": rows}
    trail.record(session, events.PRUNED, by, subject=("audit", retention), after=after)
    return rows

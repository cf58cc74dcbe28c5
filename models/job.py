"""Jobs with a due time (timers, outside operations, thrown events), and incidents of failures."""

from __future__ import annotations

import enum
from datetime import datetime
from typing import Any

from sqlalchemy import Enum, ForeignKey, Index, Integer, SmallInteger, String, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Base, BigId
from models.case import Case


class JobKind(enum.StrEnum):
    TIMER = "timer"
    OPERATION = "operation"  # an outside operation: called without any lock
    MESSAGE = "message"  # thrown by the case, on its way to the one case that waits for it
    SIGNAL = "signal"  # thrown by the case, to be addressed to everyone who waits for it
    DELIVERY = "delivery"  # a signal on its way to this case
    START = "start"  # a process that a signal of this case starts


EVENT_JOBS = frozenset({JobKind.MESSAGE, JobKind.SIGNAL, JobKind.DELIVERY, JobKind.START})
THROWN_JOBS = EVENT_JOBS - {JobKind.DELIVERY}  # these survive the end of the case that threw them


class Job(Base):
    """A due timer, an outside operation or a thrown event of one case. The row goes when the work is done."""

    __tablename__ = "jobs"
    __table_args__ = (
        Index("ix_jobs_run_at_id", "run_at", "id"),
        Index("ix_jobs_case_id", "case_id"),
        Index(
            "ix_jobs_in_working_days",
            "calendar_revision",
            "id",
            postgresql_where=text("working_days IS NOT NULL"),
            sqlite_where=text("working_days IS NOT NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"))
    kind: Mapped[JobKind] = mapped_column(
        Enum(JobKind, native_enum=False, length=20, values_callable=lambda kinds: [kind.value for kind in kinds])
    )
    element_id: Mapped[str] = mapped_column(String(100))
    process_key: Mapped[str] = mapped_column(String(60))
    token: Mapped[str] = mapped_column(String(36))  # id inside the state
    due_at: Mapped[datetime]  # due time of the timer; for an operation, the time of its request
    run_at: Mapped[datetime | None]  # when to try (again); empty: held (suspended case, no retries left)
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    operation: Mapped[str] = mapped_column(String(120), default="")
    arguments: Mapped[dict[str, Any] | None]  # of an operation; of an event: name, key, payload, sender, …
    idempotency_key: Mapped[str] = mapped_column(String(80), default="")  # sent to the provider
    lease_owner: Mapped[str | None] = mapped_column(String(60))
    lease_until: Mapped[datetime | None]
    # A timer in working days: so many after this moment, by the calendar of this revision (CAL-1).
    counted_from: Mapped[datetime | None]
    working_days: Mapped[int | None] = mapped_column(SmallInteger)
    calendar_revision: Mapped[int | None] = mapped_column(Integer)

    case: Mapped[Case] = relationship()


class Incident(Base):
    """A failure that needs a supervisor: the case stays at its position."""

    __tablename__ = "incidents"
    __table_args__ = (
        Index("ix_incidents_case_id", "case_id"),
        Index("ix_incidents_job_id", "job_id"),  # a job that ends looks for its incidents
        Index("ix_incidents_resolved_at_id", "resolved_at", "id"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"))
    job_id: Mapped[int | None] = mapped_column(ForeignKey("jobs.id", ondelete="SET NULL"))
    element_id: Mapped[str] = mapped_column(String(100), default="")
    operation: Mapped[str] = mapped_column(String(120), default="")
    message: Mapped[str]
    times: Mapped[int] = mapped_column(Integer, default=1)  # the same failure again counts up, no new row
    at: Mapped[datetime]
    last_at: Mapped[datetime]
    resolved_at: Mapped[datetime | None]
    resolved_by_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))

    case: Mapped[Case] = relationship()


class WorkerBeat(Base):
    """When each worker was last alive, for ``/readyz``."""

    __tablename__ = "worker_beats"

    name: Mapped[str] = mapped_column(String(60), primary_key=True)
    at: Mapped[datetime]

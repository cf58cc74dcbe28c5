"""Runs due jobs (timers, outside operations, thrown events), each exactly once over any number of workers.

A worker leases jobs (``engine.jobs.leases``). It holds no lock while it works, and its result counts only while the
lease is still its own. The lock order is: the case's row, then its jobs.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.exc import DataError, IntegrityError
from sqlalchemy.orm import Session

from engine.contributions.operations import OutsideContext
from engine.errors import Conflict, EngineError, OperationFailed, Taken
from engine.jobs import event_delivery, leases
from engine.runtime import incidents
from engine.service import Engine
from models.case import Case, CaseStatus
from models.job import EVENT_JOBS, Job, JobKind

log = logging.getLogger(__name__)

TIMER_ATTEMPTS = 5
FIRST_PAUSE = timedelta(seconds=5)
LONGEST_PAUSE = timedelta(minutes=30)


def take(session: Session, *, owner: str, now: datetime, limit: int) -> list[int]:
    """Lease up to ``limit`` due jobs, oldest first. Returns their ids. The caller commits at once."""
    return leases.take(session, Job, Job.run_at, owner=owner, now=now, limit=limit)


def run(engine: Engine, job_id: int, *, owner: str) -> bool:
    """Run one leased job. Returns True if it changed a case. Failures are stored with the job and retried later."""
    with engine.sessions() as session:
        job = session.get(Job, job_id)
        if job is None or job.lease_owner != owner:
            return False  # somebody else finished it, or the case went another way
        case = session.get_one(Case, job.case_id)
    if case.status is not CaseStatus.RUNNING and job.kind not in EVENT_JOBS:
        _hold(engine, job)
        return False
    try:
        if job.kind in EVENT_JOBS:
            return event_delivery.run(engine, job, owner=owner)
        if job.kind is JobKind.TIMER:
            return _fire(engine, job, owner)
        return _call(engine, job, case, owner)
    except Taken as error:  # a race passes; a mistake of ours that looks like one must not run for ever
        _failed(engine, job, error)
    except Conflict:
        _put_back(engine, job, pause=timedelta(0))
    except (EngineError, IntegrityError, DataError) as error:
        _failed(engine, job, error)
    return False


def _fire(engine: Engine, job: Job, owner: str) -> bool:
    with engine.transaction() as session:
        if not _still_mine(session, job, owner):
            return False
        return engine.fire_timer(session, job.case_id, job.token)


def _call(engine: Engine, job: Job, case: Case, owner: str) -> bool:
    """Call an outside operation without any lock, then go on with the case in a transaction of its own."""
    operation = engine.operations.get(job.operation)
    if operation is None:
        raise OperationFailed(job.element_id, job.operation, "no such operation")
    context = OutsideContext(
        case_id=case.id,
        case_number=case.number,
        now=engine.clock(),
        services=engine.services,
        idempotency_key=job.idempotency_key,
        attempt=job.attempts + 1,
        last_attempt=job.attempts + 1 >= operation.attempts,
        reading=engine.sessions,
    )
    try:
        result = operation.function(context, **(job.arguments or {}))
    except EngineError:
        raise
    except Exception as error:  # no failure of an outside call may stop the worker
        log.warning("outside operation %s of case %s failed", job.operation, case.number, exc_info=True)
        raise OperationFailed(job.element_id, job.operation, f"{type(error).__name__}: {error}") from error
    with engine.transaction() as session:
        if not _still_mine(session, job, owner):
            return False  # the lease ran out and another worker has it: its answer counts, not ours
        done = engine.finish_operation(session, job.case_id, job.token, result)
        incidents.resolve(session, job.case_id, job.element_id, at=engine.clock())
        return done


def _still_mine(session: Session, job: Job, owner: str) -> bool:
    """Lock the case. Returns True if the job still exists and is leased to this worker."""
    session.execute(select(Case.id).where(Case.id == job.case_id).with_for_update()).one()
    lease_owner = session.execute(select(Job.lease_owner).where(Job.id == job.id)).scalar()
    return lease_owner == owner


def _hold(engine: Engine, job: Job) -> None:
    """Hold a job of a suspended case until the case is resumed; release it if the case runs again already."""
    with engine.transaction() as session:
        status = session.execute(select(Case.status).where(Case.id == job.case_id).with_for_update()).scalar_one()
        held = {} if status is CaseStatus.RUNNING else {"run_at": None}
        session.execute(update(Job).where(Job.id == job.id).values(lease_owner=None, lease_until=None, **held))


def _put_back(engine: Engine, job: Job, *, pause: timedelta) -> None:
    with engine.transaction() as session:
        session.execute(
            update(Job)
            .where(Job.id == job.id)
            .values(run_at=engine.clock() + pause, lease_owner=None, lease_until=None)
            .execution_options(synchronize_session=False)
        )


def _failed(engine: Engine, job: Job, error: Exception) -> None:
    """Schedule the next attempt after a growing pause; after the last one open an incident and hold the job."""
    attempts, limit = job.attempts + 1, _attempts(engine, job)
    longest = event_delivery.LONGEST_PAUSE if job.kind is JobKind.MESSAGE else LONGEST_PAUSE
    pause = min(FIRST_PAUSE * 2 ** (attempts - 1), longest)
    case_id = event_delivery.sender_of(job) if job.kind is JobKind.MESSAGE else job.case_id
    now = engine.clock()
    with engine.transaction() as session:
        session.execute(
            update(Job)
            .where(Job.id == job.id)
            .values(
                attempts=attempts,
                run_at=now + pause if attempts < limit else None,
                case_id=case_id,
                lease_owner=None,
                lease_until=None,
            )
            .execution_options(synchronize_session=False)
        )
        if attempts >= limit:
            incidents.raise_incident(
                session,
                case_id,
                element=job.element_id,
                operation=_what(job),
                message=str(error),
                at=now,
                job_id=job.id,
            )


def _attempts(engine: Engine, job: Job) -> int:
    if job.kind is JobKind.MESSAGE:
        return event_delivery.MESSAGE_ATTEMPTS
    operation = engine.operations.get(job.operation) if job.kind is JobKind.OPERATION else None
    return operation.attempts if operation else TIMER_ATTEMPTS


def _what(job: Job) -> str:
    """The job's name in an incident: its operation, or its kind with the event's name."""
    if job.kind in EVENT_JOBS:
        return f"{job.kind.value} {(job.arguments or {})['name']}"[:120]
    return job.operation or job.kind.value

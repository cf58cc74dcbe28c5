"""Delivers messages and signals of one case to other cases: the worker's handling of these jobs.

Each delivery is one transaction: the receiving case advances and the job is deleted, or neither. The lock order is
the usual one: the case's row, then the job. No transaction locks two cases that may both wait for the event.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import CursorResult, delete, insert, update
from sqlalchemy.orm import Session

from engine.actor import SYSTEM
from engine.errors import EngineError
from engine.jobs import leases
from engine.persistence import history
from engine.runtime import case_lock, incidents, subscriptions
from engine.service import Engine
from models.case import Case, CaseStatus, Task, TaskStatus
from models.event import EventKind, EventSubscription
from models.job import Job, JobKind

MESSAGE_ATTEMPTS = 24  # about an hour and a half with the pauses of ``engine.jobs.runner``; then an incident opens
LONGEST_PAUSE = timedelta(minutes=5)  # between two searches for a receiver
BATCH = 500  # receivers of a signal written in one transaction
ENDED = (CaseStatus.COMPLETED, CaseStatus.CANCELLED)


class NobodyWaits(EngineError):
    """No case waits for a thrown message, and it starts no process."""

    code = "nobody_waits"

    def __init__(self, name: str, key: str | None) -> None:
        super().__init__(f"Nobody waits for the message {name} with the key {key or '—'}")


def run(engine: Engine, job: Job, *, owner: str) -> bool:
    """Run one leased job of a message or signal. Returns True if the job is finished and it changed a case.

    Raises ``NobodyWaits``, ``Conflict``, ``OperationFailed``.
    """
    match job.kind:
        case JobKind.MESSAGE:
            return _send(engine, job, owner)
        case JobKind.SIGNAL:
            return _spread(engine, job, owner)
        case JobKind.DELIVERY:
            return _hand_over(engine, job, owner)
        case _:
            return _start(engine, job, owner)


def sender_of(job: Job) -> int:
    """Id of the case that threw the event; a message may be held for another case meanwhile."""
    return int((job.arguments or {}).get("sender", job.case_id))


# ---------------------------------------------------------------- messages: to one receiver


def _send(engine: Engine, job: Job, owner: str) -> bool:
    arguments = job.arguments or {}
    with engine.sessions() as session:
        name, key = arguments["name"], arguments["key"]
        target = subscriptions.oldest(session, name, key) if key is not None else None
    if target is None:
        return _begin(engine, job, owner)
    with engine.transaction() as session:
        case = case_lock.lock(session, target.case_id)
        if not _claim(session, engine, job, owner):
            return False
        if case.status is not CaseStatus.RUNNING:
            _change(session, job, case_id=case.id, run_at=None)  # resuming or cancelling that case wakes it
            return False
        if session.get(EventSubscription, target.id) is None or not _receive(
            engine, session, case, [target.token], arguments["payload"]
        ):
            session.execute(delete(EventSubscription).where(EventSubscription.id == target.id))
            _change(session, job, run_at=engine.clock())  # the receiver advanced meanwhile: search again
            return False
        _done(session, engine, job)
    return True


def _begin(engine: Engine, job: Job, owner: str) -> bool:
    """Start a process with a message that no case waits for. Raises ``NobodyWaits`` if it starts no process."""
    arguments = job.arguments or {}
    with engine.transaction() as session:
        keys = engine.started_by(session, EventKind.MESSAGE, arguments["name"])
        if keys:
            return _start_one(engine, session, job, owner, process_key=keys[0])
    raise NobodyWaits(arguments["name"], arguments["key"])


# ---------------------------------------------------------------- signals: to all receivers


def _spread(engine: Engine, job: Job, owner: str) -> bool:
    """Write a delivery job for each case that waited when the signal was thrown, and a start job for each process."""
    arguments = dict(job.arguments or {})
    while True:
        with engine.transaction() as session:
            if not _claim(session, engine, job, owner):
                return False
            receivers = subscriptions.of_signal(
                session,
                arguments["name"],
                after=arguments["after"],
                upto=arguments["upto"],
                but=sender_of(job),
                limit=BATCH,
            )
            _add(session, [_delivery_row(job, receiver, engine.clock()) for receiver in receivers])
            if len(receivers) < BATCH:
                keys = engine.started_by(session, EventKind.SIGNAL, arguments["name"])
                _add(session, [_start_row(job, key, engine.clock()) for key in keys])
                session.execute(delete(Job).where(Job.id == job.id))
                return True
            arguments["after"] = receivers[-1].id
            session.execute(update(Job).where(Job.id == job.id).values(arguments=arguments))


def _delivery_row(job: Job, waiting: EventSubscription, now: datetime) -> dict[str, Any]:
    return {
        **_row(now),
        "case_id": waiting.case_id,
        "kind": JobKind.DELIVERY,
        "element_id": waiting.element_id,
        "process_key": waiting.process_key,
        "token": waiting.token,
        "arguments": {**(job.arguments or {}), "sender": sender_of(job)},
    }


def _start_row(job: Job, process_key: str, now: datetime) -> dict[str, Any]:
    return {
        **_row(now),
        "case_id": job.case_id,
        "kind": JobKind.START,
        "element_id": job.element_id,
        "process_key": job.process_key,
        "token": job.token,
        "arguments": {**(job.arguments or {}), "starts": process_key},
    }


def _hand_over(engine: Engine, job: Job, owner: str) -> bool:
    arguments = job.arguments or {}
    with engine.transaction() as session:
        case = case_lock.lock(session, job.case_id)
        if not _claim(session, engine, job, owner):
            return False
        if case.status is not CaseStatus.RUNNING and case.status not in ENDED:
            _change(session, job, run_at=None)
            return False
        received = False
        if case.status is CaseStatus.RUNNING:
            tokens = subscriptions.tokens_of_signal(session, case.id, arguments["name"], upto=arguments["upto"])
            received = bool(tokens) and _receive(engine, session, case, tokens, arguments["payload"])
        _done(session, engine, job)
        return received


# ---------------------------------------------------------------- starting cases


def _start(engine: Engine, job: Job, owner: str) -> bool:
    with engine.transaction() as session:
        return _start_one(engine, session, job, owner, process_key=(job.arguments or {})["starts"])


def _start_one(engine: Engine, session: Session, job: Job, owner: str, *, process_key: str) -> bool:
    """Start a case by the system with the event's payload as data; the case refers to the sender."""
    sender = case_lock.lock(session, sender_of(job))
    if not _claim(session, engine, job, owner):
        return False
    engine.start_by_system(session, process_key, data=(job.arguments or {})["payload"], refers_to=sender)
    _done(session, engine, job)
    return True


# ---------------------------------------------------------------- shared parts


def _receive(engine: Engine, session: Session, case: Case, tokens: Sequence[str], payload: dict[str, Any]) -> bool:
    """Deliver the payload to tokens of a locked, running case, after firing due timers, which may end the waits.

    Returns True if a token received it.
    """
    run = engine.restore(session, case, SYSTEM)
    timers = engine.fire_due(run)
    received = run.receive(tokens, payload)
    if received:
        session.execute(
            update(Task)
            .where(Task.case_id == case.id, Task.token.in_([wait.token for wait in received]))
            .where(Task.status == TaskStatus.OPEN)
            .values(status=TaskStatus.COMPLETED, ended_at=run.context.now)
            .execution_options(synchronize_session=False)
        )
    for wait in received:
        name = run.deployed.diagrams[run.deployed.key_of(wait.process)].elements[wait.element].name
        history.record(
            session,
            case,
            what="message_received",
            by=SYSTEM,
            at=run.context.now,
            task_key=wait.element,
            task_name=name or wait.element,
            details=history.submission_details(payload),
        )
    if received or timers:
        engine.finish(run)
    return bool(received)


def _claim(session: Session, engine: Engine, job: Job, owner: str) -> bool:
    """Lock the job's row until the end of the transaction. Returns False if it is gone or leased to another worker."""
    claimed = session.execute(
        update(Job)
        .where(Job.id == job.id, Job.lease_owner == owner)
        .values(lease_until=engine.clock() + leases.LEASE)
        .execution_options(synchronize_session=False)
    )
    return cast(CursorResult[Any], claimed).rowcount == 1


def _change(session: Session, job: Job, **values: Any) -> None:
    session.execute(
        update(Job)
        .where(Job.id == job.id)
        .values(lease_owner=None, lease_until=None, **values)
        .execution_options(synchronize_session=False)
    )


def _done(session: Session, engine: Engine, job: Job) -> None:
    session.execute(delete(Job).where(Job.id == job.id).execution_options(synchronize_session=False))
    incidents.resolve(session, sender_of(job), job.element_id, at=engine.clock())


def _row(now: datetime) -> dict[str, Any]:
    return {"due_at": now, "run_at": now, "attempts": 0, "operation": "", "idempotency_key": ""}


def _add(session: Session, rows: list[dict[str, Any]]) -> None:
    if rows:
        session.execute(insert(Job), rows)

"""Deletes expired rows and files: attempts, codes, registrations, answers, sessions, drafts of ended tasks, orphans."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import delete, select

from engine import documents, file_quotas
from engine.identity import devices
from engine.persistence import idempotency
from engine.service import Engine
from models.account import (
    Attempt,
    IdempotencyKey,
    KnownDevice,
    PendingRegistration,
    SignInSession,
    VerificationCode,
)
from models.case import Task, TaskDraft, TaskStatus
from models.database import unhurried
from models.job import WorkerBeat

RETENTION = timedelta(days=2)  # longer than the window of any rate limit


def sweep(engine: Engine) -> int:
    """Delete once. Returns the number of deleted rows and files. Safe at any time and from several workers at once."""
    now = engine.clock()
    ended = select(Task.id).where(Task.id == TaskDraft.task_id, Task.status != TaskStatus.OPEN).correlate(TaskDraft)
    with unhurried(), engine.transaction() as session:
        deleted = sum(
            int(getattr(session.execute(statement), "rowcount", 0))
            for statement in (
                delete(Attempt).where(Attempt.at < now - RETENTION),
                delete(VerificationCode).where(VerificationCode.sent_at < now - RETENTION),
                delete(SignInSession).where(SignInSession.expires_at < now),
                delete(PendingRegistration).where(PendingRegistration.created_at < now - RETENTION),
                delete(KnownDevice).where(KnownDevice.seen_at < now - devices.REMEMBERED),
                delete(IdempotencyKey).where(IdempotencyKey.at < now - idempotency.RETENTION),
                delete(WorkerBeat).where(WorkerBeat.at < now - RETENTION),
                file_quotas.old_counts(now),
                delete(TaskDraft).where(TaskDraft.task_id.in_(ended)),
            )
        )
        folder = engine.services.settings.files_path
        return deleted + documents.sweep(session, folder=folder, now=now)

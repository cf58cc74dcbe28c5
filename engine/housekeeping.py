"""Throws away what nobody needs any more: old tries and codes, ended sessions, answers of old calls, lost files."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import delete

from engine import documents, idempotency
from engine.service import Engine
from models.account import Attempt, IdempotencyKey, SignInSession, VerificationCode
from models.database import unhurried
from models.job import WorkerBeat

KEPT = timedelta(days=2)  # longer than any limit looks back


def sweep(engine: Engine) -> int:
    """Sweep once; returns how many rows and files went. Harmless at any moment and from any number of workers."""
    now = engine.clock()
    with unhurried(), engine.transaction() as session:
        gone = sum(
            int(getattr(session.execute(statement), "rowcount", 0))
            for statement in (
                delete(Attempt).where(Attempt.at < now - KEPT),
                delete(VerificationCode).where(VerificationCode.sent_at < now - KEPT),
                delete(SignInSession).where(SignInSession.expires_at < now),
                delete(IdempotencyKey).where(IdempotencyKey.at < now - idempotency.KEPT),
                delete(WorkerBeat).where(WorkerBeat.at < now - KEPT),
            )
        )
        folder = engine.services.settings.files_path
        return gone + documents.sweep(session, folder=folder, now=now)

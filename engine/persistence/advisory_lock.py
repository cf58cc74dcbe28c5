"""Advisory locks: transactions that name the same key run one after the other."""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.account import Person


def acquire(session: Session, key: str) -> None:
    """Wait until no other transaction holds the lock ``key``; hold it until this transaction ends.

    PostgreSQL: a transaction-level advisory lock on the hash of ``key``. SQLite has one writer, so its write lock is
    taken whatever the key is.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(select(func.pg_advisory_xact_lock(func.hashtext(key))))
    else:  # a locking read takes SQLite's one write lock
        session.execute(select(Person.id).where(Person.username == key).with_for_update())

"""The audit log: its rows, the chain of their hashes, and up to when old rows may be removed.

The database itself refuses every other change: no row is updated, none of the chain is deleted, and one of the log
only when a horizon of its class says that its time is over.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import DDL, BigInteger, Connection, Index, String, Table, event
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, BigId


class AuditEvent(Base):
    """Who did what, when, from where, on what; with what was before and after. Goes when its retention is over."""

    __tablename__ = "audit_events"
    __table_args__ = (  # every search follows one of them, newest first
        Index("ix_audit_events_at_seq", "at", "seq"),
        Index("ix_audit_events_event_at_seq", "event", "at", "seq"),
        Index("ix_audit_events_actor_at_seq", "actor", "at", "seq"),
        Index("ix_audit_events_subject_key_at_seq", "subject_key", "at", "seq"),
        Index("ix_audit_events_address_at_seq", "address", "at", "seq"),
        Index("ix_audit_events_retention_at_seq", "retention", "at", "seq"),
    )

    seq: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    event: Mapped[str] = mapped_column(String(40))  # a key of ``engine.audit.events``
    retention: Mapped[str] = mapped_column(String(20))  # a ``Retention``
    actor_id: Mapped[int | None] = mapped_column(BigInteger)  # no foreign key: the log stands by itself
    actor: Mapped[str] = mapped_column(String(60))  # user name; of a command that of the operating system; or ""
    actor_name: Mapped[str] = mapped_column(String(200))
    address: Mapped[str] = mapped_column(String(100))  # of the network; "command"; "" for the system's own work
    subject_kind: Mapped[str] = mapped_column(String(20))
    subject_key: Mapped[str] = mapped_column(String(100))
    before: Mapped[dict[str, Any] | None]
    after: Mapped[dict[str, Any] | None]
    salt: Mapped[str] = mapped_column(String(32))  # nobody guesses a removed row from the hash that stays


class AuditLink(Base):
    """A link of the chain: it stays for ever, also when the row of its number is gone."""

    __tablename__ = "audit_chain"

    seq: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    retention: Mapped[str] = mapped_column(String(20))
    content_hash: Mapped[str] = mapped_column(String(64))
    hash: Mapped[str] = mapped_column(String(64))


class AuditHorizon(Base):
    """Rows of this class before this moment may be removed. Each one is recorded in the log as well."""

    __tablename__ = "audit_horizons"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    retention: Mapped[str] = mapped_column(String(20))
    before: Mapped[datetime]


# ---------------------------------------------------------------- what the databases refuse

REFUSED = "the audit log is append-only"
EXPIRED = "SELECT 1 FROM audit_horizons AS h WHERE h.retention = OLD.retention AND OLD.at < h.before"


def refusals(table: str, dialect: str) -> list[str]:
    """The statements by which the database refuses changes of a table of the audit log."""
    of_rows = table == AuditEvent.__tablename__
    if dialect == "sqlite":
        unless = f" WHEN NOT EXISTS ({EXPIRED})" if of_rows else ""
        refuse = f"BEGIN SELECT RAISE(ABORT, '{REFUSED}'); END"
        return [
            f"CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table} {refuse}",
            f"CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table}{unless} {refuse}",
        ]
    body = f"RAISE EXCEPTION '{REFUSED}'"
    unless = f"IF NOT EXISTS ({EXPIRED}) THEN {body}; END IF; RETURN OLD"
    return [
        f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {does}; END $$"
        for name, does in (("audit_refuse", body), ("audit_refuse_unless_expired", unless))
    ] + [
        f"CREATE TRIGGER {table}_no_{change} BEFORE {change} ON {table} FOR EACH {each} EXECUTE FUNCTION {does}()"
        for change, each, does in (
            ("update", "ROW", "audit_refuse"),
            ("delete", "ROW", "audit_refuse_unless_expired" if of_rows else "audit_refuse"),
            ("truncate", "STATEMENT", "audit_refuse"),
        )
    ]


def _refuse_changes(table: Table, connection: Connection, **_options: Any) -> None:
    """Tables that are made without migrations, as tests make them, refuse the same."""
    for statement in refusals(table.name, connection.dialect.name):
        connection.execute(DDL(statement))


for _table in (AuditEvent, AuditLink, AuditHorizon):
    event.listen(_table.__table__, "after_create", _refuse_changes)

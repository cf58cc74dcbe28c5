"""The audit log: rows that are only added, and the chain of their hashes

Revision ID: 0017
Revises: 0016

The database refuses every change of them, but the removal of rows whose time is over.
"""

import sqlalchemy as sa
from alembic import op

from models import base

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TABLES = ("audit_events", "audit_chain", "audit_horizons")
REFUSED = "the audit log is append-only"
EXPIRED = "SELECT 1 FROM audit_horizons AS h WHERE h.retention = OLD.retention AND OLD.at < h.before"


def upgrade() -> None:
    op.create_table(
        "audit_chain",
        sa.Column("seq", BIG, autoincrement=False, nullable=False),
        sa.Column("at", base.UtcDateTime(timezone=True), nullable=False),
        sa.Column("retention", sa.String(length=20), nullable=False),
        sa.Column("content_hash", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_audit_chain")),
    )
    op.create_table(
        "audit_events",
        sa.Column("seq", BIG, autoincrement=False, nullable=False),
        sa.Column("at", base.UtcDateTime(timezone=True), nullable=False),
        sa.Column("event", sa.String(length=40), nullable=False),
        sa.Column("retention", sa.String(length=20), nullable=False),
        sa.Column("actor_id", sa.BigInteger(), nullable=True),
        sa.Column("actor", sa.String(length=60), nullable=False),
        sa.Column("actor_name", sa.String(length=200), nullable=False),
        sa.Column("address", sa.String(length=100), nullable=False),
        sa.Column("subject_kind", sa.String(length=20), nullable=False),
        sa.Column("subject_key", sa.String(length=100), nullable=False),
        sa.Column("before", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("after", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("salt", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_audit_events")),
    )
    op.create_index("ix_audit_events_at_seq", "audit_events", ["at", "seq"])
    for column in ("event", "actor_id", "subject_key", "address", "retention"):
        op.create_index(f"ix_audit_events_{column}_at_seq", "audit_events", [column, "at", "seq"])
    op.create_table(
        "audit_horizons",
        sa.Column("id", BIG, nullable=False),
        sa.Column("retention", sa.String(length=20), nullable=False),
        sa.Column("before", base.UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_horizons")),
    )
    postgresql = op.get_bind().dialect.name == "postgresql"
    for statement in _of_postgresql() if postgresql else _of_sqlite():
        op.execute(statement)


def _of_sqlite() -> list[str]:
    refuse = f"BEGIN SELECT RAISE(ABORT, '{REFUSED}'); END"
    unless = {"audit_events": f" WHEN NOT EXISTS ({EXPIRED})"}
    return [
        f"CREATE TRIGGER {table}_no_{change} BEFORE {change} ON {table}"
        f"{unless.get(table, '') if change == 'delete' else ''} {refuse}"
        for table in TABLES
        for change in ("update", "delete")
    ]


def _of_postgresql() -> list[str]:
    refuse = f"RAISE EXCEPTION '{REFUSED}'"
    bodies = {
        "audit_refuse": refuse,
        "audit_refuse_unless_expired": f"IF NOT EXISTS ({EXPIRED}) THEN {refuse}; END IF; RETURN OLD",
    }
    return [
        f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body}; END $$"
        for name, body in bodies.items()
    ] + [
        f"CREATE TRIGGER {table}_no_{change} BEFORE {change} ON {table} FOR EACH {each} EXECUTE FUNCTION "
        f"audit_refuse{'_unless_expired' if (table, change) == ('audit_events', 'delete') else ''}()"
        for table in TABLES
        for change, each in (("update", "ROW"), ("delete", "ROW"), ("truncate", "STATEMENT"))
    ]


def downgrade() -> None:
    for table in TABLES:
        op.drop_table(table)
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION audit_refuse()")
        op.execute("DROP FUNCTION audit_refuse_unless_expired()")

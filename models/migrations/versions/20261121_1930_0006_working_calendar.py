"""The working calendar, and how a deadline in working days was reckoned

Revision ID: 0006
Revises: 0005

Deadlines that wait already stay where they are: nobody wrote down what they were counted from.
"""

import sqlalchemy as sa
from alembic import op

from models import base

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "calendar_settings",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("weekend", sa.String(length=80), nullable=False),
        sa.Column("opens", sa.Time(), nullable=False),
        sa.Column("closes", sa.Time(), nullable=False),
        sa.Column("zone", sa.String(length=60), nullable=False),
        sa.Column("first_year", sa.SmallInteger(), nullable=True),
        sa.Column("last_year", sa.SmallInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_calendar_settings")),
    )
    op.create_table(
        "calendar_days",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("source", sa.String(length=10), nullable=False),
        sa.Column("estimated", sa.Boolean(), nullable=False),
        sa.Column("changed_at", base.UtcDateTime(timezone=True), nullable=True),
        sa.Column("changed_by_id", BIG, nullable=True),
        sa.ForeignKeyConstraint(["changed_by_id"], ["people.id"], name=op.f("fk_calendar_days_changed_by_id")),
        sa.PrimaryKeyConstraint("day", name=op.f("pk_calendar_days")),
    )
    op.create_table(
        "calendar_changes",
        sa.Column("id", BIG, nullable=False),
        sa.Column("revision", sa.Integer(), nullable=True),
        sa.Column("day", sa.Date(), nullable=True),
        sa.Column("before", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("after", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("at", base.UtcDateTime(timezone=True), nullable=False),
        sa.Column("by_id", BIG, nullable=True),
        sa.Column("by_name", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(["by_id"], ["people.id"], name=op.f("fk_calendar_changes_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_calendar_changes")),
    )
    op.create_index("ix_calendar_changes_day_id", "calendar_changes", ["day", "id"], unique=False)
    op.create_index("ix_calendar_changes_revision", "calendar_changes", ["revision"], unique=False)
    for table, condition in (
        ("jobs", "working_days IS NOT NULL"),
        ("tasks", "status = 'open' AND working_days IS NOT NULL"),
    ):
        op.add_column(table, sa.Column("counted_from", base.UtcDateTime(timezone=True), nullable=True))
        op.add_column(table, sa.Column("working_days", sa.SmallInteger(), nullable=True))
        op.add_column(table, sa.Column("calendar_revision", sa.Integer(), nullable=True))
        op.create_index(
            f"ix_{table}_in_working_days",
            table,
            ["calendar_revision", "id"],
            unique=False,
            postgresql_where=sa.text(condition),
            sqlite_where=sa.text(condition),
        )


def downgrade() -> None:
    for table in ("tasks", "jobs"):
        op.drop_index(f"ix_{table}_in_working_days", table_name=table)
        with op.batch_alter_table(table) as batch_op:
            for column in ("calendar_revision", "working_days", "counted_from"):
                batch_op.drop_column(column)
    op.drop_index("ix_calendar_changes_revision", table_name="calendar_changes")
    op.drop_index("ix_calendar_changes_day_id", table_name="calendar_changes")
    for table in ("calendar_changes", "calendar_days", "calendar_settings"):
        op.drop_table(table)

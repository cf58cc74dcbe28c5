"""Correspondence tickets and what was said about them

Revision ID: 0009
Revises: 0008
"""

import sqlalchemy as sa
from alembic import op

from models import base

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = base.UtcDateTime(timezone=True)
OVERDUE = sa.text("overdue_at IS NOT NULL AND state = 'waiting'")


def upgrade() -> None:
    op.create_table(
        "tickets",
        sa.Column("id", BIG, nullable=False),
        sa.Column("case_id", BIG, nullable=False),
        sa.Column("requester_id", BIG, nullable=False),
        sa.Column("unit", sa.String(length=40), nullable=False),
        sa.Column("priority", sa.String(length=20), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("submitted_at", MOMENT, nullable=False),
        sa.Column("overdue_at", MOMENT, nullable=True),
        sa.Column("answered_at", MOMENT, nullable=True),
        sa.Column("escalated_at", MOMENT, nullable=True),
        sa.Column("closed_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_tickets_case_id")),
        sa.ForeignKeyConstraint(["requester_id"], ["people.id"], name=op.f("fk_tickets_requester_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tickets")),
        sa.UniqueConstraint("case_id", name=op.f("uq_tickets_case_id")),
    )
    op.create_index("ix_tickets_requester_id_id", "tickets", ["requester_id", "id"], unique=False)
    op.create_index("ix_tickets_unit_id", "tickets", ["unit", "id"], unique=False)
    op.create_index(
        "ix_tickets_overdue",
        "tickets",
        ["overdue_at", "id"],
        unique=False,
        postgresql_where=OVERDUE,
        sqlite_where=OVERDUE,
    )
    op.create_table(
        "ticket_messages",
        sa.Column("id", BIG, nullable=False),
        sa.Column("ticket_id", BIG, nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("person_id", BIG, nullable=True),
        sa.Column("unit", sa.String(length=40), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("documents", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("to_unit", sa.String(length=40), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_ticket_messages_person_id")),
        sa.ForeignKeyConstraint(["ticket_id"], ["tickets.id"], name=op.f("fk_ticket_messages_ticket_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ticket_messages")),
    )
    op.create_index("ix_ticket_messages_ticket_id_id", "ticket_messages", ["ticket_id", "id"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_ticket_messages_ticket_id_id", table_name="ticket_messages")
    op.drop_table("ticket_messages")
    op.drop_index("ix_tickets_overdue", table_name="tickets")
    op.drop_index("ix_tickets_unit_id", table_name="tickets")
    op.drop_index("ix_tickets_requester_id_id", table_name="tickets")
    op.drop_table("tickets")

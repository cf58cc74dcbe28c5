"""Which processes an installation offers

Revision ID: 0016
Revises: 0015

What is deployed already goes on being offered.
"""

import sqlalchemy as sa
from alembic import op

from models import base

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "process_offers",
        sa.Column("process_key", sa.String(length=60), nullable=False),
        sa.Column("offered", sa.Boolean(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("changed_at", base.UtcDateTime(timezone=True), nullable=True),
        sa.Column("changed_by_id", BIG, nullable=True),
        sa.ForeignKeyConstraint(["changed_by_id"], ["people.id"], name=op.f("fk_process_offers_changed_by_id")),
        sa.PrimaryKeyConstraint("process_key", name=op.f("pk_process_offers")),
    )
    op.create_table(
        "process_offer_changes",
        sa.Column("id", BIG, nullable=False),
        sa.Column("process_key", sa.String(length=60), nullable=False),
        sa.Column("before", sa.Boolean(), nullable=False),
        sa.Column("after", sa.Boolean(), nullable=False),
        sa.Column("at", base.UtcDateTime(timezone=True), nullable=False),
        sa.Column("by_id", BIG, nullable=True),
        sa.Column("by_name", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(["by_id"], ["people.id"], name=op.f("fk_process_offer_changes_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_process_offer_changes")),
    )
    op.execute(
        "INSERT INTO process_offers (process_key, offered, revision) "
        "SELECT DISTINCT key, TRUE, 1 FROM process_definitions"
    )


def downgrade() -> None:
    op.drop_table("process_offer_changes")
    op.drop_table("process_offers")

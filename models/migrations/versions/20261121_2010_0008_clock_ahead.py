"""How far the clock of a demonstration or a staging installation is ahead

Revision ID: 0008
Revises: 0007
"""

import sqlalchemy as sa
from alembic import op

from models import base

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "clock_ahead",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("seconds", sa.Integer(), nullable=False),
        sa.Column("changed_at", base.UtcDateTime(timezone=True), nullable=False),
        sa.Column("changed_by", sa.String(length=200), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_clock_ahead")),
    )


def downgrade() -> None:
    op.drop_table("clock_ahead")

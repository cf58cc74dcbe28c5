"""What cases wait for from each other

Revision ID: 0002
Revises: 0001

No case that runs already needs a row: before this version signals were refused and messages had no keys.
"""

import sqlalchemy as sa
from alembic import op

from models import base

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "event_subscriptions",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("case_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("key", sa.String(length=200), nullable=True),
        sa.Column("token", sa.String(length=36), nullable=False),
        sa.Column("process_key", sa.String(length=60), nullable=False),
        sa.Column("element_id", sa.String(length=100), nullable=False),
        sa.Column("since", base.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_event_subscriptions_case_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_event_subscriptions")),
    )
    with op.batch_alter_table("event_subscriptions", schema=None) as batch_op:
        batch_op.create_index("ix_event_subscriptions_kind_name_key_id", ["kind", "name", "key", "id"], unique=False)
        batch_op.create_index("ix_event_subscriptions_case_id", ["case_id"], unique=False)


def downgrade() -> None:
    op.drop_table("event_subscriptions")

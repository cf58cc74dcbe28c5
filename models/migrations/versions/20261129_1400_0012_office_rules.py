"""Rules of the office that an admin changes on a page, and who changed them

Revision ID: 0012
Revises: 0011

They were settings of the installation; the first numbers are the defaults that those had.
"""

import sqlalchemy as sa
from alembic import op

from models import base

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
FIRST = [
    {"key": "file_megabytes", "value": 6, "unit": "megabyte"},
    {"key": "payment_minutes", "value": 30, "unit": "minute"},
]


def upgrade() -> None:
    rules = op.create_table(
        "office_rules",
        sa.Column("key", sa.String(length=60), nullable=False),
        sa.Column("value", sa.Integer(), nullable=False),
        sa.Column("unit", sa.String(length=20), nullable=False),
        sa.Column("changed_at", base.UtcDateTime(timezone=True), nullable=True),
        sa.Column("changed_by_id", BIG, nullable=True),
        sa.ForeignKeyConstraint(["changed_by_id"], ["people.id"], name=op.f("fk_office_rules_changed_by_id")),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_office_rules")),
    )
    op.bulk_insert(rules, FIRST)
    op.create_table(
        "office_rule_changes",
        sa.Column("id", BIG, nullable=False),
        sa.Column("key", sa.String(length=60), nullable=False),
        sa.Column("before", sa.Integer(), nullable=False),
        sa.Column("after", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("at", base.UtcDateTime(timezone=True), nullable=False),
        sa.Column("by_id", BIG, nullable=True),
        sa.Column("by_name", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(["by_id"], ["people.id"], name=op.f("fk_office_rule_changes_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_office_rule_changes")),
    )
    op.create_index("ix_office_rule_changes_key_id", "office_rule_changes", ["key", "id"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_office_rule_changes_key_id", table_name="office_rule_changes")
    op.drop_table("office_rule_changes")
    op.drop_table("office_rules")
